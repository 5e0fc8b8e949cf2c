"""The simulated venues' prices as the interface manager asks for them: what they trade at now. In process only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from tightloop.records.types import MarketPrice
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.clock import MarketClock
from tightloop.venues.sim.market import Market


class LastPrices:
    """``now``: the venues' time."""

    def __init__(self, market: Market, market_clock: MarketClock, now: Callable[[], datetime]) -> None:
        self._market = market
        self._market_clock = market_clock
        self._now = now

    async def read(self, markets: Sequence[tuple[str, str]]) -> tuple[MarketPrice, ...]:
        return tuple([self._price(venue, symbol) for venue, symbol in markets])

    def _price(self, venue: str, symbol: str) -> MarketPrice:
        now = self._now()
        at = self._market_clock.market(now)
        try:
            price = self._market.price(venue, symbol, at)
            age = at - self._market.seen_at(venue, symbol, at) if price is not None else None
        except VenueError:  # a program of one's own provides the prices, and told none of this
            price = age = None
        if price is None or age is None:
            return MarketPrice(venue=venue, symbol=symbol)
        return MarketPrice(
            venue=venue, symbol=symbol, price=price, price_venue=venue, price_symbol=symbol, event_time=now - age
        )

    async def close(self) -> None:
        """Nothing is held open."""
