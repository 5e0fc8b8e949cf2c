"""The in-process runner: the same handlers and workers as on Kafka, without a broker, and deterministic.

Topics are lists of encoded records. Each pass feeds one component what it has not read yet, commits, performs the calls
it asked for at once, and goes on until nothing is left to do; time stands still until
:meth:`InProcessRunner.advance`. The same input gives the same bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from tightloop.handlers.api import Handler
from tightloop.handlers.effects import Answer
from tightloop.records import codec
from tightloop.runners.clock import ManualClock
from tightloop.runners.effects import Performer, run_now
from tightloop.runners.partitioner import partition_of
from tightloop.runners.worker import PartitionWorker, RawRecord, Started


class Stored(Struct, frozen=True):
    """A record on a topic of the in-process bus."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None

    @property
    def record(self) -> Struct:
        if self.value is None:
            raise ValueError("a record without a value has nothing to decode")
        return codec.decode(self.value)


class OnTime(Protocol):
    """Something else that lives by the same clock, such as the simulated venues."""

    def __call__(self, now: datetime) -> None: ...


class InProcessRunner:
    """Runs all components of a loop together. ``partitions`` as on the topics they stand for."""

    def __init__(
        self,
        handlers: Sequence[Handler],
        performer: Performer,
        clock: ManualClock,
        partitions: int = 8,
        on_time: OnTime | None = None,
    ) -> None:
        self.clock = clock
        self.partitions = partitions
        self.topics: dict[str, list[Stored]] = {}
        self._handlers = tuple(handlers)
        self._performer = performer
        self._on_time = on_time
        self._next_offset: dict[tuple[str, int], int] = {}
        self._read: dict[tuple[str, str], int] = {}
        self._answers: deque[tuple[PartitionWorker, Started, Answer]] = deque()
        self._workers = {
            handler.name: [PartitionWorker(handler, partition, partitions) for partition in range(partitions)]
            for handler in handlers
        }

    # --- the bus ------------------------------------------------------------------------------------------------------

    def publish(self, topic: str, key: str, record: Struct) -> None:
        """As a publisher would: encoded, to the key's own partition."""
        raw = key.encode()
        self.put(topic, raw, codec.encode(record), partition_of(raw, self.partitions))

    def put(self, topic: str, key: bytes | None, value: bytes | None, partition: int) -> None:
        """Any bytes, anywhere: for what should not happen."""
        offset = self._next_offset.get((topic, partition), 0)
        self._next_offset[topic, partition] = offset + 1
        self.topics.setdefault(topic, []).append(Stored(partition, offset, key, value))

    def records(self, topic: str) -> list[Struct]:
        return [stored.record for stored in self.topics.get(topic, [])]

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until nothing is left to do at this moment."""
        while self._pass():
            continue

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
        wakes = [at for workers in self._workers.values() for worker in workers if (at := worker.next_wake())]
        return min(wakes) if wakes else None

    def _pass(self) -> bool:
        progress = False
        for handler in self._handlers:
            self._feed(handler)
            for worker in self._workers[handler.name]:
                worker.wake(self.clock.now())
                if worker.events:
                    progress = True
                    self._commit(worker)
        while self._answers:
            worker, started, answer = self._answers.popleft()
            progress = True
            worker.answer(started.key, started.call_id, started.serial, answer, self.clock.now())
            self._commit(worker)
        return progress

    def _feed(self, handler: Handler) -> None:
        for topic in handler.inputs:
            log = self.topics.get(topic, [])
            start = self._read.get((handler.name, topic), 0)
            self._read[handler.name, topic] = len(log)
            for stored in log[start:]:
                worker = self._workers[handler.name][stored.partition]
                raw = RawRecord(topic, stored.partition, stored.offset, stored.key, stored.value)
                worker.feed(raw, self.clock.now())

    def _commit(self, worker: PartitionWorker) -> None:
        for output in worker.outputs:
            self.put(output.topic, output.key, codec.encode(output.record), worker.partition)
        for started in worker.commit():
            self._answers.append((worker, started, run_now(self._performer.perform(started.call))))

    # --- faults -------------------------------------------------------------------------------------------------------

    def restart(self, component: str) -> None:
        """As if the component's process had died: its state comes back from what it committed."""
        fresh = []
        for old in self._workers[component]:
            worker = PartitionWorker(old.handler, old.partition, self.partitions)
            for key, name, record in old.state.entries():
                worker.state.load(key, name, codec.encode(record))
            worker.restored(self.clock.now())
            fresh.append(worker)
        self._workers[component] = fresh
