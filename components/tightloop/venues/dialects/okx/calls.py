"""One request to OKX, its parameters read and its signature checked, and what all answers are made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from tightloop.venues.dialects.bookkeeping import Bookkeeping, Line
from tightloop.venues.dialects.calls import Request
from tightloop.venues.dialects.desk import Desk
from tightloop.venues.dialects.documents import Problem
from tightloop.venues.dialects.margin import Leverage
from tightloop.venues.dialects.okx.limits import Limits
from tightloop.venues.dialects.okx.listings import Listings, order_id
from tightloop.venues.dialects.okx.refusals import NO_SUCH_ORDER, OkxError
from tightloop.venues.dialects.okx.signing import SignedTime
from tightloop.venues.dialects.order_lists import all_orders
from tightloop.venues.dialects.prices import Prices
from tightloop.venues.sim.orders import Order
from tightloop.venues.times import milliseconds

T = TypeVar("T")


class Venue:
    """The exchange, as OKX divides it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.settings = desk.exchange.settings
        self.limits = Limits()
        self.listings = Listings(desk.exchange)
        self.prices = Prices(desk.sandbox.market_clock)
        self.bookkeeping = Bookkeeping()
        self.leverage: Leverage = {}


class Item(NamedTuple):
    """One order of a request. ``problems``: what is not as documented about it."""

    given: dict[str, str]
    problems: Sequence[Problem]


class Call(Request[Venue, SignedTime], frozen=True):
    """``given``: one order's, where there are several (``items``)."""

    items: Sequence[Item] = ()

    def orders(self) -> list[Order]:
        """Of the account, newest first."""
        account = self.account()
        found = [*all_orders(account, "spot"), *all_orders(account, "perp")]
        return sorted(found, key=lambda order: order.number, reverse=True)

    def order(self, refusal: tuple[str, str] = NO_SUCH_ORDER) -> Order:
        """The one that ``ordId``, or else ``clOrdId``, names: the latest with that id. Raises OkxError."""
        number, name = self.given.get("ordId"), self.given.get("clOrdId")
        if not number and not name:
            raise OkxError("51003", "Either client order ID or order ID is required.")
        listing = self.venue.listings.named(self.given)
        for order in self.orders():
            if order.listing is listing and (order_id(order) == number if number else order.client_order_id == name):
                return order
        raise OkxError(*refusal)

    def lines(self) -> list[Line]:
        """Of the account's ledger, oldest first."""
        return self.venue.bookkeeping.lines(self.account())

    def between(self, at: datetime) -> bool:
        """Is this within ``begin`` and ``end``, both included?"""
        begin, end, at_ms = self.given.get("begin"), self.given.get("end"), milliseconds(at)
        return not (begin and at_ms < int(begin)) and not (end and at_ms > int(end))

    def page(self, found: Sequence[T], name: Callable[[T], str]) -> list[T]:
        """Older than ``after``, newer than ``before``, at most ``limit``. Newest come first; ids grow with time."""
        after, before = self.given.get("after"), self.given.get("before")
        limit = max(1, min(int(self.given.get("limit") or 100), 100))
        kept = [
            one
            for one in found
            if not (after and int(name(one)) >= int(after)) and not (before and int(name(one)) <= int(before))
        ]
        return kept[:limit]


def at_ms(call: Call) -> str:
    return str(milliseconds(call.now))


Answer = Callable[[Call], Any]
