"""Execution cases of an exchange whose executor was killed, or whose cancel crosses a fill: what is found then."""

from __future__ import annotations

from decimal import Decimal

from tightloop.handlers.calls import Ambiguous, NotFound, OrderFound, Unavailable
from tightloop.records.types import JournalEntry

from .exchanges import Exchange

D = Decimal


def resting(exchange: Exchange, name: str = "a") -> JournalEntry:
    entry = exchange.prepared(exchange.trade(name, order_type="limit", price=exchange.far_below(), amount=D("0.2")))
    assert exchange.submit(entry).status == "open"
    return entry


def test_28_killed_between_journal_and_submission_nothing_is_found_and_it_acts_once(exchange: Exchange) -> None:
    entry = exchange.prepared(exchange.trade("a"))
    exchange.reconnect()
    assert isinstance(exchange.find(entry), NotFound)
    assert exchange.requests() == []
    assert exchange.submit(entry).status == "filled"
    assert len(exchange.entries()) == 1


def test_29_killed_between_submission_and_answer_the_order_is_found(exchange: Exchange) -> None:
    entry = exchange.prepared(exchange.trade("a"))
    exchange.fault("lost_after", count=1)
    assert isinstance(exchange.submit(entry), Ambiguous)
    exchange.reconnect()
    found = exchange.find(entry)
    assert isinstance(found, OrderFound)
    assert (found.status, list(found.entries)) == ("filled", exchange.entries())


def test_30_killed_with_an_order_open_it_is_found_open_and_can_be_cancelled(exchange: Exchange) -> None:
    entry = resting(exchange)
    before = exchange.find(entry)
    exchange.reconnect()
    assert exchange.find(entry) == before
    assert exchange.cancel(entry).status == "cancelled"
    exchange.reconnect()
    assert exchange.find(entry).status == "cancelled"


def test_52_killed_between_a_cancel_and_its_answer_the_order_is_found_cancelled(exchange: Exchange) -> None:
    entry = resting(exchange)
    exchange.fill(entry, amount="0.05")
    exchange.fault("lost_after", count=1, operations=["cancel"])
    assert isinstance(exchange.cancel(entry), Ambiguous)
    exchange.reconnect()
    found = exchange.find(entry)
    assert (found.status, found.remaining, [one.amount for one in found.entries]) == (
        "cancelled",
        D("0.15"),
        [D("0.05")],
    )


def test_53_a_cancel_that_never_arrived_leaves_the_order_working_and_a_late_fill_is_found(exchange: Exchange) -> None:
    entry = resting(exchange)
    exchange.fault("lost_before", count=1, operations=["cancel"])
    assert isinstance(exchange.cancel(entry), Ambiguous)
    assert exchange.find(entry).status == "open"
    exchange.fill(entry)
    late = exchange.find(entry)
    assert (late.status, late.remaining) == ("filled", 0)
    assert exchange.cancel(entry).entries == late.entries, "a cancel after the fill shows the fill"


def test_54_a_cancel_between_two_fills_keeps_the_first_and_stops_the_second(exchange: Exchange) -> None:
    exchange.fault("partial", count=1, fill="0.25", parts=3, every_s=2)
    entry = exchange.trade("a", amount=D("0.8"))
    assert exchange.submit(entry).status == "open"
    exchange.pass_time(2)
    cancelled = exchange.cancel(entry)
    assert (cancelled.status, cancelled.remaining, len(cancelled.entries)) == ("cancelled", D("0.4"), 2)
    exchange.pass_time(60)
    assert exchange.find(entry).entries == cancelled.entries
    assert len(exchange.entries()) == 2


def test_55_what_fills_while_the_venue_does_not_answer_is_found_afterwards(exchange: Exchange) -> None:
    entry = resting(exchange)
    exchange.fault("down")
    exchange.fill(entry, amount="0.1")
    assert isinstance(exchange.find(entry), Unavailable)
    assert isinstance(exchange.cancel(entry), Ambiguous)
    exchange.no_faults()
    found = exchange.find(entry)
    assert (found.status, found.remaining) == ("open", D("0.1"))


def test_56_a_resubmission_after_a_lost_request_acts_once(exchange: Exchange) -> None:
    exchange.fault("lost_before", count=2)
    entry = exchange.prepared(exchange.trade("a", amount=D("0.1")))
    for _ in range(2):
        assert isinstance(exchange.submit(entry), Ambiguous)
        assert isinstance(exchange.find(entry), NotFound)
    assert exchange.submit(entry).status == "filled"
    assert sum(one.amount for one in exchange.entries()) == D("0.1")
    assert [one["result"] for one in exchange.requests()] == ["dropped", "dropped", "acted"]
