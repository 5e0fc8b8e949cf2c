"""Binance's trades as ledger entries: every delta, with the commission in whatever asset it was taken.

Spot: ``GET /api/v3/myTrades``, and ``fills`` of ``POST /api/v3/order``; perpetuals: ``GET /fapi/v1/userTrades``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tightloop.domain import money
from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import Delta, Fee, PreparedOrder
from tightloop.venues.times import moment


def spot_trade(venue: str, told: Mapping[str, Any], order: PreparedOrder) -> LedgerEntry:
    """Base and quote move, and the commission in whatever asset it was taken."""
    base, _, quote = order.symbol.partition("/")
    amount, price = Decimal(told["qty"]), Decimal(told["price"])
    cost = Decimal(told["quoteQty"]) if "quoteQty" in told else money.tidy(amount * price)
    sign = 1 if order.side == "buy" else -1
    deltas = (
        Delta(position_key=f"{venue}:BaseToken:{base}", amount=sign * amount, source="trade"),
        Delta(position_key=f"{venue}:BaseToken:{quote}", amount=-sign * cost, source="trade"),
    )
    return _trade(told, order, deltas, cost, f"{venue}:BaseToken:", maker=bool(told.get("isMaker")))


def perp_trade(venue: str, told: Mapping[str, Any], order: PreparedOrder) -> LedgerEntry:
    """The position moves by base units (a contract is one), the margin balance by what was realised and the fee."""
    amount, pnl = Decimal(told["qty"]), Decimal(told["realizedPnl"])
    margin = f"{venue}:MarginBalance:"
    signed = amount if order.side == "buy" else -amount
    deltas = [Delta(position_key=f"{venue}:Perp:{order.symbol}", amount=signed, source="trade")]
    if pnl:
        settled = order.symbol.rpartition(":")[2]
        deltas.append(Delta(position_key=margin + settled, amount=pnl, source="trade"))
    cost = Decimal(told["quoteQty"])
    return _trade(told, order, tuple(deltas), cost, margin, maker=bool(told["maker"]), pnl=pnl)


def _trade(
    told: Mapping[str, Any],
    order: PreparedOrder,
    deltas: tuple[Delta, ...],
    cost: Decimal,
    wallet: str,
    *,
    maker: bool,
    pnl: Decimal | None = None,
) -> LedgerEntry:
    """``wallet``: what position keys of the wallet begin with that pays the fee. A rebate is a negative fee."""
    fee, key = Decimal(told["commission"]), wallet + told["commissionAsset"]
    return LedgerEntry(
        f"{order.market}-{order.symbol}-{told['id']}",
        None,
        "trade",
        moment(told["time"]),
        (*deltas, Delta(position_key=key, amount=-fee, source="fee")) if fee else deltas,
        (Fee(position_key=key, amount=fee, kind="trading"),) if fee else (),
        symbol=order.symbol,
        side=order.side,
        amount=Decimal(told["qty"]),
        cost=cost,
        liquidity="maker" if maker else "taker",
        realised_pnl=pnl,
    )
