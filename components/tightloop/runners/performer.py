"""Performs the handlers' calls through the venues' adapters, in an event loop on a thread of its own.

A call never raises: what an adapter did not turn into an answer becomes the one that concludes nothing.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

import structlog
from msgspec.structs import replace

from tightloop.domain.venues import lane_of
from tightloop.errors import bounded
from tightloop.handlers import calls
from tightloop.handlers.executor.deadline import submit_by
from tightloop.handlers.executor.submissions import is_cancel
from tightloop.records.types import JournalEntry
from tightloop.runners.answers import checked
from tightloop.runners.clock import Clock
from tightloop.runners.clock_check import ClockCheck
from tightloop.runners.worker import Started
from tightloop.venues.adapter import ClockGate, VenueAdapter

log = structlog.get_logger()
Owner = TypeVar("Owner")
_OF_INTENTS = (calls.Prepare, calls.Replace, calls.Submit, calls.FindOrder, calls.CancelOrder)
_TIMED = (calls.Prepared, calls.OrderFound, calls.NotFound, calls.Ledger, calls.Positions)


class Performer:
    """Turns a call into one adapter method. ``adapters``: by lane. ``clock_margin_s``: how far clocks may differ."""

    def __init__(
        self,
        adapters: Mapping[str, VenueAdapter],
        clock: Clock,
        send_window_s: float,
        clock_margin_s: float = 0.5,
    ) -> None:
        self.adapters = dict(adapters)
        self._clock = clock
        self._send_window = timedelta(seconds=send_window_s)
        margin = timedelta(seconds=clock_margin_s)
        self._checks = {
            lane: ClockCheck(lane, margin, block_time=adapter.fence == "nonce") for lane, adapter in adapters.items()
        }

    async def perform(self, call: calls.Call) -> calls.Answer:
        asked_at = self._clock.now()
        try:
            answer = checked(call, await self._perform(call))
        except Exception as error:
            log.exception("a call failed", call=type(call).__name__)
            message = bounded(f"{type(error).__name__}: {error}")
            if isinstance(call, calls.Submit | calls.CancelOrder):
                return calls.Ambiguous(message)
            return calls.Unavailable("EXI-003", message, asked_at)
        if isinstance(answer, _TIMED) and answer.as_of is not None:
            self._checks[_lane(call)].heard(answer.as_of, asked_at, self._clock.now())
        if isinstance(answer, calls.Prepared | calls.OrderFound | calls.NotFound | calls.Unavailable):
            return replace(answer, asked_at=asked_at)
        return answer

    async def _perform(self, call: calls.Call) -> calls.Answer:
        match call:
            case calls.Prepare(entry, least_nonce):
                return await self._of(entry).prepare(entry, least_nonce)
            case calls.Replace(entry, kind):
                return await self._of(entry).replace(entry, kind)
            case calls.Submit(entry):
                fault = self._checks[entry.lane].fault
                if fault is not None:
                    return calls.NotSent("EXI-015", fault)
                # What takes the nonce away may leave after that: it is what ends a transaction then.
                until = None if is_cancel(entry) else submit_by(entry.routed)
                gate = ClockGate(self._clock.now, entry.journalled_at, self._send_window, until)
                return await self._of(entry).submit(entry, gate)
            case calls.FindOrder(entry):
                return await self._of(entry).find(entry)
            case calls.CancelOrder(entry):  # a cancel may leave after that: it is what ends an order then
                gate = ClockGate(self._clock.now, entry.journalled_at, self._send_window, None)
                return await self._of(entry).cancel(entry, gate)
            case calls.ReadLedger(strategy_id, venue, account, cursor):
                return await self.adapters[lane_of(venue)].ledger(strategy_id, venue, account, cursor)
            case calls.ReadPositions(strategy_id, venue, account):
                return await self.adapters[lane_of(venue)].positions(strategy_id, venue, account)

    def _of(self, entry: JournalEntry) -> VenueAdapter:
        return self.adapters[entry.lane]

    async def close(self) -> None:
        for adapter in self.adapters.values():
            await adapter.close()


def _lane(call: calls.Call) -> str:
    return call.entry.lane if isinstance(call, _OF_INTENTS) else lane_of(call.venue)


class CallLoop(Generic[Owner]):
    """Starts calls and collects answers. ``owner``: the worker that asked; its answer is dropped when the worker is
    gone by then.
    """

    def __init__(self, performer: Performer) -> None:
        self._performer = performer
        self._answers: deque[tuple[Owner, Started, calls.Answer]] = deque()
        self._outstanding = 0
        self._arrived = threading.Event()
        self._awaited = False
        self._nudged = False
        self._loop = _new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="effects", daemon=True)
        self._thread.start()

    @property
    def outstanding(self) -> int:
        """Calls started whose answers were not taken yet."""
        return self._outstanding

    def wait(self, seconds: float) -> bool:
        """Until there is an answer to take, somebody nudges, or the time is up; whether there is an answer."""
        self._arrived.clear()
        self._awaited = True
        if not self._answers and not self._nudged:
            self._arrived.wait(seconds)
        self._awaited = self._nudged = False
        return bool(self._answers)

    def nudge(self) -> None:
        """End the wait under way, or the next one. From any thread."""
        self._nudged = True
        self._arrived.set()

    def start(self, calls: Sequence[tuple[Owner, Started]]) -> None:
        if calls:
            self._outstanding += len(calls)
            self._loop.call_soon_threadsafe(self._launch, calls)

    def take(self, limit: int) -> list[tuple[Owner, Started, calls.Answer]]:
        taken: list[tuple[Owner, Started, calls.Answer]] = []
        while self._answers and len(taken) < limit:
            taken.append(self._answers.popleft())
        self._outstanding -= len(taken)
        return taken

    def give_back(self, answers: Sequence[tuple[Owner, Started, calls.Answer]]) -> None:
        """The transaction that handled them was undone."""
        self._answers.extendleft(reversed(answers))
        self._outstanding += len(answers)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Cancel what is under way, close the adapters, end the thread."""

        async def end() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._performer.close()

        future = asyncio.run_coroutine_threadsafe(end(), self._loop)
        try:
            future.result(timeout_s)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout_s)

    def _launch(self, calls: Sequence[tuple[Owner, Started]]) -> None:
        for owner, started in calls:
            task = self._loop.create_task(self._run(owner, started))
            _TASKS.add(task)
            task.add_done_callback(_TASKS.discard)

    async def _run(self, owner: Owner, started: Started) -> None:
        answer = await self._performer.perform(started.call)
        self._answers.append((owner, started, answer))
        if self._awaited:
            self._arrived.set()


_TASKS: set[asyncio.Task[None]] = set()  # the event loop itself holds tasks only weakly


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def run_now(coroutine: Awaitable[calls.Answer]) -> calls.Answer:
    """Drive a coroutine that never waits for anything (an in-process venue) to its end, without an event loop."""
    steps = coroutine.__await__()
    try:
        next(steps)
    except StopIteration as end:
        answer: calls.Answer = end.value
        return answer
    raise RuntimeError("an in-process venue must answer at once, and this one waited")
