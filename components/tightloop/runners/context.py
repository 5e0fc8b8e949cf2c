"""The handlers' Context over a partition's state; lives for one event."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol, TypeVar

from msgspec import Struct

from tightloop.handlers.api import Context
from tightloop.handlers.calls import Call
from tightloop.runners.shapes import Output
from tightloop.runners.state import UNWRITTEN_HALT, PartitionState

T = TypeVar("T", bound=Struct)


class Events(Protocol):
    """Where an event leaves what it wants: a partition's worker."""

    partition: int
    state: PartitionState
    outputs: list[Output]
    asked: list[tuple[str, str, Call]]
    wishes: list[tuple[str, datetime | None]]


class EventContext:
    """The handlers' Context over a worker; lives for one event."""

    __slots__ = ("_entries", "_state", "_worker", "key", "now")

    def __init__(self, worker: Events, key: str, now: datetime) -> None:
        self._worker = worker
        self._state = worker.state
        self.key = key
        self.now = now
        self._entries = self._state.of(key)

    @property
    def partition(self) -> int:
        return self._worker.partition

    def get(self, name: str, kind: type[T]) -> T | None:
        entry = self._entries.get(name)
        if entry is None or entry.__class__ is kind:
            return entry
        return self._state.get(self.key, name, kind)  # it was restored, and is still encoded

    def put(self, name: str, record: Struct) -> None:
        self._state.put(self.key, name, record)

    def delete(self, name: str) -> None:
        self._state.delete(self.key, name)

    def scan(self, group: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        return self._state.scan(self.key, group, kind)

    def oldest(self, group: str, kind: type[T], count: int) -> list[tuple[str, T]]:
        return self._state.oldest(self.key, group, kind, count)

    def emit(self, topic: str, record: Struct) -> None:
        self._worker.outputs.append(Output(topic, self.key.encode(), record))

    def call(self, call_id: str, call: Call) -> None:
        self._worker.asked.append((self.key, call_id, call))

    def wake_at(self, at: datetime | None) -> None:
        self._worker.wishes.append((self.key, at))

    def shared(self) -> Context:
        return EventContext(self._worker, "", self.now)

    def keys(self) -> list[str]:
        """Those whose halt could not be written yet are left out: nothing of them is handled."""
        state = self._state
        return [key for key in state.strategies() if not state.has(key, UNWRITTEN_HALT)]

    def other(self, key: str) -> Context:
        return EventContext(self._worker, key, self.now)
