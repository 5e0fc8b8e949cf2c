"""Bybit's orders and trades: ``/v5/order/…`` and ``/v5/execution/list``.

Orders are taken first and executed afterwards: ``create``, ``amend`` and ``cancel`` answer ids alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.bookkeeping import Line
from tightloop.venues.dialects.bybit import order_views, placing
from tightloop.venues.dialects.bybit.calls import Call
from tightloop.venues.dialects.bybit.listings import MARKETS
from tightloop.venues.dialects.bybit.refusals import BybitError, no_such_order, wrong_parameter
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.orders import Order

CLOSED_KEPT = 500  # of a category, by order/realtime
WEEK, DAY = timedelta(days=7), timedelta(days=1)
_UNFILLED = ("Cancelled", "Rejected", "Deactivated")

# --- acting -----------------------------------------------------------------------------------------------------------


async def _create(call: Call) -> Any:
    command = placing.place_order(call)
    await call.act("order", command)
    return order_views.ids(call.account().orders[command.client_order_id][-1])


async def _amend(call: Call) -> Any:
    listing, order = call.listings.named(call.given), working(call)
    given = call.given
    if not given.get("qty") and not given.get("price"):
        raise wrong_parameter("qty or price must be there")
    amount = placing.order_amount(given, listing, False) if given.get("qty") else order.amount
    price = placing.limit_price(given, listing) if given.get("price") else order.limit or ZERO
    if not order.reduce_only:
        placing.check_notional(listing, amount * price)
    if amount <= order.filled:
        raise BybitError(110064, "The modified contract quantity cannot be less than or equal to the filled quantity.")
    await call.change(order, amount, price)
    return order_views.ids(order)


def working(call: Call) -> Order:
    """The order that is named. Raises BybitError when it does not work any more."""
    call.listings.named(call.given)
    order = call.order()
    if order.status != "open":
        raise no_such_order(call.spot)
    return order


async def _cancel(call: Call) -> Any:
    order = working(call)
    await call.cancel(order)
    return order_views.ids(order)


async def _cancel_all(call: Call) -> Any:
    call.listings.require_choice(call.given, "symbol", "baseCoin", "settleCoin")
    found = [
        order for order in call.orders() if order.status == "open" and call.listings.chosen(order.listing, call.given)
    ]
    for order in found:
        await call.cancel(order)
    return {"list": [order_views.ids(order) for order in found], "success": "1"}


# --- looking ----------------------------------------------------------------------------------------------------------


def _list(call: Call, orders: list[Order]) -> dict[str, Any]:
    """A page of them."""
    shown, cursor = call.page(orders, lambda order: order.number, 20, 50)
    return {"category": call.category, "nextPageCursor": cursor, "list": [show(call, order) for order in shown]}


def show(call: Call, order: Order) -> dict[str, Any]:
    return order_views.shown(order, price_then(call, order))


def price_then(call: Call, order: Order) -> Decimal:
    """The market's when it was placed."""
    return order.listing.price(call.venue.desk.sandbox.market_clock.decided(order.command.decided_at))


def _request(call: Call) -> str:
    return call.given.get("orderLinkId") or call.given.get("orderId") or ""


async def _realtime(call: Call) -> Any:
    """Open orders and the latest closed ones: those that closed since the service was started."""
    if not call.names_an_order:
        call.listings.require_choice(call.given, "symbol", "baseCoin", "settleCoin")

    def ask() -> dict[str, Any]:
        orders = call.orders()
        closed = [one for one in orders if one.status != "open" and one.updated_at >= call.venue.started_at]
        kept = closed[:CLOSED_KEPT]
        if not call.names_an_order:
            wanted = kept if call.given.get("openOnly") == "1" else [one for one in orders if one.status == "open"]
            return _list(call, call.named_orders(wanted))
        held = set(kept)
        return _list(call, call.named_orders([one for one in orders if one.status == "open" or one in held]))

    return await call.look("find", _request(call), ask)


async def _history(call: Call) -> Any:
    """Closed orders: of a week, and those without a fill of a day. Named ones, too."""

    def ask() -> dict[str, Any]:
        since, until = call.times(WEEK)
        found = []
        for order in call.named_orders([one for one in call.orders() if one.status != "open"]):
            told = order_views.status(order)
            kept = order.filled or told not in _UNFILLED or order.created_at >= call.now - DAY
            asked = call.wants(orderStatus=told)
            if kept and asked and (call.names_an_order or since <= order.created_at <= until):
                found.append(order)
        return _list(call, found)

    return await call.look("find", _request(call), ask)


async def _executions(call: Call) -> Any:
    """Newest first. Where an order is named, nothing else is looked at."""

    def ask() -> dict[str, Any]:
        lines = [line for line in reversed(call.lines()) if _is_execution(call, line)]
        if call.names_an_order:
            named = {order.client_order_id for order in call.named_orders(call.orders())}
            lines = [line for line in lines if line.entry.client_order_id in named]
        else:
            since, until = call.times(WEEK)
            lines = [line for line in lines if since <= line.entry.event_time <= until and _is_chosen(call, line)]
        shown, cursor = call.page(lines, lambda line: line.number, 50, 100)
        told = [_execution(call, line) for line in shown]
        return {"category": call.category, "nextPageCursor": cursor, "list": told}

    return await call.look("ledger", _request(call), ask)


def _is_execution(call: Call, line: Line) -> bool:
    """Of the category, and of the kind that is asked for."""
    told = {"trade": "Trade", "funding": "Funding"}.get(line.entry.kind)
    if told is None or line.listing is None or line.listing.rules.market != MARKETS[call.category]:
        return False
    return call.wants(execType=told)


def _is_chosen(call: Call, line: Line) -> bool:
    return line.listing is not None and call.listings.chosen(line.listing, call.given)


def _execution(call: Call, line: Line) -> dict[str, Any]:
    if line.entry.kind == "trade":
        return order_views.execution(call.order_of(line.entry), line)
    funding = call.funding(line)
    return order_views.funding(line, -funding.received, funding.rate, funding.mark)


READS: dict[str, Callable[[Call], Any]] = {
    "GET /v5/order/realtime": _realtime,
    "GET /v5/order/history": _history,
    "GET /v5/execution/list": _executions,
}
TRADES: dict[str, Callable[[Call], Any]] = {
    "POST /v5/order/create": _create,
    "POST /v5/order/amend": _amend,
    "POST /v5/order/cancel": _cancel,
    "POST /v5/order/cancel-all": _cancel_all,
}
