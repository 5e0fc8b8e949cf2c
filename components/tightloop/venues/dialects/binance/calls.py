"""One request to Binance, its parameters read and its signature checked, and what all answers are made from."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from tightloop.venues.dialects.binance.limits import Limits
from tightloop.venues.dialects.binance.listen_keys import ListenKeys
from tightloop.venues.dialects.binance.listings import Listings
from tightloop.venues.dialects.binance.market_data import MarketData
from tightloop.venues.dialects.binance.refusals import NO_SUCH_ORDER, BinanceError
from tightloop.venues.dialects.binance.signing import SignedTime
from tightloop.venues.dialects.calls import Request
from tightloop.venues.dialects.desk import Desk
from tightloop.venues.dialects.margin import Leverage
from tightloop.venues.dialects.order_lists import all_orders
from tightloop.venues.sim.orders import Order
from tightloop.venues.times import moment

T = TypeVar("T")


class Venue:
    """The exchange, as Binance divides it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.limits = Limits()
        self.listen_keys = ListenKeys()
        self.spot = Listings(desk.exchange, "spot")
        self.futures = Listings(desk.exchange, "perp")
        self.prices = MarketData(desk.sandbox.market_clock)
        self.leverage: Leverage = {}
        self.prefix = desk.exchange.settings.venue


class Call(Request[Venue, SignedTime], frozen=True):
    """One request to Binance."""

    def order(self, market: str, refusal: tuple[int, str] = NO_SUCH_ORDER) -> Order:
        """The one that ``orderId`` or ``origClientOrderId`` names. Raises BinanceError."""
        number, client_id = self.given.get("orderId"), self.given.get("origClientOrderId")
        if not number and not client_id:
            raise BinanceError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        for order in reversed(all_orders(self.account(), market)):
            if (str(order.number) == number) if number else (order.client_order_id == client_id):
                return order
        raise BinanceError(*refusal)

    def limit(self, usual: int, most: int) -> int:
        return max(1, min(int(self.given.get("limit") or usual), most))

    def between(self, at: datetime) -> bool:
        """Is this within ``startTime`` and ``endTime``?"""
        start, end = self.given.get("startTime"), self.given.get("endTime")
        return not (start and at < moment(int(start))) and not (end and at >= moment(int(end) + 1))
