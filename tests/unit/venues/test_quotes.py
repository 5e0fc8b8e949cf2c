"""What the simulated venues tell as market data is what they trade at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tightloop.domain import money
from tightloop.runners.price_source import price_in
from tightloop.testing import LoopDriver, trade
from tightloop.venues.sim.quotes import quotes
from tightloop.wire import codec

D = Decimal


def test_every_market_is_told_once_and_can_be_written() -> None:
    loop = LoopDriver()
    found = quotes(loop.sandbox)
    markets = [(one.venue, one.symbol, one.kind) for one in found]
    assert len(markets) == len(set(markets))
    for wanted in (
        ("binance", "BTC/USDT", "quote"),
        ("binance", "BTC/USDT:USDT", "quote"),
        ("wallet", "ETH/USDT", "quote"),
        ("aave", "aToken:USDT", "rate"),
        ("aave", "debtToken:WETH", "rate"),
        ("ethereum", "ETH", "gas"),
    ):
        assert wanted in markets
    with money.exact():
        for one in found:
            codec.encode(one)
            assert one.event_time == loop.now
            assert (price_in(one) is None) == (one.kind != "quote")


def test_a_market_order_costs_the_price_that_was_told_and_the_slippage() -> None:
    loop = LoopDriver()
    told = next(one.last for one in quotes(loop.sandbox) if (one.venue, one.symbol) == ("binance", "BTC/USDT"))
    loop.feed(trade("i1", loop.now, amount=D(1)))
    (cost,) = [one.cost for one in loop.records("fills") if one.amount == 1]
    assert told is not None
    assert cost is not None
    assert abs(cost - told) <= told * D("0.0001") + D("0.01")


def test_time_moves_what_is_told() -> None:
    loop = LoopDriver(start=datetime(2024, 5, 12, tzinfo=UTC))
    before = {(one.venue, one.symbol): one.last for one in quotes(loop.sandbox) if one.kind == "quote"}
    loop.advance(timedelta(hours=5).total_seconds())
    after = {(one.venue, one.symbol): one.last for one in quotes(loop.sandbox) if one.kind == "quote"}
    assert before.keys() == after.keys()
    assert before != after
