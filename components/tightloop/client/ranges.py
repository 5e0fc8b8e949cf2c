"""Ranges of the bus: where one begins and ends in each partition, and its records, partition by partition."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec
from msgspec import Struct

from tightloop.client.closing import Closing
from tightloop.client.connect import Place, end_offsets, offsets, offsets_since, partition_counts, reaching
from tightloop.client.reader import Received, consumer_settings, received_from
from tightloop.errors import ExecutionError
from tightloop.runners.kafka.settings import KafkaSettings

# Where a range begins or ends: an aware time by the broker's clock, or an offset for each partition that is meant.
Bound = datetime | Mapping[int, int]

_BATCH = 500
STALLED_S = 30.0


class Span(Struct, frozen=True):
    """The offsets of a partition from ``first`` up to, and without, ``past``.

    ``gone``: how many offsets before ``first`` were asked for by number, and are no longer kept.
    """

    topic: str
    partition: int
    first: int
    past: int
    gone: int = 0


def spans(settings: KafkaSettings, topics: Collection[str], from_: Bound | None, to: Bound | None) -> list[Span]:
    """What each partition has of the range, as it stands now: what comes later is not in it.

    Without ``from_`` it begins with what is kept, without ``to`` it ends with what is committed. What lies at ``to`` is
    not in it. Where offsets are given, the partitions that they name are meant, and no others.

    Raises ExecutionError BUS-003 for a range that is not possible, EIF-010 for a topic that is missing, EIF-011.
    """
    _check(topics, from_, to)
    counts = partition_counts(settings, topics)
    wanted = _partitions(counts, from_, to)
    starts = offsets(settings, wanted, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    ends = end_offsets(settings, wanted, committed=True)
    firsts = _places(settings, from_, starts, ends)
    pasts = _places(settings, to, ends, ends)
    found = []
    for topic, partition in wanted:
        place = (topic, partition)
        if isinstance(from_, Mapping) and firsts[place] > ends[place]:
            raise _wrong(f"partition {partition} of {topic} ends at offset {ends[place]}, before {firsts[place]}")
        first = max(firsts[place], starts[place])
        found.append(Span(topic, partition, first, max(first, min(pasts[place], ends[place])), first - firsts[place]))
    return found


def _check(topics: Collection[str], from_: Bound | None, to: Bound | None) -> None:
    """What can be said without asking the broker."""
    if (isinstance(from_, Mapping) or isinstance(to, Mapping)) and len(topics) > 1:
        raise _wrong("offsets are those of one topic: export one topic at a time, or give times")
    if isinstance(from_, Mapping) and isinstance(to, Mapping):
        if set(from_) != set(to):
            raise _wrong("both ends of the range must name the same partitions")
        if any(to[partition] < from_[partition] for partition in from_):
            raise _wrong("the range ends before it begins")
    for bound in (from_, to):
        if isinstance(bound, datetime) and bound.tzinfo is None:
            raise _wrong(f"{bound.isoformat()} names no time zone; give an aware time")
    if isinstance(from_, datetime) and isinstance(to, datetime) and to < from_:
        raise _wrong(f"the range ends at {to.isoformat()}, before it begins at {from_.isoformat()}")


def _partitions(counts: Mapping[str, int], from_: Bound | None, to: Bound | None) -> list[Place]:
    every = [(topic, partition) for topic, count in counts.items() for partition in range(count)]
    named = from_ if isinstance(from_, Mapping) else to if isinstance(to, Mapping) else None
    if named is None:
        return every
    for partition in named:
        for topic, count in counts.items():
            if partition >= count:
                raise _wrong(f"{topic} has no partition {partition}: there are 0 to {count - 1}")
    return [place for place in every if place[1] in named]


def _places(
    settings: KafkaSettings, bound: Bound | None, default: Mapping[Place, int], ends: Mapping[Place, int]
) -> dict[Place, int]:
    if isinstance(bound, Mapping):
        return {place: bound[place[1]] for place in ends}
    if bound is None:
        return dict(default)
    return offsets_since(settings, ends, bound)


def _wrong(message: str) -> ExecutionError:
    return ExecutionError("BUS-003", message)


class SpanReader(Closing):
    """Reads spans one after the other, so that the same spans give the same records in the same order."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        # what retention removes meanwhile must be told, not passed over
        self._consumer = Consumer({**consumer_settings(settings), "auto.offset.reset": "error"})

    def read(self, span: Span) -> Iterator[Received]:
        """Raises ExecutionError EIF-011 when nothing comes for long, BUS-003 when retention was faster."""
        if span.first >= span.past:
            return
        with reaching(self._settings.bootstrap):
            self._consumer.assign([TopicPartition(self._settings.prefix + span.topic, span.partition, span.first)])
        deadline = time.monotonic() + STALLED_S
        while time.monotonic() < deadline:
            batch, ended = self._fetch(span)
            yield from batch
            if ended:
                return
            if batch:
                deadline = time.monotonic() + STALLED_S
        raise ExecutionError(
            "EIF-011", f"Kafka at {self._settings.bootstrap!r} gave nothing of {span.topic} for {STALLED_S:g} s"
        )

    def close(self) -> None:
        self._consumer.close()

    def _fetch(self, span: Span) -> tuple[list[Received], bool]:
        """What came of the span, and whether that was all. A transaction's own marks take up offsets, too."""
        batch: list[Received] = []
        with reaching(self._settings.bootstrap):
            messages = self._consumer.consume(1, 0.5)  # which returns at once; for more it would wait the whole time
            for message in messages + self._consumer.consume(_BATCH, 0):
                error = message.error()
                if error is None:
                    received = received_from(message, self._settings.prefix)
                    if received.offset >= span.past:
                        return batch, True
                    batch.append(received)
                elif error.code() == KafkaError._PARTITION_EOF:
                    return batch, True
                elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                    raise _wrong(f"retention removed records of {span.topic}/{span.partition} while they were read")
                elif error.fatal() or error.code() == KafkaError._ALL_BROKERS_DOWN:
                    raise KafkaException(error)
        return batch, bool(batch) and batch[-1].offset == span.past - 1
