"""Topics within one process: what is published on them is numbered by partition, and handed on.

Whoever reads a partition has an *inbox*, which holds what it has not read yet; a *sink* is called with each record as
it is published. What nobody reads and no sink takes is not even made: only its number is counted. Nothing else is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tightloop.runners.clock import Clock
from tightloop.runners.partitioner import partition_of
from tightloop.wire import codec


class Stored(Struct, frozen=True):
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


class Kept:
    """A sink that keeps: every record it is given, by topic, in the order in which they were published."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Stored]] = {}

    def __call__(self, stored: Stored) -> None:
        self.topics.setdefault(stored.topic, []).append(stored)


class Reader(Protocol):
    """Who reads a partition. It takes away from the inbox what it has handled."""

    inbox: list[Stored]

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
    """``partitions``: how many each topic has. A topic's name has no prefix, and is there once it is used."""

    def __init__(self, clock: Clock, partitions: int) -> None:
        self.partitions = partitions
        self._clock = clock
        self._logs: dict[tuple[str, int], _Log] = {}
        self._sinks: list[tuple[frozenset[str], Sink]] = []

    def publish(self, topic: str, key: str, record: Struct) -> None:
        """As a publisher outside would: encoded, to the key's own partition.

        Raises ExecutionError for a record that its schema does not allow (TLC-008, -009, -011).
        """
        raw = key.encode()
        self.put(topic, partition_of(raw, self.partitions), raw, codec.encode(record))

    def put(self, topic: str, partition: int, key: bytes | None, content: Struct | bytes | None) -> None:
        """Append anything, anywhere: bytes of any kind, or a record, which is then passed on by reference."""
        log = self._logs.get((topic, partition)) or self._log(topic, partition)
        offset = log.end
        log.end = offset + 1
        if not log.readers and not log.sinks:
            return
        stored = Stored(topic, partition, offset, key, content, self._clock.now())
        for sink in log.sinks:
            sink(stored)
        for reader in log.readers:
            reader.inbox.append(stored)
            reader.arrived()

    def subscribe(self, sink: Sink, topics: Iterable[str] = ()) -> None:
        """Give ``sink`` what is published on these topics from now on; without any: on all of them."""
        self._sinks.append((frozenset(topics), sink))
        for (topic, _), log in self._logs.items():
            log.sinks[:] = self._sinks_of(topic)

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
