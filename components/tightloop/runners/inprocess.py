"""The in-process runner: the same handlers and workers as on Kafka, without a broker, and deterministic.

Whoever has something to do stands in a queue: a worker is asked for nothing before a record has come for it, or a
moment. One worker after another is given what it has not read yet, and commits; then the calls that were asked for are
performed, one by one; and so on until nothing is left to do. Time stands still until :meth:`InProcessRunner.advance`.
The same input gives the same bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from tightloop.domain import money
from tightloop.handlers.api import Handler, Inbound
from tightloop.records.topics import contract_of
from tightloop.runners.bus import Stored, Topics
from tightloop.runners.clock import ManualClock
from tightloop.runners.partitioner import partition_of
from tightloop.runners.performer import Performer, run_now
from tightloop.runners.worker import PartitionWorker, RawRecord, Started

T = TypeVar("T", bound=Struct)


class OnTime(Protocol):
    """Something else that lives by the same clock, such as the simulated venues."""

    def __call__(self, now: datetime) -> None: ...


class _Seat:
    """One partition of one component: its worker, what that has not read yet, and when it wants to be woken."""

    __slots__ = ("_ready", "inbox", "is_ready", "wakes_at", "worker")

    def __init__(self, worker: PartitionWorker, ready: deque[_Seat]) -> None:
        self.worker = worker
        self.inbox: list[Stored] = []
        self.wakes_at: datetime | None = None
        self.is_ready = False
        self._ready = ready

    def arrived(self) -> None:
        if not self.is_ready:
            self.is_ready = True
            self._ready.append(self)


class InProcessRunner:
    """Runs all components of a loop together. ``partitions`` as on the topics they stand for.

    ``encodes``: every record and every entry of the state becomes bytes, as on Kafka, and what no topic could carry is
    a dead letter, with its code. Without it records are passed on by reference, which is faster: what a handler writes
    is not looked at again. What is published from outside is encoded and checked in any case.
    """

    def __init__(
        self,
        handlers: Sequence[Handler],
        performer: Performer,
        clock: ManualClock,
        *,
        partitions: int = 1,
        encodes: bool = False,
        on_time: OnTime | None = None,
    ) -> None:
        self.clock = clock
        self.partitions = partitions
        self.bus = Topics(clock, partitions)
        self._encodes = encodes
        self._performer = performer
        self._on_time = on_time
        self._ready: deque[_Seat] = deque()
        self._calls: deque[tuple[_Seat, Started]] = deque()
        self._seats = {
            handler.name: [self._seat(handler, number) for number in range(partitions)] for handler in handlers
        }
        self._every = [seat for seats in self._seats.values() for seat in seats]

    def _seat(self, handler: Handler, partition: int) -> _Seat:
        seat = _Seat(PartitionWorker(handler, partition, self.partitions, encodes=self._encodes), self._ready)
        for topic in handler.inputs:
            self.bus.read(topic, partition, seat)
        return seat

    def state(self, component: str, key: str, name: str, kind: type[T]) -> T | None:
        """An entry of a component's keyed state."""
        seat = self._seats[component][partition_of(key.encode(), self.partitions)]
        return seat.worker.state.get(key, name, kind)

    @property
    def components(self) -> tuple[str, ...]:
        return tuple(self._seats)

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self, steps: int | None = None) -> int:
        """Until nothing is left to do at this moment, or ``steps`` are done; returns how many were.

        A step is one transaction: a partition's new records and due wake-ups, or one call and its answer.
        """
        done = 0
        with money.exact():
            self._wake_due()
            if steps != 0:
                for _ in self._steps():
                    done += 1
                    if done == steps:
                        break
        return done

    def advance(self, seconds: float) -> None:
        """Move the clock, stopping wherever somebody wants to be woken."""
        target = self.clock.now() + timedelta(seconds=seconds)
        self.run()
        while (at := self._next_wake()) is not None and at <= target:
            self._move_to(at)
            self.run()
        self._move_to(target)
        self.run()

    def _move_to(self, at: datetime) -> None:
        self.clock.move_to(at)
        if self._on_time is not None:
            self._on_time(self.clock.now())

    def _next_wake(self) -> datetime | None:
        return min((seat.wakes_at for seat in self._every if seat.wakes_at is not None), default=None)

    def _wake_due(self) -> None:
        now = self.clock.now()
        for seat in self._every:
            if seat.wakes_at is not None and seat.wakes_at <= now:
                seat.arrived()

    def _steps(self) -> Iterator[None]:
        """Yields after each transaction; between two of them nothing is half done."""
        while self._ready or self._calls:
            while self._ready:
                seat = self._ready.popleft()
                seat.is_ready = False
                self._serve(seat)
                yield
            for _ in range(len(self._calls)):
                self._perform(*self._calls.popleft())
                yield

    def _serve(self, seat: _Seat) -> None:
        """Hand the worker what it has not read, and the moments that have come."""
        worker, now = seat.worker, self.clock.now()
        unread, seat.inbox = seat.inbox, []
        for one in unread:
            content = one.content
            if isinstance(content, Struct):
                key = (one.key or b"").decode()
                worker.take(Inbound(one.topic, one.partition, one.offset, key, content, 0, one.appended_at), now)
            else:
                worker.feed(
                    RawRecord(one.topic, one.partition, one.offset, one.key, content, appended_at=one.appended_at), now
                )
        if seat.wakes_at is not None and seat.wakes_at <= now:
            worker.wake(now)
        self._commit(seat)

    def _perform(self, seat: _Seat, started: Started) -> None:
        answer = run_now(self._performer.perform(started.call))
        if seat.worker.answer(started.key, started.call_id, started.serial, answer, self.clock.now()):
            self._commit(seat)

    def _commit(self, seat: _Seat) -> None:
        worker = seat.worker
        for output in worker.outputs:
            there = contract_of(output.topic).partition_from(worker.partition)
            self.bus.put(output.topic, there, output.key, output.value if self._encodes else output.record)
        for started in worker.commit():
            self._calls.append((seat, started))
        seat.wakes_at = at = worker.next_wake()
        if at is not None and at <= self.clock.now():
            seat.arrived()

    # --- faults -------------------------------------------------------------------------------------------------------

    def restart(self, component: str, *, calls: Literal["lost", "performed"] = "lost") -> None:
        """As if the component's process had died: its state comes back from what it committed.

        ``calls``: those it had asked for and not made yet are ``lost``; or ``performed``, and only their answers lost.
        """
        dead = self._seats[component]
        mine = [started for seat, started in self._calls if seat in dead]
        self._calls = deque(one for one in self._calls if one[0] not in dead)
        if calls == "performed":
            for started in mine:
                run_now(self._performer.perform(started.call))
        for seat in dead:
            self._replace(seat)

    def _replace(self, seat: _Seat) -> None:
        old = seat.worker
        worker = seat.worker = PartitionWorker(old.handler, old.partition, self.partitions, encodes=self._encodes)
        with money.exact():
            for key, name, entry in old.state.entries():
                worker.state.load(key, name, entry)
            worker.restored(self.clock.now())
        seat.wakes_at = None
        seat.arrived()
