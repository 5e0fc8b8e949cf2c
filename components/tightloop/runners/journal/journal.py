"""What an engine in process writes down, and how it comes back: :class:`Journal`.

Each frame is one thing that happened, whole: a record from outside, or a component's commit (how far it has read, what
it published, what changed of its state). Restoring is doing that again. Now and then the file is replaced by a
short one that says where everything stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tightloop.errors import ExecutionError
from tightloop.records.types import FrameKind, JournalFrame, StateChange, TopicPlace, TopicRecord
from tightloop.runners.bus import Stored, Topics
from tightloop.runners.clock import Clock
from tightloop.runners.journal.file import JournalFile
from tightloop.runners.seat import Seat
from tightloop.wire import codec

SHORT_BYTES = 8 * 2**20  # a file up to this size is left alone
GROWTH = 4  # a longer one is shortened when it has grown by this factor


class Journal:
    """Opens and locks the file. ``environment``: whose orders it holds; that of another is refused.

    Raises ExecutionError TLC-017, TLC-018, TLC-019, TLC-020, as :class:`~tightloop.runners.journal.file.JournalFile`.
    """

    def __init__(self, path: Path, environment: str, clock: Clock, *, short_bytes: int = SHORT_BYTES) -> None:
        self._file = JournalFile(path)
        self._environment = environment
        self._clock = clock
        self._short_bytes = short_bytes
        self._shorten_at = short_bytes
        self._seats: list[Seat] = []

    def open(self, seats: Sequence[Seat], bus: Topics) -> None:
        """Put everything back that the file holds, and write down what happens from now on."""
        self._seats, self._bus = list(seats), bus
        frames, self._file.frames = self._file.frames, []
        if frames:
            self._restore(frames)
        else:
            self._write(self._opened())
            self._file.sync()
        bus.on_published = self.published

    def close(self) -> None:
        self._file.close()

    # --- writing ------------------------------------------------------------------------------------------------------

    def published(self, stored: Stored) -> None:
        """From outside."""
        self._write(self._frame("published", records=(_record(stored),)))

    def committed(
        self, seat: Seat, written: Iterable[Stored | None], changes: Iterable[tuple[str, str, bytes | None]]
    ) -> None:
        """``written``: ``None`` stands for what nobody is given."""
        self._write(
            self._frame(
                "committed",
                component=seat.worker.handler.name,
                partition=seat.worker.partition,
                places=_places(seat),
                records=tuple(_record(stored) for stored in written if stored is not None),
                changes=tuple(StateChange(key=key, name=name, value=value) for key, name, value in changes),
            )
        )

    def sync(self) -> None:
        """What happened so far is durable when this returns."""
        self._file.sync()

    def told(self) -> None:
        """The sinks were given everything so far. Not synced: what is told twice does no harm."""
        self._write(self._frame("told"))

    def shorten(self) -> None:
        """Replace a file that has grown long. To be called while everything is durable, and the sinks were told it."""
        if self._file.size < self._shorten_at:
            return
        self._file.replace(codec.encode(frame) for frame in self._standing())
        self._shorten_at = max(self._short_bytes, GROWTH * self._file.size)

    def _write(self, frame: JournalFrame) -> None:
        self._file.append(codec.encode(frame))

    def _frame(self, kind: FrameKind, **parts: Any) -> JournalFrame:
        return JournalFrame(kind=kind, produced_at=self._clock.now(), **parts)

    def _opened(self) -> JournalFrame:
        return self._frame(
            "opened",
            environment=self._environment,
            partitions=self._bus.partitions,
            components=tuple(dict.fromkeys(seat.worker.handler.name for seat in self._seats)),
        )

    def _standing(self) -> Iterator[JournalFrame]:
        """Where everything stands, as frames that restore it."""
        yield self._opened()
        unread: dict[tuple[str, int, int], Stored] = {}
        for seat in self._seats:
            changes = tuple(
                StateChange(key=key, name=name, value=value) for key, name, value in seat.worker.state.entries()
            )
            yield self._frame(
                "committed",
                component=seat.worker.handler.name,
                partition=seat.worker.partition,
                places=_places(seat),
                changes=changes,
            )
            unread.update(((one.topic, one.partition, one.offset), one) for one in seat.inbox)
        for place in sorted(unread):
            yield self._frame("published", records=(_record(unread[place]),))
        ends = (TopicPlace(topic=topic, partition=number, offset=end) for topic, number, end in self._bus.ends())
        yield self._frame("ends", places=tuple(ends))
        yield self._frame("told")

    # --- restoring ----------------------------------------------------------------------------------------------------

    def _restore(self, payloads: list[bytes]) -> None:
        places = {(seat.worker.handler.name, seat.worker.partition): seat for seat in self._seats}
        self._check_owner(self._decoded(payloads[0], 1))
        for number, payload in enumerate(payloads[1:], 2):
            frame = self._decoded(payload, number)
            match frame.kind:
                case "published":
                    self._put_back(frame)
                case "committed":
                    seat = places[frame.component or "", frame.partition]
                    for change in frame.changes:
                        seat.worker.state.load(change.key, change.name, change.value)
                    _move(seat, frame.places)
                    self._put_back(frame)
                case "ends":
                    for place in frame.places:
                        self._bus.move_end(place.topic, place.partition, place.offset)
                case "told":
                    self._bus.forget_held()
                case _:
                    raise self._other(f"frame {number} is {frame.kind}, which this version does not know")

    def _decoded(self, payload: bytes, number: int) -> JournalFrame:
        try:
            return codec.decode_as(payload, JournalFrame)
        except ExecutionError as error:
            raise self._other(f"frame {number} can't be read: {error.code} {error.message}") from error

    def _check_owner(self, frame: JournalFrame) -> None:
        if frame.kind != "opened":
            raise self._other(f"it begins with {frame.kind}, not with whose it is")
        known = {seat.worker.handler.name for seat in self._seats}
        missing = [name for name in frame.components if name not in known]
        if frame.environment != self._environment:
            raise self._other(f"it is of the environment {frame.environment}, and this is {self._environment}")
        if frame.partitions != self._bus.partitions:
            raise self._other(f"it has {frame.partitions} partitions, and {self._bus.partitions} are configured")
        if missing:
            raise self._other(f"it holds the state of {', '.join(missing)}, which the configuration does not have")

    def _other(self, why: str) -> ExecutionError:
        return ExecutionError("TLC-018", f"{self._file.path}: {why}")

    def _put_back(self, frame: JournalFrame) -> None:
        for one in frame.records:
            self._bus.put_back(Stored(one.topic, one.partition, one.offset, one.key, one.value, one.appended_at))


def _places(seat: Seat) -> tuple[TopicPlace, ...]:
    partition = seat.worker.partition
    return tuple(TopicPlace(topic=topic, partition=partition, offset=at) for topic, at in seat.read.items())


def _move(seat: Seat, places: Iterable[TopicPlace]) -> None:
    for place in places:
        seat.read[place.topic] = place.offset
    seat.inbox = [one for one in seat.inbox if one.offset >= seat.read.get(one.topic, 0)]


def _record(stored: Stored) -> TopicRecord:
    return TopicRecord(
        topic=stored.topic,
        partition=stored.partition,
        offset=stored.offset,
        key=stored.key,
        value=stored.value,
        appended_at=stored.appended_at,
    )
