"""A venue tells of what was done in pieces, late, or contradicts itself: nothing is acted on twice or left out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from tests.unit.handlers.executor.desk import EVIDENCE_S, Desk

from tightloop.handlers import calls
from tightloop.records.types import JournalEntry
from tightloop.testing.scripted import ScriptedVenue, fills, lost, rests

D = Decimal
REFUSED = calls.Refused("EXI-006", "no, it says")


def not_found(venue: ScriptedVenue, entry: JournalEntry, gate: Any) -> calls.NotFound:
    return calls.NotFound(venue.clock.now(), venue.books.nonce if venue.lane.policy == "nonce" else None)


def test_an_order_that_was_shown_and_is_not_found_any_more_is_not_submitted_again() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests())
    desk.venue.on("find", *[not_found] * 5000)
    desk.instruct()
    desk.driver.advance(EVIDENCE_S + 10)
    assert len(desk.venue.calls("submit")) == 1
    assert desk.result().outcome == "unknown"


def test_a_ledger_of_several_pages_is_read_to_its_end_before_the_loop_ends() -> None:
    desk = Desk().adopted()
    books = desk.venue.books
    before = str(len(books.entries))
    for amount in ("1", "2", "3"):
        books.accrue("reward", "USDT", D(amount))
    whole = books.ledger(before)
    pages = [
        replace(whole, entries=(entry,), cursor=str(entry.sequence), more=entry is not whole.entries[-1])
        for entry in whole.entries
    ]
    desk.venue.on("submit", REFUSED)
    desk.venue.on("ledger", *pages)
    desk.instruct()
    assert [one.kind for one in desk.reports()] == ["accrual", "accrual", "accrual", "final"]
    assert desk.books_agree()


def test_trades_of_an_order_that_was_refused_all_the_same_count() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lambda venue, entry, gate: [fills(D("0.5"))(venue, entry, gate), REFUSED][1])
    desk.instruct()
    assert (desk.result().outcome, desk.result().filled_amount) == ("partially_filled", D("0.5"))
    assert desk.books_agree()


def test_a_nonce_that_has_passed_at_the_first_question_about_an_unknown_may_be_its_own() -> None:
    """Its block came between the venue's two answers: to where the transaction is, and to what the next nonce is."""
    desk = Desk("ethereum").adopted()
    desk.venue.on("submit", lost(fills()))
    desk.venue.on("find", *[calls.Unavailable("EXI-003", "down")] * 5000)
    desk.instruct()
    for _ in range(200):
        desk.driver.advance(0.5)
        if [one for one in desk.reports() if one.outcome == "unknown"]:
            break
    desk.venue.off("find")
    desk.venue.on("find", not_found)
    desk.driver.advance(120)
    corrections = [one.outcome for one in desk.driver.records("fills") if one.kind == "correction"]
    assert corrections == ["filled"]
    assert desk.books_agree()
