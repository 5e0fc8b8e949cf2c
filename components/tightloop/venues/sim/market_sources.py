"""Where a market comes from: a folder of recorded data, or a seed.

Files (gzip CSV, times in UTC): ``<venue>_<PAIR>_spot_1h``, ``<venue>_<PAIR>_perp_1h`` (columns timestamp, open, close),
``<venue>_<PAIR>_funding`` (funding_timestamp, funding_rate), ``aave_v3_<TOKEN>_rates_1d`` (targetDate,
currentLiquidityRate, currentVariableBorrowRate, price), ``ethereum_gas_1h`` (timestamp, gas_price_gwei). Numbers go
from text to Decimal and never through a float.
"""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from tightloop.venues.sim import rounding
from tightloop.venues.sim.market import STABLE, Market, Series

_HOUR = timedelta(hours=1)
_GWEI = Decimal("1e-9")
_WEI = Decimal("1e-18")
_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


def load_market(folder: Path, seed: int = 1) -> Market:
    """Read a folder of recorded data. Perpetuals without recorded funding pay one made up of ``seed`` for the time that
    prices are recorded. Raises ValueError when it holds no prices.
    """
    prices: dict[tuple[str, str], Series[Decimal]] = {}
    funding: dict[tuple[str, str], Series[Decimal]] = {}
    rates: dict[str, Series[tuple[Decimal, Decimal]]] = {}
    gas: Series[Decimal] | None = None
    for path in sorted(folder.glob("*.csv.gz")):
        parts = path.name.removesuffix(".csv.gz").split("_")
        if parts[0] == "aave":
            token = parts[2]
            rates[token] = _rates(path)
            if token == "WETH":
                prices[("aave", "ETH/USDT")] = _column(path, "targetDate", "price")
        elif parts[1] == "gas":
            gas = _column(path, "timestamp", "gas_price_gwei", scale=_GWEI)
        elif parts[2] == "funding":
            funding[(parts[0], unified_symbol(parts[1], "perp"))] = _column(path, "funding_timestamp", "funding_rate")
        elif parts[2] in ("spot", "perp"):
            prices[(parts[0], unified_symbol(parts[1], parts[2]))] = _bars(path)
    times = [time for series in prices.values() for time in (series.times[0], series.times[-1])]
    made_up = partial(made_up_funding, seed, min(times), max(times)) if times else None
    return Market(prices, funding, rates, gas, made_up)


def unified_symbol(pair: str, market: str) -> str:
    """``BTCUSDT`` as it is written here: ``BTC/USDT``, of a ``perp`` ``BTC/USDT:USDT``."""
    quote = next((quote for quote in ("USDT", "USDC") if pair.endswith(quote)), pair[-3:])
    spot = f"{pair.removesuffix(quote)}/{quote}"
    return spot if market == "spot" else f"{spot}:{quote}"


def _rows(path: Path, *columns: str) -> Iterator[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        missing = [column for column in columns if column not in header]
        if missing:
            raise ValueError(f"{path.name} has no column {', '.join(missing)}")
        places = [header.index(column) for column in columns]
        for row in reader:
            yield [row[place] for place in places]


def _bars(path: Path) -> Series[Decimal]:
    points: list[tuple[datetime, Decimal]] = []
    for time, opened, close in _rows(path, "timestamp", "open", "close"):
        start = datetime.fromisoformat(time)
        if not points:
            points.append((start, Decimal(opened)))
        points.append((start + _HOUR, Decimal(close)))
    return Series(points)


def _column(path: Path, time: str, value: str, scale: Decimal = Decimal(1)) -> Series[Decimal]:
    return Series(
        [
            (datetime.fromisoformat(at), rounding.DOWN.quantize(rounding.DOWN.multiply(Decimal(text), scale), _WEI))
            for at, text in _rows(path, time, value)
        ]
    )


def _rates(path: Path) -> Series[tuple[Decimal, Decimal]]:
    columns = ("targetDate", "currentLiquidityRate", "currentVariableBorrowRate")
    return Series(
        [
            (datetime.fromisoformat(at), (Decimal(supply), Decimal(borrow)))
            for at, supply, borrow in _rows(path, *columns)
        ]
    )


class _Coin(NamedTuple):
    """Where its price begins, in USDT, and what it is a multiple of: on the walk and at spot, and on perpetuals."""

    opening: Decimal
    tick: Decimal
    perpetual_tick: Decimal


_COINS = {
    "BTC": _Coin(Decimal(42_000), Decimal("0.01"), Decimal("0.1")),
    "ETH": _Coin(Decimal(2_300), Decimal("0.01"), Decimal("0.1")),
    "BNB": _Coin(Decimal(310), Decimal("0.1"), Decimal("0.01")),
    "SOL": _Coin(Decimal(100), Decimal("0.001"), Decimal("0.001")),
    "LTC": _Coin(Decimal(73), Decimal("0.001"), Decimal("0.001")),
    "XRP": _Coin(Decimal("0.62"), Decimal("0.00001"), Decimal("0.00001")),
    "DOGE": _Coin(Decimal("0.09"), Decimal("0.000001"), Decimal("0.000001")),
}
_VENUES = ("binance", "bybit", "okx")  # with prices of their own; others have those of one of these
HOURS = 24 * 90


def synthetic_market(seed: int) -> Market:
    """A random walk in whole basis points, hourly; funding; steady lending rates; wandering gas."""
    prices: dict[tuple[str, str], Series[Decimal]] = {}
    for base in _COINS:
        prices |= _synthetic_prices(seed, base)
    rates = {
        token: Series([(_EPOCH, (Decimal("0.05"), Decimal("0.065")))]) for token in ("WETH", "WBTC", *sorted(STABLE))
    }
    chance = random.Random(f"{seed}:gas")
    gas = Series([(_EPOCH + hour * _HOUR, Decimal(chance.randint(80, 400)).scaleb(-10)) for hour in range(HOURS)])
    made_up = partial(made_up_funding, seed, _EPOCH, _EPOCH + (HOURS - 1) * _HOUR)
    return Market(prices, {}, rates, gas, made_up)


@lru_cache(maxsize=64)
def _synthetic_prices(seed: int, base: str) -> dict[tuple[str, str], Series[Decimal]]:
    """Of one coin at every venue, spot and perpetual."""
    coin = _COINS[base]
    walk = _walk(random.Random(f"{seed}:{base}"), coin.opening, coin.tick)
    prices = {}
    for venue in _VENUES:
        chance = random.Random(f"{seed}:{base}:{venue}")
        prices[(venue, f"{base}/USDT")] = Series(_around(walk, chance, coin.tick))
        prices[(venue, f"{base}/USDT:USDT")] = Series(_around(walk, chance, coin.perpetual_tick))
    return prices


@lru_cache(maxsize=256)
def made_up_funding(seed: int, start: datetime, end: datetime, venue: str, symbol: str, hours: int) -> Series[Decimal]:
    """A rate from -0.02 % to 0.04 % at every full ``hours`` of the day (UTC) from ``start`` to ``end``."""
    chance = random.Random(f"{seed}:{venue}:{symbol}:funding")
    at = start.replace(hour=0, minute=0, second=0, microsecond=0)
    points = []
    while at <= end:
        rate = Decimal(chance.randint(-20, 40)).scaleb(-5)
        if at >= start:
            points.append((at, rate))
        at += timedelta(hours=hours)
    return Series(points)


def _walk(chance: random.Random, price: Decimal, tick: Decimal) -> list[tuple[datetime, Decimal]]:
    points = []
    for hour in range(HOURS):
        points.append((_EPOCH + hour * _HOUR, price))
        price = rounding.multiple_down(price * (10_000 + chance.randint(-60, 61)) / 10_000, tick)
    return points


def _around(
    walk: list[tuple[datetime, Decimal]], chance: random.Random, tick: Decimal
) -> list[tuple[datetime, Decimal]]:
    """A venue's own prices: within three basis points of the common walk."""
    return [
        (time, rounding.multiple_down(price * (10_000 + chance.randint(-3, 3)) / 10_000, tick)) for time, price in walk
    ]
