"""An answer is as old as its question, by whichever clock is behind; and clocks that differ submit nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.handlers.executor.desk import ABSENCE_S, EVIDENCE_S, SEND_WINDOW_S, Desk

from tightloop.handlers import calls
from tightloop.records.types import ExecutionReport
from tightloop.runners.clock_check import ClockCheck
from tightloop.testing import cancel
from tightloop.testing.driver import START
from tightloop.testing.scripted import lost, rests

LATE_S = ABSENCE_S + 0.5
DOWN = calls.Unavailable("EXI-003", "down")


def handled_late(desk: Desk, answer: Callable[[Any], Any], seconds: float = LATE_S) -> Callable[..., Any]:
    """The venue answers at once, and the answer is handled so much later: a slow commit, a stop of the process."""

    def behave(venue: Any, entry: Any, gate: Any) -> Any:
        answered = answer(entry)
        desk.clock.advance(seconds)
        return answered

    return behave


def skew(desk: Desk, seconds: float) -> None:
    desk.venue.own_clock.skew = timedelta(seconds=seconds)


def corrections(desk: Desk) -> list[ExecutionReport]:
    return [one for one in desk.driver.records("fills") if one.kind == "correction"]


def submissions(desk: Desk) -> int:
    return len(desk.venue.calls("submit"))


# --- handled late -----------------------------------------------------------------------------------------------------


def test_an_early_not_found_that_is_handled_late_is_no_evidence() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    desk.venue.on("find", handled_late(desk, desk.venue.books.find), DOWN)
    desk.instruct()
    assert submissions(desk) == 1
    desk.driver.advance(3)  # asked again, and that counts
    assert submissions(desk) == 2
    assert desk.acted() == 1


def test_an_order_that_is_not_found_early_and_judged_late_does_not_expire_while_it_works() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())

    def arrives_after_the_question(entry: Any) -> Any:
        answer = desk.venue.books.find(entry)
        desk.venue.books.open(entry)
        return answer

    desk.venue.on("find", handled_late(desk, arrives_after_the_question))
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=5))
    desk.driver.advance(3)
    assert (desk.result().status, desk.result().outcome) == ("reconciled", "cancelled")
    assert [order.status for order in desk.venue.books.orders.values()][-1] == "cancelled"


def test_an_unknown_outcome_is_resolved_by_not_found_only_when_it_counts_by_the_venues_clock_too() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    desk.venue.on("find", *[DOWN] * 5000)
    desk.instruct()
    desk.driver.advance(EVIDENCE_S + 100)
    entry = desk.intent()
    assert entry is not None and entry.status == "unknown"
    counts_at = entry.journalled_at + timedelta(seconds=ABSENCE_S)
    desk.venue.off("find")
    desk.venue.on("find", calls.NotFound(counts_at - timedelta(milliseconds=1)), calls.NotFound(counts_at))
    asked = len(desk.venue.calls("find"))
    while len(desk.venue.calls("find")) == asked:
        desk.driver.advance(1)
    assert not corrections(desk)
    desk.driver.advance(100)
    assert [one.outcome for one in corrections(desk)] == ["none"]


def test_an_answer_from_before_the_deadline_that_is_handled_after_it_does_not_end_the_loop_unknown() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost(rests()))
    desk.venue.on("find", handled_late(desk, lambda entry: DOWN, EVIDENCE_S + 10))
    desk.instruct()
    assert not desk.driver.results("i1")
    desk.driver.advance(1)
    assert "unknown" not in desk.audit()
    entry = desk.intent()
    assert entry is not None and entry.status == "working"


def test_an_order_seen_open_before_its_cancel_can_have_come_is_not_cancelled_again() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests())
    desk.instruct()
    desk.venue.on("cancel", lost())
    desk.venue.on("find", handled_late(desk, desk.venue.books.find, SEND_WINDOW_S + 1), DOWN)
    desk.driver.feed(cancel("stop-i1", desk.driver.now, "i1"))
    assert len(desk.venue.calls("cancel")) == 1
    desk.driver.advance(5)
    assert len(desk.venue.calls("cancel")) == 2
    assert desk.result().outcome == "cancelled"


def test_a_nonce_that_a_shallow_block_uses_proves_nothing_until_it_is_deep_enough() -> None:
    desk = Desk("ethereum").adopted()
    shallow = lambda venue, entry, gate: calls.NotFound(venue.clock.now(), nonce=2, settled_nonce=1, block_number=7)  # noqa: E731
    desk.venue.on("submit", calls.Refused("EXI-009", "nonce too low"))
    desk.venue.on("find", *[shallow] * 3)
    desk.instruct()
    desk.driver.advance(0.5)
    assert not desk.driver.results("i1") and submissions(desk) == 1
    desk.venue.books.nonce = 2
    desk.driver.advance(5)
    result = desk.result()
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("reconciled", "rejected", "EXI-009")


def test_a_chain_that_does_not_find_and_does_not_tell_the_nonce_says_nothing() -> None:
    desk = Desk("ethereum").adopted()
    desk.venue.on("submit", lost())
    desk.venue.on("find", *[lambda venue, entry, gate: calls.NotFound(venue.clock.now())] * 5000)
    desk.instruct()
    desk.driver.advance(EVIDENCE_S + 5)
    assert submissions(desk) == 1
    assert (desk.result().status, desk.result().outcome) == ("halted", "unknown")


# --- clocks that differ -----------------------------------------------------------------------------------------------


def test_by_a_venues_clock_that_lags_not_found_counts_later_and_nothing_is_submitted_again() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    desk.venue.on("find", lambda venue, entry, gate: [skew(desk, -30), venue.books.find(entry)][1])
    desk.instruct()
    desk.driver.advance(ABSENCE_S + 29)
    assert submissions(desk) == 1
    assert not desk.driver.results("i1")
    desk.driver.advance(4)
    error = desk.result().error
    assert error is not None
    assert (desk.result().status, desk.result().outcome, error.code) == ("reconciled", "none", "EXI-015")
    assert "30.000 s ahead of" in error.message
    assert submissions(desk) == 1, "the adapter was not even asked"


def test_a_venues_clock_that_never_gets_there_ends_the_loop_unknown_and_says_by_how_much_it_lags() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    desk.venue.on("find", lambda venue, entry, gate: [skew(desk, -1000), venue.books.find(entry)][1])
    desk.instruct()
    desk.driver.advance(EVIDENCE_S + 5)
    error = desk.result().error
    assert error is not None
    assert (desk.result().status, desk.result().outcome, error.code) == ("halted", "unknown", "EXI-005")
    assert "the venue's clock is 1000.000 s behind ours" in error.message
    assert len(desk.venue.calls("find")) < 60
    assert submissions(desk) == 1


def test_a_venues_clock_that_stands_still_just_before_it_counts_is_asked_with_pauses() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    stands_at = desk.driver.now + timedelta(seconds=ABSENCE_S - 0.001)
    desk.venue.on("find", *[calls.NotFound(stands_at)] * 5000)
    desk.instruct()
    desk.driver.advance(EVIDENCE_S + 5)
    assert desk.result().outcome == "unknown"
    assert len(desk.venue.calls("find")) < 300


def test_by_a_venues_clock_that_leads_our_own_decides() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    desk.venue.on("find", lambda venue, entry, gate: [skew(desk, 6), venue.books.find(entry)][1])
    desk.instruct()
    desk.driver.advance(ABSENCE_S - 0.01)
    assert not desk.driver.results("i1")
    desk.driver.advance(0.1)
    error = desk.result().error
    assert error is not None
    assert (desk.result().outcome, error.code) == ("none", "EXI-015")
    assert "6.000 s behind the one of binance" in error.message


@pytest.mark.parametrize(("seconds", "how"), [(-0.6, "0.600 s ahead of"), (0.6, "0.600 s behind")])
def test_by_a_clock_that_differs_nothing_is_submitted_until_it_is_set_right(seconds: float, how: str) -> None:
    desk = Desk()
    skew(desk, seconds)
    desk.instruct()
    error = desk.result().error
    assert error is not None
    assert (desk.result().status, desk.result().outcome, error.code) == ("reconciled", "none", "EXI-015")
    assert how in error.message
    skew(desk, 0)
    desk.instruct("i2")
    desk.instruct("i3")
    assert "filled" in (desk.result("i2").outcome, desk.result("i3").outcome)
    assert desk.result("i3").outcome == "filled"


@pytest.mark.parametrize("seconds", [-0.4, 0.4])
def test_clocks_that_agree_to_within_the_margin_are_no_fault(seconds: float) -> None:
    desk = Desk()
    skew(desk, seconds)
    desk.instruct()
    assert desk.result().outcome == "filled"


def test_a_venue_that_finds_our_signed_time_ahead_of_its_own_ends_the_loop_at_once() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", calls.NotSent("EXI-015", "future_timestamp: signed ahead"))
    desk.instruct()
    error = desk.result().error
    assert error is not None
    assert (desk.result().status, desk.result().outcome, error.code) == ("reconciled", "none", "EXI-015")
    assert desk.acted() == 0


def test_a_broadcast_that_may_have_left_is_not_called_nothing_because_clocks_differ() -> None:
    desk = Desk("ethereum").adopted()
    desk.venue.on("submit", lost())
    desk.venue.on("find", lambda venue, entry, gate: [skew(desk, 6), venue.books.find(entry)][1])
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=20))
    desk.driver.advance(20 + EVIDENCE_S + 5)
    assert (desk.result().status, desk.result().outcome) == ("halted", "unknown")
    assert submissions(desk) == 1


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("as_of", "fault"), [(-0.51, "ahead of"), (-0.5, None), (0, None), (8, None), (8.5, None), (8.51, "behind")]
)
def test_a_clock_is_at_fault_only_where_no_delay_of_the_answer_explains_it(as_of: float, fault: str | None) -> None:
    """An answer that took eight seconds was made at some time within them."""
    check = ClockCheck("binance", seconds(0.5), block_time=False)
    check.heard(START + seconds(as_of), START, START + seconds(8))
    assert (fault in check.fault) if check.fault and fault else (check.fault is fault)


def test_the_time_of_a_block_is_always_old_and_shows_no_clock_that_is_ahead() -> None:
    check = ClockCheck("ethereum", seconds(0.5), block_time=True)
    check.heard(START - seconds(12), START, START)
    assert check.fault is None
    check.heard(START + seconds(1), START, START)
    assert check.fault is not None
