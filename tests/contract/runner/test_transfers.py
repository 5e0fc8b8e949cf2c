"""Transfers on both runners, judged by what is published and by the venues' books."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.contract.runner.loops import Loop

from tightloop.testing import trade, transfer

D = Decimal
WAYS = [("wallet", "binance:spot"), ("binance:spot", "wallet")]


def under_way(loop: Loop, key: str) -> list[str]:
    return [position for position in loop.expected(key) if position.startswith("transit:")]


def assert_sound(loop: Loop, key: str) -> None:
    assert under_way(loop, key) == []
    assert loop.expected(key) == {**loop.held("binance", key), **loop.held("ethereum", key)}
    assert len(loop.acted(key)) == len(set(loop.acted(key)))
    assert not loop.halts(key)


@pytest.mark.parametrize(("source", "destination"), WAYS)
def test_a_transfer_goes_by_way_of_transit_and_ends_when_it_has_arrived(
    loop: Loop, key: str, source: str, destination: str
) -> None:
    loop.feed(transfer("t1", loop.now, "USDT", D(1000), strategy_id=key, source=source, destination=destination))
    loop.feed(trade("i1", loop.now, strategy_id=key))
    result = loop.result(key, "t1")
    assert (result.status, result.outcome, result.filled_amount) == ("reconciled", "filled", 1000)
    assert loop.result(key, "i1").outcome == "filled"
    kinds = [one.kind for one in loop.records("fills", key) if one.instruction_id == "t1"]
    assert kinds == ["working", "working", "final"]
    assert_sound(loop, key)


@pytest.mark.parametrize(("source", "destination"), WAYS)
def test_with_on_debit_the_key_goes_on_before_it_has_arrived(
    loop: Loop, key: str, source: str, destination: str
) -> None:
    loop.fault("arrives_late", key, delay_s=30.0, count=1)
    loop.feed(
        transfer(
            "t1", loop.now, "USDT", D(1000), strategy_id=key, source=source, destination=destination, release="on_debit"
        )
    )
    assert loop.result(key, "t1").outcome == "filled"
    assert under_way(loop, key)
    loop.feed(trade("i1", loop.now, strategy_id=key))
    assert loop.result(key, "i1").outcome == "filled"
    loop.eventually(lambda: not under_way(loop, key), "the arrival")
    loop.feed(trade("i2", loop.now, strategy_id=key))
    assert loop.result(key, "i2").status == "reconciled"
    assert [one.kind for one in loop.records("fills", key) if one.instruction_id == "t1"] == [
        "working",
        "final",
        "correction",
    ]
    assert_sound(loop, key)


@pytest.mark.parametrize(("source", "destination"), WAYS)
def test_executors_restart_between_debit_and_arrival(loop: Loop, key: str, source: str, destination: str) -> None:
    loop.fault("arrives_late", key, delay_s=20.0, count=1)
    loop.fault("lost_after", key, operations=("transfer", "transaction"), count=1)
    loop.feed(transfer("t1", loop.now, "USDT", D(1000), strategy_id=key, source=source, destination=destination))
    loop.eventually(lambda: under_way(loop, key), "the debit")
    for lane in ("binance", "ethereum"):
        loop.restart(f"executor-{lane}")
    assert loop.result(key, "t1").outcome == "filled"
    assert_sound(loop, key)


def test_one_that_cannot_be_is_rejected_and_nothing_moves(loop: Loop, key: str) -> None:
    loop.feed(transfer("t1", loop.now, "DAI", D(1000), strategy_id=key, destination="binance"))
    loop.feed(transfer("t2", loop.now, "USDT", D(1000), strategy_id=key, destination="okx"))
    first, second = loop.result(key, "t1"), loop.result(key, "t2")
    assert first.error is not None
    assert second.error is not None
    assert (first.status, first.error.code) == ("reconciled", "EXI-013")
    assert (second.status, second.error.code) == ("refused", "EIM-002")
    assert loop.acted(key) == []
    assert_sound(loop, key)
