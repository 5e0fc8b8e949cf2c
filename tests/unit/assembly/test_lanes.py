"""Lanes and accounts of the configuration: lists, tables, and what does not hold together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tightloop.assembly import build
from tightloop.assembly.config import Config, load
from tightloop.assembly.lanes import with_lanes
from tightloop.domain.directory import Directory
from tightloop.domain.venues import VenueSpec
from tightloop.errors import ExecutionError
from tightloop.records import topics
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.registry import BUILT_IN, Registry
from tightloop.venues.sim.settings import SimSettings

WIDE = """
[lanes.binance]
[lanes.binance-2]
venue = "binance"
acceptance_window = 5
[lanes.ethereum]
[lanes.arbitrum]
kind = "chain"
chain_id = 42161
venues = ["uniswap", "aave", "alchemy"]
"""
ADDRESS = "0x" + "ab" * 20


def loaded(text: str) -> Config:
    path = Path("given.toml")
    path.write_text(text)
    return load(path)[0]


def directory(text: str) -> Directory:
    return loaded(text).directory()


def test_a_list_has_lanes_that_need_no_more_than_a_name() -> None:
    lanes = directory('lanes = ["okx", "ethereum"]').lanes
    assert (lanes["okx"].kind, lanes["okx"].venues, lanes["okx"].policy) == ("exchange", ("okx",), "window")
    assert (lanes["ethereum"].home, lanes["ethereum"].chain_id, lanes["ethereum"].policy) == ("wallet", 1, "nonce")
    assert lanes["ethereum"].venues == ("uniswap", "curve", "aave", "morpho", "wallet")


def test_tables_add_chains_and_further_lanes_of_an_exchange() -> None:
    config = loaded(WIDE)
    lanes = config.directory().lanes
    assert list(lanes) == ["binance", "binance-2", "ethereum", "arbitrum"]
    assert (lanes["binance-2"].home, lanes["binance-2"].acceptance_window_s) == ("binance", 5.0)
    assert lanes["binance"].acceptance_window_s == 2.0
    assert (lanes["arbitrum"].chain_id, lanes["arbitrum"].venues) == (42161, ("uniswap", "aave", "wallet"))
    names = {one.name for one in topics.all_topics(config.lanes)}
    assert {"instructions.arbitrum", "execution_journal.binance-2"} <= names
    assert ("executor", "arbitrum") in build.every_component(config)
    assert build.executor_settings("binance-2", config).absence_s == 3.0 + 5.0 + 0.5
    assert build.executor_settings("arbitrum", config).lane.policy == "nonce"


def test_variables_say_more_about_the_lanes_of_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIGHTLOOP_LANES__BINANCE__ACCEPTANCE_WINDOW", "7")
    monkeypatch.setenv("TIGHTLOOP_LANES__BASE__VENUES", "uniswap,wallet")
    monkeypatch.setenv("TIGHTLOOP_LANES__BASE__CHAIN_ID", "8453")
    lanes = directory('lanes = ["binance", "okx"]').lanes
    assert list(lanes) == ["binance", "okx", "base"]
    assert lanes["binance"].acceptance_window_s == 7.0
    assert (lanes["base"].chain_id, lanes["base"].venues) == (8453, ("uniswap", "wallet"))


def test_a_later_list_stands_in_the_place_of_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIGHTLOOP_LANES", "okx,bybit")
    assert list(directory(WIDE).lanes) == ["okx", "bybit"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[lanes.arbitrum]", "unknown lane 'arbitrum'"),
        ("[lanes.binanc]", "did you mean 'binance'?"),
        ("[lanes.binance]\nvenu = 'okx'", "did you mean 'venue'?"),
        ("[lanes.Second]\nvenue = 'okx'", "begins with a letter"),
        ("[lanes.second]\nvenue = 'okk'", "unknown venue 'okk': did you mean 'okx'?"),
        ("[lanes.second]\nvenue = 'aave'", "aave is a protocol"),
        ("[lanes.binance]\nkind = 'chain'", "its kind is exchange, not chain"),
        ("[lanes.second]\nchain_id = 10", "unknown lane 'second'"),
        ("[lanes.second]\nchain_id = 10\nvenues = ['aave']", "one must be the wallet that signs"),
        ("[lanes.second]\nchain_id = 10\nvenues = ['okx', 'wallet']", "okx is an exchange, and a lane of its own"),
        ("[lanes.second]\nchain_id = 10\nvenues = ['ave', 'wallet']", "did you mean 'aave'?"),
        ("[lanes.second]\nchain_id = -1\nvenues = ['wallet']", "lanes.second.chain_id"),
        ("[lanes.okx]\nvenues = ['wallet']", "okx is an exchange"),
        ("[lanes.ethereum]\nacceptance_window = 3", "is an exchange's"),
        (f"[lanes.binance]\nwithdraws_to = ['{ADDRESS}']", "withdraws_to: is a live exchange's"),
        (f"[lanes.ethereum]\nsimulated = false\nwithdraws_to = ['{ADDRESS}']", "withdraws_to: is a live exchange's"),
        ("[lanes.binance]\nsimulated = false\nwithdraws_to = ['mine']", "withdraws_to: 'mine' is no address"),
        ("[lanes.ethereum]\n[lanes.second]\nchain_id = 1\nvenues = ['wallet']", "chain 1 is the lane ethereum already"),
    ],
)
def test_a_lane_that_cannot_be_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ExecutionError) as refused:
        loaded(text)
    assert refused.value.code == "EIF-010"
    assert said in refused.value.message


def test_the_addresses_that_a_live_lane_withdraws_to_are_its_own() -> None:
    lanes = (
        loaded(
            f"[lanes.binance]\nsimulated = false\nwithdraws_to = ['{ADDRESS}']\n[lanes.binance-2]\nvenue = 'binance'"
        )
        .directory()
        .lanes
    )
    assert (lanes["binance"].withdraws_to, lanes["binance-2"].withdraws_to) == ((ADDRESS,), ())


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("[accounts.'s1']\nstrategy = 's1'\nlane = 'arbitrum'", "s1's own account on ethereum"),
        ("[accounts.'s1.arbitrum']\nstrategy = 's1'\nlane = 'ethereum'", "s1's own account on arbitrum"),
        (
            "[accounts.'s1.arbitrum']\nstrategy = 's2'\nlane = 'arbitrum'\n"
            "[accounts.other]\nstrategy = 's1'\nlane = 'ethereum'",
            "strategy s1, which has no other there",
        ),
    ],
)
def test_an_account_whose_positions_could_not_be_told_apart_is_refused(account: str, said: str) -> None:
    with pytest.raises(ExecutionError) as refused:
        loaded(WIDE + account)
    assert refused.value.code == "EIF-010"
    assert said in refused.value.message


def test_an_account_may_bear_its_strategys_name_on_lanes_that_share_no_venue() -> None:
    there = directory(WIDE + "[accounts.s1]\nstrategy = 's1'\nlane = 'ethereum'")
    assert [one.account for one in there.accounts_of("s1", there.lanes["ethereum"])] == ["s1"]
    assert [one.account for one in there.accounts_of("s1", there.lanes["binance"])] == ["s1"]


def test_simulated_venues_have_every_simulated_lane_with_its_venues_rules() -> None:
    made = with_lanes(SimSettings(exchanges=(), chains=()), directory(WIDE).lanes, Registry())
    exchanges = {one.lane: one for one in made.exchanges}
    assert list(exchanges) == ["binance", "binance-2"]
    assert exchanges["binance-2"].venue == "binance"
    assert exchanges["binance-2"].acceptance_window_s == 5.0
    assert "binance:BaseToken:USDT" in exchanges["binance-2"].opening
    assert exchanges["binance-2"].symbols == exchanges["binance"].symbols
    assert {one.lane: one.chain_id for one in made.chains} == {"ethereum": 1, "arbitrum": 42161}


def test_a_lane_without_a_simulation_or_a_live_adapter_is_refused() -> None:
    live = loaded("[lanes.ethereum]\nsimulated = false\n")
    assert with_lanes(SimSettings(exchanges=(), chains=()), live.directory().lanes, Registry()).chains == ()
    with pytest.raises(ExecutionError, match=r"EIF-007.*wallet has no live adapter"):
        build.make_adapters("executor", "ethereum", live)
    plain = Registry((*BUILT_IN, VenuePlugin(spec=VenueSpec(name="kraken", kind="exchange", markets=("spot",)))))
    lanes = {"kraken": plain.lane("kraken")}
    with pytest.raises(ExecutionError, match=r"EIF-007.*kraken has no simulation"):
        with_lanes(SimSettings(), lanes, plain)
