"""What an exchange would publish of its prices: the last one, its book, candles. All of it comes from the engine's one
price a moment, so that candles have no volume, and the book is what a taker would meet, level by level.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from tightloop.venues.sim.clock import MarketClock
from tightloop.venues.sim.orders import Level, Listing, levels

DEEPEST = 100  # levels
_LEVEL = Decimal(10)  # base units at each price, where the rules say nothing


class Candle(NamedTuple):
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


class Prices:
    """``at`` is the venue's time."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock

    def last(self, listing: Listing, at: datetime) -> Decimal:
        return listing.price(self._clock.market(at))

    def book(self, listing: Listing, at: datetime, limit: int) -> tuple[list[Level], list[Level]]:
        """Bids and asks, best first."""
        price, size = self.last(listing, at), listing.rules.liquidity or _LEVEL
        sides = []
        for buys in (False, True):
            found: dict[Decimal, Decimal] = {}
            bps = Decimal(0)
            for _ in range(min(limit, DEEPEST)):
                (level,) = levels(listing, buys, size, price, bps)
                found[level.price] = found.get(level.price, Decimal(0)) + level.amount
                bps += listing.rules.level_bps
            sides.append([Level(amount, at_price) for at_price, amount in found.items()])
        return sides[0], sides[1]

    def candle(self, listing: Listing, since: datetime, until: datetime) -> Candle:
        """Of the prices in force between the two."""
        first, last = self._clock.market(since), self._clock.market(until)
        seen = [listing.price(first)]
        point = listing.prices.next_after(first) if listing.prices is not None else None
        while point is not None and point <= last and listing.prices is not None:
            seen.append(listing.prices.at(point))
            point = listing.prices.next_after(point)
        return Candle(seen[0], max(seen), min(seen), seen[-1])
