"""What a restart, or a loop that was given up, leaves behind: nothing is submitted twice, nothing is left running."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.unit.handlers.executor.desk import ABSENCE_S, Desk

from tightloop.handlers import effects as fx
from tightloop.records.types import ExecutorHead, Instruction, RoutedInstruction
from tightloop.testing.scripted import fills, lost, rests

D = Decimal
LANES = ["binance", "ethereum"]


def routed(desk: Desk, kind: str, loop_no: int, instruction: Instruction | None = None) -> RoutedInstruction:
    """As the manager would dispatch it."""
    last = desk.driver.records(f"instructions.{desk.lane}")[-1]
    return replace(
        last,
        kind=kind,
        loop_no=loop_no,
        instruction=instruction,
        dispatched_at=desk.driver.now,
        not_after=desk.driver.now + timedelta(minutes=5),
    )


@pytest.mark.parametrize("lane", LANES)
def test_a_refused_order_is_not_submitted_again_by_a_successor(lane: str) -> None:
    desk = Desk(lane).adopted()
    desk.venue.on("submit", fx.Refused("EXI-006", "not enough"))
    desk.venue.on("ledger", *[fx.Unavailable("EXI-003", "down")] * 3)
    desk.instruct()
    assert desk.intent() is not None
    desk.driver.restart(desk.component)
    desk.driver.advance(60)
    assert desk.result().outcome == "rejected"
    assert desk.acted() == 0
    assert len(desk.venue.calls("submit")) == 1


def test_a_ledger_that_cannot_be_read_does_not_keep_the_clock_spinning() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests(D("0.5")))
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=5))
    order = list(desk.venue.books.orders.values())[-1]
    desk.venue.books.fill(order, D("0.5"))
    desk.venue.books.accrue("reward", "USDT", D(1))
    desk.venue.on("ledger", *[fx.Unavailable("EXI-003", "down")] * 7)
    desk.driver.advance(60)
    assert desk.result().outcome == "filled"
    assert desk.books_agree()


def test_a_pause_before_the_next_try_outlasts_a_restart() -> None:
    desk = Desk("ethereum").adopted()
    desk.venue.on("submit", *[fx.NotSent("EXI-003", "no connection", 5.0)] * 2)
    desk.instruct()
    desk.driver.restart(desk.component)
    assert not desk.venue.calls("find")
    desk.driver.advance(20)
    assert desk.result().outcome == "filled"


@pytest.mark.parametrize("kind", ["verify", "refresh"])
def test_an_order_of_a_loop_that_was_given_up_is_cancelled_before_its_account_is_read(kind: str) -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests(D("0.25")))
    desk.instruct()
    desk.venue.asked.clear()
    desk.driver.feed(routed(desk, kind, 4), "instructions.binance")
    assert [one.method for one in desk.venue.asked][:2] == ["cancel", "ledger"]
    finals = [(one.loop_no, one.outcome) for one in desk.driver.records("fills") if one.kind == "final"]
    assert finals[-2:] == [(3, "partially_filled"), (4, "none")]
    assert desk.books_agree()


def test_the_next_instruction_waits_until_an_order_that_was_given_up_is_over() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost(rests()))
    desk.venue.on("find", *[fx.Unavailable("EXI-003", "down")] * 3)
    given_up = desk.instruct()
    following = replace(given_up, instruction_id="i2")
    desk.driver.feed(routed(desk, "execute", 4, following), "instructions.binance")
    assert desk.acted() == 1
    desk.driver.advance(10)
    assert desk.acted() == 2
    finals = [(one.loop_no, one.outcome) for one in desk.driver.records("fills") if one.kind == "final"]
    assert finals[-2:] == [(3, "cancelled"), (4, "filled")]


def test_an_instruction_that_waits_and_is_overtaken_ends_without_being_submitted() -> None:
    desk = Desk("ethereum").adopted()
    desk.venue.on("submit", fx.Refused("EXI-010", "gas"))
    desk.instruct("i0")
    desk.venue.on("nonce", *[fx.Unavailable("EXI-003", "down")] * 2)
    waiting = desk.instruct()
    desk.driver.feed(routed(desk, "execute", 5, replace(waiting, instruction_id="i2")), "instructions.ethereum")
    desk.driver.advance(5)
    finals = {one.loop_no: one for one in desk.driver.records("fills") if one.kind == "final"}
    assert finals[4].outcome == "none"
    assert finals[4].error is not None
    assert finals[4].error.code == "EIM-012"
    assert finals[5].outcome == "filled"
    assert desk.acted() == 1


@pytest.mark.parametrize("lane", LANES)
def test_a_loop_number_that_is_not_above_the_last_is_refused_and_submits_nothing(lane: str) -> None:
    desk = Desk(lane).adopted()
    again = desk.driver.records(f"instructions.{lane}")[-1]
    desk.driver.feed(again, f"instructions.{lane}")
    assert [letter.error.code for letter in desk.driver.dead_letters()] == ["EXI-014"]
    assert desk.acted() == 0
    assert [halt.code for halt in desk.driver.halts()] == ["EXI-014"]


@pytest.mark.parametrize("while_open", [True, False])
def test_a_successor_knows_the_loop_by_its_intent_and_after_it_by_the_head(while_open: bool) -> None:
    """The journal's transaction writes the intent alone."""
    desk = Desk().adopted()
    again = desk.instruct(run=False)
    while desk.intent() is None:
        assert desk.driver.run(1)
    head = desk.driver.runner.state(desk.component, "s1", "head", ExecutorHead)
    assert head is not None and head.last_loop_no == 2
    if not while_open:
        desk.driver.run()
        assert desk.intent() is None
    desk.driver.restart(desk.component)
    desk.driver.feed(routed(desk, "execute", 3, again), "instructions.binance")
    desk.driver.advance(ABSENCE_S + 1)
    assert [letter.error.code for letter in desk.driver.dead_letters()] == ["EXI-014"]
    assert desk.acted() == 1


def test_what_was_journalled_is_told_with_what_came_of_it_and_after_a_restart_too() -> None:
    desk = Desk().adopted()
    desk.instruct(run=False)
    while desk.intent() is None:
        assert desk.driver.run(1)
    entry = desk.intent()
    assert entry is not None and desk.audit() == []
    desk.clock.advance(1)
    desk.driver.restart(desk.component, calls="lost")
    desk.driver.run()
    first = next(one for one in desk.driver.records("execution_audit") if one.instruction_id == "i1")
    assert (first.event, first.event_time) == ("journalled", entry.journalled_at)
    desk.driver.advance(ABSENCE_S + 1)
    assert desk.result().outcome == "filled"
    assert desk.audit() == ["journalled", "not_found", "journalled", "finished"]


def test_a_loop_of_another_lane_is_refused() -> None:
    desk = Desk().adopted()
    desk.driver.feed(replace(routed(desk, "verify", 9), lane="okx"), "instructions.binance")
    assert [letter.error.code for letter in desk.driver.dead_letters()] == ["EXI-013"]


def test_an_account_is_taken_over_once_whoever_asks_again() -> None:
    desk = Desk().adopted()
    before = desk.driver.expected()
    desk.driver.feed(routed(desk, "adopt", 9), "instructions.binance")
    assert desk.driver.expected() == before
    assert desk.books_agree()


def test_what_fell_due_is_asked_for_first_when_the_account_is_verified() -> None:
    """An unknown outcome is part of what the account holds: the verify waits for what the venue says of it."""
    desk = Desk().adopted()
    desk.venue.on("submit", lost(fills()))
    desk.venue.on("find", *[fx.Unavailable("EXI-003", "down")] * 34)
    desk.instruct()
    desk.driver.advance(ABSENCE_S + 170)
    assert (desk.result().outcome, [one.outcome for one in desk.driver.results("i1") if one.resolves]) == (
        "unknown",
        ["filled"],
    )
    assert desk.books_agree()
