"""From one line of a market file to its records, by what the file holds (``market_files.py`` has the table)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, structs

from tightloop.domain import money
from tightloop.domain.instants import utc
from tightloop.errors import ExecutionError
from tightloop.records.types import MarketData
from tightloop.venues.sim.market_sources import unified_symbol

KINDS = ("bar", "quote", "trade", "funding", "rate", "gas")
PRICES = ("bid", "ask", "last", "mark", "index", "open", "high", "low", "close")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_NAME = re.compile(r"(?P<venue>[a-z0-9-]+)_(?P<pair>[A-Z0-9]+)_(?P<what>spot|perp|funding)(_(?P<interval>\d+[mhd]))?")
_GWEI = Decimal("1e-9")
Row = Mapping[str, Any]


class Reading(Struct, frozen=True):
    """The file, and when it is read."""

    path: Path
    now: datetime

    def market(self, what: str) -> re.Match[str]:
        """What the file's name says. Raises ExecutionError EIM-007 where it says nothing."""
        stem = self.path.name.partition(".")[0]
        found = _NAME.fullmatch(stem)
        if found is None or (what == "bars") == (found["what"] == "funding"):
            example = "binance_BTCUSDT_spot_1h" if what == "bars" else "binance_BTCUSDT_funding"
            raise ExecutionError(
                "EIM-007",
                f"the name {stem!r} does not say which market its {what} are of; name the file like {example}.csv",
            )
        return found


class Shape(Struct, frozen=True):
    """``needs``: the columns by which it is known. ``make``: the records of a line; raises ExecutionError."""

    name: str
    needs: tuple[str, ...]
    make: Callable[[Row, Reading], list[MarketData]]


# --- values -------------------------------------------------------------------------------------------------------


def _number(row: Row, name: str, *, least: Decimal | None = None, positive: bool = False) -> Decimal:
    told = row.get(name)
    if told is None:
        raise ExecutionError("EIM-007", f"{name}: there is none; every line needs one")
    try:
        number = told if isinstance(told, Decimal) else Decimal(str(told))
    except InvalidOperation:
        raise ExecutionError("EIM-007", f"{name}: {told!r} is no number; write it like 42314.5") from None
    if isinstance(told, bool) or not number.is_finite():
        raise ExecutionError("EIM-007", f"{name}: {told!r} is no number that can be traded on; leave the line out")
    if (positive and number <= 0) or (least is not None and number < least):
        raise ExecutionError("EIM-007", f"{name}: {told!r} must be {'above' if positive else 'at least'} zero")
    return number


def _price(row: Row, name: str) -> Decimal:
    return money.check(_number(row, name, positive=True))


def _maybe(row: Row, name: str, *, positive: bool = True) -> Decimal | None:
    if row.get(name) is None:
        return None
    return money.check(_number(row, name, positive=positive, least=None if positive else money.ZERO))


def _rounded(number: Decimal) -> Decimal:
    """A rate, to the 18 places of a record."""
    return money.ratio(number, Decimal(1))


def _time(row: Row, name: str) -> datetime:
    if row.get(name) is None:
        raise ExecutionError("EIM-007", f"{name}: there is none; every line needs one")
    return utc(row[name], name)


# --- shapes -------------------------------------------------------------------------------------------------------


def _bars(row: Row, reading: Reading) -> list[MarketData]:
    named = reading.market("bars")
    interval = named["interval"]
    if interval is None:
        raise ExecutionError("EIM-007", "the file's name does not say how long a bar is; end it like _1h")
    start = _time(row, "timestamp")
    opened, close = _price(row, "open"), _price(row, "close")
    high, low = _maybe(row, "high"), _maybe(row, "low")
    if (high is not None and high < max(opened, close)) or (low is not None and low > min(opened, close)):
        raise ExecutionError("EIM-007", f"open {opened} and close {close} must lie between low {low} and high {high}")
    return [
        MarketData(
            venue=named["venue"],
            symbol=unified_symbol(named["pair"], named["what"]),
            kind="bar",
            event_time=start + int(interval[:-1]) * _UNITS[interval[-1]],
            observed_at=reading.now,
            open=opened,
            high=high,
            low=low,
            close=close,
            volume=_maybe(row, "volume", positive=False),
            produced_at=reading.now,
        )
    ]


def _funding(row: Row, reading: Reading) -> list[MarketData]:
    named = reading.market("funding")
    symbol = unified_symbol(named["pair"], "perp")
    rate = _rounded(_number(row, "funding_rate"))
    at = _time(row, "funding_timestamp")
    return [_rate(named["venue"], symbol, "funding", at, rate, reading)]


def _lending(row: Row, reading: Reading) -> list[MarketData]:
    venue = reading.path.name.partition("_")[0]
    asset, at = row.get("symbol"), _time(row, "targetDate")
    if not isinstance(asset, str) or not asset:
        raise ExecutionError("EIM-007", "symbol: there is none; it names the asset")
    columns = (("aToken", "currentLiquidityRate"), ("debtToken", "currentVariableBorrowRate"))
    return [
        _rate(venue, f"{kind}:{asset}", "rate", at, _rounded(_number(row, column, least=money.ZERO)), reading)
        for kind, column in columns
    ]


def _gas(row: Row, reading: Reading) -> list[MarketData]:
    chain = str(row.get("chain") or reading.path.name.partition("_")[0])
    price = _rounded(money.CONTEXT.multiply(_number(row, "gas_price_gwei", least=money.ZERO), _GWEI))
    return [_rate(chain, "ETH", "gas", _time(row, "timestamp"), price, reading)]


def _rate(venue: str, symbol: str, kind: str, at: datetime, rate: Decimal, reading: Reading) -> MarketData:
    return MarketData(
        venue=venue,
        symbol=symbol,
        kind=kind,
        event_time=at,
        observed_at=reading.now,
        rate=rate,
        produced_at=reading.now,
    )


def _record(row: Row, reading: Reading) -> list[MarketData]:
    names = {field.name for field in structs.fields(MarketData)}
    unknown = sorted(str(name) for name in row if name not in names)
    if unknown:
        raise ExecutionError("EIM-007", f"unknown column {unknown[0]!r}: there are {', '.join(sorted(names))}")
    kind = row.get("kind")
    if kind not in KINDS:
        raise ExecutionError("EIM-007", f"kind {kind!r} is unknown: there are {', '.join(KINDS)}")
    given: dict[str, Any] = {"venue": row.get("venue"), "symbol": row.get("symbol"), "kind": kind}
    given["event_time"] = _time(row, "event_time")
    given["observed_at"] = _time(row, "observed_at") if row.get("observed_at") is not None else reading.now
    given |= {name: _maybe(row, name) for name in PRICES}
    given["volume"] = _maybe(row, "volume", positive=False)
    given["rate"] = None if row.get("rate") is None else money.check(_number(row, "rate"))
    given["produced_at"] = reading.now
    needed = "close" if kind == "bar" else "rate" if kind in ("funding", "rate", "gas") else None
    if needed is not None and given[needed] is None:
        raise ExecutionError("EIM-007", f"{needed}: there is none; a {kind} has one")
    if needed is None and all(given[name] is None for name in PRICES):
        raise ExecutionError("EIM-007", f"a {kind} needs a price: one of {', '.join(PRICES[:5])}")
    try:
        return [msgspec.convert(given, MarketData)]
    except msgspec.ValidationError as error:
        raise ExecutionError("EIM-007", str(error)) from error


ROWS = (
    Shape("records", ("venue", "symbol", "kind", "event_time"), _record),
    Shape("bars", ("timestamp", "open", "close"), _bars),
    Shape("funding", ("funding_timestamp", "funding_rate"), _funding),
    Shape("rates", ("targetDate", "currentLiquidityRate", "currentVariableBorrowRate"), _lending),
    Shape("gas", ("timestamp", "gas_price_gwei"), _gas),
)
