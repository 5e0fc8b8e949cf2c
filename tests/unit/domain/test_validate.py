"""Which instructions are possible: one rule a case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.lanes import ARBITRUM, VENUES

from tightloop.domain.validate import check_instruction, check_on_lane, expires_at
from tightloop.domain.venues import Venues
from tightloop.errors import ExecutionError
from tightloop.records.types import (
    Action,
    Cancel,
    CexTrade,
    Delta,
    Instruction,
    SmartContractAction,
    WalletTransfer,
)

NOW = datetime(2024, 5, 12, 12, 0, tzinfo=UTC)
MARKET = CexTrade(market="spot", symbol="BTC/USDT", side="buy", order_type="market", amount=Decimal(1))
LIMIT = replace(MARKET, order_type="limit", price=Decimal(60_000))
PERP = replace(MARKET, market="perp", symbol="BTC/USDT:USDT")
SUPPLY = Action(protocol="aave", operation="supply", token_in="USDT", amount=Decimal(5))
SWITCH = Action(protocol="aave", operation="set_collateral", token_in="USDT", parameters={"enabled": "false"})
SWAP = Action(protocol="uniswap", operation="swap", token_in="USDT", token_out="WETH", amount_rule="all")
TRANSFER = WalletTransfer(source="wallet", destination="binance:spot", asset="USDT", amount=Decimal(5))


def instruction(payload: Any = MARKET, **changes: Any) -> Instruction:
    kind, venue = {
        CexTrade: ("cex_trade", "binance"),
        SmartContractAction: ("smart_contract_action", "aave"),
        WalletTransfer: ("wallet_transfer", "wallet"),
        Cancel: ("cancel", "binance"),
    }[type(payload)]
    given: dict[str, Any] = {
        "instruction_id": "s1:1",
        "strategy_id": "s1",
        "type": kind,
        "venue": venue,
        "created_at": NOW,
        kind: payload,
    }
    return Instruction(**given | changes)


def actions(*steps: Action, **changes: Any) -> SmartContractAction:
    return SmartContractAction(**{"chain_id": 1, "atomic": True, "actions": steps} | changes)


POSSIBLE = {
    "a market order": instruction(),
    "a market order by cost": instruction(replace(MARKET, amount=None, quote_amount=Decimal(100))),
    "a market order with a bound": instruction(replace(MARKET, max_slippage_bps=Decimal("12.5"))),
    "a limit order": instruction(LIMIT),
    "a limit order that never takes": instruction(replace(LIMIT, time_in_force="PO")),
    "a perpetual that only reduces": instruction(replace(PERP, reduce_only=True, side="sell")),
    "a supply": instruction(actions(SUPPLY, atomic=False)),
    "a chain of actions": instruction(
        actions(SWAP, replace(SUPPLY, token_in="WETH", amount=None, amount_rule="previous_output"))
    ),
    "shares as text": instruction(
        actions(replace(SUPPLY, amount=None, amount_text="1" + "0" * 40, amount_unit="shares"))
    ),
    "an operation that this version has no rule for": instruction(
        actions(Action(protocol="aave", operation="claim_rewards", amount_rule="all"))
    ),
    "a switch of collateral": instruction(actions(SWITCH)),
    "liquidity of a pool, all of it in proportion": instruction(
        actions(Action(protocol="curve", operation="remove_liquidity", amount_rule="all"))
    ),
    "a transfer to an exchange": instruction(TRANSFER),
    "a transfer to an address": instruction(replace(TRANSFER, destination="0x" + "ab" * 20)),
    "a withdrawal": instruction(replace(TRANSFER, source="binance:spot", destination="wallet"), venue="binance"),
    "a transfer by the provider's name": instruction(TRANSFER, venue="alchemy"),
    "the largest numbers and the latest times": instruction(
        replace(LIMIT, amount=Decimal(10) ** 20 - 1, price=Decimal(10) ** 20 - 1, timeout_ms=30 * 86_400_000),
        sequence=2**53 - 1,
        expires_at=NOW + timedelta(days=366),
    ),
    "a cancel": instruction(Cancel(instruction_id="s1:0")),
    "a cancel of a group": instruction(Cancel(group_id="g1")),
    "an account, a sequence, an expiry, an expectation": instruction(
        account="main",
        sequence=7,
        expires_at=NOW + timedelta(seconds=1),
        expected_deltas=(Delta(position_key="binance:BaseToken:BTC", amount=Decimal(1), source="trade"),),
    ),
}

IMPOSSIBLE: dict[str, tuple[Instruction, str, str]] = {
    "an unknown type": (instruction(type="teleport"), "EIM-005", "'teleport' is unknown"),
    "an unknown venue": (instruction(venue="mtgox"), "EIM-006", "unknown venue 'mtgox'"),
    "an unknown protocol": (instruction(actions(replace(SUPPLY, protocol="compund"))), "EIM-006", "'compund'"),
    "an exchange in an atomic chain": (
        instruction(actions(SWAP, replace(SUPPLY, protocol="binance"))),
        "EIM-008",
        "actions[1].protocol: binance is an exchange, and on no chain",
    ),
    "an exchange in a chain": (
        instruction(actions(replace(SUPPLY, protocol="binance"), atomic=False)),
        "EIM-007",
        "binance is an exchange, and on no chain",
    ),
    "a wallet as a protocol": (instruction(actions(replace(SUPPLY, protocol="wallet"))), "EIM-007", "is a wallet"),
    "no instruction id": (instruction(instruction_id=""), "EIM-007", "instruction_id"),
    "a space in the instruction id": (instruction(instruction_id="a b"), "EIM-007", "instruction_id"),
    "a slash in the strategy id": (instruction(strategy_id="a/b"), "EIM-007", "strategy_id"),
    "a space in the account": (instruction(account="a b"), "EIM-007", "account"),
    "a sequence that JSON does not hold": (instruction(sequence=2**53), "EIM-007", "sequence"),
    "an expiry in a month": (
        instruction(expires_at=NOW + timedelta(days=366, microseconds=1)),
        "EIM-007",
        "expires_at: must be after created_at, by at most 366 days",
    ),
    "an expiry at the end of time": (
        instruction(expires_at=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        "EIM-007",
        "expires_at",
    ),
    "a timeout of ages": (instruction(replace(MARKET, timeout_ms=2**62)), "EIM-007", "at most 366 days"),
    "a deadline at the end of time": (
        instruction(actions(SUPPLY, deadline=datetime(9999, 12, 31, tzinfo=UTC))),
        "EIM-007",
        "deadline",
    ),
    "a chain of no number": (instruction(actions(SUPPLY, chain_id=2**53)), "EIM-007", "chain_id"),
    "more than there is": (instruction(replace(MARKET, amount=Decimal(10) ** 20)), "EIM-007", "cex_trade.amount"),
    "a price above all": (instruction(replace(LIMIT, price=Decimal(10) ** 57)), "EIM-007", "cex_trade.price"),
    "an expectation below all": (
        instruction(
            expected_deltas=(Delta(position_key="binance:BaseToken:BTC", amount=-(Decimal(10) ** 20), source="trade"),)
        ),
        "EIM-007",
        "expected_deltas[0].amount",
    ),
    "text above what a chain counts": (
        instruction(actions(replace(SUPPLY, amount=None, amount_text=str(2**256), amount_unit="wei"))),
        "EIM-007",
        "amount_text",
    ),
    "text that is too long for a number": (
        instruction(actions(replace(SUPPLY, amount=None, amount_text="1" * 5000, amount_unit="wei"))),
        "EIM-007",
        "amount_text",
    ),
    "a sequence below zero": (instruction(sequence=-1), "EIM-007", "sequence"),
    "a time in 1970": (instruction(created_at=datetime(1970, 1, 20, tzinfo=UTC)), "EIM-007", "created_at"),
    "a time far ahead": (instruction(created_at=datetime(2500, 1, 1, tzinfo=UTC)), "EIM-007", "created_at"),
    "expired when made": (instruction(expires_at=NOW), "EIM-007", "expires_at"),
    "a group of one": (instruction(group_id="g", group_index=0, group_size=1), "EIM-007", "group_size: 1 is not from"),
    "an expectation of no position": (
        instruction(expected_deltas=(Delta(position_key="BTC", amount=Decimal(1), source="trade"),)),
        "EIM-007",
        "expected_deltas[0].position_key",
    ),
    "no payload": (instruction(cex_trade=None), "EIM-007", "exactly this payload must be given, not none"),
    "two payloads": (instruction(cancel=Cancel(instruction_id="x")), "EIM-007", "not cex_trade and cancel"),
    "another type's payload": (instruction(type="cancel"), "EIM-007", "cancel: exactly this payload"),
    "a trade on a protocol": (instruction(venue="aave"), "EIM-007", "venue: aave takes"),
    "an action on an exchange": (instruction(actions(SUPPLY), venue="okx"), "EIM-007", "venue: okx takes"),
    "a perpetual's symbol on spot": (instruction(replace(MARKET, symbol="BTC/USDT:USDT")), "EIM-007", "like BTC/USDT"),
    "a spot symbol on a perpetual": (instruction(replace(PERP, symbol="BTC/USDT")), "EIM-007", "like BTC/USDT:USDT"),
    "a symbol of no form": (instruction(replace(MARKET, symbol="BTCUSDT")), "EIM-007", "cex_trade.symbol"),
    "no amount": (instruction(replace(MARKET, amount=None)), "EIM-007", "exactly one of amount and quote_amount"),
    "two amounts": (instruction(replace(MARKET, quote_amount=Decimal(1))), "EIM-007", "exactly one of amount"),
    "an amount of zero": (instruction(replace(MARKET, amount=Decimal(0))), "EIM-007", "cex_trade.amount"),
    "an amount below zero": (instruction(replace(MARKET, amount=Decimal(-1))), "EIM-007", "cex_trade.amount"),
    "a price of zero": (instruction(replace(LIMIT, price=Decimal(0))), "EIM-007", "cex_trade.price"),
    "a limit order without a price": (instruction(replace(LIMIT, price=None)), "EIM-007", "cex_trade.price"),
    "a limit order by cost": (
        instruction(replace(LIMIT, amount=None, quote_amount=Decimal(1))),
        "EIM-007",
        "cex_trade.quote_amount",
    ),
    "a market order with a price": (instruction(replace(MARKET, price=Decimal(1))), "EIM-007", "cex_trade.price"),
    "a market order that never takes": (instruction(replace(MARKET, time_in_force="PO")), "EIM-007", "post-only"),
    "slippage below zero": (instruction(replace(MARKET, max_slippage_bps=Decimal(-1))), "EIM-007", "max_slippage_bps"),
    "slippage of everything": (
        instruction(replace(MARKET, max_slippage_bps=Decimal(10_000))),
        "EIM-007",
        "max_slippage",
    ),
    "no time at all": (instruction(replace(MARKET, timeout_ms=0)), "EIM-007", "timeout_ms"),
    "a spot order that only reduces": (instruction(replace(MARKET, reduce_only=True)), "EIM-007", "reduce_only"),
    "a symbol unknown to this version": (instruction(replace(MARKET, side="UNKNOWN")), "TLC-008", "cex_trade.side"),
    "no actions": (instruction(actions()), "EIM-007", "at least one"),
    "no chain": (instruction(actions(SUPPLY, chain_id=0)), "EIM-007", "chain_id"),
    "a fee of zero": (instruction(actions(SUPPLY, max_fee=Decimal(0))), "EIM-007", "max_fee"),
    "a deadline that has passed": (instruction(actions(SUPPLY, deadline=NOW)), "EIM-007", "deadline"),
    "no operation": (instruction(actions(replace(SUPPLY, operation=""))), "EIM-007", "operation"),
    "no token": (instruction(actions(replace(SUPPLY, token_in=None))), "EIM-007", "needs a token"),
    "a swap into itself": (instruction(actions(replace(SWAP, token_out="USDT"))), "EIM-007", "another token_out"),
    "a number without an amount": (
        instruction(actions(replace(SUPPLY, amount=None))),
        "EIM-007",
        "exactly one of amount",
    ),
    "a switch with an amount": (
        instruction(actions(replace(SWITCH, amount=Decimal(1)))),
        "EIM-007",
        "set_collateral takes none",
    ),
    "a switch of all": (instruction(actions(replace(SWITCH, amount_rule="all"))), "EIM-007", "takes none"),
    "all, and an amount": (instruction(actions(replace(SUPPLY, amount_rule="all"))), "EIM-007", "rule all"),
    "previous output at first": (
        instruction(actions(replace(SWAP, amount_rule="previous_output"))),
        "EIM-007",
        "no action before the first",
    ),
    "an action's amount of zero": (
        instruction(actions(replace(SUPPLY, amount=Decimal(0)))),
        "EIM-007",
        "actions[0].amount",
    ),
    "text without a unit": (
        instruction(actions(replace(SUPPLY, amount=None, amount_text="5"))),
        "EIM-007",
        "amount_unit",
    ),
    "text that is no whole number": (
        instruction(actions(replace(SUPPLY, amount=None, amount_text="5.5", amount_unit="wei"))),
        "EIM-007",
        "amount_text",
    ),
    "nothing may come out": (
        instruction(actions(replace(SWAP, min_amount_out=Decimal(0)))),
        "EIM-007",
        "min_amount_out",
    ),
    "a transfer of nothing": (instruction(replace(TRANSFER, amount=Decimal(0))), "EIM-007", "wallet_transfer.amount"),
    "a transfer of no asset": (instruction(replace(TRANSFER, asset="")), "EIM-007", "wallet_transfer.asset"),
    "a transfer to itself": (instruction(replace(TRANSFER, destination="wallet")), "EIM-007", "same as the source"),
    "a transfer from nowhere": (instruction(replace(TRANSFER, source="mars")), "EIM-007", "wallet_transfer.source"),
    "a transfer on another lane than its source's": (
        instruction(replace(TRANSFER, source="okx:spot")),
        "EIM-007",
        "runs at the venue of its source, okx",
    ),
    "a transfer to a wallet that a unified account does not have": (
        instruction(replace(TRANSFER, destination="okx:perp")),
        "EIM-007",
        "okx has one wallet for both its markets, okx:spot",
    ),
    "a transfer to no address": (instruction(replace(TRANSFER, destination="bob")), "EIM-007", "destination"),
    "a cancel of nothing": (instruction(Cancel()), "EIM-007", "exactly one of instruction_id and group_id"),
    "a cancel of two things": (instruction(Cancel(instruction_id="a", group_id="b")), "EIM-007", "exactly one of"),
    "a cancel of itself": (instruction(Cancel(instruction_id="s1:1")), "EIM-007", "its own"),
}


@pytest.mark.parametrize("what", POSSIBLE)
def test_possible_instructions_are_accepted(what: str) -> None:
    check_instruction(POSSIBLE[what], VENUES)


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_impossible_instructions_are_refused_with_code_and_field(what: str) -> None:
    made, code, text = IMPOSSIBLE[what]
    with pytest.raises(ExecutionError) as caught:
        check_instruction(made, VENUES)
    assert caught.value.code == code
    assert text in caught.value.message


@pytest.mark.parametrize(
    ("made", "life"),
    [
        (instruction(MARKET), timedelta(seconds=30)),
        (instruction(LIMIT), timedelta(hours=1)),
        (instruction(actions(SUPPLY)), timedelta(hours=1)),
        (instruction(Cancel(instruction_id="x")), timedelta(hours=1)),
        (instruction(MARKET, expires_at=NOW + timedelta(days=2)), timedelta(days=2)),
    ],
)
def test_an_instruction_expires_as_it_says_or_by_its_default(made: Instruction, life: timedelta) -> None:
    assert expires_at(made) == NOW + life


@pytest.mark.parametrize(
    ("payload", "code", "text"),
    [
        (actions(replace(SUPPLY, protocol="morpho")), "EIM-008", "morpho is not on arbitrum"),
        (actions(replace(SUPPLY, protocol="morpho"), atomic=False), "EIM-007", "morpho is not on arbitrum"),
        (actions(replace(SUPPLY, operation="stake")), "EIM-007", "aave has no 'stake'; there are borrow, repay"),
    ],
)
def test_what_the_venues_of_a_lane_do_not_offer_is_refused(payload: SmartContractAction, code: str, text: str) -> None:
    made = instruction(payload)
    check_instruction(made, VENUES)
    with pytest.raises(ExecutionError) as caught:
        check_on_lane(made, ARBITRUM, VENUES)
    assert caught.value.code == code
    assert text in caught.value.message


def test_what_the_venues_of_a_lane_offer_is_possible_there() -> None:
    check_on_lane(instruction(actions(SWAP, SUPPLY)), ARBITRUM, VENUES)
    check_on_lane(instruction(TRANSFER), ARBITRUM, VENUES)


def test_a_market_that_an_exchange_does_not_have_is_refused() -> None:
    spot_only = Venues([replace(VENUES.find("binance"), markets=("spot",))])
    check_instruction(instruction(), spot_only)
    with pytest.raises(ExecutionError, match="binance has spot, not perp"):
        check_instruction(instruction(PERP), spot_only)
