"""After a restart, or a loop that was given up: nothing is submitted twice, and nothing is left open at the venue."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.unit.handlers.executor.desk import ABSENCE_S, Desk

from tightloop.handlers import calls
from tightloop.records.types import ExecutionReport, ExecutorHead, Instruction, RoutedInstruction
from tightloop.testing import command
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
    desk.venue.on("submit", calls.Refused("EXI-006", "not enough"))
    desk.venue.on("ledger", *[calls.Unavailable("EXI-003", "down")] * 3)
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
    desk.venue.on("ledger", *[calls.Unavailable("EXI-003", "down")] * 7)
    desk.driver.advance(60)
    assert desk.result().outcome == "filled"
    assert desk.books_agree()


def test_a_pause_before_the_next_try_outlasts_a_restart() -> None:
    desk = Desk("ethereum").adopted()
    desk.venue.on("submit", *[calls.NotSent("EXI-003", "no connection", 5.0)] * 2)
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
    desk.venue.on("find", *[calls.Unavailable("EXI-003", "down")] * 3)
    given_up = desk.instruct()
    following = replace(given_up, instruction_id="i2")
    desk.driver.feed(routed(desk, "execute", 4, following), "instructions.binance")
    assert desk.acted() == 1
    desk.driver.advance(10)
    assert desk.acted() == 2
    finals = [(one.loop_no, one.outcome) for one in desk.driver.records("fills") if one.kind == "final"]
    assert finals[-2:] == [(3, "cancelled"), (4, "filled")]


KINDS = ["execute", "verify", "refresh", "adopt"]


def overtake(desk: Desk, kind: str, given_up: Instruction, loop_no: int = 9, *, run: bool = True) -> None:
    """The manager goes on with the key: another loop comes."""
    following = replace(given_up, instruction_id="i2") if kind == "execute" else None
    desk.driver.feed(routed(desk, kind, loop_no, following), f"instructions.{desk.lane}", run=run)


def finals(desk: Desk) -> dict[int, ExecutionReport]:
    return {one.loop_no: one for one in desk.driver.records("fills") if one.kind == "final"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_intent_that_is_being_prepared_and_is_overtaken_is_never_submitted(kind: str) -> None:
    desk = Desk("ethereum").adopted()
    desk.venue.on("prepare", *[calls.Unavailable("EXI-003", "down")] * 2)
    waiting = desk.instruct()
    overtake(desk, kind, waiting)
    desk.driver.advance(15)
    error = finals(desk)[3].error
    assert error is not None
    assert (finals(desk)[3].outcome, error.code) == ("none", "EIM-012")
    assert finals(desk)[9].outcome == ("filled" if kind == "execute" else "none")
    assert desk.acted() == (1 if kind == "execute" else 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lane", LANES)
def test_an_intent_that_pauses_before_its_next_try_and_is_overtaken_is_never_submitted(lane: str, kind: str) -> None:
    desk = Desk(lane).adopted()
    desk.venue.on("submit", calls.NotSent("EXI-002", "slow down", 5.0))
    paused = desk.instruct()
    overtake(desk, kind, paused)
    desk.driver.advance(15)
    assert finals(desk)[3].outcome == "cancelled"
    assert [one.entry.loop_no for one in desk.venue.calls("submit") if one.entry][1:] == [9] * (kind == "execute")


@pytest.mark.parametrize("kind", KINDS)
def test_an_instruction_that_is_read_together_with_the_loop_after_it_is_not_submitted(kind: str) -> None:
    desk = Desk().adopted()
    given_up = replace(desk.driver.records("instructions.binance")[-1].instruction, instruction_id="i1")
    desk.driver.feed(routed(desk, "execute", 8, given_up), "instructions.binance", run=False)
    overtake(desk, kind, given_up, run=False)
    desk.driver.advance(ABSENCE_S + 1)
    assert finals(desk)[8].outcome == "none"
    assert [one.entry.loop_no for one in desk.venue.calls("submit") if one.entry] == [9] * (kind == "execute")


def test_an_order_whose_answer_is_awaited_when_its_loop_is_given_up_is_found_and_cancelled() -> None:
    desk = Desk().adopted()
    desk.instruct(run=False)
    desk.run_until_journalled()

    def overtaken_meanwhile(venue: object, entry: object, gate: object) -> object:
        answer = rests(D("0.25"))(desk.venue, entry, gate)  # type: ignore[arg-type]
        desk.driver.feed(routed(desk, "verify", 9), "instructions.binance", run=False)
        return answer

    desk.venue.on("submit", overtaken_meanwhile)
    desk.driver.advance(5)
    assert (finals(desk)[3].outcome, finals(desk)[9].outcome) == ("partially_filled", "none")
    assert desk.books_agree()


@pytest.mark.parametrize("kind", ["execute", "verify"])
def test_a_reading_that_is_overtaken_ends_and_what_accrued_is_told_once(kind: str) -> None:
    desk = Desk().adopted()
    desk.venue.books.accrue("reward", "USDT", D(5))
    desk.venue.on("ledger", *[calls.Unavailable("EXI-003", "down")] * 2)
    given_up = desk.driver.records("instructions.binance")[-1].instruction
    desk.driver.feed(routed(desk, "verify", 8), "instructions.binance")
    overtake(desk, kind, given_up)
    desk.driver.advance(15)
    error = finals(desk)[8].error
    assert error is not None and error.code == "EIM-012"
    assert finals(desk)[9].outcome == ("filled" if kind == "execute" else "none")
    assert [one.loop_no for one in desk.driver.records("fills") if one.kind == "accrual"] == [9]
    assert desk.books_agree()


def test_an_instruction_whose_loop_a_resume_ended_unverified_is_never_submitted() -> None:
    """A record of its key is poisoned while it is being prepared: the slot is freed, and nothing verifies."""
    desk = Desk("ethereum").adopted()
    desk.venue.on("prepare", *[calls.Unavailable("EXI-003", "down")] * 8)
    desk.instruct()
    desk.driver.feed_bytes("position_updates", b"s1", b"poison")
    halts = tuple(one.halt_id for one in desk.driver.halts())
    desk.driver.feed(command("resume", "r1", desk.driver.now, expected_halt_ids=halts, accept_unverified=True))
    assert (desk.result().status, desk.result().outcome) == ("halted", "unknown")
    desk.driver.advance(30)
    assert desk.acted() == 0
    assert finals(desk)[3].outcome == "cancelled"
    assert [one.outcome for one in desk.driver.results("i1") if one.resolves] == ["cancelled"]
    desk.venue.off("prepare")
    desk.instruct("i2")
    assert desk.result("i2").outcome == "filled"


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
    desk.run_until_journalled()
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
    desk.run_until_journalled()
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


def test_an_account_is_adopted_once_however_often_that_is_dispatched() -> None:
    desk = Desk().adopted()
    before = desk.driver.expected()
    desk.driver.feed(routed(desk, "adopt", 9), "instructions.binance")
    assert desk.driver.expected() == before
    assert desk.books_agree()


def test_what_fell_due_is_asked_for_first_when_the_account_is_verified() -> None:
    """An unknown outcome is part of what the account holds: the verify waits for what the venue says of it."""
    desk = Desk().adopted()
    desk.venue.on("submit", lost(fills()))
    desk.venue.on("find", *[calls.Unavailable("EXI-003", "down")] * 34)
    desk.instruct()
    desk.driver.advance(ABSENCE_S + 170)
    assert (desk.result().outcome, [one.outcome for one in desk.driver.results("i1") if one.resolves]) == (
        "unknown",
        ["filled"],
    )
    assert desk.books_agree()
