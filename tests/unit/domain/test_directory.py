"""Lanes, venues and accounts: which account an instruction acts on, and where a position lies."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.support.lanes import ARBITRUM, EVERYWHERE, SECOND_BINANCE, VENUES, directory

from tightloop.domain.directory import Directory, same_account
from tightloop.errors import ExecutionError
from tightloop.records.types import AccountRef, Delta, Instruction
from tightloop.testing import action, trade, transfer

NOW = datetime(2024, 5, 12, 12, 0, tzinfo=UTC)
BOTH = directory(["binance", SECOND_BINANCE, "ethereum", ARBITRUM])


def ref(lane: str, venue: str, account: str) -> AccountRef:
    return AccountRef(lane=lane, venue=venue, account=account)


def refused(there: Directory, instruction: Instruction) -> ExecutionError:
    with pytest.raises(ExecutionError) as caught:
        there.account_of(instruction)
    return caught.value


# --- venues -----------------------------------------------------------------------------------------------------------


def test_a_provider_means_the_wallet() -> None:
    assert VENUES.find("alchemy").name == "wallet"
    assert VENUES.same("alchemy", "wallet")
    assert not VENUES.same("aave", "wallet")
    assert not VENUES.same(None, None)


def test_an_unknown_venue_is_refused_with_the_nearest() -> None:
    with pytest.raises(ExecutionError, match=r"EIM-006.*did you mean 'binance'\?"):
        VENUES.find("binanse")
    assert not VENUES.same("binanse", "binance")


def test_credentials_are_named_by_environment() -> None:
    assert VENUES.find("okx").variables("staging") == (
        "BASIS_STAGING__CEX__OKX_API_KEY",
        "BASIS_STAGING__CEX__OKX_SECRET",
        "BASIS_STAGING__CEX__OKX_PASSPHRASE",
    )


# --- which account an instruction acts on -----------------------------------------------------------------------------


def test_where_a_venue_is_on_one_lane_the_strategys_own_account_there_is_meant() -> None:
    assert EVERYWHERE.account_of(trade("i", NOW, venue="okx")) == ref("okx", "okx", "s1")
    assert EVERYWHERE.account_of(action("i", NOW)) == ref("ethereum", "wallet", "s1")


def test_a_chain_is_told_by_its_id() -> None:
    assert BOTH.account_of(action("i", NOW)) == ref("ethereum", "wallet", "s1")
    assert BOTH.account_of(action("i", NOW, chain_id=42161)) == ref("arbitrum", "wallet", "s1.arbitrum")
    elsewhere = refused(BOTH, action("i", NOW, chain_id=10))
    assert elsewhere.code == "EIM-007"
    assert "uniswap is not on chain 10, but on ethereum (1), arbitrum (42161)" in elsewhere.message


def test_the_lane_of_a_trade_or_a_transfer_is_told_by_the_account() -> None:
    assert BOTH.account_of(trade("i", NOW, account="s1")) == ref("binance", "binance", "s1")
    assert BOTH.account_of(trade("i", NOW, account="s1.binance-2")) == ref("binance-2", "binance", "s1.binance-2")
    moved = transfer("i", NOW, "ETH", Decimal(1), account="s1.arbitrum")
    assert BOTH.account_of(moved) == ref("arbitrum", "wallet", "s1.arbitrum")


def test_what_may_mean_two_lanes_is_refused_with_the_choices() -> None:
    for instruction, choices in (
        (trade("i", NOW), "s1 on binance, s1.binance-2 on binance-2"),
        (transfer("i", NOW, "ETH", Decimal(1)), "s1 on ethereum, s1.arbitrum on arbitrum"),
    ):
        error = refused(BOTH, instruction)
        assert error.code == "EIM-007"
        assert choices in error.message


def test_a_given_account_stands_in_the_place_of_the_own_one() -> None:
    there = directory(["binance", SECOND_BINANCE], {"s1": [ref("binance-2", "binance", "desk")]})
    assert there.account_of(trade("i", NOW, account="desk")) == ref("binance-2", "binance", "desk")
    assert "s1 on binance, desk on binance-2" in refused(there, trade("i", NOW)).message
    assert refused(there, trade("i", NOW, account="s1.binance-2")).code == "EIM-007"


def test_a_strategys_only_account_of_live_lanes_is_meant_though_a_venue_is_on_two() -> None:
    given = {"s1": [ref("binance-2", "binance", "desk")]}
    there = directory(["binance", SECOND_BINANCE], given, simulated=False)
    assert there.account_of(trade("i", NOW)) == ref("binance-2", "binance", "desk")
    assert "s2 has none" in refused(there, trade("i", NOW, strategy_id="s2")).message


def test_an_account_that_was_given_to_another_strategy_cannot_be_used_by_the_one_of_its_name() -> None:
    there = directory(["binance"], {"s2": [ref("binance", "binance", "s1")]})
    error = refused(there, trade("i", NOW))
    assert error.code == "EIM-007"
    assert "belongs to s2 by configuration" in error.message


def test_a_venue_without_a_lane_is_refused() -> None:
    assert refused(directory(["binance"]), trade("i", NOW, venue="okx")).code == "EIM-002"
    assert refused(directory(["binance"]), action("i", NOW)).code == "EIM-002"


# --- where a position lies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "lane", "account", "plain"),
    [
        ("aave:aToken:USDT", "ethereum", "s1", "aave:aToken:USDT"),
        ("aave@s1:aToken:USDT", "ethereum", "s1", "aave:aToken:USDT"),
        ("aave@s1.arbitrum:aToken:USDT", "arbitrum", "s1.arbitrum", "aave@s1.arbitrum:aToken:USDT"),
        ("alchemy:BaseToken:ETH", "ethereum", "s1", "wallet:BaseToken:ETH"),
        ("morpho:Supply:0xb323", "ethereum", "s1", "morpho:Supply:0xb323"),
        ("binance@desk:BaseToken:BTC", "binance-2", "desk", "binance@desk:BaseToken:BTC"),
        ("binance@gone:BaseToken:BTC", "binance", "gone", "binance@gone:BaseToken:BTC"),
        ("okx:BaseToken:BTC", "okx", "s1", "okx:BaseToken:BTC"),
    ],
)
def test_the_account_of_a_key_says_on_which_lane_it_lies(key: str, lane: str, account: str, plain: str) -> None:
    given = {"s2": [ref("binance-2", "binance", "desk")]}
    there = directory(["binance", SECOND_BINANCE, "ethereum", ARBITRUM], given)
    place = there.place_of(key, "s1")
    assert place.account is not None
    assert (place.account.lane, place.account.account, place.key) == (lane, account, plain)


def test_what_is_in_transit_lies_in_no_account() -> None:
    assert BOTH.place_of("transit:i1:USDT", "s1").account is None


@pytest.mark.parametrize("key", ["mtgox:BaseToken:BTC", "binance", "binance@:BaseToken:BTC"])
def test_a_key_that_names_no_place_is_refused(key: str) -> None:
    with pytest.raises(ExecutionError, match="PUH-007"):
        BOTH.place_of(key, "s1")


def test_an_own_account_is_called_the_same_whatever_other_lanes_there_are() -> None:
    alone = directory([ARBITRUM])
    assert alone.account_of(action("i", NOW, chain_id=42161)).account == "s1.arbitrum"
    assert alone.place_of("wallet@s1.arbitrum:BaseToken:ETH", "s1") == BOTH.place_of(
        "wallet@s1.arbitrum:BaseToken:ETH", "s1"
    )


def test_deltas_are_spelt_in_one_way() -> None:
    plain = (Delta(position_key="wallet:BaseToken:ETH", amount=Decimal(1), source="trade"),)
    odd = tuple(replace(one, position_key="alchemy@s1:BaseToken:ETH") for one in plain)
    assert BOTH.plain_deltas(odd, "s1") == plain
    assert BOTH.plain_deltas(plain, "s1") is plain


def test_the_venues_of_a_wallet_are_one_account() -> None:
    assert same_account(ref("ethereum", "aave", "s1"), ref("ethereum", "wallet", "s1"))
    assert not same_account(ref("arbitrum", "aave", "s1"), ref("ethereum", "aave", "s1"))


def test_a_halted_venue_is_on_every_lane_that_has_it() -> None:
    assert BOTH.has_venue("arbitrum", "aave")
    assert BOTH.has_venue("binance-2", "binance")
    assert not BOTH.has_venue("arbitrum", "morpho")
    assert not BOTH.has_venue("binance", "aave")
    assert not BOTH.has_venue("gone", "aave")
