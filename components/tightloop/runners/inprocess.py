"""The in-process runner: the same handlers and workers as on Kafka, without a broker.

Workers with something to do stand in a queue: a worker is not asked before a record has come for it, or a moment. One
worker after another is given what it has not read yet, and commits; then the calls that were asked for are performed;
and so on until nothing is left to do. As on Kafka, what only looks is asked before the commit, and an answer that is
there at once is handled in it. Who publishes and listens uses :attr:`InProcessRunner.bus`.

With a journal each commit, and each record from outside, is written to it first. It is made durable before a call may
start that is no mere read, and before anybody is told of a record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Protocol, TypeVar

from msgspec import Struct

from tightloop.domain import money
from tightloop.handlers.api import Handler, Inbound
from tightloop.handlers.calls import Answer
from tightloop.records.topics import contract_of
from tightloop.records.types import Recording
from tightloop.runners.bus import Stored, Topics
from tightloop.runners.clock import Clock
from tightloop.runners.journal.journal import Journal
from tightloop.runners.partitioner import partition_of
from tightloop.runners.recording.recorder import Recorder
from tightloop.runners.seat import Seat
from tightloop.runners.shapes import RawRecord, Started
from tightloop.runners.worker import READS, PartitionWorker

T = TypeVar("T", bound=Struct)
Asked = tuple[PartitionWorker, Started]
Answered = tuple[PartitionWorker, Started, Answer]
_MOST_ANSWERS = 1000
_MOST_LOOKS = 100  # of one transaction, one after another


class Calls(Protocol):
    """Performs calls: at once (``stepped.AtOnce``), or while other things go on (``performer.CallLoop``)."""

    def start(self, calls: Sequence[Asked]) -> None: ...

    def look(self, reads: Sequence[Asked]) -> Iterable[Answered]:
        """Start calls that only look; those of their answers that are there at once."""

    def take(self, limit: int) -> Iterable[Answered]:
        """Answers that are there, at most so many."""


class InProcessRunner:
    """Runs all components of a loop together. ``partitions`` as on the topics they stand for.

    ``encodes``: every record and every entry of the state becomes bytes, as on Kafka, and what no topic could carry is
    a dead letter, with its code. Without it records are passed on by reference, which is faster: what a handler writes
    is not looked at again. What is published from outside is encoded and checked in any case. With a journal, or
    recorded, everything is encoded. ``record``: called with what each commit was made of, before it is passed on.
    """

    def __init__(
        self,
        handlers: Sequence[Handler],
        calls: Calls,
        clock: Clock,
        *,
        partitions: int = 1,
        encodes: bool = False,
        journal: Journal | None = None,
        record: Callable[[Recording], None] | None = None,
    ) -> None:
        self.partitions = partitions
        self.bus = Topics(clock, partitions, holds=journal is not None)
        self._clock = clock
        self._calls = calls
        self._journal = journal
        self._record = record
        self._encodes = encodes or journal is not None or record is not None
        self._ready: deque[Seat] = deque()
        self._asked: list[Asked] = []
        self._seats = {
            handler.name: [self._seat(handler, number) for number in range(partitions)] for handler in handlers
        }
        self._every = [seat for seats in self._seats.values() for seat in seats]
        self._by_worker = {seat.worker: seat for seat in self._every}
        self._place_of = cache(lambda topic, partition: contract_of(topic).partition_from(partition))

    def _seat(self, handler: Handler, partition: int) -> Seat:
        seat = Seat(self._worker(handler, partition), self._ready)
        for topic in handler.inputs:
            self.bus.read(topic, partition, seat)
        return seat

    def _worker(self, handler: Handler, partition: int) -> PartitionWorker:
        recorder = None if self._record is None else Recorder(handler.name, partition, keeps_values=True)
        return PartitionWorker(handler, partition, self.partitions, encodes=self._encodes, recorder=recorder)

    def state(self, component: str, key: str, name: str, kind: type[T]) -> T | None:
        """An entry of a component's keyed state."""
        seat = self._seats[component][partition_of(key.encode(), self.partitions)]
        return seat.worker.state.get(key, name, kind)

    @property
    def components(self) -> tuple[str, ...]:
        return tuple(self._seats)

    # --- running ------------------------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Take up what the journal holds, as after a restart: every key asks again for what was under way.

        To be called once, when all sinks are subscribed that are to be told what they may not have been told before.
        Raises ExecutionError TLC-017, TLC-018 and TLC-020.
        """
        if self._journal is None:
            return
        with money.exact():
            self._journal.open(self._every, self.bus)
            for seat in self._every:
                seat.worker.restored(self._clock.now())
                self._commit(seat, ())

    def run(self, steps: int | None = None) -> int:
        """Until nothing is left to do at this moment, or ``steps`` are done; returns how many were.

        A step is one transaction: a partition's new records, answers and due wake-ups.
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

    def hint(self, worker: PartitionWorker, key: str, client_order_id: str) -> None:
        """Let a component's key know that its venue spoke of this order. It goes on with the next :meth:`run`."""
        seat = self._by_worker.get(worker)
        if seat is not None:
            worker.hint(key, client_order_id, self._clock.now())
            seat.arrived()

    def next_wake(self) -> datetime | None:
        """When somebody wants to be woken next."""
        return min((seat.wakes_at for seat in self._every if seat.wakes_at is not None), default=None)

    def _wake_due(self) -> None:
        now = self._clock.now()
        for seat in self._every:
            if seat.wakes_at is not None and seat.wakes_at <= now:
                seat.arrived()

    def _steps(self) -> Iterator[None]:
        """Yields after each transaction."""
        while True:
            while self._ready:
                seat = self._ready.popleft()
                seat.is_ready = False
                self._serve(seat)
                yield
            self._start_calls()
            for answered in self._calls.take(_MOST_ANSWERS):
                self._handle(*answered)
            if not (self._ready or self._asked or self._tell()):
                return

    def _serve(self, seat: Seat) -> None:
        """Hand the worker what it has not read, and the moments that have come."""
        worker, now = seat.worker, self._clock.now()
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
        for _ in range(_MOST_LOOKS):
            reads = worker.reads()
            if not reads:
                break
            for _, started, answer in self._calls.look([(worker, one) for one in reads]):
                worker.answer(started.key, started.call_id, started.serial, answer, now)
        self._commit(seat, unread)

    def _handle(self, worker: PartitionWorker, started: Started, answer: Answer) -> None:
        """An answer belongs to the worker that asked, and is dropped when that one is gone."""
        seat = self._by_worker.get(worker)
        if seat is not None and worker.answer(started.key, started.call_id, started.serial, answer, self._clock.now()):
            seat.arrived()

    def _commit(self, seat: Seat, unread: Sequence[Stored]) -> None:
        worker, now = seat.worker, self._clock.now()
        if self._record is not None and worker.recorder is not None:
            batch = worker.recorder.batch()
            if batch is not None:
                self._record(batch)
        written = []
        for output in worker.outputs:
            there = self._place_of(output.topic, worker.partition)
            content = output.value if self._encodes else output.record
            written.append(self.bus.append(output.topic, there, output.key, content, now))
        if self._journal is not None:
            self._write_down(self._journal, seat, unread, written)
        for started in worker.commit():
            self._asked.append((worker, started))
        seat.wakes_at = at = worker.next_wake()
        if at is not None and at <= now:
            seat.arrived()

    def _write_down(
        self, journal: Journal, seat: Seat, unread: Sequence[Stored], written: Sequence[Stored | None]
    ) -> None:
        changes = seat.worker.changes()
        for one in unread:
            seat.read[one.topic] = one.offset + 1
        if unread or written or changes:
            journal.committed(seat, written, changes)

    def _start_calls(self) -> None:
        if not self._asked:
            return
        asked, self._asked = self._asked, []
        if self._journal is not None and not all(isinstance(started.call, READS) for _, started in asked):
            self._journal.sync()
        self._calls.start(asked)

    def _tell(self) -> bool:
        """Let everybody know what is durable; whether there was anything to tell."""
        if self._journal is None:
            return False
        if not self.bus.is_holding:
            self._journal.shorten()
            return False
        self._journal.sync()
        self.bus.release()
        self._journal.told()
        return True
