"""The handlers' ``Context`` over plain dicts, and a driver that feeds a handler one event at a time.

``HandlerDriver`` is to a handler what ``TopologyTestDriver`` is to a Kafka Streams topology: feed a record, answer a
call, let time pass, restart; then read ``emitted``, ``calls``, ``wake`` and ``state``. An event that raises leaves no
trace, as with the real runners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec import Struct

from tightloop.handlers.api import Context, Handler, Inbound
from tightloop.handlers.calls import Answer, Call

T = TypeVar("T", bound=Struct)
START = datetime(2024, 5, 12, 12, 0, tzinfo=UTC)


class Emitted(Struct, frozen=True):
    topic: str
    key: str
    record: Any


class World:
    """What one partition holds: ``state[key][name]``, and what events asked for."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self.state: dict[str, dict[str, Struct]] = {}
        self.emitted: list[Emitted] = []
        self.calls: dict[str, dict[str, Call]] = {}
        self.wake: dict[str, datetime] = {}
        self.writes = 0


class FakeContext:
    """One event's view of one key. As with the real one, scans go by name and ``oldest`` by first writing."""

    def __init__(self, world: World, key: str, partition: int = 0) -> None:
        self.world = world
        self.key = key
        self.partition = partition

    @property
    def now(self) -> datetime:
        return self.world.now

    @property
    def _entries(self) -> dict[str, Struct]:
        return self.world.state.setdefault(self.key, {})

    def get(self, name: str, kind: type[T]) -> T | None:
        entry = self._entries.get(name)
        assert entry is None or isinstance(entry, kind), f"{name} is a {type(entry).__name__}, not a {kind.__name__}"
        return entry

    def put(self, name: str, record: Struct) -> None:
        self.world.writes += 1
        self._entries[name] = record

    def delete(self, name: str) -> None:
        self.world.writes += 1
        self._entries.pop(name, None)

    def scan(self, group: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        names = sorted(name for name in self._entries if name.partition("|")[0] == group)
        for name in names:
            record = self.get(name, kind)
            if record is not None:
                yield name, record

    def oldest(self, group: str, kind: type[T], count: int) -> list[tuple[str, T]]:
        names = [name for name in self._entries if name.partition("|")[0] == group]
        return [(name, record) for name in names[:count] if (record := self.get(name, kind)) is not None]

    def emit(self, topic: str, record: Struct) -> None:
        self.world.emitted.append(Emitted(topic, self.key, record))

    def call(self, call_id: str, call: Call) -> None:
        self.world.calls.setdefault(self.key, {})[call_id] = call

    def wake_at(self, at: datetime | None) -> None:
        if at is None:
            self.world.wake.pop(self.key, None)
        else:
            self.world.wake[self.key] = at

    def shared(self) -> Context:
        return FakeContext(self.world, "", self.partition)

    def keys(self) -> list[str]:
        return sorted(key for key, entries in self.world.state.items() if key and entries)

    def other(self, key: str) -> Context:
        return FakeContext(self.world, key, self.partition)


class HandlerDriver:
    """Feeds ``handler`` with events of ``key`` (by default) and keeps what they did."""

    def __init__(self, handler: Handler, key: str = "s1", now: datetime = START) -> None:
        self.handler = handler
        self.key = key
        self.world = World(now)
        self._offsets: dict[str, int] = {}

    # --- events -------------------------------------------------------------------------------------------------------

    def feed(self, topic: str, value: Struct, key: str | None = None) -> list[Emitted]:
        """One record; returns what the event emitted. Raises what the handler raises, state unchanged."""
        key = self.key if key is None else key
        offset = self._offsets[topic] = self._offsets.get(topic, -1) + 1
        inbound = Inbound(topic, 0, offset, key, value)
        return self._event(key, lambda context: self.handler.on_record(context, inbound))

    def answer(self, call_id: str, answer: Answer, key: str | None = None) -> list[Emitted]:
        """The answer to a call under way; one that is not under way is dropped, as the runners do."""
        key = self.key if key is None else key
        if self.world.calls.get(key, {}).pop(call_id, None) is None:
            return []
        return self._event(key, lambda context: self.handler.on_answer(context, call_id, answer))

    def advance(self, seconds: float) -> list[Emitted]:
        """Let time pass; every wake-up that falls due on the way happens at its own time."""
        until = self.world.now + timedelta(seconds=seconds)
        emitted: list[Emitted] = []
        while self.world.wake and min(self.world.wake.values()) <= until:
            key = min(self.world.wake, key=lambda one: (self.world.wake[one], one))
            self.world.now = max(self.world.now, self.world.wake.pop(key))
            emitted += self._event(key, self.handler.on_time)
        self.world.now = until
        return emitted

    def restart(self, after: float = 0.0) -> list[Emitted]:
        """The process dies and its state is restored ``after`` seconds later: calls and wake-ups are forgotten."""
        self.world.calls.clear()
        self.world.wake.clear()
        self.world.now += timedelta(seconds=after)
        emitted: list[Emitted] = []
        for key in FakeContext(self.world, "").keys():  # noqa: SIM118  a method of Context, not of a dict
            emitted += self._event(key, self.handler.on_restore)
        return emitted

    def _event(self, key: str, run: Callable[[Context], None]) -> list[Emitted]:
        state = {one: dict(entries) for one, entries in self.world.state.items()}
        calls = {one: dict(asked) for one, asked in self.world.calls.items()}
        wake, emitted = dict(self.world.wake), len(self.world.emitted)
        try:
            run(FakeContext(self.world, key))
        except BaseException:
            self.world.state, self.world.calls, self.world.wake = state, calls, wake
            del self.world.emitted[emitted:]
            raise
        return self.world.emitted[emitted:]

    # --- what there is ------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.world.now

    @property
    def calls(self) -> dict[str, Call]:
        """The calls under way for the driver's key, by id."""
        return self.world.calls.setdefault(self.key, {})

    @property
    def wake(self) -> datetime | None:
        return self.world.wake.get(self.key)

    @property
    def state(self) -> dict[str, Struct]:
        return self.world.state.setdefault(self.key, {})

    def records(self, topic: str) -> list[Any]:
        """Everything emitted to a topic so far, in order."""
        return [one.record for one in self.world.emitted if one.topic == topic]
