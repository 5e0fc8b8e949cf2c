"""Intents whose loop ended ``unknown``: watched until the venue, or an operator, says what became of them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.support.handler_context import FakeContext, World
from tests.support.lanes import REGISTRY, directory
from tests.unit.handlers.executor.desk import EVIDENCE_S, Desk

from tightloop.handlers import calls
from tightloop.handlers.api import Inbound
from tightloop.handlers.executor.handler import Executor
from tightloop.handlers.executor.settings import ExecutorSettings
from tightloop.records.types import Delta, ExecutionReport
from tightloop.testing import command
from tightloop.testing.scripted import fills, lost, rests

D = Decimal
DOWN = calls.Unavailable("EXI-003", "down")


def unknown(desk: Desk, then: Any = None) -> Desk:
    """``i1`` has ended unknown, and the venue is silent about it until its scripts of ``find`` are cleared."""
    desk.venue.on("submit", lost(then))
    desk.venue.on("find", *[DOWN] * 5000)
    desk.instruct()
    desk.driver.advance(EVIDENCE_S + 100)
    assert desk.result().outcome == "unknown"
    return desk


def venue_speaks(desk: Desk) -> None:
    desk.venue.off("find")


def delta(key: str) -> Delta:
    return Delta(position_key=key, amount=D("0.5"), source="trade")


def corrections(desk: Desk) -> list[ExecutionReport]:
    return [one for one in desk.driver.records("fills") if one.kind == "correction"]


def test_a_correction_holds_only_what_no_report_held() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", lambda venue, entry, gate: rests(D("0.25"))(venue, entry, gate))
    desk.instruct()
    desk.venue.on("find", *[DOWN] * 5000)
    desk.driver.advance(EVIDENCE_S + 100)
    order = list(desk.venue.books.orders.values())[-1]
    desk.venue.books.fill(order, D("0.75"))
    venue_speaks(desk)
    desk.driver.advance(120)
    assert [(one.outcome, one.amount) for one in corrections(desk)] == [("filled", D("0.75"))]
    resolved = [one for one in desk.driver.results("i1") if one.resolves]
    assert [(one.outcome, one.filled_amount) for one in resolved] == [("filled", D(1))]
    assert desk.books_agree()


def test_an_order_that_still_works_after_its_loop_is_cancelled() -> None:
    desk = unknown(Desk().adopted(), rests(D("0.5")))
    venue_speaks(desk)
    desk.driver.advance(120)
    assert [(one.outcome, one.amount) for one in corrections(desk)] == [("partially_filled", D("0.5"))]
    assert len(desk.venue.calls("cancel")) == 1
    assert desk.books_agree()


def test_a_cancel_that_the_venue_has_not_carried_out_yet_is_not_hammered() -> None:
    desk = unknown(Desk().adopted(), rests())
    still_open = lambda venue, entry, gate: venue.books.evidence(venue.books.orders[entry.client_order_id])  # noqa: E731
    desk.venue.on("cancel", *[still_open] * 5000)
    venue_speaks(desk)
    desk.driver.advance(120)
    assert 1 <= len(desk.venue.calls("cancel")) < 30
    assert not corrections(desk)


def test_an_order_once_shown_is_not_absent_because_the_venue_no_longer_lists_it() -> None:
    desk = unknown(Desk().adopted(), rests())
    desk.venue.on("cancel", *[lost()] * 5000)
    venue_speaks(desk)
    desk.driver.advance(61)
    desk.venue.on("find", *[calls.NotFound(desk.driver.now)] * 5000)
    desk.driver.advance(600)
    assert not corrections(desk)


def test_nothing_found_resolves_as_nothing_done() -> None:
    desk = unknown(Desk().adopted())
    venue_speaks(desk)
    desk.driver.advance(120)
    assert [(one.outcome, one.deltas) for one in corrections(desk)] == [("none", ())]


def test_a_transaction_that_never_came_is_cancelled_under_its_nonce_once_its_chain_speaks() -> None:
    desk = unknown(Desk("ethereum").adopted())
    venue_speaks(desk)
    desk.driver.advance(120)
    assert [one.outcome for one in corrections(desk)] == ["cancelled"]
    assert set(desk.nonces()) == {1} and desk.acted() == 0 and desk.books_agree()


def test_where_it_cannot_be_cancelled_it_takes_a_nonce_that_has_passed() -> None:
    desk = unknown(Desk("ethereum").adopted())
    desk.venue.on("replace", *[calls.Refused("EXI-010", "above max_fee")] * 5000)
    venue_speaks(desk)
    desk.driver.advance(600)
    assert not corrections(desk) and len(desk.venue.calls("replace")) < 30
    desk.venue.books.nonce += 1
    desk.driver.advance(600)
    assert [one.outcome for one in corrections(desk)] == ["none"]


def test_an_unknown_outcome_is_watched_across_restarts() -> None:
    desk = unknown(Desk().adopted(), fills())
    for _ in range(3):
        desk.driver.restart(desk.component)
        desk.driver.advance(30)
    venue_speaks(desk)
    desk.driver.restart(desk.component)
    assert [one.outcome for one in corrections(desk)] == ["filled"]
    assert desk.books_agree()


# --- an operator's word -----------------------------------------------------------------------------------------------


def test_an_operator_resolves_with_what_it_filled_in_all() -> None:
    desk = Desk().adopted()
    desk.venue.on("submit", rests(D("0.25")))
    desk.instruct()
    desk.venue.on("find", *[DOWN] * 5000)
    desk.driver.advance(EVIDENCE_S + 100)
    moved = (Delta(position_key="binance:BaseToken:BTC", amount=D("0.5"), source="trade"),)
    told = command(
        "resolve",
        "c1",
        desk.driver.now,
        target_id="i1",
        outcome="partially_filled",
        filled_amount=D("0.75"),
        deltas=moved,
    )
    desk.driver.feed(told)
    correction = corrections(desk)[-1]
    assert (correction.amount, correction.resolved_by) == (D("0.5"), "c1")
    assert {delta.source for delta in correction.deltas} == {"correction"}
    desk.driver.advance(100)
    resolved = [one for one in desk.driver.results("i1") if one.resolves]
    assert [(one.outcome, one.filled_amount) for one in resolved] == [("partially_filled", D("0.75"))]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("without an outcome", {}),
        ("unknown still", {"outcome": "unknown"}),
        (
            "a position that is none",
            {"outcome": "filled", "deltas": (Delta(position_key="x", amount=D(1), source="trade"),)},
        ),
    ],
)
def test_a_word_that_says_nothing_is_refused_without_a_halt(name: str, fields: dict[str, Any]) -> None:
    desk = unknown(Desk().adopted())
    halts = desk.driver.halts()
    desk.driver.feed(command("resolve", "c1", desk.driver.now, target_id="i1", **fields))
    assert [letter.error.code for letter in desk.driver.dead_letters()] == ["EIM-016"], name
    assert desk.driver.halts() == halts
    assert not corrections(desk)


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("behind_s", "outcome"), [(0.4, None), (0.6, "none")])
def test_nothing_is_submitted_by_a_clock_behind_the_brokers(behind_s: float, outcome: str | None) -> None:
    source = Desk().adopted()
    routed = source.driver.records("instructions.binance")[-1]
    world = World(routed.dispatched_at)
    inbound = Inbound("instructions.binance", 0, 0, "s1", routed, appended_at=world.now + timedelta(seconds=behind_s))
    executor = Executor(ExecutorSettings(lane=REGISTRY.lane("binance"), directory=directory()))
    executor.on_record(FakeContext(world, "s1"), inbound)
    reports = [one.record for one in world.emitted if one.topic == "fills"]
    if outcome is None:
        assert not reports
        assert world.calls["s1"]
    else:
        assert [(one.outcome, one.error.code) for one in reports] == [(outcome, "EXI-015")]
        assert not world.calls
