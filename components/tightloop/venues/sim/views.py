"""Orders as a venue shows them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from tightloop.venues.sim.trades import ExchangeAccount


class OrderView(Struct, frozen=True, kw_only=True):
    """An order: ``limit`` None takes any price; ``trades`` are the ids of its ledger entries."""

    venue_order_id: str
    client_order_id: str
    symbol: str
    side: str
    status: str
    amount: Decimal
    filled: Decimal
    cost: Decimal
    limit: Decimal | None
    created_at: datetime
    updated_at: datetime
    code: str | None
    message: str | None
    trades: tuple[str, ...]


def order_views(account: ExchangeAccount, working_only: bool = False) -> list[OrderView]:
    """All orders of an account, or those that work, oldest first within a client order id."""
    return [
        OrderView(
            venue_order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.listing.rules.symbol,
            side=order.side,
            status=order.status,
            amount=order.amount,
            filled=order.filled,
            cost=order.cost,
            limit=order.limit,
            created_at=order.created_at,
            updated_at=order.updated_at,
            code=order.code,
            message=order.message,
            trades=tuple([entry.entry_id for entry in order.entries]),
        )
        for history in account.orders.values()
        for order in history
        if not working_only or order.status == "open"
    ]
