"""Keyed state of one partition, in memory, with undo to the last event and to the last commit.

The changelog topic is the durable copy: what changed since the last commit goes there in the same Kafka transaction as
the outputs, and :meth:`PartitionState.load` puts it back after a restart. Entries restored stay encoded until somebody
reads them, so that restoring many keys costs little.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TypeVar
from urllib.parse import quote, unquote

from msgspec import Struct

from tightloop.records import codec

T = TypeVar("T", bound=Struct)
Entry = Struct | bytes
_SAFE = "-._~:@"


def changelog_key(key: str, name: str) -> bytes:
    """The key of an entry's record on the changelog: ``<strategy_id>|<name>``, the strategy id percent-escaped."""
    return f"{_escaped(key)}|{name}".encode()


@lru_cache(maxsize=65536)
def _escaped(key: str) -> str:
    return quote(key, safe=_SAFE)


def parse_changelog_key(raw: bytes) -> tuple[str, str]:
    key, _, name = raw.decode().partition("|")
    return unquote(key), name


def _group(name: str) -> str:
    return name.partition("|")[0]


class PartitionState:
    """``key -> group -> name -> record``; a name is ``group`` or ``group|rest``, and a scan reads one group."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, dict[str, Entry]]] = {}
        self._undo: list[tuple[str, str, Entry | None]] = []

    # reading

    def get(self, key: str, name: str, kind: type[T]) -> T | None:
        group = self._entries.get(key, {}).get(_group(name))
        if group is None:
            return None
        entry = group.get(name)
        if entry is None:
            return None
        if isinstance(entry, bytes):
            entry = group[name] = codec.decode(entry)
        if not isinstance(entry, kind):
            raise TypeError(f"state entry {key}|{name} is a {type(entry).__name__}, not a {kind.__name__}")
        return entry

    def scan(self, key: str, group: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        for name in sorted(self._entries.get(key, {}).get(group, ())):
            record = self.get(key, name, kind)
            if record is not None:
                yield name, record

    def oldest(self, key: str, group: str, kind: type[T], count: int) -> list[tuple[str, T]]:
        """The first ``count`` entries of the group in the order they were written."""
        names: list[str] = []
        for name in self._entries.get(key, {}).get(group, ()):
            names.append(name)
            if len(names) == count:
                break
        return [(name, record) for name in names if (record := self.get(key, name, kind)) is not None]

    def strategies(self) -> list[str]:
        return sorted(key for key in self._entries if key)

    def entries(self) -> Iterator[tuple[str, str, Struct]]:
        """Everything there is, decoded."""
        for key, groups in self._entries.items():
            for group in groups.values():
                for name, entry in group.items():
                    yield key, name, codec.decode(entry) if isinstance(entry, bytes) else entry

    def __len__(self) -> int:
        return sum(len(group) for groups in self._entries.values() for group in groups.values())

    # writing

    def put(self, key: str, name: str, record: Struct) -> None:
        self._undo.append((key, name, self._write(key, name, record)))

    def delete(self, key: str, name: str) -> None:
        self._undo.append((key, name, self._write(key, name, None)))

    def load(self, key: str, name: str, value: bytes | None) -> None:
        """Put back what the changelog holds; ``None`` is a tombstone."""
        self._write(key, name, value)

    def _write(self, key: str, name: str, entry: Entry | None) -> Entry | None:
        groups = self._entries.setdefault(key, {})
        group = groups.setdefault(_group(name), {})
        before = group.get(name)
        if entry is not None:
            group[name] = entry
        else:
            group.pop(name, None)
            if not group:
                del groups[_group(name)]
                if not groups:
                    del self._entries[key]
        return before

    # undo

    def mark(self) -> int:
        return len(self._undo)

    def rollback(self, mark: int = 0) -> None:
        while len(self._undo) > mark:
            key, name, before = self._undo.pop()
            self._write(key, name, before)

    def changes(self) -> list[tuple[str, str, Struct | None]]:
        """What differs from the last commit, each entry once, in the order it was first touched."""
        first: dict[tuple[str, str], Entry | None] = {}
        for key, name, before in self._undo:
            first.setdefault((key, name), before)
        changed: list[tuple[str, str, Struct | None]] = []
        for (key, name), before in first.items():
            entry = self._entries.get(key, {}).get(_group(name), {}).get(name)
            if entry is None and before is None:
                continue  # written and deleted since the last commit: the changelog never knew it
            if isinstance(entry, bytes):
                continue  # an undone write: still what the changelog holds
            changed.append((key, name, entry))
        return changed

    def commit(self) -> None:
        self._undo.clear()
