"""Binance's trades as ledger entries, with the commission in whatever asset it was taken.

Spot: ``GET /api/v3/myTrades``, and ``fills`` of ``POST /api/v3/order``; perpetuals: ``GET /fapi/v1/userTrades``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tightloop.domain import money
from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import PreparedOrder
from tightloop.venues.binance import SPEC
from tightloop.venues.live.trade_entries import trade_entry
from tightloop.venues.times import moment


def spot_trade(venue: str, told: Mapping[str, Any], order: PreparedOrder) -> LedgerEntry:
    amount, price = Decimal(told["qty"]), Decimal(told["price"])
    cost = Decimal(told["quoteQty"]) if "quoteQty" in told else money.tidy(amount * price)
    return _trade(venue, told, order, cost, maker=bool(told.get("isMaker")))


def perp_trade(venue: str, told: Mapping[str, Any], order: PreparedOrder) -> LedgerEntry:
    """A contract is one base unit."""
    cost, pnl = Decimal(told["quoteQty"]), Decimal(told["realizedPnl"])
    return _trade(venue, told, order, cost, maker=bool(told["maker"]), pnl=pnl)


def _trade(
    venue: str, told: Mapping[str, Any], order: PreparedOrder, cost: Decimal, *, maker: bool, pnl: Decimal = money.ZERO
) -> LedgerEntry:
    return trade_entry(
        SPEC,
        venue,
        order,
        trade_id=str(told["id"]),
        at=moment(told["time"]),
        amount=Decimal(told["qty"]),
        cost=cost,
        fee=Decimal(told["commission"]),
        fee_asset=told["commissionAsset"],
        maker=maker,
        pnl=pnl,
    )
