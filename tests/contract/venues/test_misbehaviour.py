"""Execution cases of an exchange whose answers are lost, late, doubled or refused; that is down, or restarts."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.support.venue_faces import SEND_WINDOW, HttpFace

from tightloop.handlers.calls import (
    Ambiguous,
    GateClosed,
    NotFound,
    NotSent,
    OrderFound,
    Positions,
    Refused,
    Unavailable,
)
from tightloop.records.types import JournalEntry
from tightloop.venues.sim.client import SimExchange

from .exchanges import Exchange

D = Decimal


def test_31_the_gate_lets_nothing_out_after_the_send_window(exchange: Exchange) -> None:
    entry = exchange.trade("a")
    late = exchange.now() - SEND_WINDOW - timedelta(milliseconds=1)
    assert exchange.submit(entry, journalled_at=late) == GateClosed("window")
    expired = replace(entry, routed=replace(entry.routed, not_after=exchange.now() - timedelta(milliseconds=1)))
    assert exchange.submit(expired) == GateClosed("expired")
    assert exchange.requests() == []
    assert exchange.submit(entry, journalled_at=exchange.now() - SEND_WINDOW).status == "filled"


def test_32_a_request_signed_too_long_ago_is_refused_and_may_be_tried_again(exchange: Exchange) -> None:
    class Stale:
        def pass_through(self):  # type: ignore[no-untyped-def]
            return exchange.now() - timedelta(seconds=exchange.settings.acceptance_window_s + 0.001)

    entry = exchange.prepared(exchange.trade("a"))
    answer = exchange.submit_through(entry, Stale())
    assert isinstance(answer, NotSent), answer
    assert "stale_timestamp" in answer.message
    assert isinstance(exchange.find(entry), NotFound)
    assert exchange.submit(entry).status == "filled"


def test_57_a_request_signed_in_the_future_is_refused_and_names_the_clocks(exchange: Exchange) -> None:
    class Early:
        def pass_through(self):  # type: ignore[no-untyped-def]
            return exchange.now() + timedelta(seconds=1.5)

    entry = exchange.prepared(exchange.trade("a"))
    answer = exchange.submit_through(entry, Early())
    assert isinstance(answer, NotSent), answer
    assert (answer.code, "future_timestamp" in answer.message) == ("EXI-015", True)
    assert isinstance(exchange.find(entry), NotFound)
    assert exchange.submit(entry).status == "filled"


def test_33_an_order_whose_answer_timed_out_may_have_filled(exchange: Exchange) -> None:
    exchange.fault("lost_after", count=1)
    entry = exchange.trade("a")
    assert isinstance(exchange.submit(entry), Ambiguous)
    found = exchange.find(entry)
    assert (found.status, len(found.entries), found.cursor_after) == ("filled", 1, "1")
    (request,) = exchange.requests()
    assert (request["result"], request["fault"]) == ("acted", "lost_after")
    assert request["entries"] == [found.entries[0].entry_id]


def test_34_an_order_whose_request_timed_out_may_not_have_arrived(exchange: Exchange) -> None:
    exchange.fault("lost_before", count=1)
    entry = exchange.trade("a")
    assert isinstance(exchange.submit(entry), Ambiguous)
    assert isinstance(exchange.find(entry), NotFound)
    assert exchange.entries() == []
    assert exchange.submit(entry).status == "filled"
    assert [request["result"] for request in exchange.requests()] == ["dropped", "acted"]


@pytest.mark.parametrize("close", [False, True])
def test_35_down_is_no_evidence_for_what_acts_and_unavailable_for_what_asks(exchange: Exchange, close: bool) -> None:
    entry = exchange.trade(f"a{close}")
    exchange.fault("down", close=close)
    assert isinstance(exchange.submit(entry), Ambiguous)
    assert isinstance(exchange.find(entry), Unavailable)
    assert isinstance(exchange.ledger(), Unavailable)
    assert isinstance(exchange.positions(), Unavailable)
    exchange.no_faults()
    assert isinstance(exchange.find(entry), NotFound)


def test_36_down_ends_by_itself(own_exchange: Exchange) -> None:
    own_exchange.fault("down", duration_s=5)
    assert isinstance(own_exchange.positions(), Unavailable)
    own_exchange.pass_time(5)
    own_exchange.amounts()


def test_37_too_many_requests_means_later(exchange: Exchange) -> None:
    exchange.fault("rate_limit", count=1)
    entry = exchange.trade("a")
    answer = exchange.submit(entry)
    assert isinstance(answer, NotSent)
    assert (answer.code, answer.retry_after_s > 0) == ("EXI-002", True)
    exchange.pass_time(answer.retry_after_s)
    assert exchange.submit(entry).status == "filled"


def test_38_a_rejection_is_certain(exchange: Exchange) -> None:
    exchange.fault("reject", count=1, code="order_rejected", message="no")
    entry = exchange.trade("a")
    answer = exchange.submit(entry)
    assert isinstance(answer, Refused)
    assert (answer.code, answer.message) == ("EXI-001", "no")
    assert json.loads(answer.raw or "")["code"] == "order_rejected", "the venue's own words come along"
    assert isinstance(exchange.find(entry), NotFound)


def test_39_an_order_may_be_rejected_after_it_was_taken(exchange: Exchange) -> None:
    exchange.fault("reject", count=1, as_order=True)
    entry = exchange.trade("a")
    rejected = exchange.submit(entry)
    assert (rejected.status, rejected.code, rejected.entries) == ("rejected", "EXI-001", ())
    assert exchange.find(entry).status == "rejected"


def test_40_an_order_fills_in_parts_over_time(exchange: Exchange) -> None:
    exchange.fault("partial", count=1, fill="0.25", parts=3, every_s=2)
    entry = exchange.trade("a", amount=D("0.8"))
    first = exchange.submit(entry)
    assert (first.status, first.remaining, len(first.entries)) == ("open", D("0.6"), 1)
    exchange.pass_time(2)
    assert exchange.find(entry).remaining == D("0.4")
    exchange.pass_time(4)
    done = exchange.find(entry)
    assert (done.status, [part.amount for part in done.entries]) == ("filled", [D("0.2")] * 4)
    assert (done.cursor_before, done.cursor_after) == ("0", "4")


def test_41_what_lies_between_an_orders_entries_leaves_it_without_cursors(own_exchange: Exchange) -> None:
    exchange = own_exchange
    exchange.submit(exchange.perp("hedge", side="sell", amount=D(1)))
    exchange.fault("partial", count=1, fill="0.5", parts=1, every_s=9 * 3600)
    entry = exchange.trade("a", amount=D("0.8"))
    exchange.submit(entry)
    exchange.pass_time(9 * 3600)
    done = exchange.find(entry)
    assert (done.status, done.cursor_before, done.cursor_after) == ("filled", None, None)
    assert [line.kind for line in exchange.entries()] == ["trade", "trade", "funding", "trade"]


@pytest.mark.parametrize(("rest", "status"), [("cancel", "cancelled"), ("work", "open")])
def test_42_an_order_fills_in_part_and_no_further(exchange: Exchange, rest: str, status: str) -> None:
    exchange.fault("partial", count=1, fill="0.5", rest=rest)
    entry = exchange.trade(f"a{rest}", amount=D("0.8"))
    part = exchange.submit(entry)
    assert (part.status, part.remaining) == (status, D("0.4"))
    exchange.pass_time(60)
    cancelled = exchange.cancel(entry)
    assert (cancelled.status, cancelled.remaining, len(cancelled.entries)) == ("cancelled", D("0.4"), 1)


def test_43_a_late_request_acts_after_its_sender_gave_up(slow_exchange: Exchange) -> None:
    slow_exchange.fault("late_before", count=1, delay_s=0.7)
    entry = slow_exchange.trade("a")
    assert isinstance(slow_exchange.submit(entry), Ambiguous)
    assert isinstance(slow_exchange.find(entry), NotFound)
    found = slow_exchange.eventually(
        lambda: seen if isinstance(seen := slow_exchange.find(entry), OrderFound) else None, "the late order"
    )
    assert found.status == "filled"


def test_44_a_request_later_than_the_acceptance_window_never_acts(slow_exchange: Exchange) -> None:
    late = slow_exchange.settings.acceptance_window_s + 0.1
    slow_exchange.fault("late_before", count=1, delay_s=late)
    entry = slow_exchange.trade("a")
    assert isinstance(slow_exchange.submit(entry), Ambiguous)
    slow_exchange.eventually(lambda: slow_exchange.requests(), "the late request")
    (request,) = slow_exchange.requests()
    assert (request["result"], request["code"]) == ("refused", "stale_timestamp")
    assert isinstance(slow_exchange.find(entry), NotFound)


def test_45_a_late_answer_is_no_answer(slow_exchange: Exchange) -> None:
    slow_exchange.fault("late_after", count=1, delay_s=0.7)
    entry = slow_exchange.trade("a")
    assert isinstance(slow_exchange.submit(entry), Ambiguous)
    assert slow_exchange.find(entry).status == "filled"


def test_46_a_duplicated_request_hurts_an_exchange(exchange: Exchange) -> None:
    exchange.fault("duplicate_request", count=1)
    entry = exchange.trade("a", amount=D("0.1"))
    assert exchange.submit(entry).status == "filled"
    assert len(exchange.entries()) == 2
    assert [request["fault"] for request in exchange.requests()] == ["duplicate_request"] * 2


def test_47_a_duplicated_answer_is_not_taken_for_another_requests(exchange: Exchange) -> None:
    """It may break the connection of the next request, which is then not answered; it never answers it."""
    exchange.fault("duplicate_answer", operations=["order", "find", "positions"])
    for name in ("a", "b", "c"):
        entry = exchange.trade(name)
        answer = exchange.submit(entry)
        if not isinstance(answer, Ambiguous):
            assert answer.entries[0].client_order_id == entry.client_order_id

        def found(entry: JournalEntry = entry) -> OrderFound | None:
            answer = exchange.find(entry)
            return None if isinstance(answer, Unavailable) else answer

        def held() -> Positions | None:
            answer = exchange.positions()
            return None if isinstance(answer, Unavailable) else answer

        assert exchange.eventually(found, "the order").entries[0].client_order_id == entry.client_order_id
        assert exchange.eventually(held, "the positions").cursor == str("abc".index(name) + 1)


def test_48_books_drift_and_no_ledger_entry_says_so(exchange: Exchange) -> None:
    btc, before = exchange.key("BaseToken:BTC"), exchange.positions()
    exchange.drift("BaseToken:BTC", "-0.5")
    after = exchange.positions()
    assert after.amounts[btc] == before.amounts[btc] - D("0.5")
    assert after.cursor == before.cursor
    drifts = exchange.books()["drifts"]
    assert [(one["position_key"], one["amount"]) for one in drifts] == [(btc, "-0.5")]


def test_49_a_restart_keeps_the_open_order_and_everything_else(own_exchange: Exchange) -> None:
    exchange = own_exchange
    exchange.submit(exchange.perp("a", amount=D("0.3")))
    probe = exchange.submit(exchange.trade("probe"))
    price = ((probe.entries[0].cost or D(0)) / D("0.01") / 2).quantize(D("0.01"))
    resting = exchange.trade("b", order_type="limit", price=price, amount=D("0.2"))
    exchange.submit(resting)
    exchange.submit(exchange.trade("c", amount=D("-1")))
    exchange.fault("lost_before", count=1)
    exchange.submit(exchange.trade("d"))
    exchange.drift("BaseToken:BTC", "1")
    exchange.market_goes_on(9 * 3600)
    books, requests = exchange.books(), exchange.requests()
    exchange.restart()
    assert exchange.books() == books
    assert exchange.requests() == requests
    assert exchange.find(resting).status == "open"
    assert exchange.cancel(resting).status == "cancelled"


def test_50_nothing_listens_so_nothing_was_sent(exchange: Exchange) -> None:
    if not isinstance(exchange.face, HttpFace):
        pytest.skip("there is nothing to listen in process")
    face, adapter = exchange.face, SimExchange(exchange.adapter.lane, "127.0.0.1", 1)
    entry = exchange.trade("a")
    answer = face.drive(adapter.submit(entry, face.gate(entry, None)))
    assert isinstance(answer, NotSent)
    assert answer.code == "EXI-003"
    assert isinstance(face.drive(adapter.find(entry)), Unavailable)


def test_51_the_venues_clock_can_be_skewed_and_judges_signed_times_by_it(slow_exchange: Exchange) -> None:
    before = slow_exchange.now()

    class Ours:
        def pass_through(self):  # type: ignore[no-untyped-def]
            return before

    entry = slow_exchange.prepared(slow_exchange.trade("a"))
    assert slow_exchange.face.control("POST", "/admin/clock", {"skew_s": 30})["skew_s"] == 30
    ahead = slow_exchange.find(entry).as_of - before
    assert timedelta(seconds=30) <= ahead < timedelta(seconds=40)
    refused = slow_exchange.submit_through(entry, Ours())
    assert isinstance(refused, NotSent) and "stale_timestamp" in refused.message
    assert slow_exchange.face.control("POST", "/admin/clock", {"skew_s": 0})["skew_s"] == 0
    assert slow_exchange.find(entry).as_of - before >= timedelta(seconds=30), "a venue's time never runs backwards"
