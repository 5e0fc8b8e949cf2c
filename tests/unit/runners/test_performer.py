"""The gate that a call passes counts from its journal record, whenever the call itself begins."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs
from tests.unit.handlers.executor.desk import SEND_WINDOW_S, Desk

from tightloop.handlers import calls
from tightloop.records.types import JournalEntry
from tightloop.runners.clock import ManualClock
from tightloop.runners.performer import Performer
from tightloop.testing import ScriptedVenue

JUST_S = 0.001


def journalled() -> JournalEntry:
    """An intent as it stands in the journal, good for an hour."""
    desk = Desk()
    desk.venue.on("submit", calls.NotSent("EXI-002", "slow down", 60.0))
    desk.instruct("i1", run=False)
    while (entry := desk.intent(2)) is None or entry.status == "preparing":
        assert desk.driver.run(1)
    return entry


@pytest.mark.parametrize("call", [calls.Submit, calls.CancelOrder])
@pytest.mark.parametrize(("late_s", "leaves"), [(SEND_WINDOW_S - JUST_S, True), (SEND_WINDOW_S + JUST_S, False)])
def test_a_call_that_begins_late_has_what_is_left_of_the_journals_window(
    call: Any, late_s: float, leaves: bool
) -> None:
    entry = journalled()
    clock = ManualClock(entry.journalled_at + timedelta(seconds=late_s))
    performer = Performer({"binance": ScriptedVenue("binance", clock)}, clock)
    answer = asyncio.run(performer.perform(call(entry), "s1"))
    assert (answer == calls.GateClosed("window")) is not leaves


@pytest.mark.parametrize(("kind", "leaves"), [("first", False), ("bump", False), ("cancel", True)])
def test_nothing_but_a_cancel_leaves_once_the_instruction_has_expired(kind: Any, leaves: bool) -> None:
    desk = Desk("ethereum")
    desk.venue.on("submit", calls.NotSent("EXI-002", "slow down", 60.0))
    desk.instruct("i1", run=False)
    while (entry := desk.intent(2)) is None or entry.status == "preparing":
        assert desk.driver.run(1)
    clock = ManualClock(entry.routed.not_after + timedelta(seconds=1))
    last = structs.replace(entry.submissions[-1], kind=kind)
    entry = structs.replace(entry, journalled_at=clock.now(), submissions=(last,))
    performer = Performer({"ethereum": ScriptedVenue("ethereum", clock)}, clock)
    answer = asyncio.run(performer.perform(calls.Submit(entry), entry.strategy_id))
    assert (answer == calls.GateClosed("expired")) is not leaves
