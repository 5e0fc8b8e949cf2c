"""The in-process runner: the same handlers and workers as on Kafka, without a broker, and deterministic.

Topics are lists of encoded records. Each pass gives one partition of one component after another what it has not read
yet, commits, and performs the calls that were asked for, one by one, until nothing is left to do; time stands still
until :meth:`InProcessRunner.advance`. The same input gives the same bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from tightloop.domain import money
from tightloop.handlers.api import Handler
from tightloop.records.topics import contract_of
from tightloop.runners.clock import ManualClock
from tightloop.runners.partitioner import partition_of
from tightloop.runners.performer import Performer, run_now
from tightloop.runners.worker import PartitionWorker, RawRecord, Started
from tightloop.wire import codec

T = TypeVar("T", bound=Struct)


class Stored(Struct, frozen=True):
    """A record on a topic of the in-process bus. ``appended_at``: by the runner's clock (UTC)."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    appended_at: datetime

    @property
    def record(self) -> Struct:
        if self.value is None:
            raise ValueError("a record without a value has nothing to decode")
        return codec.decode(self.value)


class OnTime(Protocol):
    """Something else that lives by the same clock, such as the simulated venues."""

    def __call__(self, now: datetime) -> None: ...


class InProcessRunner:
    """Runs all components of a loop together. ``partitions`` as on the topics they stand for.

    ``topics`` holds every record by topic, in the order in which they were published. A topic's name has no prefix.
    """

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
        self._logs: dict[tuple[str, int], list[Stored]] = {}
        self._read: dict[tuple[str, str, int], int] = {}
        self._calls: deque[tuple[PartitionWorker, Started]] = deque()
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
        log = self._logs.setdefault((topic, partition), [])
        stored = Stored(partition, len(log), key, value, self.clock.now())
        log.append(stored)
        self.topics.setdefault(topic, []).append(stored)

    def records(self, topic: str) -> list[Struct]:
        return [stored.record for stored in self.topics.get(topic, [])]

    def state(self, component: str, key: str, name: str, kind: type[T]) -> T | None:
        """An entry of a component's keyed state."""
        worker = self._workers[component][partition_of(key.encode(), self.partitions)]
        return worker.state.get(key, name, kind)

    # --- running ------------------------------------------------------------------------------------------------------

    @property
    def components(self) -> tuple[str, ...]:
        return tuple(handler.name for handler in self._handlers)

    def run(self, steps: int | None = None) -> int:
        """Until nothing is left to do at this moment, or ``steps`` are done; returns how many were.

        A step is one transaction: a partition's new records and due wake-ups, or one call and its answer.
        """
        done = 0
        with money.exact():
            while steps is None or done < steps:
                before = done
                for _ in self._pass():
                    done += 1
                    if done == steps:
                        return done
                if done == before:
                    return done
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
        wakes = [at for workers in self._workers.values() for worker in workers if (at := worker.next_wake())]
        return min(wakes) if wakes else None

    def _pass(self) -> Iterator[None]:
        """Yields after each transaction; between two of them nothing is half done."""
        for handler in self._handlers:
            for partition in range(self.partitions):
                worker = self._workers[handler.name][partition]
                read = self._feed(handler, worker)
                worker.wake(self.clock.now())
                if worker.events:
                    self._read.update(read)
                    self._commit(worker)
                    yield
        while self._calls:
            worker, started = self._calls.popleft()
            answer = run_now(self._performer.perform(started.call))
            if worker.answer(started.key, started.call_id, started.serial, answer, self.clock.now()):
                self._commit(worker)
            yield

    def _feed(self, handler: Handler, worker: PartitionWorker) -> dict[tuple[str, str, int], int]:
        """Hand the worker what it has not read; how far it has then, by input topic."""
        read = {}
        for topic in handler.inputs:
            log = self._logs.get((topic, worker.partition))
            if log is None:
                continue
            place = (handler.name, topic, worker.partition)
            start, end = self._read.get(place, 0), len(log)
            if start == end:
                continue
            read[place] = end
            for stored in log[start:end]:
                raw = RawRecord(
                    topic, stored.partition, stored.offset, stored.key, stored.value, appended_at=stored.appended_at
                )
                worker.feed(raw, self.clock.now())
        return read

    def _commit(self, worker: PartitionWorker) -> None:
        for output in worker.outputs:
            there = contract_of(output.topic).partition_from(worker.partition)
            self.put(output.topic, output.key, output.value, there)
        self._calls.extend((worker, started) for started in worker.commit())

    # --- faults -------------------------------------------------------------------------------------------------------

    def restart(self, component: str, *, calls: Literal["lost", "performed"] = "lost") -> None:
        """As if the component's process had died: its state comes back from what it committed.

        ``calls``: those it had asked for and not made yet are ``lost``; or ``performed``, and only their answers lost.
        """
        dead = self._workers[component]
        mine = [(worker, started) for worker, started in self._calls if worker in dead]
        self._calls = deque(one for one in self._calls if one[0] not in dead)
        if calls == "performed":
            for _, started in mine:
                run_now(self._performer.perform(started.call))
        self._workers[component] = [self._successor(worker) for worker in dead]

    def _successor(self, old: PartitionWorker) -> PartitionWorker:
        worker = PartitionWorker(old.handler, old.partition, self.partitions)
        with money.exact():
            for key, name, entry in old.state.entries():
                worker.state.load(key, name, entry)
            worker.restored(self.clock.now())
        return worker
