"""The last prices on ``market_data``, as the interface manager is told them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from confluent_kafka import Producer

from tightloop.records import topics
from tightloop.records.types import MarketData, MarketPrice
from tightloop.runners.clock import SystemClock
from tightloop.runners.kafka import market_view
from tightloop.runners.kafka.market_view import MarketView
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.topic_admin import TopicAdmin
from tightloop.wire import codec

D = Decimal
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"


class Place:
    """The topic of this test, and a view of it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._producer = Producer({"bootstrap.servers": settings.bootstrap, "partitioner": "murmur2_random"})
        self._views: list[MarketView] = []

    def view(self, max_age_s: float = 60.0) -> MarketView:
        made = MarketView(self.settings, SystemClock(), max_age_s)
        self._views.append(made)
        return made

    def write(self, value: bytes, key: str = "binance:BTC/USDT") -> None:
        self._producer.produce(self.settings.prefix + "market_data", value, key)
        assert self._producer.flush(10) == 0

    def tell(
        self, price: int, *, venue: str = "binance", symbol: str = SPOT, age_s: float = 0.0, **fields: Any
    ) -> None:
        now = datetime.now(UTC)
        whole = {"kind": "trade", "last": D(price), **fields}
        record = MarketData(
            venue=venue, symbol=symbol, event_time=now - timedelta(seconds=age_s), observed_at=now, **whole
        )
        self.write(codec.encode(record), f"{venue}:{symbol}")

    def close(self) -> None:
        for view in self._views:
            asyncio.run(view.close())


@pytest.fixture
def place(broker: Any, topic_prefix: str) -> Iterator[Place]:
    settings = KafkaSettings(bootstrap=broker.bootstrap, prefix=topic_prefix)
    TopicAdmin(settings).create([topics.contract_of("market_data")], partitions=2)
    made = Place(settings)
    yield made
    made.close()


def read(view: MarketView, venue: str = "binance", symbol: str = SPOT) -> MarketPrice:
    (found,) = asyncio.run(view.read([(venue, symbol)]))
    return found


def becomes(view: MarketView, price: int, **market: str) -> MarketPrice:
    deadline = time.monotonic() + 30
    while (found := read(view, **market)).price != D(price):
        assert time.monotonic() < deadline, f"{price} was awaited, and it is {found}"
        time.sleep(0.02)
    return found


def test_what_was_there_before_is_read_before_the_first_answer_and_then_what_comes(place: Place) -> None:
    place.tell(100)
    place.tell(101)
    place.tell(50, symbol="ETH/USDT", kind="bar", last=None, close=D(50))
    view = place.view()
    assert [one.price for one in asyncio.run(view.read([("binance", SPOT), ("binance", "ETH/USDT")]))] == [101, 50]
    place.tell(102)
    becomes(view, 102)


def test_the_newest_by_its_own_time_counts_whenever_it_was_written(place: Place) -> None:
    place.tell(102)
    place.tell(90, age_s=120)
    assert read(place.view(max_age_s=3600.0)).price == D(102)


def test_what_is_dated_ahead_or_cannot_be_read_hides_nothing(place: Place) -> None:
    view = place.view()
    place.tell(100)
    place.tell(999, age_s=-60)
    place.write(b"no record at all")
    place.write(
        codec.encode(
            MarketData(
                venue="binance",
                symbol=SPOT,
                kind="funding",
                event_time=datetime.now(UTC),
                observed_at=datetime.now(UTC),
                rate=D(1),
            )
        )
    )
    place.tell(0)  # no price
    place.tell(101)
    becomes(view, 101)


def test_a_market_without_a_price_takes_another_venues_and_a_perpetual_the_spot_markets(place: Place) -> None:
    view = place.view()
    place.tell(100, venue="okx")
    found = becomes(view, 100)
    assert (found.venue, found.price_venue, found.price_symbol) == ("binance", "okx", SPOT)
    found = becomes(view, 100, symbol=PERP)
    assert (found.symbol, found.price_venue, found.price_symbol) == (PERP, "okx", SPOT)
    place.tell(103, symbol=PERP)
    assert becomes(view, 103, symbol=PERP).price_symbol == PERP
    place.tell(7, age_s=3000)  # its own, and too old: the other venue's counts
    place.tell(104, venue="okx")
    becomes(view, 104)


def test_a_price_that_is_too_old_is_told_with_its_age_where_there_is_no_other(place: Place) -> None:
    view = place.view()
    place.tell(100, age_s=300)
    found = becomes(view, 100)
    assert found.event_time is not None
    assert datetime.now(UTC) - found.event_time > timedelta(seconds=290)


def test_a_topic_that_is_not_there_is_said(broker: Any, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_view, "CATCH_UP_S", 1.0)
    view = MarketView(KafkaSettings(bootstrap=broker.bootstrap, prefix=f"{topic_prefix}none."), SystemClock(), 60.0)
    try:
        with pytest.raises(RuntimeError, match="market_data"):
            read(view)
    finally:
        asyncio.run(view.close())
