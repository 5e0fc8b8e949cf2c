"""Reads topics without a consumer group: every partition, committed records alone, from wherever one likes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from msgspec import Struct

from tightloop.client.closing import Closing
from tightloop.client.connect import Place, end_offsets, offsets_since, partition_counts, reaching
from tightloop.errors import ExecutionError
from tightloop.records.topics import contract_of
from tightloop.runners.kafka.messages import headers_of, place
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.wire import codec

Start = Literal["beginning", "end"] | datetime | Mapping[Place, int]
_BATCH = 500


class Received(Struct, frozen=True):
    """A record as it lies on the bus. ``topic`` is the contract's name; ``time`` the broker's (UTC)."""

    topic: str
    partition: int
    offset: int
    time: datetime
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    def record(self) -> Struct:
        """What it holds. Raises ExecutionError TLC-001 to -003 and -009 for what can't be read."""
        return codec.decode(self.value or b"")

    def header(self, name: str) -> str | None:
        return next((value.decode(errors="replace") for found, value in self.headers if found == name), None)


class TopicReader(Closing):
    """``partitions``: only these, of the co-partitioned topics, and all of any other. Not to be shared between threads.

    Raises ExecutionError BUS-003 (a time without a zone), EIF-010 (no such topic) and EIF-011 (no broker answers).
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str],
        start: Start = "beginning",
        partitions: Collection[int] | None = None,
    ) -> None:
        if isinstance(start, datetime) and start.tzinfo is None:
            raise ExecutionError(
                "BUS-003", f"{start.isoformat()} names no time zone; give an aware time, such as UTC's"
            )
        self._settings = settings
        counts = partition_counts(settings, topics)
        self._places = [
            (topic, partition)
            for topic, count in counts.items()
            for partition in range(count)
            if partitions is None or partition in partitions or not contract_of(topic).co_partitioned
        ]
        self._ended: set[Place] = set()
        self._held: deque[Received] = deque()
        self._consumer = Consumer(consumer_settings(settings))
        with reaching(settings.bootstrap):
            self._consumer.assign(self._starts(start))

    def poll(self, timeout_s: float) -> Received | None:
        """The next record, or None when there was none for so long."""
        deadline = time.monotonic() + timeout_s
        while not self._held:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._fetch(left)
        return self._held.popleft()

    def to_end(self, timeout_s: float = 60.0) -> Iterator[Received]:
        """What there is up to the end, as it was when the end was met. Raises ExecutionError EIF-011 after the time."""
        deadline = time.monotonic() + timeout_s
        while True:
            while self._held:  # one at a time: whoever breaks off finds the rest
                yield self._held.popleft()
            if len(self._ended) == len(self._places):
                return
            if time.monotonic() > deadline:
                bootstrap = self._settings.bootstrap
                raise ExecutionError("EIF-011", f"Kafka at {bootstrap!r} did not come to an end in {timeout_s:g} s")
            self._fetch(0.2)

    def close(self) -> None:
        self._consumer.close()

    def _fetch(self, timeout_s: float) -> None:
        with reaching(self._settings.bootstrap):
            messages = self._consumer.consume(1, min(timeout_s, 0.5))
            if messages:
                messages += self._consumer.consume(_BATCH, 0)
            for message in messages:
                self._take(message)

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                topic, partition, _ = place(message)
                self._ended.add((topic.removeprefix(self._settings.prefix), partition))
            elif error.fatal() or error.code() == KafkaError._ALL_BROKERS_DOWN:
                raise KafkaException(error)
            return  # whatever else there is, the client mends by itself
        received = received_from(message, self._settings.prefix)
        self._ended.discard((received.topic, received.partition))
        self._held.append(received)

    def _starts(self, start: Start) -> list[TopicPartition]:
        """Never "the end" itself: the client would look it up later, and what comes before it does would be missed."""
        if start == "beginning":
            return self._at(dict.fromkeys(self._places, OFFSET_BEGINNING))
        if isinstance(start, Mapping):
            return self._at({place: start.get(place, OFFSET_BEGINNING) for place in self._places})
        # Asked for first, so that nothing comes between it and the answer that a partition has nothing so young
        ends = end_offsets(self._settings, self._places, committed=True)
        if not isinstance(start, datetime):
            return self._at(ends)
        return self._at(offsets_since(self._settings, ends, start))

    def _at(self, places: Mapping[Place, int]) -> list[TopicPartition]:
        prefix = self._settings.prefix
        return [TopicPartition(prefix + topic, partition, at) for (topic, partition), at in places.items()]


def consumer_settings(settings: KafkaSettings) -> dict[str, object]:
    """Of a consumer that is in no group and reads what is committed."""
    return {
        **settings.admin(),
        "group.id": f"{settings.prefix}tightloop-reader",  # never joined: partitions are assigned by hand
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 20,
    }


def received_from(message: Message, prefix: str) -> Received:
    topic, partition, offset = place(message)
    _, milliseconds = message.timestamp()
    key, value = message.key(), message.value()
    return Received(
        topic=topic.removeprefix(prefix),
        partition=partition,
        offset=offset,
        time=datetime.fromtimestamp(milliseconds / 1000, UTC),
        key=key.encode() if isinstance(key, str) else key,
        value=value.encode() if isinstance(value, str) else value,
        headers=headers_of(message),
    )
