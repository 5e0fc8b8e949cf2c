"""Prices as Binance publishes them: tickers, book, candles. All of it comes from the engine's one price a moment, so
that candles have no volume, and the book is what a taker would meet, level by level.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.binance.listings import fixed, identifier
from tightloop.venues.dialects.binance.refusals import BinanceError, missing
from tightloop.venues.dialects.binance.signing import milliseconds, moment
from tightloop.venues.sim import rounding
from tightloop.venues.sim.clock import MarketClock
from tightloop.venues.sim.orders import Listing, levels

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w")
_LEVEL = Decimal(10)  # base units at each price, where the rules say nothing
_ZERO = fixed(Decimal(0))


class MarketData:
    """``at`` is the venue's time."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock

    def price(self, listing: Listing, at: datetime) -> Decimal:
        return listing.price(self._clock.market(at))

    def ticker_price(self, listing: Listing, at: datetime) -> dict[str, Any]:
        name = identifier(listing.rules.symbol)
        shown: dict[str, Any] = {"symbol": name, "price": fixed(self.price(listing, at))}
        return {**shown, "time": milliseconds(at)} if listing.perp else shown

    def book(self, listing: Listing, at: datetime, limit: int) -> tuple[list[list[str]], list[list[str]]]:
        """Bids and asks, best first: price, amount."""
        price, size = self.price(listing, at), listing.rules.liquidity or _LEVEL
        sides = []
        for buys in (False, True):
            found: dict[Decimal, Decimal] = {}
            bps = Decimal(0)
            for _ in range(limit):
                (level,) = levels(listing, buys, size, price, bps)
                found[level.price] = found.get(level.price, Decimal(0)) + level.amount
                bps += listing.rules.level_bps
            sides.append([[fixed(at_price), fixed(amount)] for at_price, amount in found.items()])
        return sides[0], sides[1]

    def best(self, listing: Listing, at: datetime) -> dict[str, Any]:
        bids, asks = self.book(listing, at, 1)
        shown = {
            "symbol": identifier(listing.rules.symbol),
            "bidPrice": bids[0][0],
            "bidQty": bids[0][1],
            "askPrice": asks[0][0],
            "askQty": asks[0][1],
        }
        return {**shown, "time": milliseconds(at), "lastUpdateId": milliseconds(at)} if listing.perp else shown

    def depth(self, listing: Listing, at: datetime, limit: int) -> dict[str, Any]:
        bids, asks = self.book(listing, at, limit)
        head: dict[str, Any] = {"lastUpdateId": milliseconds(at)}
        if listing.perp:
            head |= {"E": milliseconds(at), "T": milliseconds(at)}
        return {**head, "bids": bids, "asks": asks}

    def day(self, listing: Listing, at: datetime) -> dict[str, Any]:
        """``ticker/24hr``."""
        since = at - timedelta(days=1)
        opened, high, low, last = self.candle(listing, since, at)
        with_change = rounding.NEAREST.divide((last - opened) * 100, opened)
        shown: dict[str, Any] = {
            "symbol": identifier(listing.rules.symbol),
            "priceChange": fixed(last - opened),
            "priceChangePercent": fixed(rounding.NEAREST.quantize(with_change, Decimal("0.001")), 3),
            "weightedAvgPrice": fixed(last),
            "lastPrice": fixed(last),
            "lastQty": _ZERO,
            "openPrice": fixed(opened),
            "highPrice": fixed(high),
            "lowPrice": fixed(low),
            "volume": _ZERO,
            "quoteVolume": _ZERO,
            "openTime": milliseconds(since),
            "closeTime": milliseconds(at),
            "firstId": -1,
            "lastId": -1,
            "count": 0,
        }
        if listing.perp:
            return shown
        best = self.best(listing, at)
        names = ("bidPrice", "bidQty", "askPrice", "askQty")
        return shown | {"prevClosePrice": fixed(opened)} | {name: best[name] for name in names}

    def klines(self, listing: Listing, at: datetime, given: dict[str, str]) -> list[list[Any]]:
        """Raises BinanceError."""
        interval = given.get("interval")
        if not interval:
            raise missing("interval")
        if interval not in _INTERVALS:
            raise BinanceError(-1120, "Invalid interval.")
        seconds = int(interval[:-1]) * _UNITS[interval[-1]]
        limit = max(1, min(int(given.get("limit") or 500), 1000))
        step = seconds * 1000
        last = min(int(given.get("endTime") or milliseconds(at)), milliseconds(at)) // step * step
        first = -(-int(given["startTime"]) // step) * step if given.get("startTime") else last - (limit - 1) * step
        opens = range(first, last + 1, step)[:limit]
        return [self._kline(listing, moment(start), timedelta(seconds=seconds), at) for start in opens]

    def _kline(self, listing: Listing, start: datetime, length: timedelta, now: datetime) -> list[Any]:
        prices = [fixed(price) for price in self.candle(listing, start, min(start + length, now))]
        closed = milliseconds(start + length) - 1
        return [milliseconds(start), *prices, _ZERO, closed, _ZERO, 0, _ZERO, _ZERO, "0"]

    def candle(self, listing: Listing, since: datetime, until: datetime) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Open, high, low, close: of the prices in force between the two."""
        first, last = self._clock.market(since), self._clock.market(until)
        seen = [listing.price(first)]
        point = listing.prices.next_after(first) if listing.prices is not None else None
        while point is not None and point <= last and listing.prices is not None:
            seen.append(listing.prices.at(point))
            point = listing.prices.next_after(point)
        return seen[0], max(seen), min(seen), seen[-1]
