"""The bytes of a journal file: a line that says what it is, then frames. Pure.

A frame is a mark, its payload's length, its number (from 1), the number of the last frame that was known to be durable
when this one was written, a CRC-32 over all that follows the mark but itself, and the payload. Big-endian.

A file's end may be torn: its process was killed while it wrote, or the machine lost what was not yet synced, in any
order. What was known to be durable is never dropped as torn: where a later frame says that an unreadable one was, the
file is damaged.
"""

from __future__ import annotations

import struct
from typing import NamedTuple
from zlib import crc32

from tightloop.errors import ExecutionError

FORMAT = 1
_TITLE = b"tightloop-journal "
HEAD = b"%s%d\n" % (_TITLE, FORMAT)
_LONGEST_HEAD = 32
_MARK = b"\xf5TLF"
_FIXED = struct.Struct(">4sIQQI")
_CHECKED = struct.Struct(">IQQ")


class Frame(NamedTuple):
    """``synced``: the last frame known to be durable when this one was written. ``end``: where it ends in the file."""

    number: int
    synced: int
    payload: bytes
    end: int


def packed(number: int, synced: int, payload: bytes) -> bytes:
    """A frame's bytes."""
    checked = _CHECKED.pack(len(payload), number, synced)
    return _FIXED.pack(_MARK, len(payload), number, synced, crc32(payload, crc32(checked))) + payload


def check_head(path: str, data: bytes) -> bool:
    """False: there is nothing yet, or the beginning of a head that was torn.

    Raises ExecutionError TLC-017 for what is no journal, TLC-018 for one of another format.
    """
    if len(data) < len(HEAD) and HEAD.startswith(data):
        return False
    if data.startswith(HEAD):
        return True
    title, newline, _ = data[:_LONGEST_HEAD].partition(b"\n")
    if not (newline and title.startswith(_TITLE)):
        raise ExecutionError("TLC-017", f"{path} is no journal: it begins with {data[:_LONGEST_HEAD]!r}")
    found = title.removeprefix(_TITLE).decode(errors="replace")
    raise ExecutionError("TLC-018", f"{path} has the format {found!r}; this version reads and writes {FORMAT}")


def scan(path: str, data: bytes) -> tuple[list[Frame], int]:
    """The frames after the head, and where the last of them ends; what lies behind that was torn.

    Raises ExecutionError TLC-017 where a frame that was durable can't be read.
    """
    frames: list[Frame] = []
    at = len(HEAD)
    while (frame := _frame_at(data, at)) is not None and frame.number == len(frames) + 1:
        frames.append(frame)
        at = frame.end
    _check_torn(path, data, at, len(frames))
    return frames, at


def _frame_at(data: bytes, at: int) -> Frame | None:
    if len(data) - at < _FIXED.size:
        return None
    mark, length, number, synced, check = _FIXED.unpack_from(data, at)
    start = at + _FIXED.size
    payload = data[start : start + length]
    if mark != _MARK or len(payload) != length or check != crc32(payload, crc32(_CHECKED.pack(length, number, synced))):
        return None
    return Frame(number, synced, payload, start + length)


def _check_torn(path: str, data: bytes, at: int, last: int) -> None:
    look = data.find(_MARK, at)
    while look >= 0:
        later = _frame_at(data, look)
        if later is not None and later.synced > last:
            raise ExecutionError(
                "TLC-017",
                f"{path}: frame {last + 1}, at byte {at}, can't be read, and was durable when frame {later.number}, "
                f"at byte {look}, was written",
            )
        look = data.find(_MARK, look + 1)
