"""Execution cases of an exchange whose answers are lost, late, doubled or refused; that is down, or restarts."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.support.lanes import REGISTRY
from tests.support.venue_faces import SEND_WINDOW, Face
from tests.support.venue_intents import perp, trade

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

D = Decimal
BTC = "binance:BaseToken:BTC"


def test_31_the_gate_lets_nothing_out_after_the_send_window(face: Face, account: str) -> None:
    entry = trade(account, "a", face.now())
    late = face.now() - SEND_WINDOW - timedelta(milliseconds=1)
    assert face.submit(entry, journalled_at=late) == GateClosed("window")
    expired = replace(entry, routed=replace(entry.routed, not_after=face.now() - timedelta(milliseconds=1)))
    assert face.submit(expired) == GateClosed("expired")
    assert face.requests(account) == []
    assert face.submit(entry, journalled_at=face.now() - SEND_WINDOW).status == "filled"


def test_32_a_request_signed_too_long_ago_is_refused_and_may_be_tried_again(face: Face, account: str) -> None:
    class Stale:
        def pass_through(self):  # type: ignore[no-untyped-def]
            return face.now() - timedelta(seconds=2.001)

    entry = face.prepared(trade(account, "a", face.now()))
    answer = face.drive(face.adapters["binance"].submit(entry, Stale()))
    assert isinstance(answer, NotSent), answer
    assert "stale_timestamp" in answer.message
    assert isinstance(face.find(entry), NotFound)
    assert face.submit(entry).status == "filled"


def test_32_a_request_signed_in_the_future_is_refused_and_names_the_clocks(face: Face, account: str) -> None:
    class Early:
        def pass_through(self):  # type: ignore[no-untyped-def]
            return face.now() + timedelta(seconds=1.5)

    entry = face.prepared(trade(account, "a", face.now()))
    answer = face.drive(face.adapters["binance"].submit(entry, Early()))
    assert isinstance(answer, NotSent), answer
    assert (answer.code, "future_timestamp" in answer.message) == ("EXI-015", True)
    assert isinstance(face.find(entry), NotFound)
    assert face.submit(entry).status == "filled"


def test_33_timeout_but_filled(face: Face, account: str) -> None:
    face.fault("lost_after", account, count=1)
    entry = trade(account, "a", face.now())
    assert isinstance(face.submit(entry), Ambiguous)
    found = face.find(entry)
    assert (found.status, len(found.entries), found.cursor_after) == ("filled", 1, "1")
    (request,) = face.requests(account)
    assert (request["result"], request["fault"]) == ("acted", "lost_after")
    assert request["entries"] == [found.entries[0].entry_id]


def test_34_timeout_and_not_filled(face: Face, account: str) -> None:
    face.fault("lost_before", account, count=1)
    entry = trade(account, "a", face.now())
    assert isinstance(face.submit(entry), Ambiguous)
    assert isinstance(face.find(entry), NotFound)
    assert face.entries("binance", account) == []
    assert face.submit(entry).status == "filled"
    assert [request["result"] for request in face.requests(account)] == ["dropped", "acted"]


@pytest.mark.parametrize("close", [False, True])
def test_35_down_is_no_evidence_for_what_acts_and_unavailable_for_what_asks(
    face: Face, account: str, close: bool
) -> None:
    entry = trade(account, f"a{close}", face.now())
    face.fault("down", account, close=close)
    assert isinstance(face.submit(entry), Ambiguous)
    assert isinstance(face.find(entry), Unavailable)
    assert isinstance(face.ledger("binance", account), Unavailable)
    assert isinstance(face.positions("binance", account), Unavailable)
    face.control("DELETE", "/admin/faults")
    assert isinstance(face.find(entry), NotFound)


def test_36_down_ends_by_itself(own_face: Face) -> None:
    own_face.fault("down", "s", duration_s=5)
    assert isinstance(own_face.positions("binance", "s"), Unavailable)
    own_face.pass_time(5)
    own_face.amounts("binance", "s")


def test_37_too_many_requests_means_later(face: Face, account: str) -> None:
    face.fault("rate_limit", account, count=1)
    entry = trade(account, "a", face.now())
    answer = face.submit(entry)
    assert isinstance(answer, NotSent)
    assert (answer.code, answer.retry_after_s > 0) == ("EXI-002", True)
    assert face.submit(entry).status == "filled"


def test_38_a_rejection_is_certain(face: Face, account: str) -> None:
    face.fault("reject", account, count=1, code="order_rejected", message="no")
    entry = trade(account, "a", face.now())
    answer = face.submit(entry)
    assert isinstance(answer, Refused)
    assert (answer.code, answer.message) == ("EXI-001", "no")
    assert json.loads(answer.raw or "")["code"] == "order_rejected", "the venue's own words come along"
    assert isinstance(face.find(entry), NotFound)


def test_39_an_order_may_be_rejected_after_it_was_taken(face: Face, account: str) -> None:
    face.fault("reject", account, count=1, as_order=True)
    entry = trade(account, "a", face.now())
    rejected = face.submit(entry)
    assert (rejected.status, rejected.code, rejected.entries) == ("rejected", "EXI-001", ())
    assert face.find(entry).status == "rejected"


def test_40_an_order_fills_in_parts_over_time(face: Face, account: str) -> None:
    face.fault("partial", account, count=1, fill="0.25", parts=3, every_s=2)
    entry = trade(account, "a", face.now(), amount=D("0.8"))
    first = face.submit(entry)
    assert (first.status, first.remaining, len(first.entries)) == ("open", D("0.6"), 1)
    face.pass_time(2)
    assert face.find(entry).remaining == D("0.4")
    face.pass_time(4)
    done = face.find(entry)
    assert (done.status, [part.amount for part in done.entries]) == ("filled", [D("0.2")] * 4)
    assert (done.cursor_before, done.cursor_after) == ("0", "4")


def test_41_what_lies_between_an_orders_entries_leaves_it_without_cursors(own_face: Face) -> None:
    face = own_face
    face.submit(perp("s", "hedge", face.now(), side="sell", amount=D(1)))
    face.fault("partial", "s", count=1, fill="0.5", parts=1, every_s=9 * 3600)
    entry = trade("s", "a", face.now(), amount=D("0.8"))
    face.submit(entry)
    face.pass_time(9 * 3600)
    done = face.find(entry)
    assert (done.status, done.cursor_before, done.cursor_after) == ("filled", None, None)
    assert [line.kind for line in face.entries("binance", "s")] == ["trade", "trade", "funding", "trade"]


@pytest.mark.parametrize(("rest", "status"), [("cancel", "cancelled"), ("work", "open")])
def test_42_an_order_fills_in_part_and_no_further(face: Face, account: str, rest: str, status: str) -> None:
    face.fault("partial", account, count=1, fill="0.5", rest=rest)
    entry = trade(account, f"a{rest}", face.now(), amount=D("0.8"))
    part = face.submit(entry)
    assert (part.status, part.remaining) == (status, D("0.4"))
    face.pass_time(60)
    cancelled = face.cancel(entry)
    assert (cancelled.status, cancelled.remaining, len(cancelled.entries)) == ("cancelled", D("0.4"), 1)


def test_43_a_late_request_acts_after_its_sender_gave_up(slow_face: Face) -> None:
    slow_face.fault("late_before", "s", count=1, delay_s=0.7)
    entry = trade("s", "a", slow_face.now())
    assert isinstance(slow_face.submit(entry), Ambiguous)
    assert isinstance(slow_face.find(entry), NotFound)
    found = slow_face.eventually(
        lambda: seen if isinstance(seen := slow_face.find(entry), OrderFound) else None, "the late order"
    )
    assert found.status == "filled"


def test_44_a_request_later_than_the_acceptance_window_never_acts(slow_face: Face) -> None:
    slow_face.fault("late_before", "s", count=1, delay_s=2.1)
    entry = trade("s", "a", slow_face.now())
    assert isinstance(slow_face.submit(entry), Ambiguous)
    slow_face.eventually(lambda: slow_face.requests("s"), "the late request")
    (request,) = slow_face.requests("s")
    assert (request["result"], request["code"]) == ("refused", "stale_timestamp")
    assert isinstance(slow_face.find(entry), NotFound)


def test_45_a_late_answer_is_no_answer(slow_face: Face) -> None:
    slow_face.fault("late_after", "s", count=1, delay_s=0.7)
    entry = trade("s", "a", slow_face.now())
    assert isinstance(slow_face.submit(entry), Ambiguous)
    assert slow_face.find(entry).status == "filled"


def test_46_a_duplicated_request_hurts_an_exchange(face: Face, account: str) -> None:
    face.fault("duplicate_request", account, count=1)
    entry = trade(account, "a", face.now(), amount=D("0.1"))
    assert face.submit(entry).status == "filled"
    assert len(face.entries("binance", account)) == 2
    assert [request["fault"] for request in face.requests(account)] == ["duplicate_request"] * 2


def test_47_a_duplicated_answer_is_not_taken_for_another_requests(face: Face, account: str) -> None:
    """It may break the connection of the next request, which is then not answered; it never answers it."""
    face.fault("duplicate_answer", account, operations=["order", "find", "positions"])
    for name in ("a", "b", "c"):
        entry = trade(account, name, face.now())
        answer = face.submit(entry)
        if not isinstance(answer, Ambiguous):
            assert answer.entries[0].client_order_id == entry.client_order_id

        def found(entry: JournalEntry = entry) -> OrderFound | None:
            answer = face.find(entry)
            return None if isinstance(answer, Unavailable) else answer

        def held() -> Positions | None:
            answer = face.positions("binance", account)
            return None if isinstance(answer, Unavailable) else answer

        assert face.eventually(found, "the order").entries[0].client_order_id == entry.client_order_id
        assert face.eventually(held, "the positions").cursor == str("abc".index(name) + 1)


def test_48_books_drift_and_no_ledger_entry_says_so(face: Face, account: str) -> None:
    before = face.positions("binance", account)
    drift = {"lane": "binance", "account": account, "position_key": BTC, "amount": "-0.5"}
    face.control("POST", "/admin/drift", drift)
    after = face.positions("binance", account)
    assert after.amounts[BTC] == before.amounts[BTC] - D("0.5")
    assert after.cursor == before.cursor
    (books,) = face.control("GET", "/admin/books", account=account)["accounts"]
    assert [(one["position_key"], one["amount"]) for one in books["drifts"]] == [(BTC, "-0.5")]


def test_49_a_restart_keeps_the_open_order_and_everything_else(own_face: Face) -> None:
    face = own_face
    face.submit(perp("s", "a", face.now(), amount=D("0.3")))
    probe = face.submit(trade("s", "probe", face.now()))
    price = ((probe.entries[0].cost or D(0)) / D("0.01") / 2).quantize(D("0.01"))
    resting = trade("s", "b", face.now(), order_type="limit", price=price, amount=D("0.2"))
    face.submit(resting)
    face.submit(trade("s", "c", face.now(), amount=D("-1")))
    face.fault("lost_before", "s", count=1)
    face.submit(trade("s", "d", face.now()))
    face.control("POST", "/admin/drift", {"lane": "binance", "account": "s", "position_key": BTC, "amount": "1"})
    face.control("POST", "/admin/clock", {"market_advance_s": 9 * 3600})
    books, requests = face.control("GET", "/admin/books"), face.control("GET", "/admin/requests")
    face.restart()
    assert face.control("GET", "/admin/books") == books
    assert face.control("GET", "/admin/requests") == requests
    assert face.find(resting).status == "open"
    assert face.cancel(resting).status == "cancelled"


def test_50_nothing_listens_so_nothing_was_sent(face: Face, account: str) -> None:
    from tests.support.venue_faces import HttpFace

    from tightloop.venues.sim.client import SimExchange

    if not isinstance(face, HttpFace):
        pytest.skip("there is nothing to listen in process")
    adapter = SimExchange(REGISTRY.lane("binance"), "127.0.0.1", 1)
    entry = trade(account, "a", face.now())
    answer = face.drive(adapter.submit(entry, face.gate(entry, None)))
    assert isinstance(answer, NotSent)
    assert answer.code == "EXI-003"
    assert isinstance(face.drive(adapter.find(entry)), Unavailable)


def test_51_the_venues_clock_can_be_skewed_and_judges_signed_times_by_it(slow_face: Face) -> None:
    before = slow_face.now()

    class Ours:
        def pass_through(self):  # type: ignore[no-untyped-def]
            return before

    entry = slow_face.prepared(trade("s", "a", before))
    assert slow_face.control("POST", "/admin/clock", {"skew_s": 30})["skew_s"] == 30
    ahead = slow_face.find(entry).as_of - before
    assert timedelta(seconds=30) <= ahead < timedelta(seconds=40)
    refused = slow_face.drive(slow_face.adapters["binance"].submit(entry, Ours()))
    assert isinstance(refused, NotSent) and "stale_timestamp" in refused.message
    assert slow_face.control("POST", "/admin/clock", {"skew_s": 0})["skew_s"] == 0
    assert slow_face.find(entry).as_of - before >= timedelta(seconds=30), "a venue's time never runs backwards"
