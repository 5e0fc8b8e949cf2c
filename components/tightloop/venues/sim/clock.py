"""Two times: the venue's (stamps, acceptance windows) and the market's (prices, funding, interest).

The market's is the venue's shifted by a constant, plus what the control endpoint has advanced it by until then. A
decision is shifted by the constant alone, so that what a market order costs depends on nothing but when it was decided.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple


class Advance(NamedTuple):
    """From this time of the venue on, the market is so far ahead."""

    at: datetime
    ahead: timedelta


class MarketClock:
    """What was advanced is kept: a chain's reorganisation goes back to before it, and does once more what came then."""

    def __init__(self, start: datetime, origin: datetime) -> None:
        self._shift = start - origin
        self._advances = [Advance(origin, timedelta(0))]

    def market(self, now: datetime) -> datetime:
        for one in reversed(self._advances):
            if one.at <= now:
                return now + self._shift + one.ahead
        return now + self._shift

    def decided(self, at: datetime) -> datetime:
        return at + self._shift

    def venue(self, market_time: datetime) -> datetime:
        """When the venue reached this market time; one that an advance went past was reached at the advance."""
        passed_at = None
        for one in reversed(self._advances):
            at = market_time - self._shift - one.ahead
            if at >= one.at:
                return at if passed_at is None else min(at, passed_at)
            passed_at = one.at
        return self._advances[0].at

    def advance(self, by: timedelta, now: datetime) -> None:
        """Everything due before must have been settled."""
        self._advances.append(Advance(now, self._advances[-1].ahead + by))


def wall_clock() -> datetime:
    return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to, never backwards."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def __call__(self) -> datetime:
        return self._now

    def move(self, by: timedelta, to: datetime | None = None) -> None:
        self._now = max(self._now, (to or self._now) + by)
