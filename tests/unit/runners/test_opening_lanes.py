"""A lane's venue is asked and sent nothing before it was found to be the one that is meant."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
from tests.support.lanes import account
from tests.support.secret_watch import SECRET
from tests.support.venue_intents import trade

from tightloop.errors import ExecutionError
from tightloop.handlers import calls
from tightloop.runners import performer
from tightloop.runners.clock import ManualClock
from tightloop.runners.performer import CallLoop, Performer
from tightloop.testing import ScriptedVenue
from tightloop.testing.driver import START

READ = calls.ReadPositions(account("binance", "s1"))
AWAY = ExecutionError("EIF-011", "binance: connection refused")
WRONG = ExecutionError("EIF-008", "binance is chain 1 here, and 5 at the venue")


class Opening(ScriptedVenue):
    """Opening it ends as the test says, once each; then it succeeds."""

    def __init__(self, clock: ManualClock, *outcomes: Any) -> None:
        super().__init__("binance", clock)
        self.outcomes = list(outcomes)

    async def open(self) -> datetime:
        outcome = self.outcomes.pop(0) if self.outcomes else self.own_clock.now()
        if isinstance(outcome, Exception):
            raise outcome
        told: datetime = outcome
        return told


@pytest.fixture
def clock() -> Iterator[ManualClock]:
    yield ManualClock(START)


def perform(calling: Performer, call: calls.Call) -> calls.Answer:
    return asyncio.run(calling.perform(call, "s1"))


@pytest.mark.parametrize("outcome", [AWAY, WRONG, RuntimeError("a defect")])
def test_until_its_venue_is_open_nothing_reaches_it(clock: ManualClock, outcome: Exception) -> None:
    venue = Opening(clock, outcome, outcome, outcome)
    calling = Performer({"binance": venue}, clock)
    entry = trade("s1", "i1", clock.now())
    sent = perform(calling, calls.Submit(entry))
    assert isinstance(sent, calls.NotSent) and sent.code == "EXI-003"
    for read in (READ, calls.FindOrder(entry)):
        answer = perform(calling, read)
        assert isinstance(answer, calls.Unavailable) and answer.code == "EXI-003" and answer.asked_at == clock.now()
    assert venue.asked == []
    assert isinstance(perform(calling, READ), calls.Positions)
    assert [one.method for one in venue.asked] == ["positions"]


class Signing(ScriptedVenue):
    """It fails with a secret in its hands, as one that can't read its key."""

    async def open(self) -> datetime:
        key = SECRET
        raise ValueError(f"a key of {len(key)} characters can't be read")


def test_a_traceback_shows_no_local_variables(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that has not set up its logs gets structlog's own, which show them where ``rich`` is installed."""
    shown = io.StringIO()
    processors = [structlog.processors.add_log_level, structlog.dev.ConsoleRenderer(colors=False)]
    monkeypatch.setattr(performer, "log", structlog.wrap_logger(structlog.PrintLogger(shown), processors=processors))
    perform(Performer({"binance": Signing("binance", clock)}, clock), READ)
    assert "can't be read" in shown.getvalue()
    assert SECRET not in shown.getvalue()


def test_a_venue_that_cannot_be_reached_yet_keeps_no_component_from_starting(clock: ManualClock) -> None:
    calling = Performer({"binance": Opening(clock, AWAY)}, clock)
    asyncio.run(calling.open())
    assert isinstance(perform(calling, READ), calls.Positions)


def test_what_another_try_would_not_mend_keeps_the_component_from_starting(clock: ManualClock) -> None:
    effects: CallLoop[str] = CallLoop(Performer({"binance": Opening(clock, WRONG)}, clock))
    try:
        with pytest.raises(ExecutionError, match="EIF-008"):
            effects.open()
    finally:
        effects.stop()


def test_the_first_submission_is_judged_by_the_venues_clock_already(clock: ManualClock) -> None:
    venue = Opening(clock, clock.now() - timedelta(seconds=6))
    answer = perform(Performer({"binance": venue}, clock), calls.Submit(trade("s1", "i1", clock.now())))
    assert isinstance(answer, calls.NotSent) and answer.code == "EXI-015"
    assert "6.000 s ahead of the one of binance" in answer.message
    assert venue.asked == []
