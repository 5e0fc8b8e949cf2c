"""Performs the handlers' calls through the venues' adapters, in an event loop on a thread of its own.

A call never raises: what an adapter did not turn into an answer becomes the one that concludes nothing.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import structlog
from msgspec.structs import replace

from tightloop.errors import ExecutionError
from tightloop.errors.traces import traced
from tightloop.handlers import calls
from tightloop.handlers.executor.deadline import submit_by
from tightloop.handlers.executor.submissions import is_cancel
from tightloop.records.types import JournalEntry
from tightloop.runners import transfers
from tightloop.runners.answers import checked, words
from tightloop.runners.clock import Clock
from tightloop.runners.clock_check import ClockCheck
from tightloop.runners.hints import Hinted, Hints
from tightloop.runners.price_source import PriceSource
from tightloop.runners.shapes import Started
from tightloop.runners.strategy_keys import named
from tightloop.venues.adapter import ClockGate, Hinting, VenueAdapter, VenueReader

log = structlog.get_logger()
Owner = TypeVar("Owner")
_OfVenues = (
    calls.Prepare
    | calls.Replace
    | calls.Submit
    | calls.FindOrder
    | calls.CancelOrder
    | calls.ReadLedger
    | calls.ReadPositions
    | calls.FindArrival
)
UNAVAILABLE, UNREACHABLE = "EXI-003", "EIF-011"
RETRY_S = 0.5  # what could not leave is sent again after so long
GAP_S, BURST_S = 0.01, 0.05  # how long one answer waits for the next, and all of them at the most
_OF_INTENTS = (calls.Prepare, calls.Replace, calls.Submit, calls.FindOrder, calls.CancelOrder)
_TIMED = (calls.Prepared, calls.OrderFound, calls.NotFound, calls.Ledger, calls.Positions)


class Performer:
    """Turns a call into one adapter method. ``adapters``: by lane. ``clock_margin_s``: how far clocks may differ.
    ``prices``: answers what limits ask.

    A lane's adapter is opened before its first call: until what it checks is found in order, nothing is asked of its
    venue and nothing sent there.
    """

    def __init__(
        self,
        adapters: Mapping[str, VenueReader],
        clock: Clock,
        clock_margin_s: float = 0.5,
        prices: PriceSource | None = None,
    ) -> None:
        self._prices = prices
        self.hints: Hints[Any] | None = None
        self.adapters = dict(adapters)
        self._acting = {name: adapter for name, adapter in adapters.items() if isinstance(adapter, VenueAdapter)}
        self._unopened = set(adapters)
        self._clock = clock
        margin = timedelta(seconds=clock_margin_s)
        self._checks = {
            name: ClockCheck(name, margin, block_time=adapter.lane.policy == "nonce")
            for name, adapter in adapters.items()
        }

    async def open(self) -> None:
        """Open all that act, or all where none does. Raises ExecutionError for what another try would not mend; a venue
        that can't be reached is tried again before each call. What an executor only looks at is opened when it does.
        """
        lanes = sorted(self._unopened & self._acting.keys() if self._acting else self._unopened)
        failures = await asyncio.gather(*(self._failure_to_open(lane) for lane in lanes))
        for lane, failed in zip(lanes, failures, strict=True):
            if failed is not None and failed.code != UNREACHABLE:
                raise failed
            if failed is not None:
                log.warning("a venue can't be reached yet", lane=lane, why=failed.message)

    async def _failure_to_open(self, lane: str) -> ExecutionError | None:
        asked_at = self._clock.now()
        try:
            as_of = await self.adapters[lane].open()
        except ExecutionError as error:
            return error
        except Exception as error:  # noqa: BLE001  logged, without local variables
            log.error("a lane could not be opened", lane=lane, exception=traced(error))
            return ExecutionError(UNREACHABLE, words(f"{type(error).__name__}: {error}"))
        self._checks[lane].heard(as_of, asked_at, self._clock.now())
        if lane in self._unopened:
            self._unopened.discard(lane)
            self._listen(lane)
        return None

    def _listen(self, lane: str) -> None:
        adapter: object = self._acting.get(lane)
        if self.hints is not None and isinstance(adapter, Hinting) and adapter.listen(self.hints.heard):
            self.hints.listens = True

    async def perform(self, call: calls.Call, strategy_id: str) -> calls.Answer:
        """The answer, checked, in the strategy's own position keys. Never raises."""
        if isinstance(call, calls.ReadPrices):
            return await self._read_prices(call)
        asked_at = self._clock.now()
        about = call.entry if isinstance(call, _OF_INTENTS) else call.account
        lane = about.lane
        if (message := await self._why_not_open(lane)) is not None:
            if isinstance(call, calls.Submit | calls.CancelOrder):
                return calls.NotSent(UNAVAILABLE, message, RETRY_S)
            return calls.Unavailable(UNAVAILABLE, message, asked_at)
        try:
            answer = checked(call, await self._perform(call))
        except Exception as error:  # noqa: BLE001  logged, without local variables
            log.error("a call failed", call=type(call).__name__, exception=traced(error))
            message = words(f"{type(error).__name__}: {error}")
            if isinstance(call, calls.Submit | calls.CancelOrder):
                return calls.Ambiguous(message)
            return calls.Unavailable(UNAVAILABLE, message, asked_at)
        if isinstance(answer, _TIMED) and answer.as_of is not None:
            self._checks[lane].heard(answer.as_of, asked_at, self._clock.now())
        answer = named(answer, about.account, strategy_id)
        if isinstance(answer, calls.Prepared | calls.OrderFound | calls.NotFound | calls.Unavailable):
            return replace(answer, asked_at=asked_at)
        return answer

    async def _read_prices(self, call: calls.ReadPrices) -> calls.Answer:
        asked_at = self._clock.now()
        if self._prices is None:
            return calls.Unavailable(UNAVAILABLE, "nothing here follows market data", asked_at)
        try:
            return calls.PricesRead(await self._prices.read(call.markets))
        except Exception as error:  # noqa: BLE001  logged, without local variables
            log.error("prices could not be read", exception=traced(error))
            return calls.Unavailable(UNAVAILABLE, words(f"{type(error).__name__}: {error}"), asked_at)

    async def _why_not_open(self, lane: str) -> str | None:
        """Opens it if need be; None: it is open."""
        if lane not in self.adapters:
            return f"{lane} has no reader here"
        if lane in self._unopened and (failed := await self._failure_to_open(lane)) is not None:
            return f"{lane} is not open: {failed.code} {failed.message}"
        return None

    async def _prepare(self, entry: JournalEntry, least_nonce: int | None) -> calls.Answer:
        """A transfer to an account of ours is prepared with the address that its destination tells."""
        if entry.transit is not None:
            to = entry.transit.destination
            if (message := await self._why_not_open(to.lane)) is not None:
                return calls.Unavailable(UNAVAILABLE, message)
            told = await transfers.addressed(entry, self.adapters[to.lane], self.adapters[entry.lane].lane)
            if not isinstance(told, JournalEntry):
                return told
            entry = told
        return await self._acting[entry.lane].prepare(entry, least_nonce)

    async def _perform(self, call: _OfVenues) -> calls.Answer:
        match call:
            case calls.Prepare(entry, least_nonce):
                return await self._prepare(entry, least_nonce)
            case calls.Replace(entry, kind):
                return await self._acting[entry.lane].replace(entry, kind)
            case calls.Submit(entry):
                fault = self._checks[entry.lane].fault
                if fault is not None:
                    return calls.NotSent("EXI-015", fault)
                # What takes the nonce away may leave after that: it is what ends a transaction then.
                until = None if is_cancel(entry) else submit_by(entry.routed)
                gate = self._gate(entry, entry.journalled_at, until)
                return await self._acting[entry.lane].submit(entry, gate)
            case calls.FindOrder(entry):
                return await self._acting[entry.lane].find(entry)
            case calls.CancelOrder(entry):  # a cancel may leave after that: it is what ends an order then
                gate = self._gate(entry, entry.journalled_at, None)
                return await self._acting[entry.lane].cancel(entry, gate)
            case calls.ReadLedger(account, cursor):
                return await self.adapters[account.lane].ledger(account, cursor)
            case calls.ReadPositions(account):
                return await self.adapters[account.lane].positions(account)
            case calls.FindArrival(account, reference):
                return transfers.as_ledger(await self.adapters[account.lane].find_arrival(account, reference))

    def _gate(self, entry: JournalEntry, journalled_at: datetime, until: datetime | None) -> ClockGate:
        window = timedelta(seconds=self.adapters[entry.lane].lane.send_window_s)
        return ClockGate(self._clock.now, journalled_at, window, until)

    async def close(self) -> None:
        for adapter in self.adapters.values():
            await adapter.close()
        if self._prices is not None:
            await self._prices.close()


class CallLoop(Generic[Owner]):
    """Starts calls and collects answers. ``owner``: the worker that asked; its answer is dropped when the worker is
    gone by then.
    """

    def __init__(self, performer: Performer) -> None:
        self._performer = performer
        self._answers: deque[tuple[Owner, Started, calls.Answer]] = deque()
        self._outstanding = 0
        self._hints: Hints[Owner] = Hints(self._hinted, lambda seconds, do: self._loop.call_later(seconds, do))
        performer.hints = self._hints
        self._arrived = threading.Event()
        self._awaited = False
        self._nudged = False
        self._loop = _new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="effects", daemon=True)
        self._thread.start()

    def open(self) -> None:
        """Open every lane's adapter. Raises ExecutionError for what another try would not mend."""
        asyncio.run_coroutine_threadsafe(self._performer.open(), self._loop).result()

    @property
    def outstanding(self) -> int:
        """Calls started whose answers were not taken yet."""
        return self._outstanding

    def wait(self, seconds: float) -> bool:
        """Until there is an answer or a hint, somebody nudges, or the time is up; whether there is an answer."""
        self._arrived.clear()
        self._awaited = True
        if not (self._answers or self._nudged or self._hints.waiting):
            self._arrived.wait(seconds)
        self._awaited = self._nudged = False
        return bool(self._answers)

    def nudge(self) -> None:
        """End the wait under way, or the next one. From any thread."""
        self._nudged = True
        self._arrived.set()

    @property
    def watches(self) -> bool:
        """May a hint come?"""
        return self._hints.watches

    def take_hints(self) -> list[Hinted[Owner]]:
        """To be taken before the answers, and handled after them: a hint is about what came after its order's."""
        return self._hints.take()

    def start(self, calls: Sequence[tuple[Owner, Started]]) -> None:
        if calls:
            self._outstanding += len(calls)
            self._loop.call_soon_threadsafe(self._launch, calls)

    def look(self, reads: Sequence[tuple[Owner, Started]]) -> tuple[()]:
        """Start calls that only look: none is answered at once."""
        self.start(reads)
        return ()

    def take(self, limit: int) -> list[tuple[Owner, Started, calls.Answer]]:
        taken: list[tuple[Owner, Started, calls.Answer]] = []
        while self._answers and len(taken) < limit:
            taken.append(self._answers.popleft())
        self._outstanding -= len(taken)
        return taken

    def take_burst(self, limit: int) -> list[tuple[Owner, Started, calls.Answer]]:
        """Answers that are there, and those that follow at once: each within ``GAP_S`` of the last, ``BURST_S`` in all.

        Calls that a commit started together are answered one by one, each on a connection of its own. Several answers
        in one transaction cost far less than a transaction for each, here and in every component behind this one.
        """
        taken = self.take(limit)
        until = time.monotonic() + BURST_S
        while taken and self._outstanding and len(taken) < limit and time.monotonic() < until and self.wait(GAP_S):
            taken += self.take(limit - len(taken))
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
        self._hints.asking(started)
        answer = await self._performer.perform(started.call, started.key)
        self._answers.append((owner, started, answer))
        self._hints.answered(owner, started, answer)
        self._hinted()

    def _hinted(self) -> None:
        if self._awaited:  # the first of several wakes the other thread, which takes them all
            self._awaited = False
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
