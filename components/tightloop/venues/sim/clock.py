"""Two times: the venue's (stamps, acceptance windows) and the market's (prices, funding, interest).

The market's is the venue's shifted by a constant, plus what the control endpoint has advanced it by. A decision is
shifted by the constant alone, so that what a market order costs depends on nothing but when it was decided.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class MarketClock:
    def __init__(self, start: datetime, origin: datetime) -> None:
        self._shift = start - origin
        self._ahead = timedelta(0)
        self._advanced_at = origin

    def market(self, now: datetime) -> datetime:
        return now + self._shift + self._ahead

    def decided(self, at: datetime) -> datetime:
        return at + self._shift

    def venue(self, market_time: datetime) -> datetime:
        """When the venue reached this market time: its inverse, never before the last advance."""
        at = market_time - self._shift - self._ahead
        return at if at > self._advanced_at else self._advanced_at

    def advance(self, by: timedelta, now: datetime) -> None:
        """Everything due before must have been settled with the old offset."""
        self._ahead += by
        self._advanced_at = now


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
