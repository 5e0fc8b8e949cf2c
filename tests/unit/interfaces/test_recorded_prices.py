"""Prices from files of market data, and limits measured by them in a backtest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tightloop import ExecutionError, ExecutionInterfaceManager
from tightloop.interfaces.recorded_prices import FilePrices, RecordedPrices
from tightloop.records.types import MarketData

D = Decimal
START = datetime(2024, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def bars(folder: Path, venue: str, *closes: str) -> Path:
    path = folder / f"{venue}_BTCUSDT_spot_1h.csv"
    lines = [f"{(START + number * HOUR).isoformat()},{close},{close}" for number, close in enumerate(closes)]
    path.write_text("\n".join(["timestamp,open,close", *lines]))
    return path


def record(price: int, at: datetime, venue: str = "binance", **fields: Any) -> MarketData:
    whole = {"symbol": "BTC/USDT", "kind": "trade", "last": D(price), **fields}
    return MarketData(venue=venue, event_time=at, observed_at=at, **whole)


def test_a_bar_is_known_from_its_end_by_venue_and_by_the_one_seen_last(tmp_path: Path) -> None:
    prices = FilePrices(bars(tmp_path, "binance", "100", "101"), bars(tmp_path, "okx", "200"))
    assert prices.get_market_data(START + HOUR - timedelta(seconds=1)) == {}
    found = prices.get_market_data(START + 2 * HOUR)
    assert found["okx:BTC/USDT"] == {"price": D(200), "timestamp": START + HOUR}
    assert found["binance:BTC/USDT"] == found["BTC/USDT"] == {"price": D(101), "timestamp": START + 2 * HOUR}
    assert (prices.first, prices.last, prices.next_after(START)) == (START + HOUR, START + 2 * HOUR, START + HOUR)
    assert prices.next_after(START + 2 * HOUR) is None


def test_one_venues_markets_alone() -> None:
    records = [record(1, START), record(2, START + HOUR, "okx"), record(9, START, kind="funding", last=None)]
    assert RecordedPrices(records, "binance").get_market_data(START + HOUR)["BTC/USDT"]["price"] == 1
    with pytest.raises(ExecutionError, match="there is no price of bybit"):
        RecordedPrices(records, "bybit")


def test_a_bad_line_is_refused_with_its_file_and_number(tmp_path: Path) -> None:
    path = bars(tmp_path, "binance", "100", "x")
    with pytest.raises(ExecutionError, match=r"binance_BTCUSDT_spot_1h\.csv line 3: open: 'x' is no number") as refused:
        FilePrices(path)
    assert refused.value.code == "EIM-007"
    assert FilePrices(path, skip_bad=True).last == START + HOUR


# --- limits in a backtest ---------------------------------------------------------------------------------------------

BUY = {"type": "cex_trade", "venue": "binance", "symbol": "BTC/USDT", "side": "buy", "amount": "0.01"}


def routed(config: dict[str, Any], prices: Any, at: datetime, **fields: Any) -> tuple[bool, str | None]:
    manager = ExecutionInterfaceManager({"limits": config}, prices, "backtest")
    result = manager.route_instruction(at, {**BUY, **fields})
    return result["success"], result["error"] and f"{result['error']['code']} {result['error']['message']}"


def test_limits_of_the_configuration_hold_in_a_backtest(tmp_path: Path) -> None:
    prices = FilePrices(bars(tmp_path, "binance", "60000", "61000"))
    limits = {"default": {"order_notional": 605}, "price_max_age": 3600}
    assert routed(limits, prices, START + HOUR) == (True, None)
    success, why = routed(limits, prices, START + 2 * HOUR)
    assert not success
    assert why is not None
    assert why.startswith("EIM-013 order_notional of strategy")
    assert "610 USDT is above 605" in why


def test_market_data_that_is_too_old_is_no_price_in_a_backtest_either(tmp_path: Path) -> None:
    prices = FilePrices(bars(tmp_path, "binance", "60000"))
    limits = {"default": {"order_notional": 10**6}}
    assert routed(limits, prices, START + HOUR + timedelta(seconds=60)) == (True, None)
    success, why = routed(limits, prices, START + HOUR + timedelta(seconds=61))
    assert not success
    assert "is 61 s old, and may be 60" in str(why)


def test_without_a_provider_the_price_that_an_instruction_brings_is_the_markets() -> None:
    limits = {"default": {"order_notional": 605, "price_collar_bps": 100}}
    assert routed(limits, None, START, reference_price=60000) == (True, None)
    assert not routed(limits, None, START, reference_price=61000)[0]


def test_the_section_limits_is_checked_by_name() -> None:
    for limits, says in (
        ({"defualt": {}}, "unknown key 'limits.defualt': did you mean 'default'?"),
        ({"default": {"order_notionel": 1}}, "did you mean 'order_notional'?"),
        ({"strategies": {"s1": {"order_rate": {"order": 1}}}}, "did you mean 'orders'?"),
        ({"venues": {"binanse": {}}}, "limits.venues.binanse: unknown venue 'binanse': did you mean 'binance'?"),
        ({"venues": {"wallet": {}, "alchemy": {}}}, "limits.venues: wallet and alchemy are one venue, wallet"),
        ({"default": {"protocols": ["unisvap"]}}, "did you mean 'uniswap'?"),
        ({"default": {"protocols": ["binance"]}}, "binance is no protocol but of kind exchange"),
        ({"default": {"symbols": ["BTCUSDT"]}}, "'BTCUSDT' is no symbol, such as BTC/USDT"),
        ({"default": {"order_notional": -1}}, "limits.default.order_notional"),
        ({"default": {"order_notional": "NaN"}}, "limits.default.order_notional"),
        ({"default": {"order_rate": {"orders": 1001, "seconds": 1}}}, "limits.default.order_rate.orders"),
        ({"price_max_age": 0}, "limits.price_max_age"),
    ):
        with pytest.raises(ExecutionError) as refused:
            ExecutionInterfaceManager({"limits": limits})
        assert refused.value.code == "EIF-010"
        assert says in refused.value.message, refused.value.message
