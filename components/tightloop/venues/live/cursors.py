"""A place in a ledger that is told by time: from when on to ask again, and what was seen since.

Entries may show up late, so that the time stays behind the latest, and what is told twice is known by its name.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec
import structlog

from tightloop.venues.times import milliseconds, moment

log = structlog.get_logger()
MOST_SEEN = 200  # names in a cursor: twelve characters each, of the 4,096 that one may have


class Cursor(msgspec.Struct, array_like=True):
    from_ms: int
    seen: list[str] = []

    def encoded(self) -> str:
        return msgspec.json.encode(self).decode()


def decoded(cursor: str, ledger: str) -> Cursor:
    """``ledger``: for the error. Raises ValueError for a cursor that is none."""
    try:
        return msgspec.json.decode(cursor, type=Cursor)
    except msgspec.DecodeError as error:
        raise ValueError(f"{cursor!r} is no cursor into {ledger}: {error}") from error


def within_reach(place: Cursor, ledger: str, kept: timedelta, now: datetime) -> Cursor:
    """The same place, or the earliest that the exchange keeps (``kept``, up to ``now``) where that lies behind it. What
    came between is told by nothing any more: the log says so, and each balance that it moved differs from what is
    expected, so that the key halts (REC-002) and an operator takes it in. ``ledger``: its name in the log.
    """
    earliest = milliseconds(now - kept)
    if place.from_ms >= earliest:
        return place
    log.warning(
        "a ledger no longer reaches back to where it was read last: what came between is not told",
        ledger=ledger,
        read_until=moment(place.from_ms).isoformat(),
        told_from=moment(earliest).isoformat(),
        remedy="A position that moved meanwhile differs and halts its key (REC-002): compare it with the exchange's "
        "own statement of that time, and take it in with `tightloop adjust`.",
    )
    return Cursor(earliest)


def name_of(text: str) -> str:
    return blake2b(text.encode(), digest_size=6).hexdigest()


def after(from_ms: int, seen: Iterable[tuple[int, str]]) -> Cursor:
    """``seen``: time and name, oldest first. Where they are too many, it is asked from a later time on."""
    kept = [one for one in seen if one[0] >= from_ms]
    if len(kept) > MOST_SEEN:
        from_ms = kept[-MOST_SEEN][0]
        kept = [one for one in kept if one[0] >= from_ms]
    return Cursor(from_ms, [name for _, name in kept])
