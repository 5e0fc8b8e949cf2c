"""A recording, played into fresh workers: the same events, in the same order, at the same times.

No clock is read and no venue is asked. Where the handlers are those that were recorded, the outputs and the changes of
the state are the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import Struct

from tightloop.domain import money
from tightloop.handlers.api import Handler
from tightloop.records.types import RecordedEvent, Recording, TopicRecord
from tightloop.runners.recording.answer_records import as_answer
from tightloop.runners.shapes import Output, RawRecord
from tightloop.runners.worker import PartitionWorker


class Played(Struct, frozen=True):
    """What one commit came to. ``changes``: key, name and bytes of what differs in the state; ``None``: it is gone."""

    recording: Recording
    outputs: tuple[Output, ...]
    changes: tuple[tuple[str, str, bytes | None], ...]


class Replay:
    """``values``: gives the record where a recording holds its place alone."""

    def __init__(
        self,
        handlers: Iterable[Handler],
        partitions: int,
        values: Callable[[TopicRecord], RawRecord] | None = None,
    ) -> None:
        self._handlers = {handler.name: handler for handler in handlers}
        self._partitions = partitions
        self._values = values
        self._workers: dict[tuple[str, int], PartitionWorker] = {}
        self._numbers: dict[tuple[str, int], int] = {}

    def play(self, recording: Recording) -> Played:
        """Raises KeyError for a component that is not among the handlers, ValueError where a commit is missing, or an
        event does not fit.
        """
        self._check_number(recording)
        with money.exact():
            for event in recording.events:
                self._happen(recording, event)
            worker = self._worker(recording)
            played = Played(recording, tuple(worker.outputs), tuple(worker.changes()))
            worker.commit()
        return played

    def _check_number(self, recording: Recording) -> None:
        """They count on, or from 1 when a process was started; what had no commit before begins with the first."""
        place, number = (recording.component, recording.partition), recording.number
        before = self._numbers.get(place)
        started = number == 1 and (before is None or recording.events[0].kind == "restored")
        if not started and (before is None or number != before + 1):
            what = "it begins in the middle" if before is None else f"after commit {before} some are missing"
            raise _unfit(recording, recording.produced_at, what)
        self._numbers[place] = number

    def entries(self, component: str, partition: int) -> dict[tuple[str, str], bytes]:
        """The state of one partition as it is now, encoded."""
        worker = self._workers.get((component, partition))
        return {} if worker is None else {(key, name): entry for key, name, entry in worker.state.entries()}

    def _worker(self, recording: Recording) -> PartitionWorker:
        place = recording.component, recording.partition
        worker = self._workers.get(place)
        if worker is None:
            worker = PartitionWorker(self._handlers[recording.component], recording.partition, self._partitions)
            self._workers[place] = worker
        return worker

    def _happen(self, recording: Recording, event: RecordedEvent) -> None:
        match event.kind:
            case "fed" if event.record is not None:
                self._worker(recording).feed(self._raw(event, event.record), event.at)
            case "woken" if event.key is not None:
                self._worker(recording).hint(event.key, event.call_id or "", event.at)
            case "woken":
                woken = self._worker(recording).wake(event.at, event.count)
                if woken != event.count:
                    raise _unfit(recording, event.at, f"{event.count} moments had come, and {woken} here")
            case "answered":
                self._answer(recording, event)
            case "restored":
                self._restore(recording, event.at)
            case _:
                raise _unfit(recording, event.at, f"an event of kind {event.kind}")

    def _raw(self, event: RecordedEvent, record: TopicRecord) -> RawRecord:
        if not event.value_kept:
            return RawRecord(
                record.topic,
                record.partition,
                record.offset,
                record.key,
                record.value,
                appended_at=record.appended_at,
            )
        if self._values is None:
            raise ValueError(f"{record.topic}/{record.partition}@{record.offset} is in its topic, and not here")
        return self._values(record)

    def _answer(self, recording: Recording, event: RecordedEvent) -> None:
        worker, key, call_id = self._worker(recording), event.key or "", event.call_id or ""
        if worker.pending(key, call_id) is None:
            worker.reads()  # what was asked may have been answered before the commit
        serial = worker.pending(key, call_id)
        if serial is None:
            raise _unfit(recording, event.at, f"an answer to {call_id} of {key}, which nothing has asked")
        if event.answer is None:
            raise _unfit(recording, event.at, f"the answer to {call_id} of {key} was too large to be recorded")
        worker.answer(key, call_id, serial, as_answer(event.answer), event.at)

    def _restore(self, recording: Recording, at: datetime) -> None:
        """A process was started: on nothing at first, later on what the one before it had committed."""
        place = recording.component, recording.partition
        before = self._workers.pop(place, None)
        worker = self._worker(recording)
        for key, name, entry in before.state.entries() if before else ():
            worker.state.load(key, name, entry)
        worker.restored(at)


def _unfit(recording: Recording, at: datetime, what: str) -> ValueError:
    where = f"commit {recording.number} of {recording.component}/{recording.partition} at {at.isoformat()}"
    return ValueError(f"{where} does not fit what came before: {what}")
