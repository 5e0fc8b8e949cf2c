"""One replica of the Kafka runner over clients that do as a test says: logs, commits, aborts and rebalances in memory.

It shows what the runner makes of what the clients tell it. What the real ones tell is for ``tests/integration``.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaError, KafkaException, TopicPartition
from msgspec import Struct

from tightloop.handlers import calls
from tightloop.handlers.api import Handler
from tightloop.runners.clock import SystemClock
from tightloop.runners.kafka import assignment, runner
from tightloop.runners.kafka.restore import Restored
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.performer import CallLoop
from tightloop.runners.state import PartitionState, parse_changelog_key
from tightloop.runners.worker import PartitionWorker
from tightloop.testing import builders
from tightloop.wire import codec

Place = tuple[str, int]
INVALID = -1001
MEMBER = b"CGMDv2:" + struct.pack("=i", 1) + b"group\0member\0\0"
MOST_POLLS = 3000  # a test waits no longer for what it waits for


class Written(Struct, frozen=True):
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None


class Transaction(Struct):
    """``offsets``: by topic and partition, as they were sent."""

    written: list[Written]
    offsets: dict[Place, int]

    def names(self) -> list[str]:
        """Of the state entries written, and the topics of the outputs, in order."""
        return [
            (one.key or b"").decode().partition("|")[2] if "state" in one.topic else one.topic for one in self.written
        ]


class Fetched:
    """What a consumer hands over."""

    def __init__(self, place: Place, offset: int, key: str, value: bytes) -> None:
        self._place, self._offset, self._key, self._value = place, offset, key, value

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return self._key.encode()

    def value(self) -> bytes:
        return self._value

    def error(self) -> None:
        return None

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return TIMESTAMP_NOT_AVAILABLE, 0


class Cluster:
    """The broker. ``undoes``: of which transactions the commit fails, and has to be aborted."""

    def __init__(self) -> None:
        self.logs: dict[Place, list[Fetched]] = {}
        self.committed: dict[Place, int] = {}
        self.transactions: list[Transaction] = []
        self.undone: list[Transaction] = []
        self.undoes: Callable[[Transaction], bool] = lambda transaction: False

    def instruct(self, key: str, partition: int, instruction_id: str) -> None:
        made = builders.trade(instruction_id, datetime.now(UTC), strategy_id=key)
        log = self.logs.setdefault(("instructions", partition), [])
        log.append(Fetched(("instructions", partition), len(log), key, codec.encode(made)))

    def state_of(self, partition: int, changelog: str) -> PartitionState:
        state = PartitionState()
        for transaction in self.transactions:
            for one in transaction.written:
                if (one.topic, one.partition) == (changelog, partition) and one.key is not None:
                    state.load(*parse_changelog_key(one.key), one.value)
        return state


class ScriptedConsumer:
    """``in_poll``, ``in_consume``: what happens once inside the next call that hands over records, after the first."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.in_poll: list[Callable[[], None]] = []
        self.in_consume: list[Callable[[], None]] = []
        self.before_poll: Callable[[], None] = lambda: None
        self.sought: dict[Place, int] = {}
        self._at: dict[Place, int] = {}
        self._has_read: set[Place] = set()
        self._paused: set[Place] = set()

    # the client's side

    def subscribe(self, topics: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self._topics, self._on_assign, self._on_revoke = topics, on_assign, on_revoke

    def poll(self, timeout: float) -> Fetched | None:
        self.before_poll()
        while self.in_poll:
            self.in_poll.pop(0)()
        message = self._next()
        if message is None:
            time.sleep(min(timeout, 0.001))
        return message

    def consume(self, count: int, timeout: float) -> list[Fetched]:
        while self.in_consume:
            self.in_consume.pop(0)()
        messages = [self._next() for _ in range(count)]
        return [one for one in messages if one is not None]

    def incremental_assign(self, places: Sequence[TopicPartition]) -> None:
        for one in places:
            self._at[one.topic, one.partition] = one.offset
            self._has_read.discard((one.topic, one.partition))

    def incremental_unassign(self, places: Sequence[TopicPartition]) -> None:
        for one in places:
            self._at.pop((one.topic, one.partition), None)

    def seek(self, place: TopicPartition) -> None:
        self.sought[place.topic, place.partition] = place.offset
        self.incremental_assign([place])

    def pause(self, places: Sequence[TopicPartition]) -> None:
        self._paused.update((one.topic, one.partition) for one in places)

    def resume(self, places: Sequence[TopicPartition]) -> None:
        self._paused.difference_update((one.topic, one.partition) for one in places)

    def position(self, places: Sequence[TopicPartition]) -> list[TopicPartition]:
        """As the real one: not known before something was read."""
        found = {place: self._at[place] for place in self._has_read if place in self._at}
        return [
            TopicPartition(one.topic, one.partition, found.get((one.topic, one.partition), INVALID)) for one in places
        ]

    def consumer_group_metadata(self) -> bytes:
        return MEMBER

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> None:
        return None

    def close(self) -> None:
        return None

    # the test's side

    def assign(self, *partitions: int) -> None:
        self._on_assign(self, self._places(partitions))

    def revoke(self, *partitions: int) -> None:
        places = self._places(partitions)
        self._on_revoke(self, places)
        self.incremental_unassign(places)

    def stands_at(self, place: Place) -> int | None:
        """The next offset that it would fetch."""
        return self._at.get(place)

    def _places(self, partitions: Sequence[int]) -> list[TopicPartition]:
        return [TopicPartition(topic, partition) for topic in self._topics for partition in partitions]

    def _next(self) -> Fetched | None:
        for place in sorted(self._at.keys() - self._paused):
            log, at = self.cluster.logs.get(place, []), self._at[place]
            if at < len(log):
                self._at[place] = at + 1
                self._has_read.add(place)
                return log[at]
        return None


class ScriptedProducer:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._open = Transaction([], {})

    def init_transactions(self, timeout: float) -> None:
        return None

    def begin_transaction(self) -> None:
        self._open = Transaction([], {})

    def produce(self, topic: str, value: bytes | None, key: bytes | None, partition: int, headers: Any = None) -> None:
        self._open.written.append(Written(topic, partition, key, value))

    def send_offsets_to_transaction(self, places: list[TopicPartition], group: bytes, timeout: float) -> None:
        self._open.offsets = {(one.topic, one.partition): one.offset for one in places}

    def commit_transaction(self, timeout: float) -> None:
        if self.cluster.undoes(self._open):
            raise KafkaException(KafkaError(KafkaError.INVALID_TXN_STATE, "as scripted", txn_requires_abort=True))
        assert self._open.offsets, "a transaction that names no offset is not fenced"
        self.cluster.transactions.append(self._open)
        self.cluster.committed |= self._open.offsets

    def abort_transaction(self, timeout: float) -> None:
        self.cluster.undone.append(self._open)


class ScriptedRestorer:
    """Gives back what was committed; ``held``: not yet."""

    def __init__(self, cluster: Cluster, inputs: Sequence[str], changelog: str) -> None:
        self._cluster, self._inputs, self._changelog = cluster, inputs, changelog
        self._requested: list[tuple[int, int]] = []
        self.held = False

    def request(self, partitions: list[tuple[int, int]]) -> None:
        self._requested += partitions

    def results(self) -> list[Restored]:
        if self.held:
            return []
        requested, self._requested = self._requested, []
        return [
            Restored(partition, epoch, self._cluster.state_of(partition, self._changelog), self._offsets(partition))
            for partition, epoch in requested
        ]

    def stop(self, timeout_s: float) -> None:
        return None

    def _offsets(self, partition: int) -> dict[str, int]:
        return {topic: self._cluster.committed.get((topic, partition), 0) for topic in self._inputs}


class Answering:
    """Performs every call at once, with the same answer."""

    answer = calls.Unavailable("EXI-003", "not now")

    async def perform(self, call: calls.Call, strategy_id: str) -> calls.Answer:
        return self.answer

    async def close(self) -> None:
        return None


class Replica:
    """A runner of ``handler`` that is assigned ``partitions`` when it starts. ``record``: as the setting."""

    def __init__(self, patch: pytest.MonkeyPatch, handler: Handler, partitions: int, *, record: bool = False) -> None:
        self.cluster = Cluster()
        self.consumer = ScriptedConsumer(self.cluster)
        self.restorer = ScriptedRestorer(self.cluster, handler.inputs, handler.changelog)
        patch.setattr(runner, "Producer", lambda config: ScriptedProducer(self.cluster))
        patch.setattr(runner, "Consumer", lambda config: self.consumer)
        patch.setattr(runner, "common_partitions", lambda *about: partitions)
        patch.setattr(assignment, "Restorer", lambda *about: self.restorer)
        patch.setattr(assignment, "committed_offsets", self._committed)
        effects: CallLoop[PartitionWorker] = CallLoop(Answering())  # type: ignore[arg-type]
        settings = KafkaSettings(bootstrap="nowhere", record=record)
        self.runner = runner.KafkaRunner(handler, settings, effects, SystemClock(), ())
        self.consumer.in_poll.append(lambda: self.consumer.assign(*range(partitions)))
        self._steps: list[tuple[Callable[[], bool], Callable[[], None]]] = []

    def when(self, condition: Callable[[], bool], act: Callable[[], None]) -> Replica:
        """As soon as that is so, and what was asked for before has been done: between two polls."""
        self._steps.append((condition, act))
        return self

    def run(self, until: Callable[[], bool]) -> None:
        """Let it work until everything was done, and that is so. Raises what ends the runner."""
        polls = iter(range(MOST_POLLS))

        def look() -> None:
            while self._steps and self._steps[0][0]():
                self._steps.pop(0)[1]()
            if next(polls, None) is None or (not self._steps and until()):
                self.runner.stop()

        self.consumer.before_poll = look
        self.runner.run()
        assert not self._steps and until(), f"it did not come to that; committed: {self.cluster.transactions}"

    @property
    def active(self) -> set[int]:
        return set(self.runner.assignment.active)

    def _committed(self, settings: KafkaSettings, component: str, places: Sequence[Place]) -> dict[Place, int]:
        return {place: self.cluster.committed.get(place, INVALID) for place in places}
