"""Where the simulated venues take their prices from when a program of one's own provides them.

A *data provider* is anything with ``get_market_data(timestamp)`` that gives a mapping of symbol to price, or to a quote
(a mapping with ``price``, ``last``, ``close`` or ``mid``, or with ``bid`` and ``ask``; where it has a ``timestamp``, it
says how old it is). A symbol may be told of one venue alone, as ``binance:BTC/USDT``. Prices are in quote per base;
floats are taken as their shortest decimal text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from tightloop.domain import money
from tightloop.domain.instants import utc
from tightloop.errors import ExecutionError
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.market import Market, Series

LENDING_RATES = Decimal("0.05"), Decimal("0.065")  # a year, of what is supplied and of what is borrowed
_MOMENT = timedelta(microseconds=1)
_WORDS = ("price", "last", "close", "mid")


class DataProvider(Protocol):
    def get_market_data(self, timestamp: datetime) -> Mapping[str, Any]:
        """By unified symbol (``BTC/USDT``), as it was known at ``timestamp``."""


class FramePrices:
    """A provider over a pandas frame: one row a time (a UTC index, rising), one column a symbol.

    At a time it gives the last row not later. Raises ExecutionError EIM-007 for an index that is no time in UTC, does
    not rise, or has a time twice, and for a price that is no number above zero.
    """

    def __init__(self, frame: Any) -> None:
        self._times = [utc(at, "the frame's index") for at in frame.index]
        for before, after in zip(self._times, self._times[1:], strict=False):
            if before >= after:
                raise ExecutionError("EIM-007", f"the frame's index does not rise: {after} comes after {before}")
        self._series = {
            str(symbol): Series(
                [
                    (at, price_of(str(symbol), value))
                    for at, value in zip(self._times, frame[symbol], strict=True)
                    if value == value  # NaN: there is none at that time
                ]
            )
            for symbol in frame.columns
        }

    def next_after(self, timestamp: datetime) -> datetime | None:
        """When a row comes after that; None: no more."""
        index = bisect_right(self._times, timestamp)
        return self._times[index] if index < len(self._times) else None

    def get_market_data(self, timestamp: datetime) -> dict[str, Decimal]:
        known = ((symbol, series) for symbol, series in self._series.items() if series.times)
        return {symbol: series.at(timestamp) for symbol, series in known if series.times[0] <= timestamp}


def price_of(symbol: str, told: Any) -> Decimal:
    """The price in what a provider tells. Raises ExecutionError EIM-007."""
    if isinstance(told, Mapping):
        word = next((word for word in _WORDS if told.get(word) is not None), None)
        if word is not None:
            return price_of(symbol, told[word])
        if told.get("bid") is not None and told.get("ask") is not None:
            return money.ratio(money.total(price_of(symbol, told[side]) for side in ("bid", "ask")), Decimal(2))
        raise ExecutionError("EIM-007", f"{symbol}: a quote has none of {', '.join(_WORDS)}, nor bid and ask: {told!r}")
    try:
        price = Decimal(repr(float(told))) if isinstance(told, float) else Decimal(told)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ExecutionError("EIM-007", f"{symbol}: {told!r} is no price") from error
    if price.is_finite() and price.as_tuple().exponent < -money.PLACES:  # type: ignore[operator]  # finite: a number
        price = money.ratio(price, Decimal(1))
    if not price.is_finite() or price <= 0:
        raise ExecutionError("EIM-007", f"{symbol}: {told!r} is no price: it must be a number above zero")
    return price


def names_of(venue: str, symbol: str) -> tuple[str, ...]:
    """Under which names its price may be told, the nearest first: a perpetual that has none takes its spot market's."""
    spot = symbol.partition(":")[0]
    return tuple(dict.fromkeys((f"{venue}:{symbol}", symbol, f"{venue}:{spot}", spot)))


def seen_at(symbol: str, told: Any, now: datetime) -> datetime:
    """Of when what a provider tells is: what has no time is of now.

    Raises ExecutionError EIM-007 for what is no time, or has no zone.
    """
    timestamp = told.get("timestamp") if isinstance(told, Mapping) else None
    return now if timestamp is None else utc(timestamp, f"{symbol}: timestamp")


class ProvidedMarket(Market):
    """The simulated venues' market, asked of a provider. Their market time is the time of the instructions.

    ``carried``: the latest prices that instructions have carried themselves; they count where the provider has none.
    What rests at a venue is looked at again at each time for which the provider says that it has prices
    (``next_after``, as that of :class:`FramePrices`); where it does not say, whenever the clock was moved. Lending pays
    and costs steady rates; gas costs nothing beyond the nodes' tip; no funding is paid.
    """

    def __init__(self, provider: DataProvider | None, start: datetime, now: Callable[[], datetime]) -> None:
        self.start = start
        self.now = now
        self.carried: dict[str, Decimal] = {}
        self._provider = provider
        self._asked: tuple[datetime, Mapping[str, Any]] | None = None
        self._next_after: Callable[[datetime], datetime | None] = getattr(provider, "next_after", self._moved_since)
        self._steady = Series([(start, LENDING_RATES)])
        self._funding, self._gas, self._made_up = {}, None, None

    def price_series(self, venue: str, symbol: str) -> Series[Decimal]:
        return _Provided(self, venue, symbol)

    def seen_at(self, venue: str, symbol: str, at: datetime) -> datetime:
        return min(at, seen_at(symbol, _Provided(self, venue, symbol).found(at)[1], at))

    def rates(self, token: str) -> Series[tuple[Decimal, Decimal]]:
        return self._steady

    def next_after(self, time: datetime) -> datetime | None:
        return self._next_after(time)

    def _moved_since(self, time: datetime) -> datetime | None:
        now = self.now()
        return now if now > time else None

    def told(self, at: datetime) -> Mapping[str, Any]:
        if self._provider is None:
            return {}
        if self._asked is None or self._asked[0] != at:
            self._asked = (at, self._provider.get_market_data(at))
        return self._asked[1]


class _Provided(Series[Decimal]):
    """One symbol's prices. A perpetual that has none takes those of its spot market."""

    __slots__ = ("_market", "_names", "_symbol")

    def __init__(self, market: ProvidedMarket, venue: str, symbol: str) -> None:
        self._market = market
        self._symbol = symbol
        self._names = names_of(venue, symbol)

    def at(self, time: datetime) -> Decimal:
        return price_of(*self.found(time))

    def found(self, time: datetime) -> tuple[str, Any]:
        """The name under which it was told, and what was told. Raises VenueError."""
        told = self._market.told(min(time, self._market.now()))
        for name in self._names:
            for prices in (told, self._market.carried):
                if prices.get(name) is not None:
                    return name, prices[name]
        raise VenueError(
            "no_price",
            f"nobody has told a price of {self._symbol}: a data provider can, or a trade by its reference_price",
        )

    def has(self, time: datetime) -> bool:
        return self._market.next_after(time - _MOMENT) == time

    def next_after(self, time: datetime) -> datetime | None:
        return self._market.next_after(time)
