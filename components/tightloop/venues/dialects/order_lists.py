"""An account's orders and their trades, as every exchange tells them in words of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.streams import Change
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.orders import Order
from tightloop.venues.sim.trades import ExchangeAccount


def all_orders(account: ExchangeAccount, market: str) -> list[Order]:
    """Of the account, oldest first."""
    found = [order for history in account.orders.values() for order in history if order.listing.rules.market == market]
    return sorted(found, key=lambda order: order.number)


def price_of(entry: LedgerEntry) -> Decimal:
    """Exact: the engine trades at one price, and cost is amount times price."""
    return rounding.NEAREST.quantize(rounding.NEAREST.divide(entry.cost or ZERO, entry.amount), rounding.PENNY)


def fee_of(entry: LedgerEntry) -> Decimal:
    return sum((fee.amount for fee in entry.fees), ZERO)


def fee_asset(order: Order, entry: LedgerEntry) -> str:
    if entry.fees:
        return entry.fees[0].position_key.rpartition(":")[2]
    return order.listing.rules.quote


def until(order: Order, entry: LedgerEntry) -> Sequence[LedgerEntry]:
    """The order's trades up to this one."""
    return order.entries[: order.entries.index(entry) + 1]


class After:
    """An order right after a change: later trades of it do not count yet. ``last``: how much this change traded."""

    def __init__(self, change: Change) -> None:
        order, entry = change.order, change.entry
        self.entries: Sequence[LedgerEntry] = ()
        if change.what in ("ended", "changed"):
            self.entries = order.entries
        elif entry is not None:
            self.entries = until(order, entry)
        self.filled: Decimal = sum((one.amount for one in self.entries), ZERO)
        self.cost: Decimal = sum((one.cost or ZERO for one in self.entries), ZERO)
        self.last = entry.amount if entry is not None else ZERO
        self.at: datetime = order.created_at if change.what == "new" else order.updated_at
        if change.what == "trade":
            if entry is None:  # a lie
                self.filled = self.last = order.amount
            else:
                self.at = entry.event_time

    @property
    def average(self) -> Decimal:
        """Of its trades; 0 where there are none."""
        return rounding.NEAREST.divide(self.cost, self.filled) if self.filled and self.cost else ZERO
