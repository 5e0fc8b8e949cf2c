"""The file itself: locked, appended to, synced, and replaced by a shorter one.

One process has it at a time. The lock is on the open file, so that it ends with its process, and after a replacement
it is on the new file before that has the name.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

import structlog

from tightloop.errors import ExecutionError
from tightloop.runners.journal import framing

log = structlog.get_logger()


class JournalFile:
    """``frames``: the payloads that were there when it was opened; whoever has read them lets go of them.

    Raises ExecutionError TLC-017 (damaged, or no journal), TLC-018 (another format), TLC-019 (another process has it),
    TLC-020 (it can't be opened or written; after that nothing more can be).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._broken: str | None = None
        self._file = _locked(path)
        try:
            self.frames = self._read()
        except BaseException:
            os.close(self._file)
            raise
        self._written = self._synced = len(self.frames)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._size

    def append(self, payload: bytes) -> None:
        """Write a frame: it survives this process, and once :meth:`sync` was called this machine."""
        self._written += 1
        frame = framing.packed(self._written, self._synced, payload)
        self._write(self._file, frame)
        self._size += len(frame)

    def sync(self) -> bool:
        """Make all that was written durable; whether there was anything."""
        if self._synced == self._written:
            return False
        self._check()
        try:
            os.fsync(self._file)
        except OSError as error:  # what is written and what is not, nobody can tell any more
            raise self._failed(error) from error
        self._synced = self._written
        return True

    def replace(self, payloads: Iterable[bytes]) -> None:
        """Let these frames, durable, take the place of all there are."""
        self._check()
        new = self.path.with_name(self.path.name + ".new")
        try:
            file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size, count = self._fill(file, payloads)
            os.fsync(file)
            new.replace(self.path)
            _sync_folder(self.path)
        except OSError as error:
            raise self._failed(error) from error
        os.close(self._file)
        self._file, self._size = file, size
        self._written = self._synced = count

    def close(self) -> None:
        os.close(self._file)

    def _fill(self, file: int, payloads: Iterable[bytes]) -> tuple[int, int]:
        size, count = len(framing.HEAD), 0
        self._write(file, framing.HEAD)
        for payload in payloads:
            count += 1
            frame = framing.packed(count, 0, payload)
            self._write(file, frame)
            size += len(frame)
        return size, count

    def _read(self) -> list[bytes]:
        try:
            data = _whole(self._file)
            if not framing.check_head(str(self.path), data):
                os.ftruncate(self._file, 0)
                self._write(self._file, framing.HEAD)
                os.fsync(self._file)
                _sync_folder(self.path)
                self._size = len(framing.HEAD)
                return []
            frames, end = framing.scan(str(self.path), data)
            if end < len(data):
                log.warning("the journal's end was torn, and is cut", path=str(self.path), bytes=len(data) - end)
                os.ftruncate(self._file, end)
                os.fsync(self._file)
            os.lseek(self._file, end, os.SEEK_SET)
        except OSError as error:
            raise self._failed(error) from error
        self._size = end
        return [frame.payload for frame in frames]

    def _write(self, file: int, data: bytes) -> None:
        self._check()
        try:
            written = os.write(file, data)
        except OSError as error:
            raise self._failed(error) from error
        if written != len(data):
            raise self._failed(f"{written} of {len(data)} bytes were written")

    def _check(self) -> None:
        if self._broken is not None:
            raise ExecutionError("TLC-020", self._broken)

    def _failed(self, why: object) -> ExecutionError:
        self._broken = f"{self.path}: {why}"
        return ExecutionError("TLC-020", self._broken)


def _locked(path: Path) -> int:
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ExecutionError("TLC-020", f"{path}: {error}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), path.stat()):
                return file
        except BlockingIOError:
            os.close(file)
            raise ExecutionError("TLC-019", f"{path} is another process's journal now") from None
        except FileNotFoundError:
            pass
        os.close(file)  # another process has replaced it in between


def _whole(file: int) -> bytes:
    size = os.fstat(file).st_size
    parts, at = [], 0
    while at < size:
        part = os.pread(file, size - at, at)
        if not part:
            break
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
