"""Limits before dispatch on both runners: on Kafka by the topic ``market_data``, in process by what they trade at.

Each strategy here is one that the configuration limits (``loops.LIMITED``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.contract.runner.loops import Loop

from tightloop.records.types import ErrorInfo, MarketData
from tightloop.testing import group, perp, trade

D = Decimal


def tell(loop: Loop, **fields: Any) -> Decimal:
    """Publish what the venue trades at now."""
    sandbox = loop.sandbox
    price = sandbox.market.price("binance", "BTC/USDT", sandbox.market_clock.market(loop.now))
    assert price is not None
    whole = {"venue": "binance", "symbol": "BTC/USDT", "kind": "trade", "last": price, "event_time": loop.now, **fields}
    loop.show(MarketData(observed_at=loop.now, **whole))
    return price


def refusal(loop: Loop, key: str, instruction_id: str) -> ErrorInfo:
    result = loop.result(key, instruction_id)
    assert (result.status, result.outcome, result.loop_no) == ("refused", None, None)
    assert result.error is not None
    assert result.error.code == "EIM-013"
    return result.error


def asked(loop: Loop, key: str, instruction_id: str, **fields: Any) -> str:
    """Publish it beside what the market is at, and say how it ended."""
    tell(loop)
    loop.feed(trade(instruction_id, loop.now, strategy_id=key, **fields))
    result = loop.result(key, instruction_id)
    return result.status if result.error is None else f"{result.status} {result.error.code}"


def test_what_breaks_a_limit_is_refused_and_the_rest_is_dispatched_with_the_price_it_was_measured_by(
    loop: Loop,
) -> None:
    key = "limited-by-price"
    price = tell(loop)
    ends = [
        asked(loop, key, "p1", amount=D("0.02")),
        asked(loop, key, "p2", amount=D("0.05")),
        asked(loop, key, "p3", price=price * 2),
        asked(loop, key, "p4", amount=D("0.02")),
        asked(loop, key, "p5", amount=D("0.02")),
    ]
    assert ends == ["reconciled", "refused EIM-013", "refused EIM-013", "reconciled", "refused EIM-013"]
    assert "order_notional of strategy limited-by-price" in refusal(loop, key, "p2").message
    assert "price_collar_bps" in refusal(loop, key, "p3").message
    assert "daily_notional" in refusal(loop, key, "p5").message
    dispatched = [one for one in loop.records("instructions.binance", key) if one.kind == "execute"]
    assert [one.instruction.instruction_id for one in dispatched] == ["p1", "p4"]
    assert {one.reference_price for one in dispatched} == {price}
    assert len(loop.acted(key)) == 2
    assert loop.expected(key) == loop.held("binance", key)


def test_a_rate_and_names_need_no_price_and_hold_over_a_restart(loop: Loop) -> None:
    key = "limited-by-rate"
    loop.feed(trade("r1", loop.now, strategy_id=key))
    loop.feed(perp("r2", loop.now, strategy_id=key))
    assert loop.result(key, "r1").status == "reconciled"
    assert "symbols" in refusal(loop, key, "r2").message
    loop.restart("interface-manager")
    loop.feed(trade("r3", loop.now, strategy_id=key))
    assert loop.result(key, "r3").status == "reconciled"
    loop.feed(trade("r4", loop.now, strategy_id=key))
    assert "order_rate" in refusal(loop, key, "r4").message
    assert len(loop.acted(key)) == 2


def test_a_position_is_what_was_reconciled_and_what_is_added(loop: Loop) -> None:
    key = "limited-by-position"  # it begins with 10 BTC
    assert asked(loop, key, "q1", amount=D("0.02")) == "reconciled"
    assert asked(loop, key, "q2", amount=D("0.001")) == "refused EIM-013"
    assert asked(loop, key, "q3", amount=D("0.01"), side="sell") == "reconciled"
    assert asked(loop, key, "q4", amount=D("0.01")) == "reconciled"
    assert loop.held("binance", key)["binance:BaseToken:BTC"] <= D("10.02")


def test_a_group_is_measured_whole(loop: Loop) -> None:
    key = "limited-together"
    tell(loop)
    legs = [trade(f"g{number}", loop.now, strategy_id=key, amount=D("0.02")) for number in range(2)]
    for leg in group("g", *legs):
        loop.feed(leg)
    assert "leg g1: open_notional" in refusal(loop, key, "g0").message
    assert "leg g1: open_notional" in refusal(loop, key, "g1").message
    assert loop.acted(key) == []


def test_within_its_limits_a_strategy_trades_as_without(loop: Loop) -> None:
    key = "limited-but-kept"
    tell(loop)
    for number in range(4):
        loop.feed(trade(f"k{number}", loop.now, strategy_id=key, side="buy" if number % 2 else "sell"))
    assert [loop.result(key, f"k{number}").outcome for number in range(4)] == ["filled"] * 4
    assert loop.halts(key) == ()
    assert loop.expected(key) == loop.held("binance", key)
