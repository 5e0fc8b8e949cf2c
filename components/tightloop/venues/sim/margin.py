"""Margin of perpetuals, cross margined: what an order needs, what positions need to be kept, and their liquidation.

All perpetuals with one quote share the margin balance in it. Equity is that balance plus what the positions would
realise at market prices. An order that enlarges a position is refused when notional over leverage is more than equity;
positions are liquidated, all of them at market prices, when equity is below the sum of their maintenance margins. What
that costs beyond the balance the exchange's insurance fund pays.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from tightloop.records.types import Delta, Fee
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO, VenueError
from tightloop.venues.sim.fees import fee_of, rate_of
from tightloop.venues.sim.orders import Listing, Order
from tightloop.venues.sim.settings import ExchangeSettings, MarginTier
from tightloop.venues.sim.trades import ExchangeAccount, realise

LIQUIDATED = "insufficient_margin"  # the code of working orders that a liquidation cancels


class Held(Struct, frozen=True):
    """A position at a market price. ``amount``: base units, signed."""

    listing: Listing
    amount: Decimal
    mark: Decimal
    profit: Decimal  # what closing it would realise

    @property
    def notional(self) -> Decimal:
        return abs(self.amount) * self.mark


def standing(account: ExchangeAccount, quote_key: str, at: datetime) -> tuple[Decimal, list[Held]]:
    """Equity in one quote, and the positions that it carries, at the prices of that market time."""
    equity = account.balance(quote_key)
    held = []
    for symbol in sorted(account.perps):
        listing = account.listings[symbol]
        if listing.quote_key == quote_key:
            amount, mark = account.balance(listing.base_key), listing.price(at)
            one = Held(listing, amount, mark, amount * mark - account.perps[symbol])
            equity += one.profit
            held.append(one)
    return equity, held


def maintenance(tiers: Iterable[MarginTier], notional: Decimal) -> Decimal:
    """What a position of that size must keep: each tier's rate on the part of the notional within it."""
    kept = below = ZERO
    for tier in tiers:
        above = notional if tier.up_to is None else min(notional, tier.up_to)
        kept += (above - below) * tier.rate
        if above == notional:
            break
        below = above
    return kept


def check_margin(account: ExchangeAccount, order: Order, price: Decimal, leverage: Decimal, at: datetime) -> None:
    """Initial margin of all positions, this order and the working ones. Raises VenueError when equity is too small."""
    listing = order.listing
    signed = order.amount if order.buy else -order.amount
    held = account.balance(listing.base_key)
    after = abs(held + signed)
    if after <= abs(held):
        return
    equity, positions = standing(account, listing.quote_key, at)
    equity -= fee_of(order.amount * price, rate_of(account, listing, "taker")) + account.reserved(listing.quote_key)
    notional = after * price
    for one in positions:
        if one.listing is not listing:
            notional += one.notional
    for working in account.working.values():
        if working.listing.quote_key == listing.quote_key and working.listing.perp and not working.reduce_only:
            notional += working.remaining * (working.limit or price)
    if equity * leverage < notional:
        raise VenueError("insufficient_margin", f"{notional} at {leverage} times leverage needs more than {equity}")


def check_free(account: ExchangeAccount, key: str, needed: Decimal, leverage: Decimal, at: datetime) -> None:
    """Can so much of a balance be spent, by a spot order or a withdrawal? Raises VenueError when it isn't there."""
    free = account.balance(key)
    if any(account.listings[symbol].quote_key == key for symbol in account.perps):
        free = withdrawable(account, key, leverage, at)
    if account.working:
        free -= account.reserved(key)
    if free < needed:
        raise VenueError("insufficient_balance", f"{key}: {needed} is needed, {free} is free")


def withdrawable(account: ExchangeAccount, quote_key: str, leverage: Decimal, at: datetime) -> Decimal:
    """What may leave a margin balance: what no position needs as initial margin. Raises VenueError without a price."""
    equity, positions = standing(account, quote_key, at)
    needed = rounding.UP.divide(sum((one.notional for one in positions), ZERO), leverage)
    free = rounding.multiple_down(equity - needed, rounding.PENNY) if equity > needed else ZERO
    return min(account.balance(quote_key), free)


def liquidate_unsound(account: ExchangeAccount, settings: ExchangeSettings, market: datetime, at: datetime) -> None:
    """Liquidate what cannot be kept at the prices of that market time; ``at``: the venue's time of it."""
    for quote_key in sorted({account.listings[symbol].quote_key for symbol in account.perps}):
        try:
            equity, held = standing(account, quote_key, market)
        except VenueError:  # nobody knows a price any more: nothing can be judged
            continue
        if equity < sum((maintenance(settings.maintenance, one.notional) for one in held), ZERO):
            _cancel_working(account, quote_key, at)
            for one in sorted(held, key=lambda one: one.profit, reverse=True):  # what was won pays for what was lost
                _close(account, one, settings, at)


def _cancel_working(account: ExchangeAccount, quote_key: str, at: datetime) -> None:
    for order in list(account.working.values()):
        if order.listing.perp and order.listing.quote_key == quote_key:
            order.end("cancelled", at, LIQUIDATED, "the account's positions were liquidated")
            del account.working[order.order_id]


def _close(account: ExchangeAccount, held: Held, settings: ExchangeSettings, at: datetime) -> None:
    """One ledger entry: the position goes, what it realised and the fee are booked, nothing falls below zero by it."""
    listing = held.listing
    key = listing.quote_key
    pnl = realise(account, listing, -held.amount, held.mark)
    fee = fee_of(held.notional, settings.liquidation_fee)
    deltas = [
        Delta(position_key=listing.base_key, amount=-held.amount, source="trade"),
        Delta(position_key=key, amount=pnl, source="trade"),
        Delta(position_key=key, amount=-fee, source="fee"),
    ]
    short = -(account.balance(key) + pnl - fee)
    if short > 0:
        deltas.append(Delta(position_key=key, amount=short, source="transfer"))
    account.post(
        f"{listing.lane}-{account.name}-liquidation-{account.sequence + 1}",
        "transfer",
        at,
        tuple(delta for delta in deltas if delta.amount),
        fees=(Fee(position_key=key, amount=fee, kind="liquidation"),) if fee else (),
        symbol=listing.rules.symbol,
        side="sell" if held.amount > 0 else "buy",
        amount=abs(held.amount),
        cost=held.notional,
        realised_pnl=pnl,
    )
