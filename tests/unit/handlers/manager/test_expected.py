"""``expected_deltas`` against what happened (EIM-003), for every type of instruction: through the whole loop."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.lanes import EVERYWHERE
from tests.unit.handlers.manager.desk import Desk

from tightloop.domain.deltas import CHARGES, by_position
from tightloop.handlers.manager.expected import missed
from tightloop.records.types import AccountRef, Action, Delta, Instruction, InstructionResult, Slot
from tightloop.testing import LoopDriver, action, perp, swap, trade, transfer

D = Decimal
Deltas = tuple[Delta, ...]


def step(protocol: str, operation: str, **fields: Any) -> Action:
    return Action(protocol=protocol, operation=operation, **fields)


def to_binance(loop: LoopDriver, **fields: Any) -> Instruction:
    made = transfer("i1", loop.now, "USDT", D(1000), **fields)
    assert made.wallet_transfer is not None
    return replace(made, wallet_transfer=replace(made.wallet_transfer, destination="binance:spot"))


def on_debit(loop: LoopDriver) -> Instruction:
    made = to_binance(loop)
    assert made.wallet_transfer is not None
    return replace(made, wallet_transfer=replace(made.wallet_transfer, release="on_debit"))


def inside(loop: LoopDriver) -> Instruction:
    made = to_binance(loop, venue="binance")
    assert made.wallet_transfer is not None
    moved = replace(made.wallet_transfer, source="binance:spot", destination="binance:perp")
    return replace(made, wallet_transfer=moved)


CASES: dict[str, Callable[[LoopDriver], Instruction]] = {
    "a purchase": lambda loop: trade("i1", loop.now, amount=D("0.5")),
    "a sale": lambda loop: trade("i1", loop.now, amount=D("0.5"), side="sell"),
    "a long perpetual": lambda loop: perp("i1", loop.now, amount=D("0.5")),
    "a short perpetual": lambda loop: perp("i1", loop.now, amount=D("0.5"), side="sell"),
    "a swap": lambda loop: action("i1", loop.now, swap("WETH", "USDT", D(2))),
    "a supply": lambda loop: action("i1", loop.now, step("aave", "supply", token_in="USDT", amount=D(500))),
    "an atomic chain": lambda loop: action(
        "i1",
        loop.now,
        swap("WETH", "USDT", D(2)),
        step("aave", "supply", token_in="USDT", amount_rule="previous_output"),
        atomic=True,
    ),
    "a transfer that is waited for": to_binance,
    "a transfer that is not waited for": on_debit,
    "a transfer inside an exchange": inside,
}


def run(name: str, expected: Deltas = ()) -> tuple[LoopDriver, InstructionResult]:
    loop = LoopDriver()
    loop.feed(replace(CASES[name](loop), expected_deltas=expected))
    loop.advance(60)
    return loop, loop.result("i1")


def happened(name: str) -> Deltas:
    """What a loop without an expectation came to, as a strategy would list it: nothing in transit, nothing accrued."""
    loop, result = run(name)
    assert (result.status, result.outcome) == ("reconciled", "filled"), result
    (own,) = [one for one in loop.records("reconciliation_results") if one.result_id == result.result_id]
    whole = [one for one in own.deltas if not one.position_key.startswith("transit:")]
    if name == "a transfer that is not waited for":
        whole.append(Delta(position_key="binance:BaseToken:USDT", amount=D(1000), source="transfer"))
    charged = [one for one in whole if one.source in CHARGES]
    sums = by_position(one for one in whole if one.source not in (*CHARGES, "interest", "funding"))
    moved = [Delta(position_key=key, amount=amount, source="trade") for key, amount in sums.items() if amount]
    return (*moved, *charged)


@pytest.mark.parametrize("name", CASES)
def test_what_happens_as_expected_goes_on_and_anything_else_halts(name: str) -> None:
    told = happened(name)
    moved = tuple(one for one in told if one.source not in CHARGES)
    assert moved
    for expected in (told, moved):  # charges may be named, or not
        loop, result = run(name, expected)
        assert (result.status, loop.halts()) == ("reconciled", ()), (expected, result)
    for number, one in enumerate(moved):
        for wrong in (one.amount * D("1.02"), one.amount * D("0.98"), -one.amount):
            loop, result = run(name, (*moved[:number], replace(one, amount=wrong), *moved[number + 1 :]))
            assert [halt.code for halt in loop.halts()] == ["EIM-003"], (one, wrong)
            assert result.status == "halted"
            assert one.position_key in loop.halts()[0].message


@pytest.mark.parametrize("name", CASES)
def test_a_list_is_complete_what_it_leaves_out_is_a_surprise(name: str) -> None:
    moved = tuple(one for one in happened(name) if one.source not in CHARGES)
    for number in range(len(moved)):
        rest = moved[:number] + moved[number + 1 :]
        on_its_way = name == "a transfer that is not waited for" and moved[number].amount > 0
        if not rest or on_its_way or ":MarginBalance:" in moved[number].position_key:
            continue
        loop, _ = run(name, rest)
        assert [halt.code for halt in loop.halts()] == ["EIM-003"], rest
        assert f"{moved[number].position_key}: nothing was expected" in loop.halts()[0].message


# --- figures ----------------------------------------------------------------------------------------------------------

BTC, USDT, ETH = "binance:BaseToken:BTC", "binance:BaseToken:USDT", "wallet:BaseToken:ETH"


def delta(key: str, amount: str, source: str = "trade") -> Delta:
    return Delta(position_key=key, amount=D(amount), source=source)


def judged(told: list[Delta], came: list[Delta], bps: str = "100") -> str | None:
    now = Desk(fresh=True).now
    slot = Slot(
        loop_no=1,
        kind="execute",
        purpose="instruction",
        account=AccountRef(lane="binance", venue="binance", account="s1"),
        dispatched_at=now,
        deadline_at=now,
        expected_deltas=tuple(told),
        slippage_bps=D(bps),
    )
    return missed(slot, came, "s1", D(5), EVERYWHERE)


@pytest.mark.parametrize(
    ("told", "came", "is_missed"),
    [
        # the bound, either way
        ([delta(BTC, "1")], [delta(BTC, "1.01")], False),
        ([delta(BTC, "1")], [delta(BTC, "1.0101")], True),
        ([delta(BTC, "1")], [delta(BTC, "0.99")], False),
        ([delta(BTC, "1")], [delta(BTC, "0.9899")], True),
        # several of one position are one
        ([delta(BTC, "0.6"), delta(BTC, "0.4")], [delta(BTC, "1")], False),
        ([delta(BTC, "1"), delta(BTC, "-0.001", "fee")], [delta(BTC, "1"), delta(BTC, "-0.001", "fee")], False),
        # a charge that is not named widens its own position's bound, its own way
        ([delta(BTC, "1")], [delta(BTC, "1"), delta(BTC, "-0.05", "fee")], False),
        ([delta(BTC, "0.95")], [delta(BTC, "1"), delta(BTC, "-0.05", "fee")], False),
        ([delta(BTC, "1")], [delta(BTC, "1.02"), delta(BTC, "-0.005", "fee")], True),
        ([delta(USDT, "-100")], [delta(USDT, "-100"), delta(USDT, "2", "fee")], False),  # a rebate
        ([delta(BTC, "1")], [delta(BTC, "1"), delta(ETH, "-0.1", "gas")], False),
        # one that is named may be less, and not more
        ([delta(ETH, "-0.01", "gas")], [delta(ETH, "-0.002", "gas")], False),
        ([delta(ETH, "-0.01", "gas")], [delta(ETH, "-0.0102", "gas")], True),
        ([delta(BTC, "1"), delta(BTC, "-0.01", "fee")], [delta(BTC, "1"), delta(BTC, "-0.05", "fee")], True),
        # what accrued beside it, and a margin wallet that is not named
        ([delta(BTC, "1")], [delta(BTC, "1"), delta(USDT, "9", "interest"), delta(USDT, "-9", "funding")], False),
        ([delta(BTC, "1")], [delta(BTC, "1"), delta("binance:MarginBalance:USDT", "7")], False),
        ([delta("binance:MarginBalance:USDT", "9")], [delta("binance:MarginBalance:USDT", "7")], True),
        # nothing else may have changed
        ([delta(BTC, "1")], [delta(BTC, "1"), delta(USDT, "-0.01")], True),
        ([delta(BTC, "1")], [], True),
        # an alias of the venue, and the account by its name, are the same position
        ([delta("alchemy:BaseToken:ETH", "1")], [delta(ETH, "1")], False),
        ([delta("binance@s1:BaseToken:BTC", "1")], [delta(BTC, "1")], False),
        ([delta("nowhere:BaseToken:BTC", "1")], [delta(BTC, "1")], True),
        # a transfer: what is under way has arrived, and a charge of the way is a charge
        ([delta(USDT, "1000", "transfer")], [delta("transit:i1:USDT", "1000", "transfer")], False),
        ([delta(USDT, "1000", "transfer")], [delta("transit:i1:USDT", "900", "transfer")], True),
        ([delta(USDT, "1000", "transfer")], [delta("transit:i1:ETH", "1000", "transfer")], True),
        (
            [delta(USDT, "1000", "transfer")],
            [
                delta(USDT, "950", "transfer"),
                delta("transit:i1:USDT", "50", "transfer"),
                delta("transit:i1:USDT", "-50", "fee"),
            ],
            False,
        ),
    ],
)
def test_the_bound_is_kept_position_by_position(told: list[Delta], came: list[Delta], is_missed: bool) -> None:
    assert (judged(told, came) is not None) is is_missed


def test_without_a_bound_of_its_own_the_managers_counts() -> None:
    told, came = [delta(BTC, "1")], [delta(BTC, "1.001")]
    assert judged(told, came, "20") is None
    assert "expected 1 within 5 bps, and 1.001 happened" in str(judged(told, came, "5"))
