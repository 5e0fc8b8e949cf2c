"""What time alone does to an account of an exchange: parts of orders, resting orders that cross, funding, liquidation.

Settling is lazy and leaves no trace of when it was done: whatever fell due between two touches gets the same entries,
in the same order, with the same times, whether the account was looked at in between or not. So reads need no log.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tightloop.records.types import Delta
from tightloop.venues.sim import rounding
from tightloop.venues.sim.clock import MarketClock
from tightloop.venues.sim.margin import liquidate_unsound
from tightloop.venues.sim.orders import Listing, Order
from tightloop.venues.sim.settings import ExchangeSettings
from tightloop.venues.sim.trades import ExchangeAccount, book_trade


def settle_exchange(account: ExchangeAccount, settings: ExchangeSettings, clock: MarketClock, target: datetime) -> None:
    """Do everything due up to ``target`` (market time), in order of its time."""
    if not account.working and not account.perps:
        account.settled_to = target
        return
    if account.next_due is not None and target < account.next_due:
        account.settled_to = target
        return
    while True:
        due = _next_due(account)
        if due is None or due > target:
            break
        account.settled_to = due
        _fill_parts(account, clock, due)
        _fill_crossed(account, clock, due)
        _pay_funding(account, clock, due)
        liquidate_unsound(account, settings, due, clock.venue(due))
    account.settled_to = target
    account.next_due = due


def _held(account: ExchangeAccount) -> list[tuple[str, Listing]]:
    return [(symbol, account.listings[symbol]) for symbol in sorted(account.perps)]


def _next_due(account: ExchangeAccount) -> datetime | None:
    """The earliest moment after ``settled_to`` at which something may happen."""
    since = account.settled_to
    moments: list[datetime | None] = []
    for order in account.working.values():
        if order.parts:
            moments.append(order.parts[0].due)
        elif order.limit is not None and order.listing.prices is not None:
            moments.append(order.listing.prices.next_after(since))
    for _, listing in _held(account):
        if listing.funding is not None:
            moments.append(listing.funding.next_after(since))
        if listing.prices is not None:
            moments.append(listing.prices.next_after(since))
    known = [moment for moment in moments if moment is not None]
    return min(known) if known else None


def _fill_parts(account: ExchangeAccount, clock: MarketClock, due: datetime) -> None:
    for order in list(account.working.values()):
        while order.parts and order.parts[0].due <= due:
            part = order.parts.pop(0)
            book_trade(account, order, part.amount, part.price, "taker", clock.venue(due), due)
            if not order.remaining or not (order.parts or order.rests):
                _finish(account, order, clock.venue(due))


def _fill_crossed(account: ExchangeAccount, clock: MarketClock, due: datetime) -> None:
    for order in list(account.working.values()):
        series = order.listing.prices
        if order.parts or order.limit is None or series is None or not series.has(due):
            continue
        price = series.at(due)
        if (price <= order.limit) if order.buy else (price >= order.limit):
            amount = order.remaining
            if order.reduce_only:
                amount = min(amount, abs(account.balance(order.listing.base_key)))
            if amount:
                book_trade(account, order, amount, order.limit, "maker", clock.venue(due), due)
            _finish(account, order, clock.venue(due))


def _finish(account: ExchangeAccount, order: Order, at: datetime) -> None:
    order.end("cancelled" if order.remaining else "filled", at)
    del account.working[order.order_id]


def _pay_funding(account: ExchangeAccount, clock: MarketClock, due: datetime) -> None:
    """Longs pay shorts a positive rate, on the market's price at that time."""
    for symbol, listing in _held(account):
        if listing.funding is None or not listing.funding.has(due):
            continue
        position = account.balance(listing.base_key)
        context = rounding.NEAREST
        exact = context.multiply(context.multiply(-position, listing.price(due)), listing.funding.at(due))
        payment: Decimal = context.quantize(exact, rounding.PENNY)
        if payment:
            account.post(
                f"{listing.lane}-{account.name}-funding-{symbol}-{due:%Y%m%dT%H%M%S}",
                "funding",
                clock.venue(due),
                (Delta(position_key=listing.quote_key, amount=payment, source="funding"),),
                symbol=symbol,
            )
