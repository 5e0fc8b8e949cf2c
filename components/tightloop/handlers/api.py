"""What a handler is, and what it may do: the border between the pure components and the runners.

A component is a :class:`Handler`. A runner feeds it *events*, one at a time: a record, a moment that has come, an
answer to a call. For each event it gets a :class:`Context` bound to one key. Through it the handler reads and writes
its keyed state, emits records, asks for calls and says when it wants to be woken. It does no I/O, keeps nothing in
``self`` that an event changed, and reads no clock but ``context.now``. All that an event did takes effect together, or
not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from tightloop.errors import ExecutionError
from tightloop.handlers.calls import Answer, Call

T = TypeVar("T", bound=Struct)


class Inbound(Struct, frozen=True, gc=False):
    """A record as it arrived. ``value`` is a record class of ``tightloop.records.types``."""

    topic: str
    partition: int
    offset: int
    key: str
    value: Any
    size: int = 0  # bytes of the value on the wire
    appended_at: datetime | None = None  # when the broker took it in, by the broker's clock (UTC)


class Context(Protocol):
    """One event's view of one key."""

    @property
    def key(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def now(self) -> datetime:
        """UTC; the same for the whole event."""

    # keyed state: records by name. A name is `group` or `group|rest`.
    def get(self, name: str, kind: type[T]) -> T | None: ...
    def put(self, name: str, record: Struct) -> None: ...
    def delete(self, name: str) -> None: ...
    def scan(self, group: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        """The entries of a group, sorted by name. Writing while iterating is fine."""

    def oldest(self, group: str, kind: type[T], count: int) -> list[tuple[str, T]]:
        """The first ``count`` entries of a group in the order they were first written."""

    # outputs
    def emit(self, topic: str, record: Struct) -> None:
        """Publish under this key, to this partition."""

    def call(self, call_id: str, call: Call) -> None:
        """Perform ``call`` once this event has committed; the answer comes as ``on_answer(context, call_id, …)``.

        A call under an id that is already under way replaces it: the earlier answer is dropped.
        """

    def wake_at(self, at: datetime | None) -> None:
        """One wake-up per key: ``on_time`` is called at ``at`` or soon after. ``None`` takes it back."""

    # beyond the key, within the partition
    def shared(self) -> Context:
        """The partition's own entry, under the empty key (halts of a venue or of all)."""

    def keys(self) -> list[str]:
        """Every key of this partition that has state, by name, the empty key left out."""

    def other(self, key: str) -> Context: ...


class Handler(Protocol):
    """A component.

    ``inputs`` are the topics it consumes; ``changelog`` the compacted topic that holds its state; ``failure_code`` the
    code under which a defect of its own is dead-lettered.
    """

    name: str
    failure_code: str
    inputs: tuple[str, ...]
    changelog: str

    def on_record(self, context: Context, record: Inbound) -> None:
        """Raises ExecutionError for a record that cannot be processed: the runner dead-letters it."""

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        """A record of this key could not be processed and goes to ``dead_letters`` in the same transaction."""

    def on_time(self, context: Context) -> None: ...
    def on_answer(self, context: Context, call_id: str, answer: Answer) -> None: ...
    def on_restore(self, context: Context) -> None:
        """Once per key after its state was restored: ask again for what was under way, and to be woken."""


@runtime_checkable
class HandlesHints(Protocol):
    """What a component may have besides."""

    def on_hint(self, context: Context, client_order_id: str) -> None:
        """A venue's stream spoke of this order: what is to be asked about it later may be asked now. No evidence."""
