"""A ledger that an exchange tells by time, latest first and page by page, as entries after a cursor.

Entries may show up late in busy times: a cursor is a time, ``OVERLAP`` behind the latest, from which on is asked again,
and the ids of what was seen since.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from tightloop.venues.times import milliseconds, moment

OVERLAP = timedelta(minutes=10)
LONGEST = timedelta(days=7)  # that is asked for at once, and how far back one begins that has no cursor
MOST_PAGES = 20


class Row(NamedTuple):
    """``trade``: what trades did comes with the trades, and is left out."""

    at_ms: int
    id: str
    trade: bool
    told: Mapping[str, Any]


class Rows(NamedTuple):
    fresh: list[Mapping[str, Any]]  # oldest first
    cursor: str
    more: bool


Read = Callable[[datetime, datetime], Awaitable[list[Row] | None]]  # None: more than MOST_PAGES pages of them


class _Cursor(msgspec.Struct, array_like=True):
    from_ms: int
    seen: list[str] = []


def cursor_at(now: datetime) -> str:
    """A cursor to begin with: what accrued in the overlap before ``now`` comes after it."""
    return _encoded(_Cursor(milliseconds(now - OVERLAP)))


async def rows_after(read: Read, cursor: str | None, now: datetime) -> Rows:
    """``now``: by the exchange. Raises what ``read`` raises; ValueError for a cursor that is none, and where the
    overlap alone has more pages than are read.
    """
    before = _Cursor(milliseconds(now - LONGEST)) if cursor is None else _decoded(cursor)
    start = moment(before.from_ms)
    end = min(now + OVERLAP, start + LONGEST)  # what comes while it is asked for is taken in, too
    while (rows := await read(start, end)) is None:
        end = start + (end - start) / 2
    settled = now - OVERLAP  # before it nothing shows up any more
    more = end < settled
    if not more and end < now:
        raise ValueError(f"the ledger has more than {MOST_PAGES} pages of entries in {OVERLAP}")
    told = sorted(row for row in rows if not row.trade)
    from_ms = max(before.from_ms, milliseconds(end if more else settled))
    seen = [row.id for row in told if row.at_ms >= from_ms]
    return Rows([row.told for row in told if row.id not in before.seen], _encoded(_Cursor(from_ms, seen)), more)


def _encoded(cursor: _Cursor) -> str:
    return msgspec.json.encode(cursor).decode()


def _decoded(cursor: str) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor)
    except msgspec.DecodeError as error:
        raise ValueError(f"{cursor!r} is no cursor into an exchange's ledger: {error}") from error
