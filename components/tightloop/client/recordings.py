"""Reads what the components recorded: a range of the topic ``recordings``, and the records that it points to.

What comes back is what ``runners.recording.replay`` plays:

    recorded = read_recordings(settings)
    replay = Replay(handlers, partitions, recorded.record)
    for commit in recorded.commits:
        replay.play(commit)

A component is played from its first commit on. So the range begins where the topic does, or before the system's first
start; and the input topics must still have what the components read since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from tightloop.client.ranges import Bound, SpanReader, spans
from tightloop.client.reader import Received
from tightloop.errors import ExecutionError
from tightloop.records.types import Recording, TopicRecord
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.recording.parts import TOPIC, joined
from tightloop.runners.shapes import RawRecord
from tightloop.wire import codec

_Place = tuple[str, int, int]


class Recorded(Struct, frozen=True):
    """``commits``: of every component, in the order in which they were committed. All of the range is in memory."""

    commits: tuple[Recording, ...]
    inputs: dict[_Place, Received]

    def record(self, place: TopicRecord) -> RawRecord:
        """The record there. Raises ExecutionError BUS-003 for one that is not in its topic."""
        found = self.inputs.get((place.topic, place.partition, place.offset))
        if found is None:
            raise ExecutionError("BUS-003", f"there is no record {place.topic}/{place.partition}@{place.offset}")
        return RawRecord(
            found.topic, found.partition, found.offset, found.key, found.value, lambda: found.headers, found.time
        )


def read_recordings(settings: KafkaSettings, from_: Bound | None = None, to: Bound | None = None) -> Recorded:
    """``from_`` and ``to``: of the topic ``recordings``, as it is committed now.

    Raises ExecutionError BUS-003 for a range that is not possible, or inputs that are no longer kept; EIF-010 for a
    topic that is missing, EIF-011 where Kafka can't be reached.
    """
    with SpanReader(settings) as reader:
        found = [one for span in spans(settings, [TOPIC], from_, to) for one in reader.read(span)]
        commits = tuple(joined(codec.decode_as(one.value or b"", Recording) for one in found))
        inputs: dict[_Place, Received] = {}
        for topic, ranges in _read_by(commits).items():
            firsts = {partition: first for partition, (first, _) in ranges.items()}
            pasts = {partition: last + 1 for partition, (_, last) in ranges.items()}
            for span in spans(settings, [topic], firsts, pasts):
                if span.gone:
                    first = firsts[span.partition]
                    raise ExecutionError(
                        "BUS-003",
                        f"{topic}/{span.partition} was read from offset {first} on, and begins at {span.first} by now",
                    )
                inputs.update({(topic, one.partition, one.offset): one for one in reader.read(span)})
    return Recorded(commits, inputs)


def _read_by(commits: Iterable[Recording]) -> dict[str, dict[int, tuple[int, int]]]:
    """By topic and partition: the first and the last offset that was read."""
    found: defaultdict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    for commit in commits:
        for event in commit.events:
            if event.record is not None:
                at, partition = event.record.offset, event.record.partition
                first, last = found[event.record.topic].get(partition, (at, at))
                found[event.record.topic][partition] = min(first, at), max(last, at)
    return found
