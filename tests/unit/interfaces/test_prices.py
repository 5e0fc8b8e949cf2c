"""Prices that a program provides: as they were known, exact, and refused where they are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pandas as pd
import pytest

from tightloop import ExecutionError
from tightloop.domain import money
from tightloop.interfaces.live import ToldPrices
from tightloop.interfaces.prices import FramePrices, price_of

START = datetime(2024, 5, 12, tzinfo=UTC)
HOURS = pd.date_range(START, periods=3, freq="1h")


def test_a_frame_gives_the_last_row_not_later() -> None:
    prices = FramePrices(pd.DataFrame({"BTC/USDT": [0.1, 0.2, 0.3], "ETH/USDT": [None, 2, None]}, index=HOURS))
    assert prices.get_market_data(START - timedelta(seconds=1)) == {}
    assert prices.get_market_data(START) == {"BTC/USDT": D("0.1")}
    assert prices.get_market_data(START + timedelta(hours=1, minutes=59)) == {"BTC/USDT": D("0.2"), "ETH/USDT": D(2)}
    assert prices.get_market_data(START + timedelta(days=9)) == {"BTC/USDT": D("0.3"), "ETH/USDT": D(2)}
    assert prices.next_after(START) == START + timedelta(hours=1)
    assert prices.next_after(START + timedelta(hours=2)) is None


BAD: dict[str, Any] = {
    "rows that fall": pd.DataFrame({"BTC/USDT": [1, 2]}, index=[HOURS[1], HOURS[0]]),
    "a time twice": pd.DataFrame({"BTC/USDT": [1, 2]}, index=[HOURS[0], HOURS[0]]),
    "no time zone": pd.DataFrame({"BTC/USDT": [1]}, index=pd.date_range("2024-05-12", periods=1)),
    "numbered rows": pd.DataFrame({"BTC/USDT": [1]}),
    "a word": pd.DataFrame({"BTC/USDT": ["cheap"]}, index=HOURS[:1]),
    "below zero": pd.DataFrame({"BTC/USDT": [-1.0]}, index=HOURS[:1]),
    "zero": pd.DataFrame({"BTC/USDT": [0]}, index=HOURS[:1]),
    "infinite": pd.DataFrame({"BTC/USDT": [float("inf")]}, index=HOURS[:1]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_frame_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(ExecutionError) as refused:
        FramePrices(BAD[name])
    assert refused.value.code == "EIM-007"


@pytest.mark.parametrize(
    ("told", "price"),
    [
        (60_000.1, D("60000.1")),
        ("1.50", D("1.50")),
        ({"last": 3, "bid": 1, "ask": 2}, D(3)),
        ({"close": None, "bid": 1, "ask": 2}, D("1.5")),
        (D("0.1234567890123456789"), D("0.123456789012345679")),
    ],
)
def test_a_quote_is_its_price_or_the_middle(told: Any, price: D) -> None:
    assert price_of("BTC/USDT", told) == price
    with money.exact():  # as in a program that has installed it
        assert price_of("BTC/USDT", told) == price


def test_a_price_too_small_to_be_written_is_none() -> None:
    with pytest.raises(ExecutionError, match="EIM-007"):
        price_of("BTC/USDT", "1e-19")


@pytest.mark.parametrize("told", [None, {}, {"bid": 1}, "much", -1, 0, float("nan"), [1]])
def test_what_is_no_price_names_its_symbol(told: Any) -> None:
    with pytest.raises(ExecutionError) as refused:
        price_of("BTC/USDT", told)
    assert refused.value.code == "EIM-007" and "BTC/USDT" in refused.value.message


@pytest.mark.parametrize(
    ("told", "price", "name", "age_s"),
    [
        ({"BTC/USDT": 1, "binance:BTC/USDT:USDT": 2, "BTC/USDT:USDT": 3}, 2, "BTC/USDT:USDT", 0),
        ({"BTC/USDT": 1, "okx:BTC/USDT:USDT": 2}, 1, "BTC/USDT", 0),
        ({"BTC/USDT": {"price": 1, "timestamp": START}}, 1, "BTC/USDT", 3600),
    ],
)
def test_a_live_limit_sees_the_venues_own_price_and_how_old_it_is(
    told: dict[str, Any], price: int, name: str, age_s: int
) -> None:
    now = START + timedelta(hours=1)
    found = ToldPrices._price("binance", "BTC/USDT:USDT", told, now)
    assert (found.price, found.price_symbol, found.event_time) == (price, name, now - timedelta(seconds=age_s))
