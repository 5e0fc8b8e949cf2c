"""A trade as a ledger entry, with every delta: the same of all exchanges, whatever words they tell it in."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tightloop.domain import money
from tightloop.domain.venues import VenueSpec
from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import Delta, Fee, PreparedOrder


def trade_entry(
    spec: VenueSpec,
    venue: str,
    order: PreparedOrder,
    *,
    trade_id: str,
    at: datetime,
    amount: Decimal,
    cost: Decimal,
    fee: Decimal,
    fee_asset: str,
    maker: bool,
    pnl: Decimal = money.ZERO,
) -> LedgerEntry:
    """At spot base and quote move; of a perpetual its position, and the margin balance by what was realised (``pnl``).

    ``venue``: what position keys begin with. ``amount``: base units; ``cost``: quote units; ``fee``: of ``fee_asset``,
    below zero a rebate.
    """
    base, _, rest = order.symbol.partition("/")
    quote = rest.rpartition(":")[2]
    sign = 1 if order.side == "buy" else -1

    def balance(asset: str) -> str:
        return f"{venue}:{spec.balance_type(order.market, asset)}:{asset}"

    if order.market == "spot":
        moved = [(balance(base), sign * amount), (balance(quote), -sign * cost)]
    else:
        moved = [(f"{venue}:Perp:{order.symbol}", sign * amount)] + ([(balance(quote), pnl)] if pnl else [])
    deltas = [Delta(position_key=key, amount=change, source="trade") for key, change in moved]
    fees: tuple[Fee, ...] = ()
    if fee:
        deltas.append(Delta(position_key=balance(fee_asset), amount=-fee, source="fee"))
        fees = (Fee(position_key=balance(fee_asset), amount=fee, kind="trading"),)
    return LedgerEntry(
        f"{order.market}-{order.symbol}-{trade_id}",
        None,
        "trade",
        at,
        tuple(deltas),
        fees,
        symbol=order.symbol,
        side=order.side,
        amount=amount,
        cost=cost,
        liquidity="maker" if maker else "taker",
        realised_pnl=pnl if order.market == "perp" else None,
    )
