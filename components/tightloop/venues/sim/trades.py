"""Booking a trade: what moves, what it costs, what it realises.

Spot buys pay their fee from the base received, spot sells from the quote received, perpetuals from the margin balance,
where realised profit lands too, unless the account pays in the exchange's coin (``fees.py``). A position's entry is
kept as a cost (position times average entry, signed), so that the profits realised over a position's life add up
exactly.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import Delta, Fee
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO, Account
from tightloop.venues.sim.fees import MarketFees, commission
from tightloop.venues.sim.orders import Listing, Order


class ExchangeAccount(Account):
    """``orders`` by client order id, oldest first (an id may be used again); ``perps``: cost by symbol; ``fees``: by
    market, where they are not the exchange's usual ones.
    """

    __slots__ = ("fees", "hedged", "listings", "orders", "perps", "working")

    def __init__(
        self,
        name: str,
        opening: dict[str, Decimal],
        opened_at: datetime,
        settled_to: datetime,
        listings: dict[str, Listing],
    ) -> None:
        super().__init__(name, opening, opened_at, settled_to)
        self.listings = listings
        self.orders: dict[str, list[Order]] = {}
        self.working: dict[str, Order] = {}  # by order id
        self.perps: dict[str, Decimal] = {}
        self.fees: dict[str, MarketFees] = {}
        self.hedged = False  # the position mode of its perpetuals

    def reserved(self, key: str) -> Decimal:
        """What working spot orders hold back of a balance."""
        held = ZERO
        for order in self.working.values():
            if not order.listing.perp:
                reserved_key, amount = order.reserves()
                if reserved_key == key:
                    held += amount
        return held


def book_trade(
    account: ExchangeAccount,
    order: Order,
    amount: Decimal,
    price: Decimal,
    liquidity: Literal["maker", "taker"],
    at: datetime,
    market_time: datetime,
) -> LedgerEntry:
    """Fill ``amount`` of an order at ``price``: one ledger entry with every delta. ``market_time``: of what the fee is
    worth in another coin.
    """
    listing = order.listing
    cost = amount * price
    fee_key, fee = commission(account, listing, order.buy, amount, cost, liquidity, market_time)
    signed = amount if order.buy else -amount
    pnl: Decimal | None = None
    if listing.perp:
        pnl = realise(account, listing, signed, price)
        deltas = [Delta(position_key=listing.base_key, amount=signed, source="trade")]
        if pnl:
            deltas.append(Delta(position_key=listing.quote_key, amount=pnl, source="trade"))
    else:
        deltas = [
            Delta(position_key=listing.base_key, amount=signed, source="trade"),
            Delta(position_key=listing.quote_key, amount=-cost if order.buy else cost, source="trade"),
        ]
    fees: tuple[Fee, ...] = ()
    if fee:
        deltas.append(Delta(position_key=fee_key, amount=-fee, source="fee"))
        fees = (Fee(position_key=fee_key, amount=fee, kind="trading"),)
    entry = account.post(
        f"{order.order_id}-{len(order.entries) + 1}",
        "trade",
        at,
        tuple(deltas),
        fees=fees,
        client_order_id=order.client_order_id,
        symbol=listing.rules.symbol,
        side=order.side,
        amount=amount,
        cost=cost,
        liquidity=liquidity,
        realised_pnl=pnl,
    )
    order.entries.append(entry)
    order.filled += amount
    order.cost += cost
    order.updated_at = at
    account.next_due = None
    return entry


def realise(account: ExchangeAccount, listing: Listing, signed: Decimal, price: Decimal) -> Decimal:
    """Carry a perpetual's cost through a trade; what it realises. Called before the position changes."""
    symbol = listing.rules.symbol
    held = account.balance(listing.base_key)
    cost = account.perps.get(symbol, ZERO)
    if not held or (held > 0) == (signed > 0):
        account.perps[symbol] = cost + signed * price
        return ZERO
    closing = min(abs(signed), abs(held))
    left = abs(held) - closing
    removed = (
        cost
        if not left
        else rounding.NEAREST.quantize(
            rounding.NEAREST.divide(rounding.NEAREST.multiply(cost, closing), abs(held)), rounding.PENNY
        )
    )
    opening = abs(signed) - closing
    if left:
        account.perps[symbol] = cost - removed
    elif opening:
        account.perps[symbol] = (opening if signed > 0 else -opening) * price
    else:
        del account.perps[symbol]
    return (closing if held > 0 else -closing) * price - removed
