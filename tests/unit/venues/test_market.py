"""The simulated market: what a decision sees, where it comes from, and that no float touches it."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tightloop.venues.sim.market import Market
from tightloop.venues.sim.market_sources import load_market, synthetic_market

D = Decimal
MIDNIGHT = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def write(folder: Path, name: str, *lines: str) -> None:
    with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bars = "timestamp,open,high,low,close,volume"
    first, second = "2024-01-01T00:00:00Z,42000.10,1,1,42100.2,5", "2024-01-01T01:00:00Z,42100.2,1,1,42200.3,5"
    write(tmp_path, "binance_BTCUSDT_spot_1h", bars, first, second)
    write(tmp_path, "binance_BTCUSDT_perp_1h", bars, "2024-01-01T00:00:00Z,42010,1,1,42110,5")
    rates = "2024-01-01T00:00:00Z,3.2e-07,BTCUSDT", "2024-01-01T08:00:00Z,-0.0001,BTCUSDT"
    write(tmp_path, "binance_BTCUSDT_funding", "funding_timestamp,funding_rate,symbol", *rates)
    columns = "targetDate,symbol,currentLiquidityRate,currentVariableBorrowRate,price"
    write(tmp_path, "aave_v3_WETH_rates_1d", columns, "2024-01-01T00:00:00Z,WETH,0.0175,0.0268,2280.05656")
    write(tmp_path, "ethereum_gas_1h", "timestamp,chain,gas_price_gwei", "2024-01-01T00:00:00Z,ethereum,12.07")
    return tmp_path


def test_a_bar_counts_from_its_end_and_the_first_also_from_its_start(folder: Path) -> None:
    market = load_market(folder)
    assert market.start == MIDNIGHT
    seen = [
        market.price("binance", "BTC/USDT", MIDNIGHT + minutes * HOUR / 60) for minutes in (0, 59, 60, 119, 120, 999)
    ]
    assert seen == [D("42000.10"), D("42000.10"), D("42100.2"), D("42100.2"), D("42200.3"), D("42200.3")]


def test_times_before_the_first_record_get_it(folder: Path) -> None:
    assert load_market(folder).price("binance", "BTC/USDT", MIDNIGHT - HOUR) == D("42000.10")


def test_a_venue_without_data_takes_anothers_and_a_perpetual_the_spot_markets(folder: Path) -> None:
    market = load_market(folder)
    assert market.price("okx", "BTC/USDT", MIDNIGHT) == D("42000.10")
    assert market.price("okx", "BTC/USDT:USDT", MIDNIGHT) == D(42010)
    assert market.price("okx", "ETH/USDT:USDT", MIDNIGHT) == D("2280.05656")
    assert market.price("okx", "DOGE/USDT", MIDNIGHT) is None


def test_numbers_go_from_text_to_decimal(folder: Path) -> None:
    market = load_market(folder)
    funding, rates = market.funding("binance", "BTC/USDT:USDT", 8), market.rates("WETH")
    assert funding is not None
    assert rates is not None
    assert funding.values == [D("3.2e-07"), D("-0.0001")]
    assert rates.values == [(D("0.0175"), D("0.0268"))]
    assert market.gas_price(MIDNIGHT) == D("0.00000001207")
    assert (market.worth("", "WETH", MIDNIGHT), market.worth("", "USDC", MIDNIGHT)) == (D("2280.05656"), 1)


def test_a_missing_column_is_named(folder: Path) -> None:
    write(folder, "okx_BTCUSDT_spot_1h", "timestamp,close", "2024-01-01T00:00:00Z,1")
    with pytest.raises(ValueError, match=r"okx_BTCUSDT_spot_1h.*open"):
        load_market(folder)


def test_a_folder_without_prices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no prices"):
        load_market(tmp_path)


def test_the_same_seed_makes_the_same_market() -> None:
    times = [MIDNIGHT + hour * HOUR for hour in range(0, 2000, 37)]

    def prices(market: Market) -> list[Decimal | None]:
        return [market.price(lane, "BTC/USDT:USDT", time) for lane in ("binance", "okx") for time in times]

    assert prices(synthetic_market(7)) == prices(synthetic_market(7))
    assert prices(synthetic_market(7)) != prices(synthetic_market(8))
    assert {type(price) for price in prices(synthetic_market(7))} == {Decimal}


def test_a_stablecoin_without_rates_has_anothers(folder: Path) -> None:
    market = load_market(folder)
    assert market.rates("USDC") is None
    columns = "targetDate,symbol,currentLiquidityRate,currentVariableBorrowRate,price"
    write(folder, "aave_v3_USDT_rates_1d", columns, "2024-01-01T00:00:00Z,USDT,0.08,0.1,1.0")
    market = load_market(folder)
    assert market.rates("USDC") is market.rates("USDT") is not None
    assert market.rates("WBTC") is None
