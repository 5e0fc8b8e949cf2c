"""Keyed state of one partition, in memory, with undo to the last event and to the last commit.

The changelog topic is the durable copy: what changed since the last commit goes there in the same Kafka transaction as
the outputs, and :meth:`PartitionState.load` puts it back after a restart. Entries restored stay encoded until somebody
reads them, so that restoring many keys costs little. One that can't be read (its version wrote what this one does not
know) stays what it is: reading it raises TLC-013, each time, and costs its key, not the component.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import TypeVar
from urllib.parse import quote, unquote

from msgspec import Struct

from tightloop.errors import ExecutionError
from tightloop.runners.shapes import Stray
from tightloop.wire import codec

T = TypeVar("T", bound=Struct)
Entry = Struct | bytes
Place = tuple[str, str]  # key and name, or key and group
_SAFE = "-._~:@"
UNWRITTEN_HALT = "unwritten_halt"  # the entry of a halt that could not be written yet: see `worker`


def changelog_key(key: str, name: str) -> bytes:
    """The key of an entry's record on the changelog: ``<strategy_id>|<name>``, the strategy id percent-escaped."""
    return f"{_escaped(key)}|{name}".encode()


@lru_cache(maxsize=65536)
def _escaped(key: str) -> str:
    return quote(key, safe=_SAFE)


def parse_changelog_key(raw: bytes) -> tuple[str, str]:
    """Strategy id and name. Raises ValueError for what :func:`changelog_key` does not make."""
    key, _, name = raw.decode().partition("|")
    strategy_id = unquote(key, errors="strict")
    if not name or _escaped(strategy_id) != key:
        raise ValueError(f"{raw!r} is no key of an entry")
    return strategy_id, name


def _seeming_owner(raw: bytes) -> str | None:
    try:
        return unquote(raw.decode().partition("|")[0], errors="strict") or None
    except UnicodeDecodeError:
        return None


def _group(key: str, name: str) -> Place:
    """The key and the group of an entry that belongs to one: its name has a ``|``."""
    return key, name.partition("|")[0]


class PartitionState:
    """``key -> name -> record``; a name is ``group`` or ``group|rest``, and a scan reads one group of the latter.

    ``where``: the changelog's topic and partition, for errors.
    """

    def __init__(self, where: str = "") -> None:
        self.strays: dict[bytes, Stray] = {}
        self._where = where
        self._entries: dict[str, dict[str, Entry]] = {}
        self._groups: dict[Place, dict[str, None]] = {}  # the names of a key's group, as they were written
        self._undo: list[tuple[Place, Entry | None]] = []
        self._emptied: list[str] = []  # keys that may be without entries; forgotten with the commit
        self._sealed: dict[Place, bytes | None] = {}  # what was written since the last commit, as bytes

    # reading

    def of(self, key: str) -> dict[str, Entry]:
        """The key's entries by name, to look into: they stay these while it has any, and until the next commit."""
        entries = self._entries.get(key)
        if entries is None:
            entries = self._entries[key] = {}
            self._emptied.append(key)
        return entries

    def get(self, key: str, name: str, kind: type[T]) -> T | None:
        """Raises ExecutionError TLC-013 for an entry that was restored and can't be read."""
        entries = self._entries.get(key)
        entry = None if entries is None else entries.get(name)
        if entries is None or entry is None:
            return None
        if isinstance(entry, bytes):
            entry = entries[name] = self._decoded(key, name, entry, kind)
        if not isinstance(entry, kind):
            raise TypeError(f"state entry {key}|{name} is a {type(entry).__name__}, not a {kind.__name__}")
        return entry

    def _decoded(self, key: str, name: str, entry: bytes, kind: type[T]) -> T:
        try:
            return codec.decode_as(entry, kind)
        except ExecutionError as error:
            called = changelog_key(key, name).decode()
            raise ExecutionError(
                "TLC-013",
                f"{self._where}: the entry {called} of {len(entry)} bytes can't be read: {error.code} {error.message}",
            ) from error

    def has(self, key: str, name: str) -> bool:
        entries = self._entries.get(key)
        return entries is not None and name in entries

    def scan(self, key: str, group: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        """By name. An entry that was deleted since the scan began is left out."""
        names = self._groups.get((key, group))
        return iter(()) if names is None else self._records(key, sorted(names), kind)

    def oldest(self, key: str, group: str, kind: type[T], count: int) -> list[tuple[str, T]]:
        """The first ``count`` entries of the group in the order they were written."""
        names = self._groups.get((key, group), ())
        return list(self._records(key, list(islice(names, count)), kind))

    def _records(self, key: str, names: list[str], kind: type[T]) -> Iterator[tuple[str, T]]:
        entries = self._entries[key] if names else {}
        for name in names:
            entry = entries.get(name)
            record = entry if isinstance(entry, kind) else self.get(key, name, kind)
            if record is not None:
                yield name, record

    def strategies(self) -> list[str]:
        return sorted(key for key, entries in self._entries.items() if key and entries)

    def entries(self) -> Iterator[tuple[str, str, bytes]]:
        """Everything there is, encoded."""
        for key, entries in self._entries.items():
            for name, entry in entries.items():
                yield key, name, entry if isinstance(entry, bytes) else codec.encode(entry)

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._entries.values())

    # writing

    def put(self, key: str, name: str, record: Struct) -> None:
        entries = self._entries.get(key)
        if entries is None:
            entries = self.of(key)
        before = entries.get(name)
        entries[name] = record
        self._undo.append(((key, name), before))
        if before is None and "|" in name:
            self._groups.setdefault(_group(key, name), {})[name] = None

    def delete(self, key: str, name: str) -> None:
        self._undo.append(((key, name), self._remove(key, name)))

    def load(self, key: str, name: str, value: bytes | None) -> None:
        """Put back what the changelog holds; ``None`` is a tombstone."""
        if value is None:
            self._remove(key, name)
        else:
            self._write(key, name, value)

    def load_record(self, raw: bytes, value: bytes | None, offset: int) -> None:
        """The same for a record of the changelog as it is there; one whose key can't be read becomes a stray."""
        try:
            key, name = parse_changelog_key(raw)
        except ValueError:
            self.strays.pop(raw, None)
            if value is not None:
                self.strays[raw] = Stray(offset, raw, value, _seeming_owner(raw))
        else:
            self.load(key, name, value)

    def _write(self, key: str, name: str, entry: Entry) -> Entry | None:
        """Returns what was there before."""
        entries = self._entries.get(key)
        if entries is None:
            entries = self.of(key)
        before = entries.get(name)
        entries[name] = entry
        if before is None and "|" in name:
            self._groups.setdefault(_group(key, name), {})[name] = None
        return before

    def _remove(self, key: str, name: str) -> Entry | None:
        """Returns what was there before."""
        entries = self._entries.get(key)
        before = None if entries is None else entries.pop(name, None)
        if before is None:
            return None
        if not entries:
            self._emptied.append(key)
        if "|" in name:
            group = _group(key, name)
            names = self._groups[group]
            del names[name]
            if not names:
                del self._groups[group]
        return before

    def _forget_emptied(self) -> None:
        for key in self._emptied:
            if not self._entries.get(key, True):
                del self._entries[key]
        self._emptied.clear()

    # undo

    def mark(self) -> int:
        return len(self._undo)

    def rollback(self, mark: int = 0) -> None:
        """Undo the event that has failed, or with 0 everything since the last commit."""
        if not mark:
            self._sealed.clear()
        while len(self._undo) > mark:
            (key, name), before = self._undo.pop()
            if before is None:
                self._remove(key, name)
            else:
                self._put_back(key, name, before)
        if not mark:
            self._forget_emptied()

    def _put_back(self, key: str, name: str, before: Entry) -> None:
        """What had been deleted becomes its group's oldest again: where the order counts, the oldest is what goes."""
        if self._write(key, name, before) is None and "|" in name:
            group = _group(key, name)
            names = self._groups[group]
            del names[name]
            self._groups[group] = {name: None, **names}

    def encoded(self, mark: int) -> dict[Place, bytes | None]:
        """What was written since ``mark``, each entry once as it is now; ``None``: it is gone.

        Raises ExecutionError, naming the entry, for one that its schema does not allow.
        """
        return {place: self._bytes_of(place) for place in dict.fromkeys([place for place, _ in self._undo[mark:]])}

    def seal(self, encoded: dict[Place, bytes | None]) -> None:
        """Keep these bytes for the commit: the event that wrote them has ended, and is not undone alone any more."""
        self._sealed.update(encoded)

    def changes(self) -> list[tuple[str, str, bytes | None]]:
        """What differs from the last commit, each entry once, in the order it was first touched. All was sealed."""
        first: dict[Place, Entry | None] = {}
        for place, before in self._undo:
            first.setdefault(place, before)
        changed: list[tuple[str, str, bytes | None]] = []
        for place, before in first.items():
            value = self._sealed[place]
            if value is not None or before is not None:  # else the changelog never knew it
                changed.append((*place, value))
        return changed

    def commit(self) -> None:
        self._undo.clear()
        self._sealed.clear()
        if self._emptied:
            self._forget_emptied()

    def _bytes_of(self, place: Place) -> bytes | None:
        key, name = place
        entries = self._entries.get(key)
        entry = None if entries is None else entries.get(name)
        if entry is None or isinstance(entry, bytes):
            return entry
        try:
            return codec.encode(entry)
        except ExecutionError as error:
            raise ExecutionError(error.code, f"state entry {name}: {error.message}") from None
