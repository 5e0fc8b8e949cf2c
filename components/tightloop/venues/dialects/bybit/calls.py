"""One request to Bybit, its parameters read and its signature checked, and what all answers are made from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeVar

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.bookkeeping import Bookkeeping, Line
from tightloop.venues.dialects.bybit.limits import Limits
from tightloop.venues.dialects.bybit.listings import MARKETS, Listings, order_id
from tightloop.venues.dialects.bybit.refusals import no_such_order, wrong_parameter
from tightloop.venues.dialects.bybit.signing import SignedTime
from tightloop.venues.dialects.calls import Request
from tightloop.venues.dialects.desk import Desk
from tightloop.venues.dialects.margin import Leverage
from tightloop.venues.dialects.order_lists import all_orders
from tightloop.venues.dialects.prices import Prices
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.orders import Order
from tightloop.venues.times import moment

T = TypeVar("T")


class Funding(NamedTuple):
    """``received``: below zero where it was paid. ``rate``: the market's. ``mark``: the price that it was paid on."""

    received: Decimal
    rate: Decimal
    mark: Decimal


class Venue:
    """The exchange, as Bybit divides it: by category."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.settings = desk.exchange.settings
        self.limits = Limits()
        self.listings = {name: Listings(desk.exchange, name) for name in MARKETS}
        self.prices = Prices(desk.sandbox.market_clock)
        self.bookkeeping = Bookkeeping()
        self.leverage: Leverage = {}
        self.started_at = desk.now()


class Call(Request[Venue, SignedTime], frozen=True):
    """One request to Bybit."""

    @property
    def category(self) -> str:
        return self.given.get("category", "linear")

    @property
    def spot(self) -> bool:
        return self.category == "spot"

    @property
    def listings(self) -> Listings:
        return self.venue.listings[self.category]

    def orders(self) -> list[Order]:
        """Those of the category, newest first."""
        market = MARKETS[self.category]
        return all_orders(self.account(), market)[::-1] if market is not None else []

    def order(self) -> Order:
        """The one that ``orderId``, or else ``orderLinkId``, names. Raises BybitError."""
        if not self.given.get("orderId") and not self.given.get("orderLinkId"):
            raise wrong_parameter("orderId or orderLinkId must be there")
        found = self.named_orders(self.orders())
        if not found:
            raise no_such_order(self.spot)
        return found[0]

    def named_orders(self, orders: Sequence[Order]) -> list[Order]:
        """What is asked for, of these: by ``orderId``, else by ``orderLinkId``, else by what they trade."""
        given = self.given
        if given.get("orderId"):
            return [order for order in orders if order_id(order) == given["orderId"]]
        if given.get("orderLinkId"):
            return [order for order in orders if order.client_order_id == given["orderLinkId"]]
        return [order for order in orders if self.listings.chosen(order.listing, given)]

    @property
    def names_an_order(self) -> bool:
        return bool(self.given.get("orderId") or self.given.get("orderLinkId"))

    def lines(self) -> list[Line]:
        """Of the account's ledger, oldest first."""
        return self.venue.bookkeeping.lines(self.account())

    def order_of(self, entry: LedgerEntry) -> Order:
        """Of a trade, which was read from the account's ledger."""
        return self.venue.desk.exchange.accounts[self.account_name].orders[entry.client_order_id or ""][-1]

    def funding(self, line: Line) -> Funding:
        """Of an entry that booked it."""
        if line.listing is None or line.listing.funding is None:
            raise TypeError(f"{line.entry.entry_id} is no funding of a perpetual")
        stamp = line.entry.entry_id.rpartition("-")[2]  # the market time at which it fell due, as the engine names it
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        received = sum((delta.amount for delta in line.entry.deltas), ZERO)
        return Funding(received, line.listing.funding.at(at), line.listing.price(at))

    def times(self, usual: timedelta, longest: timedelta = timedelta(days=7)) -> tuple[datetime, datetime]:
        """From when until when, both included: ``startTime`` and ``endTime``, or ``usual`` before or after the one that
        is given. Raises BybitError where they are more than ``longest`` apart.
        """
        start, end = self.given.get("startTime"), self.given.get("endTime")
        since = moment(int(start)) if start else None
        until = moment(int(end) + 1) - timedelta(microseconds=1) if end else None  # that whole millisecond
        if since is not None and until is not None:
            if not timedelta(0) <= until - since < longest + timedelta(milliseconds=1):
                raise wrong_parameter(f"the time range is longer than {longest.days} days, or below zero")
            return since, until
        if since is not None:
            return since, since + usual
        until = until or self.now
        return until - usual, until

    def page(self, found: Sequence[T], number: Callable[[T], int], usual: int, most: int) -> tuple[list[T], str]:
        """What is left of them after ``cursor``, at most ``limit``, and the next cursor. They come newest first, and
        ``number`` grows with time. Raises BybitError.
        """
        limit, cursor = int(self.given.get("limit") or usual), self.given.get("cursor")
        if not 1 <= limit <= most:
            raise wrong_parameter(f"limit is from 1 to {most}")
        if cursor:
            read = re.match(r"\d{1,18}", cursor)
            if read is None:
                raise wrong_parameter("cursor is none that was given out")
            found = [one for one in found if number(one) < int(read[0])]
        shown = list(found[:limit])
        more = len(found) > limit
        return shown, f"{number(shown[-1])}%3A{number(shown[-1])}" if more else ""
