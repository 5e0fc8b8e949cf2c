"""The durable books: an append-only file of commands, one line each, written before any answer leaves.

What is written in one tick leaves in one ``os.write``, so that a SIGKILL loses either nothing or the tail of what
nobody has been told. A torn last line is cut off at the next start. The first line holds the settings that the books
are a function of; a second process on the same file is refused.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tightloop.venues.sim.commands import Logged, decode_logged, encode_logged


class LogDamaged(ValueError):
    """The file can't be the log of these books. The message says where and what to do."""


class CommandLog:
    """Opened once; read to its end with :meth:`replay`, then appended to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._buffer: list[bytes] = []
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise LogDamaged(f"{path} is in use by another process: stop it, or give another folder") from error
        self._cut_torn_line()

    def _cut_torn_line(self) -> None:
        size = os.fstat(self._fd).st_size
        position = size
        while position:
            start = max(0, position - 65536)
            newline = os.pread(self._fd, position - start, start).rfind(b"\n")
            if newline >= 0:
                position = start + newline + 1
                break
            position = start
        if position < size:
            os.ftruncate(self._fd, position)

    def head(self) -> dict[str, Any] | None:
        """The settings at the head of the file; None: the file is new."""
        with self._path.open("rb") as file:
            line = file.readline()
        if not line:
            return None
        head: dict[str, Any] = msgspec.json.decode(line)
        return head

    def start(self, head: dict[str, Any]) -> None:
        self._buffer.append(msgspec.json.encode(head))
        self.flush()

    def replay(self) -> Iterator[Logged]:
        """Every command after the head, oldest first. Raises LogDamaged at a line that is none."""
        with self._path.open("rb") as file:
            file.readline()
            for number, line in enumerate(file, start=2):
                try:
                    yield decode_logged(line)
                except msgspec.DecodeError as error:
                    message = f"{self._path}, line {number}: {error}; start with an empty folder, or restore the file"
                    raise LogDamaged(message) from error

    def append(self, logged: Logged) -> None:
        """Keep for the next :meth:`flush`."""
        self._buffer.append(encode_logged(logged))

    def flush(self) -> None:
        """Write what was appended; it is then safe from the death of this process."""
        if not self._buffer:
            return
        self._buffer.append(b"")
        data = b"\n".join(self._buffer)
        self._buffer.clear()
        written = os.write(self._fd, data)
        while written < len(data):
            written += os.write(self._fd, data[written:])

    def close(self) -> None:
        if self._fd >= 0:
            self.flush()
            os.close(self._fd)
            self._fd = -1
