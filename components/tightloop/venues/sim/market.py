"""The market that the simulated venues trade at: series of records in time, looked up by "the last not later than".

A bar counts from its end, with its close (the contract of ``MarketData``), so that no decision sees the future; the
first bar of a series also counts from its start, with its open. Times before a series' first record get that record.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

T = TypeVar("T")
STABLE = frozenset({"USDT", "USDC", "DAI"})
Funding = Callable[[str, str, int], "Series[Decimal]"]  # of venue, symbol, and every how many hours
UNDERLYING = {"WETH": "ETH", "WBTC": "BTC"}
_ONE = Decimal(1)


class Series(Generic[T]):
    """Values by time, oldest first."""

    __slots__ = ("times", "values")

    def __init__(self, points: list[tuple[datetime, T]]) -> None:
        points.sort(key=lambda point: point[0])
        self.times = [time for time, _ in points]
        self.values = [value for _, value in points]

    def at(self, time: datetime) -> T:
        index = bisect_right(self.times, time) - 1
        return self.values[index if index > 0 else 0]

    def has(self, time: datetime) -> bool:
        index = bisect_right(self.times, time) - 1
        return index >= 0 and self.times[index] == time

    def next_after(self, time: datetime) -> datetime | None:
        index = bisect_right(self.times, time)
        return self.times[index] if index < len(self.times) else None


class Market:
    """All series. Prices are in quote per base, rates are yearly fractions, gas is native units per gas.

    ``made_up``: the funding of perpetuals that have none among ``funding``; None: they pay none.
    """

    def __init__(
        self,
        prices: dict[tuple[str, str], Series[Decimal]],
        funding: dict[tuple[str, str], Series[Decimal]],
        rates: dict[str, Series[tuple[Decimal, Decimal]]],
        gas: Series[Decimal] | None,
        made_up: Funding | None = None,
    ) -> None:
        self._prices = prices
        self._funding = funding
        self._rates = rates
        self._gas = gas
        self._made_up = made_up
        self._resolved: dict[tuple[str, str], Series[Decimal] | None] = {}
        starts = [series.times[0] for series in prices.values()]
        if not starts:
            raise ValueError("the market has no prices: give a folder with *_spot_1h.csv.gz files, or none at all")
        self.start = min(starts)

    def price_series(self, venue: str, symbol: str) -> Series[Decimal] | None:
        """The venue's own series; else another venue's of that symbol; else, for a perpetual, the spot market's; else,
        for a quote in another stablecoin, the one in USDT.
        """
        key = (venue, symbol)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(venue, symbol)
        return self._resolved[key]

    def _resolve(self, venue: str, symbol: str) -> Series[Decimal] | None:
        own = self._prices.get((venue, symbol))
        if own is not None:
            return own
        for (_, other), series in sorted(self._prices.items(), key=lambda item: item[0]):
            if other == symbol:
                return series
        if ":" in symbol:
            return self._resolve(venue, symbol.partition(":")[0])
        base, _, quote = symbol.partition("/")
        if base in STABLE and quote in STABLE:
            return Series([(self.start, _ONE)])
        return self._resolve(venue, f"{base}/USDT") if quote in STABLE - {"USDT"} else None

    def price(self, venue: str, symbol: str, at: datetime) -> Decimal | None:
        series = self.price_series(venue, symbol)
        return None if series is None else series.at(at)

    def seen_at(self, venue: str, symbol: str, at: datetime) -> datetime:
        """How old the price of then is: a simulated venue quotes at every moment."""
        return at

    def funding(self, venue: str, symbol: str, hours: int) -> Series[Decimal] | None:
        """The recorded rates and their times; else made up ones, paid every so many ``hours``."""
        recorded = self._funding.get((venue, symbol))
        if recorded is not None or self._made_up is None:
            return recorded
        return self._made_up(venue, symbol, hours)

    def worth(self, venue: str, token: str, at: datetime) -> Decimal | None:
        """What one unit of a chain's token is worth in USDT."""
        if token in STABLE:
            return _ONE
        return self.price(venue, f"{UNDERLYING.get(token, token)}/USDT", at)

    def rates(self, token: str) -> Series[tuple[Decimal, Decimal]] | None:
        """Yearly (supply, borrow) rates of the lending market; of a stablecoin without any, another's."""
        own = self._rates.get(token)
        if own is not None or token not in STABLE:
            return own
        return next((self._rates[other] for other in sorted(STABLE & self._rates.keys())), None)

    def gas_price(self, at: datetime) -> Decimal:
        return Decimal(0) if self._gas is None else self._gas.at(at)
