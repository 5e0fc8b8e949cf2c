"""Groups from end to end on simulated venues, on both runners: the basis trade, opened, closed, and failing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.contract.runner.loops import Loop

from tightloop.records.types import Instruction, InstructionResult
from tightloop.testing import group, perp, resume, trade

D = Decimal
PERPS = ("binance", "bybit")


def basis(loop: Loop, key: str, name: str, perp_at: str, *, close: bool = False, **leg: object) -> list[Instruction]:
    """Spot on binance against a perpetual: long and short, or the way back."""
    spot = trade(f"{name}-spot", loop.now, strategy_id=key, side="sell" if close else "buy", amount=D("0.5"))
    fields = {"strategy_id": key, "venue": perp_at, "side": "buy" if close else "sell", "amount": D("0.5"), **leg}
    return list(group(name, spot, perp(f"{name}-perp", loop.now, reduce_only=close, **fields)))


def results(loop: Loop, key: str, legs: list[Instruction]) -> list[InstructionResult]:
    return [loop.result(key, leg.instruction_id) for leg in legs]


def dispatched(loop: Loop, key: str) -> list[str]:
    """Of all lanes, by loop number."""
    every = [one for lane in ("binance", "bybit", "ethereum") for one in loop.records(f"instructions.{lane}", key)]
    ordered = sorted((one for one in every if one.kind != "cancel"), key=lambda one: int(one.loop_no))
    return [one.instruction.instruction_id if one.instruction else one.kind for one in ordered]


@pytest.mark.parametrize("perp_at", PERPS)
def test_a_basis_trade_is_opened_and_closed_as_groups(loop: Loop, key: str, perp_at: str) -> None:
    opened = basis(loop, key, "open", perp_at)
    for leg in reversed(opened):  # in any order
        loop.feed(leg)
    for one in results(loop, key, opened):
        assert (one.status, one.outcome, one.filled_amount, one.group_id) == ("reconciled", "filled", D("0.5"), "open")
    assert loop.expected(key)[f"{perp_at}:Perp:BTC/USDT:USDT"] == D("-0.5")
    closed = basis(loop, key, "close", perp_at, close=True)
    for leg in closed:
        loop.feed(leg)
    assert [one.outcome for one in results(loop, key, closed)] == ["filled", "filled"]
    assert f"{perp_at}:Perp:BTC/USDT:USDT" not in loop.expected(key)
    adopted = ["adopt"] if perp_at == "binance" else ["adopt", "adopt"]
    assert dispatched(loop, key) == [*adopted, "open-spot", "open-perp", "close-spot", "close-perp"]
    held = {**loop.held("binance", key), **(loop.held("bybit", key) if perp_at == "bybit" else {})}
    assert loop.expected(key) == held
    assert {one.group_id for one in loop.records("fills", key) if one.loop_kind == "execute"} == {"open", "close"}
    loop.halted(key)


@pytest.mark.parametrize("perp_at", PERPS)
def test_a_second_leg_that_fails_halts_the_key_and_says_what_stays(loop: Loop, key: str, perp_at: str) -> None:
    opened = basis(loop, key, "open", perp_at, amount=D(100_000))  # more than the margin allows
    for leg in opened:
        loop.feed(leg)
    spot, short = results(loop, key, opened)
    assert (spot.status, spot.outcome) == ("reconciled", "filled")
    assert (short.status, short.outcome) == ("reconciled", "rejected")
    loop.halted(key, "EIM-019")
    (halt,) = loop.halts(key)
    assert "leg 2 of 2 (open-perp" in halt.message
    assert "done, and stays: buy BTC/USDT at binance (open-spot) filled 0.5" in halt.message
    loop.feed(resume(f"{key}-r", loop.now, halt.halt_id, strategy_id=key))
    loop.halted(key)
    back = trade("back", loop.now, strategy_id=key, side="sell", amount=D("0.5"))
    loop.feed(back)
    assert loop.result(key, "back").outcome == "filled"


@pytest.mark.parametrize("perp_at", PERPS)
def test_where_the_rest_is_cancelled_the_key_goes_on(loop: Loop, key: str, perp_at: str) -> None:
    spot, short = basis(loop, key, "open", perp_at)
    too_much = trade("open-more", loop.now, strategy_id=key, side="sell", amount=D(1_000_000), on_failure="cancel_rest")
    legs = list(group("open", spot, too_much, short))
    for leg in legs:
        loop.feed(leg)
    first, failed, rest = results(loop, key, legs)
    assert (first.outcome, failed.outcome, rest.status) == ("filled", "rejected", "cancelled")
    assert rest.error is not None
    assert rest.error.code == "EIM-019"
    assert "leg 2 of 3 (open-more" in rest.error.message
    loop.feed(trade("next", loop.now, strategy_id=key))
    assert loop.result(key, "next").status == "reconciled"
    loop.halted(key)
