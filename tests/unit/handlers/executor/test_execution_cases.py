"""The numbered execution cases of every venue: how the intent ended, and that it acted once at most.

Each runs on an exchange (a late request is fenced by its signed time) and on a chain (by the wallet's nonce), through
the whole loop: the venue answers what the case says, positions are verified with its books.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from tests.unit.handlers.executor.desk import ABSENCE_S, EVIDENCE_S, Desk

from tightloop.handlers import calls
from tightloop.testing.scripted import fills, lost, rests, reverts, stalls

LANES = ["binance", "ethereum"]
D = Decimal


@pytest.fixture(params=LANES)
def desk(request: pytest.FixtureRequest) -> Desk:
    return Desk(request.param).adopted()


def test_401_accepted_and_filled(desk: Desk) -> None:
    desk.instruct()
    assert (desk.result().status, desk.result().outcome) == ("reconciled", "filled")
    assert desk.acted() == 1
    assert desk.books_agree()


def test_402_rejected_for_certain_ends_the_loop_and_the_key_goes_on(desk: Desk) -> None:
    desk.venue.on("submit", calls.Refused("EXI-006", "not enough"))
    desk.instruct()
    result = desk.result()
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("reconciled", "rejected", "EXI-006")
    assert desk.acted() == 0
    desk.instruct("i2")
    assert desk.result("i2").outcome == "filled"
    assert not desk.driver.halts()


def test_403_partially_filled_then_cancelled_by_the_venue() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", fills(D("0.25"), D("0.25")))
    desk.instruct()
    assert (desk.result().outcome, desk.result().filled_amount) == ("partially_filled", D("0.5"))
    assert [one.kind for one in desk.reports()] == ["working", "final"]
    assert sum(one.amount for one in desk.reports()) == D("0.5")
    assert desk.books_agree()


def test_404_answer_lost_but_filled_is_found_and_not_repeated(desk: Desk) -> None:
    desk.venue.on("submit", lost(fills()))
    desk.instruct()
    assert desk.result().outcome == "filled"
    assert desk.acted() == 1
    assert "ambiguous" in desk.audit()
    assert desk.books_agree()


def test_405_answer_lost_and_nothing_done_is_submitted_again_under_the_same_id(desk: Desk) -> None:
    desk.venue.on("submit", lost())
    desk.instruct()
    desk.driver.advance(ABSENCE_S + 1)
    assert desk.result().outcome == "filled"
    submitted = [one.entry for one in desk.venue.calls("submit") if one.entry]
    assert len({entry.client_order_id for entry in submitted}) == 1
    assert [[one.sent_count for one in entry.submissions] for entry in submitted] == [[1], [2]]
    assert desk.acted() == 1


def test_406_not_found_is_no_evidence_before_every_window_has_passed() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    desk.instruct()
    desk.driver.advance(ABSENCE_S - 0.01)
    assert len(desk.venue.calls("submit")) == 1
    assert len(desk.venue.calls("find")) > 1
    desk.driver.advance(0.1)
    assert len(desk.venue.calls("submit")) == 2


def test_407_a_duplicate_submission_is_not_a_second_order(desk: Desk) -> None:
    """The venue says that it knows the order already: that proves nothing but that it must be looked up."""
    desk.venue.on("submit", lambda venue, entry, gate: [fills()(venue, entry, gate), calls.Ambiguous("duplicate")][1])
    desk.instruct()
    assert desk.result().outcome == "filled"
    assert desk.acted() == 1


def test_408_restart_with_an_open_order_finds_it_and_waits_on() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests(D("0.25")))
    desk.instruct()
    desk.driver.restart(desk.component)
    order = next(iter(desk.venue.books.orders.values()))
    desk.venue.books.fill(list(desk.venue.books.orders.values())[-1], D("0.75"))
    desk.driver.advance(5)
    assert order is not None
    assert (desk.result().outcome, desk.result().filled_amount) == ("filled", D(1))
    assert desk.acted() == 1
    assert [one.amount for one in desk.reports() if one.amount] == [D("0.25"), D("0.75")]


@pytest.mark.parametrize("calls", ["lost", "performed"])
def test_409_restart_between_journal_and_answer_asks_the_venue(desk: Desk, calls: str) -> None:
    desk.instruct(run=False)
    desk.run_until_journalled()
    desk.driver.restart(desk.component, calls=calls)  # type: ignore[arg-type]
    desk.driver.advance(ABSENCE_S + 1)
    assert desk.result().outcome == "filled"
    assert desk.acted() == 1
    assert desk.books_agree()


def test_410_gate_closed_journals_again_and_submits_once(desk: Desk) -> None:
    desk.venue.on("submit", stalls(4))  # longer than the send window
    desk.instruct()
    assert desk.result().outcome == "filled"
    assert desk.audit().count("journalled") == 2
    assert "gate_closed" in desk.audit()
    assert desk.acted() == 1


def test_411_expired_between_journal_and_call_is_not_submitted(desk: Desk) -> None:
    desk.venue.on("submit", stalls(11))
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=10))
    result = desk.result()
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("expired", "none", "EIM-010")
    assert desk.acted() == 0


def test_412_expired_while_the_answer_is_looked_for_is_not_submitted_again() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=2))
    desk.driver.advance(ABSENCE_S + 1)
    assert desk.result().status == "expired"
    assert desk.acted() == 0


def test_413_a_chain_cannot_tell_that_a_broadcast_is_gone_while_its_nonce_is_free() -> None:
    """The same on a chain ends unknown: whatever was broadcast may still be mined."""
    desk = Desk("ethereum").adopted()
    desk.venue.on("submit", *[lost()] * 50)
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=2))
    desk.driver.advance(EVIDENCE_S + 40)
    assert (desk.result().status, desk.result().outcome) == ("halted", "unknown")


def test_414_without_evidence_by_the_deadline_the_outcome_is_unknown_and_the_key_halts(desk: Desk) -> None:
    desk.venue.on("submit", lost(fills()))
    desk.venue.on("find", *[calls.Unavailable("EXI-003", "down")] * 1000)
    desk.instruct()
    desk.driver.advance(EVIDENCE_S - 1)
    assert not desk.driver.results("i1")
    desk.driver.advance(100)  # positions are compared for 30 s, verified once, compared again
    result = desk.result()
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("halted", "unknown", "REC-002")
    assert {halt.code for halt in desk.driver.halts()} == {"REC-002", "EXI-005"}


def test_415_an_unknown_outcome_is_watched_until_the_venue_tells() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    desk.venue.on("find", *[calls.Unavailable("EXI-003", "down")] * 40)
    desk.instruct()
    desk.driver.advance(EVIDENCE_S + 5)
    assert (desk.result().status, desk.result().outcome) == ("halted", "unknown")
    assert [halt.code for halt in desk.driver.halts()] == ["EXI-005"]
    desk.driver.restart(desk.component)
    desk.driver.advance(900)
    later = [one for one in desk.driver.results("i1") if one.resolves]
    assert [(one.status, one.outcome) for one in later] == [("reconciled", "none")]
    assert desk.acted() == 0


def test_416_a_transaction_that_reverts_costs_its_gas_alone() -> None:
    desk = Desk("ethereum").adopted()
    desk.venue.on("submit", reverts())
    desk.instruct()
    result = desk.result()
    assert result.error is not None
    assert (result.outcome, result.error.code) == ("rolled_back", "EXI-008")
    assert desk.books_agree()


def test_417_a_venue_that_takes_nothing_is_asked_until_the_instruction_expires(desk: Desk) -> None:
    desk.venue.on("submit", *[calls.NotSent("EXI-002", "slow down", 1.0)] * 1000)
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=90))
    desk.driver.advance(89)
    assert not desk.driver.results("i1")
    desk.driver.advance(2)
    result = desk.result()
    assert result.error is not None
    assert (result.status, result.outcome) == ("expired", "none")
    assert "EXI-002" in result.error.message
    assert 40 < len(desk.venue.calls("submit")) < 100
    assert not desk.driver.halts()


def test_418_a_working_order_is_cancelled_after_its_timeout_and_what_filled_counts() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests(D("0.25")))
    desk.instruct(timeout_ms=10_000)
    desk.driver.advance(9)
    assert not desk.venue.calls("cancel")
    desk.driver.advance(2)
    assert (desk.result().status, desk.result().outcome) == ("reconciled", "partially_filled")
    assert desk.result().filled_amount == D("0.25")
    assert desk.books_agree()


def test_419_a_working_order_without_a_timeout_is_cancelled_when_it_expires() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests())
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=100))
    desk.driver.advance(99)
    assert not desk.driver.results("i1")
    desk.driver.advance(2)
    assert desk.result().outcome == "cancelled"


def test_420_accruals_between_fills_are_reports_of_their_own(desk: Desk) -> None:
    desk.venue.books.accrue("reward", "USDT", D(5))
    desk.instruct()
    assert [one.kind for one in desk.reports()] == ["accrual", "working", "final"] or [
        one.kind for one in desk.reports()
    ] == ["working", "accrual", "final"]
    assert desk.books_agree()


# --- the timeout of an order ------------------------------------------------------------------------------------------


def assert_timed_out(desk: Desk) -> None:
    """What is not filled by then is cancelled, whether or not it worked at the venue until then."""
    result = desk.result()
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("reconciled", "cancelled", "EIM-010")
    assert "timeout_ms" in result.error.message
    assert desk.acted() == 0


def test_421_an_order_that_did_not_arrive_is_not_submitted_again_after_its_timeout() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    desk.instruct(timeout_ms=2_000)
    desk.driver.advance(ABSENCE_S + 1)
    assert len(desk.venue.calls("submit")) == 1
    assert_timed_out(desk)


def test_422_the_gate_holds_an_order_back_after_its_timeout() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", stalls(2.5))  # within the send window
    desk.instruct(timeout_ms=2_000)
    assert_timed_out(desk)


def test_423_an_order_that_the_venue_does_not_take_is_not_tried_after_its_timeout() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", *[calls.NotSent("EXI-002", "slow down", 0.7)] * 100)
    desk.instruct(timeout_ms=2_000)
    desk.driver.advance(1.9)
    assert not desk.driver.results("i1")
    desk.driver.advance(0.2)
    assert_timed_out(desk)
    assert "EXI-002" in desk.result().error.message  # type: ignore[union-attr]


def test_424_an_order_that_reaches_its_executor_after_its_timeout_is_not_submitted() -> None:
    desk = Desk().adopted()
    desk.instruct(timeout_ms=2_000, run=False)
    while not any(one.kind == "execute" and one.loop_no == 3 for one in desk.driver.records("instructions.binance")):
        assert desk.driver.run(1)
    desk.clock.advance(2.0)
    desk.driver.run()
    assert_timed_out(desk)
    assert not desk.venue.calls("submit")


def test_425_a_timeout_that_is_longer_than_the_instruction_is_valid_changes_nothing_about_that() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lost())
    desk.instruct(timeout_ms=60_000, expires_at=desk.driver.now + timedelta(seconds=2))
    desk.driver.advance(ABSENCE_S + 1)
    assert (desk.result().status, desk.result().outcome) == ("expired", "none")
