"""Prices as Binance publishes them: tickers, book, candles."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.binance.refusals import BinanceError, missing
from tightloop.venues.dialects.figures import fixed, joined
from tightloop.venues.dialects.prices import Prices
from tightloop.venues.sim import rounding
from tightloop.venues.sim.clock import MarketClock
from tightloop.venues.sim.orders import Level, Listing
from tightloop.venues.times import milliseconds, moment

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w")
_ZERO = fixed(Decimal(0))


class MarketData:
    """``at`` is the venue's time."""

    def __init__(self, clock: MarketClock) -> None:
        self.prices = Prices(clock)

    def price(self, listing: Listing, at: datetime) -> Decimal:
        return self.prices.last(listing, at)

    def ticker_price(self, listing: Listing, at: datetime) -> dict[str, Any]:
        name = joined(listing.rules.symbol)
        shown: dict[str, Any] = {"symbol": name, "price": fixed(self.price(listing, at))}
        return {**shown, "time": milliseconds(at)} if listing.perp else shown

    def book(self, listing: Listing, at: datetime, limit: int) -> tuple[list[list[str]], list[list[str]]]:
        """Bids and asks, best first: price, amount."""
        bids, asks = self.prices.book(listing, at, limit)
        return _written(bids), _written(asks)

    def best(self, listing: Listing, at: datetime) -> dict[str, Any]:
        bids, asks = self.book(listing, at, 1)
        shown = {
            "symbol": joined(listing.rules.symbol),
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
        opened, high, low, last = self.prices.candle(listing, since, at)
        with_change = rounding.NEAREST.divide((last - opened) * 100, opened)
        shown: dict[str, Any] = {
            "symbol": joined(listing.rules.symbol),
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
        prices = [fixed(price) for price in self.prices.candle(listing, start, min(start + length, now))]
        closed = milliseconds(start + length) - 1
        return [milliseconds(start), *prices, _ZERO, closed, _ZERO, 0, _ZERO, _ZERO, "0"]


def _written(side: list[Level]) -> list[list[str]]:
    return [[fixed(level.price), fixed(level.amount)] for level in side]
