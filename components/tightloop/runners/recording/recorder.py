"""Writes down what a worker is given, as it is given it: :class:`Recorder`, one for each worker.

An event of an undone batch never happened, and is left out. An answer that no record could hold is not recorded, and
the recording ends there for who plays it: what is recorded never keeps a component from its work.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tightloop.handlers.calls import Answer
from tightloop.records.types import EventKind, RecordedEvent, Recording, TopicRecord
from tightloop.runners.recording.answer_records import as_answer, as_record
from tightloop.wire import codec

if TYPE_CHECKING:
    from tightloop.runners.shapes import RawRecord

LARGEST_ANSWER = 4 * 1024 * 1024  # bytes: half of what the topic takes


class Recorder:
    """``keeps_values``: of a record that was fed key and value are kept, too; else its place alone: its topic keeps it.

    :meth:`batch` is what is committed, and after :meth:`committed` the next one begins; after :meth:`undone` it begins
    again.
    """

    def __init__(self, component: str, partition: int, *, keeps_values: bool) -> None:
        self._component = component
        self._partition = partition
        self._keeps_values = keeps_values
        self._number = 1
        self._events: list[RecordedEvent] = []

    def fed(self, raw: RawRecord, at: datetime) -> None:
        """A record of an input topic is handled. ``at``: what the handler reads as its ``context.now``."""
        record = TopicRecord(
            topic=raw.topic,
            partition=raw.partition,
            offset=raw.offset,
            key=raw.key if self._keeps_values else None,
            value=raw.value if self._keeps_values else None,
            appended_at=raw.appended_at or at,
        )
        self._add("fed", at, record=record, value_kept=not self._keeps_values)

    def woken(self, count: int, at: datetime) -> None:
        """So many wake-ups had come."""
        if count:
            self._add("woken", at, count=count)

    def hinted(self, key: str, client_order_id: str, at: datetime) -> None:
        """A key was woken by its venue, which spoke of this order."""
        self._add("woken", at, key=key, call_id=client_order_id)

    def answered(self, key: str, call_id: str, answer: Answer, at: datetime) -> Answer:
        """The answer to handle: the one that comes back from the record."""
        self._add("answered", at, key=key, call_id=call_id, answer=as_record(answer))
        written = codec.encode(self._recording(self._events[-1:]))
        (event,) = codec.decode_as(written, Recording).events
        if event.answer is None:
            raise ValueError(f"the answer to {call_id} was not written")
        self._events[-1] = event if len(written) <= LARGEST_ANSWER else replace(event, answer=None)
        return as_answer(event.answer)

    def restored(self, at: datetime) -> None:
        """The worker was started on the state that it had committed."""
        self._add("restored", at)

    def batch(self) -> Recording | None:
        """What happened since the last commit; None: nothing."""
        return self._recording(self._events) if self._events else None

    def committed(self) -> None:
        """The batch is durable; the next one begins."""
        if self._events:
            self._number += 1
            self._events = []

    def undone(self) -> None:
        """The batch never happened."""
        self._events = []

    def _recording(self, events: Sequence[RecordedEvent]) -> Recording:
        return Recording(
            component=self._component,
            partition=self._partition,
            number=self._number,
            events=tuple(events),
            produced_at=events[-1].at,
        )

    def _add(self, kind: EventKind, at: datetime, **about: Any) -> None:
        self._events.append(RecordedEvent(kind=kind, at=at, **about))
