"""A ledger that an exchange tells by time, latest first and page by page, as entries after a cursor.

Entries may show up late in busy times: a cursor (``cursors.py``) stays ``OVERLAP`` behind the latest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tightloop.venues.live.cursors import Cursor, after, decoded, name_of, within_reach
from tightloop.venues.times import milliseconds, moment

OVERLAP = timedelta(minutes=10)
LONGEST = timedelta(days=7)  # asked for at once; and so far back, or with what is recent, one begins without a cursor
BETWEEN_LISTS = timedelta(days=1)  # both have it: older entries are read up to here, and the next window is recent
MOST_PAGES = 20


class Row(NamedTuple):
    """``trade``: what trades did comes with the trades, and is left out."""

    at_ms: int
    id: str
    trade: bool
    told: Mapping[str, Any]


class Reach(NamedTuple):
    """How far back an exchange tells its ledger. ``recent``: what is older is told by another of its lists, so that no
    window begins before and ends now; None: there is one list.
    """

    ledger: str
    kept: timedelta
    recent: timedelta | None = None

    def is_recent(self, start: datetime, now: datetime) -> bool:
        return self.recent is None or milliseconds(start) >= milliseconds(now - self.recent)


class Rows(NamedTuple):
    fresh: list[Mapping[str, Any]]  # oldest first
    cursor: str
    more: bool


Read = Callable[[datetime, datetime], Awaitable[list[Row] | None]]  # None: more than MOST_PAGES pages of them


def cursor_at(now: datetime) -> str:
    """A cursor to begin with: what accrued in the overlap before ``now`` comes after it."""
    return Cursor(milliseconds(now - OVERLAP)).encoded()


async def rows_after(read: Read, cursor: str | None, now: datetime, reach: Reach) -> Rows:
    """``now``: by the exchange. Raises what ``read`` raises; ValueError for a cursor that is none, and where the
    overlap alone has more pages than are read.
    """
    first = now - (reach.recent or LONGEST)
    before = Cursor(milliseconds(first)) if cursor is None else decoded(cursor, reach.ledger)
    before = within_reach(before, reach.ledger, reach.kept, now)
    start = moment(before.from_ms)
    end = min(now + OVERLAP, start + LONGEST)  # what comes while it is asked for is taken in, too
    if reach.recent is not None and not reach.is_recent(start, now):
        end = min(end, now - reach.recent + BETWEEN_LISTS)
    while (rows := await read(start, end)) is None:
        end = start + (end - start) / 2
    settled = now - OVERLAP  # before it nothing shows up any more
    more = end < settled
    if not more and end < now:
        raise ValueError(f"the ledger has more than {MOST_PAGES} pages of entries in {OVERLAP}")
    told = sorted(row for row in rows if not row.trade)
    from_ms = max(before.from_ms, milliseconds(end if more else settled))
    place = after(from_ms, [(row.at_ms, name_of(row.id)) for row in told])
    return Rows([row.told for row in told if name_of(row.id) not in before.seen], place.encoded(), more)
