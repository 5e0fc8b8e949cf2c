"""The venue's time and the market's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tightloop.venues.sim.clock import MarketClock

ORIGIN, START = datetime(2026, 1, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def clock() -> MarketClock:
    """Ten hours ahead after ten seconds, and five more after twenty."""
    found = MarketClock(START, ORIGIN)
    found.advance(10 * HOUR, ORIGIN + 10 * SECOND)
    found.advance(5 * HOUR, ORIGIN + 20 * SECOND)
    return found


@pytest.mark.parametrize(
    ("after_s", "market"),
    [(0, START), (9, START + 9 * SECOND), (10, START + 10 * HOUR + 10 * SECOND), (25, START + 15 * HOUR + 25 * SECOND)],
)
def test_each_time_of_the_venue_is_the_markets_as_it_was_then(
    clock: MarketClock, after_s: int, market: datetime
) -> None:
    assert clock.market(ORIGIN + after_s * SECOND) == market
    assert clock.venue(market) == ORIGIN + after_s * SECOND


@pytest.mark.parametrize(
    ("market", "after_s"), [(START - HOUR, 0), (START + HOUR, 10), (START + 12 * HOUR, 20), (START + 15 * HOUR, 20)]
)
def test_a_time_that_an_advance_went_past_was_reached_at_the_advance(
    clock: MarketClock, market: datetime, after_s: int
) -> None:
    assert clock.venue(market) == ORIGIN + after_s * SECOND
