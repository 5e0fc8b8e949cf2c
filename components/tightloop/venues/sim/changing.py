"""Changing a working limit order: another amount, another price, a new place in the queue.

As Binance describes it (developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api/Modify-Order): an
order that filled as much as the new amount is cancelled, and so is a post-only one whose new price would trade. What
breaks a rule is refused, and the order stays as it was.
"""

from __future__ import annotations

from copy import copy
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from tightloop.venues.sim.books import ZERO, VenueError
from tightloop.venues.sim.commands import ChangeWorking
from tightloop.venues.sim.margin import check_free, check_margin
from tightloop.venues.sim.orders import Order, by_rules, levels
from tightloop.venues.sim.trades import ExchangeAccount, book_trade


def change(
    account: ExchangeAccount, order: Order, command: ChangeWorking, leverage: Decimal, now: datetime, at: datetime
) -> None:
    """``at``: the market time. Raises VenueError when nothing was done."""
    listing, price = order.listing, order.listing.price(at)
    if order.status != "open":
        raise VenueError("unknown_order", f"the order {order.client_order_id} is {order.status}, not open")
    if order.limit is None:
        raise VenueError("operation_not_supported", "only limit orders are changed")
    amount, limit = by_rules(listing.rules, command.amount, price, command.price, order.reduce_only)
    if limit is None or (amount, limit) == (order.amount, order.limit):
        raise VenueError("nothing_to_change", f"the order {order.client_order_id} has this amount and price already")
    if amount > order.filled:
        _check_funds(account, order, amount - order.filled, limit, leverage, at)
    order.amount, order.limit, order.updated_at, order.parts = amount, limit, now, []
    order.command = replace(order.command, amount=amount, price=limit)
    _settle(account, order, price, now, at)
    account.next_due = None


def _check_funds(
    account: ExchangeAccount, order: Order, rest: Decimal, limit: Decimal, leverage: Decimal, at: datetime
) -> None:
    """Of the order as it would be, without what it binds now."""
    if order.reduce_only:
        return
    wanted, listing = copy(order), order.listing
    wanted.amount = rest
    del account.working[order.order_id]
    try:
        if listing.perp:
            check_margin(account, wanted, listing.price(at), leverage, at)
        elif order.buy:
            check_free(account, listing.quote_key, rest * limit, leverage, at)
        else:
            check_free(account, listing.base_key, rest, leverage, at)
    finally:
        account.working[order.order_id] = order


def _settle(account: ExchangeAccount, order: Order, price: Decimal, now: datetime, at: datetime) -> None:
    """It trades with what its new price crosses, and goes on resting, or ends."""
    rest = order.remaining
    if rest <= 0:
        order.amount = order.filled
        _end(account, order, "cancelled", now)
        return
    if order.reduce_only:
        rest = min(rest, abs(account.balance(order.listing.base_key)))
    limit = order.limit or ZERO
    met = [
        level
        for level in levels(order.listing, order.buy, rest, price, ZERO)
        if (level.price <= limit if order.buy else level.price >= limit)
    ]
    if met and order.post_only:
        _end(account, order, "cancelled", now)
        return
    for level in met:
        book_trade(account, order, level.amount, level.price, "taker", now, at)
    if not order.remaining:
        _end(account, order, "filled", now)


def _end(account: ExchangeAccount, order: Order, status: str, now: datetime) -> None:
    order.end(status, now)
    del account.working[order.order_id]
