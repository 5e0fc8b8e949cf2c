"""Market data from files: what each kind becomes, and what is wrong with which line."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas
import pytest

from tightloop.client.market_files import MarketFile, read_market_file
from tightloop.errors import ExecutionError

D = Decimal
NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = datetime(2024, 1, 1, tzinfo=UTC)
BARS = "binance_BTCUSDT_spot_1h.csv"
HEAD = "timestamp,open,high,low,close,volume"


def bar(hour: int, **cells: str) -> str:
    whole = {
        "timestamp": (START + timedelta(hours=hour)).isoformat(),
        "open": "100",
        "high": "103",
        "low": "99",
        "close": "101.5",
        "volume": "7.25",
    }
    return ",".join({**whole, **cells}.values())


def read(folder: Path, name: str, *lines: str) -> MarketFile:
    content = "\n".join(lines).encode()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return read_market_file(folder / name, NOW)


def bad(found: MarketFile) -> list[tuple[int, str]]:
    return [(one.line, one.code) for one in found.bad]


def test_a_bar_counts_from_its_end(tmp_path: Path) -> None:
    for name in (BARS, f"{BARS}.gz"):
        (one,) = read(tmp_path, name, HEAD, bar(0)).records
        assert (one.venue, one.symbol, one.kind) == ("binance", "BTC/USDT", "bar")
        assert one.event_time == START + timedelta(hours=1)
        assert (one.open, one.high, one.low, one.close, one.volume) == (100, 103, 99, D("101.5"), D("7.25"))
        assert one.observed_at == NOW


def test_the_name_says_which_market_and_how_long_a_bar_is(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "bybit_ETHUSDC_perp_15m.csv", HEAD, bar(0)).records
    assert (one.venue, one.symbol, one.event_time) == ("bybit", "ETH/USDC:USDC", START + timedelta(minutes=15))
    for name in ("prices.csv", "binance_BTCUSDT_spot.csv", "binance_BTCUSDT_funding.csv"):
        found = read(tmp_path, name, HEAD, bar(0))
        assert bad(found) == [(2, "EIM-007")]
        assert "name" in found.bad[0].message


def test_funding_rates_and_gas_have_rates(tmp_path: Path) -> None:
    (one,) = read(
        tmp_path,
        "okx_BTCUSDT_funding.csv",
        "funding_timestamp,funding_rate",
        "2024-05-01T00:00:00Z,-0.0001521422572668",
    ).records
    assert (one.symbol, one.kind, one.rate) == ("BTC/USDT:USDT", "funding", D("-0.0001521422572668"))
    supplied, borrowed = read(
        tmp_path,
        "aave_v3_USDT_rates_1d.csv",
        "targetDate,symbol,currentLiquidityRate,currentVariableBorrowRate",
        "2024-01-01T00:00:00Z,USDT,0.0816242174451201,0.1000292479981481",
    ).records
    assert (supplied.venue, supplied.symbol, supplied.rate) == ("aave", "aToken:USDT", D("0.0816242174451201"))
    assert (borrowed.kind, borrowed.symbol, borrowed.rate) == ("rate", "debtToken:USDT", D("0.1000292479981481"))
    (gas,) = read(
        tmp_path, "ethereum_gas_1h.csv", "timestamp,chain,gas_price_gwei", "2024-01-01T00:00:00Z,ethereum,12.07"
    ).records
    assert (gas.venue, gas.symbol, gas.kind, gas.rate) == ("ethereum", "ETH", "gas", D("0.00000001207"))


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"close": "abc"}, "close: 'abc' is no number; write it like 42314.5"),
        ({"close": "NaN"}, "close: 'NaN' is no number that can be traded on"),
        ({"open": "inf"}, "open: 'inf' is no number that can be traded on"),
        ({"close": ""}, "close: there is none"),
        ({"close": "0"}, "close: '0' must be above zero"),
        ({"low": "-1"}, "low: '-1' must be above zero"),
        ({"volume": "-1"}, "volume: '-1' must be at least zero"),
        ({"timestamp": "2024-01-01T05:00:00"}, "timestamp: 2024-01-01T05:00:00 names no time zone; end it with Z"),
        ({"timestamp": "yesterday"}, "timestamp: 'yesterday' is no time"),
        ({"timestamp": "1704067200"}, "timestamp: "),
        ({"high": "100.5"}, "open 100 and close 101.5 must lie between low 99 and high 100.5"),
        ({"close": "101.1234567890123456789"}, "has more than 18 places"),
        ({"volume": "1,5"}, "more cells than columns"),
    ],
)
def test_a_line_that_cannot_be_is_named_with_its_number_code_and_remedy(
    tmp_path: Path, cells: dict[str, str], says: str
) -> None:
    found = read(tmp_path, BARS, HEAD, bar(0), bar(1, **cells), bar(2))
    assert [line for line, _ in bad(found)] == [3]
    assert found.bad[0].code in ("EIM-007", "TLC-009")
    assert says in found.bad[0].message
    assert len(found.records) == 2


def test_what_is_there_twice_or_goes_back_is_bad_and_a_gap_is_told(tmp_path: Path) -> None:
    hours = [0, 1, 1, 2, 3, 7, 5, 8]
    found = read(tmp_path, BARS, HEAD, *(bar(hour) for hour in hours))
    assert bad(found) == [(4, "EIM-007"), (8, "EIM-007")]
    assert "is in line 3 already; keep one of the two" in found.bad[0].message
    assert "comes after line 7" in found.bad[1].message
    assert [(one.line, one.message) for one in found.gaps] == [
        (7, "bar of BTC/USDT at binance: 3 missing between 2024-01-01T04:00:00+00:00 and 2024-01-01T08:00:00+00:00")
    ]
    assert [one.event_time.hour for one in found.records] == [1, 2, 3, 4, 8, 9]


def test_a_line_that_ends_too_soon_is_bad(tmp_path: Path) -> None:
    found = read(tmp_path, BARS, HEAD, bar(0), "2024-01-01T01:00:00Z,100,103")
    assert bad(found) == [(3, "EIM-007")]
    assert "ends before column 'low'" in found.bad[0].message


RECORD = {"venue": "binance", "symbol": "BTC/USDT", "kind": "quote", "event_time": "2024-01-01T00:00:00Z"}


def test_records_are_taken_as_they_are_in_every_form(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({**RECORD, "bid": 100.1, "ask": "100.3"}) + "\n")
    (tmp_path / "b.json").write_text(json.dumps([{**RECORD, "bid": 100.1, "ask": "100.3"}]))
    (tmp_path / "c.csv").write_text(
        "venue,symbol,kind,event_time,bid,ask\n" + ",".join([*RECORD.values(), "100.1", "100.3"])
    )
    frame = pandas.DataFrame([{**RECORD, "event_time": START, "bid": 100.1, "ask": 100.3}])
    frame.to_parquet(tmp_path / "d.parquet")
    for path in sorted(tmp_path.iterdir()):
        (one,) = read_market_file(path, NOW).records
        assert (one.bid, one.ask, one.event_time) == (D("100.1"), D("100.3"), START), path


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "a quote needs a price"),
        ({"kind": "bar", "open": 1}, "close: there is none; a bar has one"),
        ({"kind": "gas"}, "rate: there is none; a gas has one"),
        ({"kind": "candle"}, "kind 'candle' is unknown: there are bar, quote"),
        ({"bid": "nan", "ask": 1}, "bid: 'nan'"),
        ({"prise": 1}, "unknown column 'prise'"),
        ({"symbol": 7, "bid": 1}, "Expected `str`"),
        ({"event_time": "2024-01-01", "bid": 1}, "names no time zone"),
        ({"bid": True}, "bid: True"),
    ],
)
def test_a_record_that_cannot_be_is_named(tmp_path: Path, fields: dict[str, Any], says: str) -> None:
    (tmp_path / "a.jsonl").write_text(
        "\n".join(
            [json.dumps({**RECORD, "bid": 1, "event_time": "2023-01-01T00:00:00Z"}), json.dumps({**RECORD, **fields})]
        )
    )
    found = read_market_file(tmp_path / "a.jsonl", NOW)
    assert bad(found) == [(2, "EIM-007")]
    assert says in found.bad[0].message


def test_a_naive_parquet_file_is_refused_line_by_line(tmp_path: Path) -> None:
    naive = START.replace(tzinfo=None)
    pandas.DataFrame([{**RECORD, "event_time": naive, "bid": 1.0}]).to_parquet(tmp_path / "a.parquet")
    found = read_market_file(tmp_path / "a.parquet", NOW)
    assert bad(found) == [(1, "EIM-007")]
    assert "names no time zone" in found.bad[0].message


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", b"x", "of no known form"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"timestamp,open,close", "holds nothing"),
        ("a.csv", b"time,price\n1,2", "none of market data"),
        ("a.csv", b"timestamp,open,open\n1,2,3", "has the column 'open' twice"),
        ("a.csv.gz", b"no gzip", "cannot be read"),
        ("a.parquet", b"no parquet", "not Parquet"),
        ("a.csv", b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_file_that_is_none_is_refused_with_what_to_do(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    try:
        found = read_market_file(tmp_path / name, NOW)
    except ExecutionError as error:
        assert (error.code, says in error.message) == ("EIM-007", True), error
        assert error.remedy
    else:
        assert says in found.bad[0].message


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match="cannot be read"):
        read_market_file(tmp_path / "none.csv", NOW)
