"""A cancel reaches into the loop that holds the slot, wherever its intent stands."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from tests.unit.handlers.executor.desk import ABSENCE_S, EVIDENCE_S, SEND_WINDOW_S, Desk

from tightloop.handlers import calls
from tightloop.handlers.executor import intents
from tightloop.records.types import JournalEntry
from tightloop.testing import ScriptedVenue, cancel
from tightloop.testing.scripted import cancels, lost, rests, stalls
from tightloop.venues.adapter import Gate

D = Decimal


TOO_LOW = calls.Refused("EXI-009", "nonce too low")


def ask_for_cancel(desk: Desk, target: str = "i1") -> None:
    desk.driver.feed(cancel(f"stop-{target}", desk.driver.now, target, venue=desk.lane.replace("ethereum", "uniswap")))


def outcomes(desk: Desk) -> tuple[str, str | None, str, str | None]:
    """Of the target and of the cancel itself."""
    target, own = desk.result("i1"), desk.result("stop-i1")
    return target.status, target.outcome, own.status, own.outcome


def test_a_working_order_is_cancelled_and_both_results_are_written_together() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests(D("0.25")))
    desk.instruct()
    ask_for_cancel(desk)
    assert outcomes(desk) == ("reconciled", "partially_filled", "reconciled", "none")
    assert desk.books_agree()


def test_a_cancel_makes_no_loop_and_no_report_of_its_own() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests())
    desk.instruct()
    ask_for_cancel(desk)
    assert len([one for one in desk.driver.records("fills") if one.loop_no == 3]) == 1
    assert desk.driver.head() is not None
    assert desk.driver.head().last_loop_no == 3  # type: ignore[union-attr]


def test_a_cancel_before_the_venue_has_answered_acts_once_the_order_is_shown() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost(rests()))
    desk.venue.on("find", calls.Unavailable("EXI-003", "down"))
    desk.instruct()
    ask_for_cancel(desk)
    assert not desk.venue.calls("cancel")
    desk.driver.advance(1)
    assert outcomes(desk) == ("reconciled", "cancelled", "reconciled", "none")


def test_a_cancel_of_an_order_that_never_reached_the_venue_ends_it_cancelled_without_submitting_again() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    desk.instruct()
    ask_for_cancel(desk)
    desk.driver.advance(ABSENCE_S + 1)
    assert outcomes(desk) == ("reconciled", "cancelled", "reconciled", "none")
    assert desk.acted() == 0


def test_a_cancel_while_the_venue_takes_nothing_ends_it_at_once() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", calls.NotSent("EXI-002", "slow down", 20.0))
    desk.instruct()
    ask_for_cancel(desk)
    desk.driver.advance(0.1)
    assert outcomes(desk) == ("reconciled", "cancelled", "reconciled", "none")


def test_a_cancel_while_it_cannot_be_prepared_ends_it_at_once() -> None:
    desk = Desk("ethereum").adopted()
    desk.venue.on("prepare", *[calls.Unavailable("EXI-003", "down")] * 100)
    desk.instruct()
    ask_for_cancel(desk)
    assert outcomes(desk) == ("reconciled", "cancelled", "reconciled", "none")
    desk.driver.advance(30)
    assert desk.acted() == 0


def test_a_cancel_that_the_gate_holds_back_is_sent_again_and_never_believed() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests())
    desk.instruct()
    desk.venue.on("cancel", stalls(SEND_WINDOW_S + 1))
    ask_for_cancel(desk)
    assert len(desk.venue.calls("cancel")) == 2
    assert outcomes(desk) == ("reconciled", "cancelled", "reconciled", "none")
    assert [order.status for order in desk.venue.books.orders.values()][-1] == "cancelled"


def test_an_order_that_filled_before_its_cancel_is_filled() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests())
    desk.instruct()
    desk.venue.on("cancel", lambda venue, entry, gate: [fills_rest(desk), calls.Refused("EXI-007", "too late")][1])
    ask_for_cancel(desk)
    assert outcomes(desk) == ("reconciled", "filled", "reconciled", "none")
    assert desk.books_agree()


def fills_rest(desk: Desk) -> None:
    order = list(desk.venue.books.orders.values())[-1]
    desk.venue.books.fill(order, order.remaining)


def test_a_cancel_whose_answer_is_lost_is_looked_up() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests())
    desk.instruct()
    desk.venue.on("cancel", lost(cancels()))
    ask_for_cancel(desk)
    assert outcomes(desk) == ("reconciled", "cancelled", "reconciled", "none")
    assert len(desk.venue.calls("cancel")) == 1


def test_a_cancel_that_was_lost_is_sent_again_after_its_send_window() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests())
    desk.instruct()
    desk.venue.on("cancel", lost())
    ask_for_cancel(desk)
    desk.driver.advance(SEND_WINDOW_S - 1)
    assert len(desk.venue.calls("cancel")) == 1
    desk.driver.advance(3)
    assert len(desk.venue.calls("cancel")) == 2
    assert outcomes(desk) == ("reconciled", "cancelled", "reconciled", "none")


def test_an_order_that_stays_open_against_every_cancel_ends_unknown() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests())
    desk.instruct()
    desk.venue.on("cancel", *[lost()] * 1000)
    ask_for_cancel(desk)
    desk.driver.advance(EVIDENCE_S + 2 * (ABSENCE_S + 2))
    assert (desk.result().status, desk.result().outcome) == ("halted", "unknown")
    assert desk.result("stop-i1").status == "reconciled"


def test_an_executor_that_stood_still_past_the_deadline_of_its_cancel_cancels_once_more() -> None:
    def too_late(venue: ScriptedVenue, entry: JournalEntry, gate: Gate) -> calls.NotSent:
        gate.pass_through()
        venue.clock.advance(EVIDENCE_S + 1)
        return calls.NotSent("EXI-006", "signed too long ago")

    desk = Desk().adopted()
    desk.venue.on("submit", rests())
    desk.instruct()
    desk.venue.on("cancel", too_late)
    ask_for_cancel(desk)
    desk.driver.advance(5)
    assert outcomes(desk) == ("reconciled", "cancelled", "reconciled", "none")
    assert len(desk.venue.calls("cancel")) == 2


def test_a_restart_in_the_middle_of_a_cancel_cancels_on() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests())
    desk.instruct()
    desk.driver.feed(cancel("stop-i1", desk.driver.now, "i1"), run=False)
    while "cancel_requested" not in desk.audit():
        assert desk.driver.run(1)
    desk.driver.restart(desk.component)
    desk.driver.advance(SEND_WINDOW_S + 3)
    assert outcomes(desk) == ("reconciled", "cancelled", "reconciled", "none")


def test_a_pending_transaction_is_cancelled_by_an_empty_one_that_takes_its_nonce() -> None:
    desk = Desk("ethereum").adopted()
    desk.venue.on("submit", rests())
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=600))
    ask_for_cancel(desk)
    desk.driver.advance(5)
    assert outcomes(desk) == ("reconciled", "cancelled", "reconciled", "none")
    assert desk.nonces() == [1, 1] and desk.books_agree()
    first, second = (one.entry.submissions[-1] for one in desk.venue.calls("submit") if one.entry)
    assert (first.kind, second.kind, second.transaction.data) == ("first", "cancel", b"")
    assert second.transaction.max_fee_per_gas >= first.transaction.max_fee_per_gas * D("1.1")
    desk.instruct("i2")
    assert (desk.result("i2").outcome, desk.nonces()[-1]) == ("filled", 2)


def test_a_transaction_that_is_mined_before_its_cancel_comes_counts() -> None:
    desk = Desk("ethereum").adopted()
    desk.venue.on("submit", rests(), lambda venue, entry, gate: [fills_rest(desk), TOO_LOW][1])
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=600))
    ask_for_cancel(desk)
    desk.driver.advance(5)
    assert outcomes(desk) == ("reconciled", "filled", "reconciled", "none")
    assert desk.books_agree()


def test_a_cancel_that_would_cost_too_much_leaves_the_transaction_to_be_mined() -> None:
    desk = Desk("ethereum").adopted()
    desk.venue.on("submit", rests())
    desk.venue.on("replace", *[calls.Refused("EXI-010", "above max_fee")] * 100)
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=600))
    ask_for_cancel(desk)
    desk.driver.advance(30)
    fills_rest(desk)
    desk.driver.advance(5)
    assert outcomes(desk) == ("reconciled", "filled", "reconciled", "none")
    assert len(desk.venue.calls("replace")) < 5


def test_an_order_of_very_many_fills_is_cancelled_and_none_of_them_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what the journal holds of it, and what the venue answers, stays within bounds."""
    monkeypatch.setattr(intents, "MOST_FILLS", 3)
    desk = Desk().adopted()
    desk.venue.on("submit", rests(D("0.1"), D("0.1"), D("0.1")))
    desk.instruct()
    assert (desk.result().status, desk.result().outcome) == ("reconciled", "partially_filled")
    assert desk.result().filled_amount == D("0.3") and desk.books_agree()
    assert len(desk.venue.calls("cancel")) == 1


def test_an_order_of_fewer_fills_works_on_and_its_journal_names_only_its_last_report() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests(D("0.1"), D("0.1"), D("0.1")))
    desk.instruct()
    entry = desk.intent()
    assert entry is not None and not desk.venue.calls("cancel")
    assert (len(entry.reported_entries), len(entry.report_ids)) == (3, 1)
    assert entry.report_ids == (desk.reports()[-1].report_id,)
