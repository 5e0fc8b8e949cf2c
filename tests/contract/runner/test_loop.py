"""The same scenarios on both runners, judged by what is published alone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tests.contract.runner.kafka_loop import KafkaLoop
from tests.contract.runner.loops import InProcessLoop, Loop, projection

from tightloop.records.types import Delta
from tightloop.testing import action, cancel, command, halt, resume, swap, trade

D = Decimal


def test_an_instruction_is_executed_applied_and_reconciled(loop: Loop, key: str) -> None:
    loop.feed(trade("i1", loop.now, strategy_id=key))
    result = loop.result(key, "i1")
    assert (result.status, result.outcome, result.filled_amount) == ("reconciled", "filled", D("0.01"))
    assert [one.kind for one in loop.records("instructions.binance", key)] == ["adopt", "execute"]
    assert [one.loop_kind for one in loop.records("fills", key)] == ["adopt", "execute"]
    assert [one.position_version for one in loop.records("position_updates", key)] == [1, 2]
    assert [one.status for one in loop.records("reconciliation_results", key)] == ["matched", "matched"]
    assert loop.expected(key) == loop.held("binance", key)


def test_instructions_of_a_key_run_in_their_order_and_of_two_lanes_one_at_a_time(loop: Loop, key: str) -> None:
    loop.feed(trade("i1", loop.now, strategy_id=key))
    loop.feed(action("i2", loop.now, strategy_id=key))
    loop.feed(trade("i3", loop.now, strategy_id=key, side="sell"))
    assert [loop.result(key, name).outcome for name in ("i1", "i2", "i3")] == ["filled", "filled", "filled"]
    assert [one.loop_no for one in loop.records("fills", key)] == [1, 2, 3, 4, 5]
    assert loop.expected(key) == {**loop.held("binance", key), **loop.held("ethereum", key)}


def test_an_answer_that_is_lost_after_the_venue_acted_is_looked_up(loop: Loop, key: str) -> None:
    loop.fault("lost_after", key, operations=("order", "transaction"))
    loop.feed(trade("i1", loop.now, strategy_id=key))
    loop.feed(action("i2", loop.now, strategy_id=key))
    assert [loop.result(key, name).outcome for name in ("i1", "i2")] == ["filled", "filled"]
    assert len(loop.acted(key)) == len(set(loop.acted(key))) == 2


def test_a_request_that_is_lost_on_its_way_is_sent_again_when_it_can_act_no_more(loop: Loop, key: str) -> None:
    loop.fault("lost_before", key, operations=("order",), count=1)
    loop.feed(trade("i1", loop.now, strategy_id=key))
    assert loop.result(key, "i1").outcome == "filled"
    audit = [one for one in loop.records("execution_audit", key) if one.event == "journalled"]
    assert (audit[1].event_time - audit[0].event_time).total_seconds() >= 5.5
    assert len(loop.acted(key)) == 1


def test_a_rejection_leaves_the_positions_and_the_key_goes_on(loop: Loop, key: str) -> None:
    loop.feed(trade("i1", loop.now, strategy_id=key, side="sell", amount=D(100)))
    loop.feed(trade("i2", loop.now, strategy_id=key))
    first = loop.result(key, "i1")
    assert first.error is not None
    assert (first.status, first.outcome, first.error.code) == ("reconciled", "rejected", "EXI-006")
    assert loop.result(key, "i2").outcome == "filled"


def test_a_working_order_is_cancelled_on_request(loop: Loop, key: str) -> None:
    loop.feed(trade("i1", loop.now, strategy_id=key, price=D(1), amount=D(100)))
    loop.eventually(lambda: loop.acted(key), "the order to work")
    loop.feed(cancel("stop", loop.now, "i1", strategy_id=key))
    assert loop.result(key, "i1").outcome == "cancelled"
    assert (loop.result(key, "stop").status, loop.result(key, "stop").outcome) == ("reconciled", "none")


def test_a_working_order_is_cancelled_after_its_timeout(loop: Loop, key: str) -> None:
    loop.feed(trade("i1", loop.now, strategy_id=key, price=D(1), amount=D(100), timeout_ms=2000))
    assert loop.result(key, "i1").outcome == "cancelled"


def test_a_halted_key_refuses_until_it_is_resumed(loop: Loop, key: str) -> None:
    loop.feed(trade("i1", loop.now, strategy_id=key))
    loop.result(key, "i1")
    loop.feed(halt(f"{key}-h", loop.now, strategy_id=key))
    loop.halted(key, "EIM-011")
    loop.feed(trade("i2", loop.now, strategy_id=key))
    assert loop.result(key, "i2").status == "refused"
    loop.feed(resume(f"{key}-r", loop.now, *(one.halt_id for one in loop.halts(key)), strategy_id=key))
    loop.halted(key)
    assert loop.records("instructions.binance", key)[-1].kind == "verify"
    loop.feed(trade("i3", loop.now, strategy_id=key))
    assert loop.result(key, "i3").status == "reconciled"


def test_a_drift_halts_until_it_is_adjusted(loop: Loop, key: str) -> None:
    loop.feed(trade("i1", loop.now, strategy_id=key))
    loop.result(key, "i1")
    loop.drift("binance", key, "binance:BaseToken:BTC", D("0.5"))
    loop.feed(trade("i2", loop.now, strategy_id=key))
    assert (loop.result(key, "i2").status, loop.result(key, "i2").outcome) == ("halted", "filled")
    loop.halted(key, "REC-002")
    explained = (Delta(position_key="binance:BaseToken:BTC", amount=D("0.5"), source="adjustment"),)
    version = loop.records("position_updates", key)[-1].position_version
    loop.feed(
        command(
            "adjust",
            f"{key}-a",
            loop.now,
            strategy_id=key,
            expected_position_version=version,
            deltas=explained,
            venue="binance",
        )
    )
    loop.eventually(lambda: loop.expected(key) == loop.held("binance", key), "the adjustment")
    loop.feed(resume(f"{key}-r", loop.now, *(one.halt_id for one in loop.halts(key)), strategy_id=key))
    loop.halted(key)
    loop.feed(trade("i3", loop.now, strategy_id=key))
    assert loop.result(key, "i3").status == "reconciled"


def test_components_restart_between_and_during_loops(loop: Loop, key: str) -> None:
    loop.feed(trade("i1", loop.now, strategy_id=key))
    for number, component in enumerate(
        ("interface-manager", "executor-binance", "position-update-handler", "reconciliation"), 2
    ):
        loop.restart(component)
        loop.feed(trade(f"i{number}", loop.now, strategy_id=key))
    for number in range(1, 6):
        assert loop.result(key, f"i{number}").outcome == "filled"
    assert loop.expected(key) == loop.held("binance", key)
    assert len(loop.acted(key)) == len(set(loop.acted(key))) == 5


def test_what_expires_in_the_queue_is_told_at_its_time(loop: Loop, key: str) -> None:
    loop.feed(trade("i1", loop.now, strategy_id=key, price=D(1), amount=D(100), timeout_ms=20_000))
    loop.eventually(lambda: loop.acted(key), "the order to work")
    loop.feed(trade("i2", loop.now, strategy_id=key, expires_at=loop.now + timedelta(seconds=3)))
    loop.advance(4)
    assert loop.result(key, "i2").status == "expired"
    assert [one.instruction_id for one in loop.records("instruction_results", key)] == ["i2"]
    loop.advance(20)
    assert loop.result(key, "i1").outcome == "cancelled"


def test_both_runners_publish_the_same(kafka_loop: KafkaLoop) -> None:
    """The same input: the same reports, updates and results, by id, version and amount."""
    key = "equality"
    in_process = InProcessLoop(kafka_loop.start)
    at = kafka_loop.now
    in_process.clock.move_to(at)
    instructions = [
        trade("i1", at, strategy_id=key, amount=D("0.5")),
        trade("i2", at, strategy_id=key, side="sell", amount=D("0.123")),
        action("i3", at, strategy_id=key),
        trade("i4", at, strategy_id=key, side="sell", amount=D(100)),
        trade("i5", at, strategy_id=key, quote_amount=D(1000)),
        action("i6", at, swap("WETH", "USDC", D(3)), swap("USDC", "USDT", D(1000)), strategy_id=key, atomic=True),
        trade("i7", at, strategy_id=key, price=D(10_000_000), amount=D(1), time_in_force="FOK"),
        trade("i8", at, strategy_id=key, amount=D(-1)),
    ]
    for loop in (in_process, kafka_loop):
        for made in instructions:
            loop.feed(made)
        for made in instructions:
            loop.result(key, made.instruction_id)
    assert projection(in_process, key) == projection(kafka_loop, key)
    assert in_process.expected(key) == kafka_loop.expected(key)


def test_the_same_input_gives_the_same_bytes_twice_in_process() -> None:
    digests = set()
    for _ in range(2):
        loop = InProcessLoop()
        loop.fault("lost_before", "s1", probability=0.3)
        for number in range(10):
            made = trade if number % 3 else action
            loop.feed(made(f"i{number}", loop.now))
            loop.advance(1.7)
        loop.advance(100)
        digests.add(loop.driver.digest())
    assert len(digests) == 1
