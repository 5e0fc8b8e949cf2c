"""A commit's recording as records of the topic ``recordings``, and back: one, or several where it is large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from tightloop.records.types import Recording
from tightloop.wire import codec

TOPIC = "recordings"
LARGEST_PART = 900_000  # bytes: below the producer's `batch.size`; a single event may be larger (recorder.py)


def key_of(recording: Recording) -> bytes:
    return f"{recording.component}/{recording.partition}".encode()


def parts(recording: Recording) -> Iterator[bytes]:
    """Encoded, in their order. All but the last say that there is ``more``."""
    value = codec.encode(recording)
    if len(value) <= LARGEST_PART or len(recording.events) < 2:
        yield value
        return
    half = len(recording.events) // 2
    yield from parts(replace(recording, events=recording.events[:half], more=True))
    yield from parts(replace(recording, events=recording.events[half:]))


def joined(records: Iterable[Recording]) -> Iterator[Recording]:
    """The commits of which these are the parts, each where its last part was. One whose rest is missing is left out."""
    begun: dict[bytes, Recording] = {}
    for one in records:
        place = key_of(one)
        first = begun.pop(place, None)
        if first is not None and first.number == one.number:
            one = replace(first, events=first.events + one.events, more=one.more, produced_at=one.produced_at)
        if one.more:
            begun[place] = one
        else:
            yield one
