"""Topics within one process: what is published on them is numbered by partition, and handed on.

Each reader of a partition has an *inbox*, which holds what it has not read yet; a *sink* is called with each record as
it is published, or where topics *hold*, when they are told to release. What nobody reads and no sink takes is not even
made: only its number is counted. Nothing else is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tightloop.records.types import (
    ControlCommand,
    DeadLetter,
    ExecutionReport,
    Instruction,
    PositionUpdate,
    ReconciliationResult,
)
from tightloop.runners.clock import Clock
from tightloop.runners.partitioner import partition_of
from tightloop.wire import codec

_TOPIC = {
    Instruction: "instructions",
    ControlCommand: "control",
    ExecutionReport: "fills",
    PositionUpdate: "position_updates",
    ReconciliationResult: "reconciliation_results",
    DeadLetter: "dead_letters",
}
EVERYONE = "*"  # the key of a command for a venue or for all, on every partition


class Stored(Struct, frozen=True, gc=False):
    """A record on a topic. ``content``: its bytes, or the record itself, where it was made in this process and is
    passed on by reference. ``appended_at``: by the bus's clock (UTC).
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    content: Struct | bytes | None
    appended_at: datetime

    @property
    def value(self) -> bytes | None:
        """Its bytes. Raises ExecutionError for a record that its schema does not allow (TLC-008, -009, -011)."""
        return codec.encode(self.content) if isinstance(self.content, Struct) else self.content

    @property
    def record(self) -> Struct:
        """Raises ExecutionError for bytes that can't be read, ValueError for a record without a value."""
        if self.content is None:
            raise ValueError("a record without a value has nothing to decode")
        return codec.decode(self.content) if isinstance(self.content, bytes) else self.content


Sink = Callable[[Stored], None]
Address = tuple[str, int, bytes, bytes]  # topic, partition, key and value


class Kept:
    """A sink that keeps: every record it is given, by topic, in the order in which they were published."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Stored]] = {}

    def __call__(self, stored: Stored) -> None:
        self.topics.setdefault(stored.topic, []).append(stored)


class Reader(Protocol):
    """Who reads a partition. It takes away from the inbox what it has handled. ``read``: the next offset by topic."""

    inbox: list[Stored]
    read: dict[str, int]

    def arrived(self) -> None:
        """There is something in the inbox."""


class _Log:
    """One partition of one topic. ``end``: the offset of the next record."""

    __slots__ = ("end", "readers", "sinks")

    def __init__(self, sinks: list[Sink]) -> None:
        self.end = 0
        self.readers: list[Reader] = []
        self.sinks = sinks


class Topics:
    """``partitions``: how many each topic has. A topic's name has no prefix, and is there once it is used.

    ``holds``: sinks are told nothing before :meth:`release`. ``on_published``: called with what comes from outside.
    """

    def __init__(self, clock: Clock, partitions: int, *, holds: bool = False) -> None:
        self.partitions = partitions
        self.on_published: Sink | None = None
        self._clock = clock
        self._logs: dict[tuple[str, int], _Log] = {}
        self._sinks: list[tuple[frozenset[str], Sink]] = []
        self._held: deque[Stored] | None = deque() if holds else None

    # --- from outside -------------------------------------------------------------------------------------------------

    def publish(self, record: Struct, topic: str | None = None, key: str | None = None) -> None:
        """As its writer would: encoded, on the topic for such records, under its strategy's key.

        A command for a venue or for all goes to every partition. Raises ExecutionError for a record that its schema
        does not allow (TLC-008, -009, -011).
        """
        for place in self.addressed(record, topic, key):
            self.put(*place)

    def addressed(self, record: Struct, topic: str | None = None, key: str | None = None) -> list[Address]:
        """Where and as what it would be published."""
        topic, value = topic or _TOPIC[type(record)], codec.encode(record)
        if isinstance(record, ControlCommand) and record.scope != "key":
            return [(topic, partition, EVERYONE.encode(), value) for partition in range(self.partitions)]
        raw = (key or getattr(record, "strategy_id", None) or "").encode()
        return [(topic, partition_of(raw, self.partitions), raw, value)]

    def put(self, topic: str, partition: int, key: bytes | None, value: bytes | None) -> None:
        """Any bytes, anywhere."""
        stored = self.append(topic, partition, key, value, self._clock.now())
        if stored is not None and self.on_published is not None:
            self.on_published(stored)

    def subscribe(self, sink: Sink, topics: Iterable[str] = ()) -> None:
        """Give ``sink`` what is published on these topics from now on; without any: on all of them."""
        self._sinks.append((frozenset(topics), sink))
        for (topic, _), log in self._logs.items():
            log.sinks[:] = self._sinks_of(topic)

    # --- for those who run components ---------------------------------------------------------------------------------

    def append(
        self, topic: str, partition: int, key: bytes | None, content: Struct | bytes | None, now: datetime
    ) -> Stored | None:
        """Bytes, or a record, which is then passed on by reference. ``None``: there is nobody to give it to."""
        log = self._logs.get((topic, partition)) or self._log(topic, partition)
        offset = log.end
        log.end = offset + 1
        if not log.readers and not log.sinks:
            return None
        stored = Stored(topic, partition, offset, key, content, now)
        if log.sinks:
            self._tell(log, stored)
        for reader in log.readers:
            reader.inbox.append(stored)
            reader.arrived()
        return stored

    def put_back(self, stored: Stored) -> None:
        """What was published before a restart: for those who have not read it, and held for the sinks."""
        log = self._log(stored.topic, stored.partition)
        log.end = max(log.end, stored.offset + 1)
        if log.sinks:
            self._tell(log, stored)
        for reader in log.readers:
            if stored.offset >= reader.read.get(stored.topic, 0):
                reader.inbox.append(stored)
                reader.arrived()

    @property
    def is_holding(self) -> bool:
        """Is there something that the sinks were not told yet?"""
        return bool(self._held)

    def release(self) -> None:
        """Tell the sinks what is held now."""
        held, self._held = self._held, deque()
        for stored in held or ():
            for sink in self._log(stored.topic, stored.partition).sinks:
                sink(stored)

    def forget_held(self) -> None:
        """The sinks were told of it before a restart."""
        if self._held:
            self._held.clear()

    def ends(self) -> Iterator[tuple[str, int, int]]:
        """Topic, partition and next offset of all there are."""
        for (topic, partition), log in self._logs.items():
            yield topic, partition, log.end

    def move_end(self, topic: str, partition: int, end: int) -> None:
        self._log(topic, partition).end = end

    def _tell(self, log: _Log, stored: Stored) -> None:
        if self._held is not None:
            self._held.append(stored)
            return
        for sink in log.sinks:
            sink(stored)

    def read(self, topic: str, partition: int, reader: Reader) -> None:
        """Let ``reader`` have what is published there from now on."""
        self._log(topic, partition).readers.append(reader)

    def _log(self, topic: str, partition: int) -> _Log:
        log = self._logs.get((topic, partition))
        if log is None:
            log = self._logs[topic, partition] = _Log(self._sinks_of(topic))
        return log

    def _sinks_of(self, topic: str) -> list[Sink]:
        return [sink for topics, sink in self._sinks if not topics or topic in topics]
