"""Orders and trades as Binance shows them, with every field that it documents for them."""

from __future__ import annotations

from typing import Any

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.figures import fixed, joined
from tightloop.venues.dialects.order_lists import fee_asset, fee_of, price_of
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.orders import Order
from tightloop.venues.times import milliseconds

_NONE = fixed(ZERO)
_SHORT = {"PO": "GTX"}


def status(order: Order) -> str:
    if order.status == "open":
        return "PARTIALLY_FILLED" if order.filled else "NEW"
    if order.status == "cancelled":
        return "CANCELED" if order.rests else "EXPIRED"
    return {"filled": "FILLED", "rejected": "REJECTED"}[order.status]


def _kind(order: Order) -> str:
    command = order.command
    if command.order_type == "market":
        return "MARKET"
    return "LIMIT_MAKER" if command.time_in_force == "PO" and not order.listing.perp else "LIMIT"


def _time_in_force(order: Order) -> str:
    wanted = order.command.time_in_force
    return _SHORT.get(wanted, wanted) if order.listing.perp else {"PO": "GTC"}.get(wanted, wanted)


# --- spot -------------------------------------------------------------------------------------------------------------


def placed(order: Order, kind: str) -> dict[str, Any]:
    """The answer to ``POST /api/v3/order``: ``kind`` is ``ACK``, ``RESULT`` or ``FULL``."""
    at = milliseconds(order.created_at)
    shown: dict[str, Any] = {
        "symbol": joined(order.listing.rules.symbol),
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": at,
    }
    if kind == "ACK":
        return shown
    shown |= _spot_state(order) | {"workingTime": at, "selfTradePreventionMode": "NONE"}
    if kind == "FULL":
        shown["fills"] = [
            {
                "price": fixed(price_of(entry)),
                "qty": fixed(entry.amount),
                "commission": fixed(fee_of(entry)),
                "commissionAsset": fee_asset(order, entry),
                "tradeId": entry.sequence,
            }
            for entry in order.entries
        ]
    return shown


def cancelled(order: Order, asked_as: str) -> dict[str, Any]:
    """The answer to ``DELETE /api/v3/order``. ``asked_as``: the id of the cancel itself."""
    return {
        "symbol": joined(order.listing.rules.symbol),
        "origClientOrderId": order.client_order_id,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": asked_as,
        "transactTime": milliseconds(order.updated_at),
        **_spot_state(order),
        "selfTradePreventionMode": "NONE",
    }


def shown(order: Order) -> dict[str, Any]:
    """As ``GET /api/v3/order`` tells it."""
    at = milliseconds(order.created_at)
    return {
        "symbol": joined(order.listing.rules.symbol),
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        **_spot_state(order),
        "stopPrice": _NONE,
        "icebergQty": _NONE,
        "time": at,
        "updateTime": milliseconds(order.updated_at),
        "isWorking": True,
        "workingTime": at,
        "selfTradePreventionMode": "NONE",
    }


def _spot_state(order: Order) -> dict[str, Any]:
    return {
        "price": fixed(order.command.price or ZERO),
        "origQty": fixed(order.amount),
        "executedQty": fixed(order.filled),
        "origQuoteOrderQty": fixed(order.command.quote_amount or ZERO),
        "cummulativeQuoteQty": fixed(order.cost),  # spelled so by Binance
        "status": status(order),
        "timeInForce": _time_in_force(order),
        "type": _kind(order),
        "side": order.side.upper(),
    }


def trade(order: Order, entry: LedgerEntry) -> dict[str, Any]:
    """As ``GET /api/v3/myTrades`` tells it."""
    return {
        "symbol": joined(order.listing.rules.symbol),
        "id": entry.sequence,
        "orderId": order.number,
        "orderListId": -1,
        "price": fixed(price_of(entry)),
        "qty": fixed(entry.amount),
        "quoteQty": fixed(entry.cost or ZERO),
        "commission": fixed(fee_of(entry)),
        "commissionAsset": fee_asset(order, entry),
        "time": milliseconds(entry.event_time),
        "isBuyer": order.buy,
        "isMaker": entry.liquidity == "maker",
        "isBestMatch": True,
    }


# --- futures ----------------------------------------------------------------------------------------------------------


def futures_order(order: Order, *, asked: bool) -> dict[str, Any]:
    """As ``POST`` and ``DELETE``, and with ``asked`` as ``GET /fapi/v1/order`` tell it."""
    average = rounding.NEAREST.divide(order.cost, order.filled) if order.filled else ZERO
    kind = _kind(order)
    shown: dict[str, Any] = {
        "clientOrderId": order.client_order_id,
        "cumQuote": fixed(order.cost),
        "executedQty": f"{order.filled:f}",
        "orderId": order.number,
        "avgPrice": fixed(rounding.NEAREST.quantize(average, rounding.PENNY)),
        "origQty": f"{order.amount:f}",
        "price": f"{order.command.price or ZERO:f}",
        "reduceOnly": order.reduce_only,
        "side": order.side.upper(),
        "positionSide": "BOTH",
        "status": status(order),
        "stopPrice": "0",
        "closePosition": False,
        "symbol": joined(order.listing.rules.symbol),
        "timeInForce": _time_in_force(order),
        "type": kind,
        "origType": kind,
        "updateTime": milliseconds(order.updated_at),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
    }
    return shown | ({"time": milliseconds(order.created_at)} if asked else {"cumQty": f"{order.filled:f}"})


def futures_trade(order: Order, entry: LedgerEntry) -> dict[str, Any]:
    """As ``GET /fapi/v1/userTrades`` tells it."""
    return {
        "buyer": order.buy,
        "commission": fixed(fee_of(entry)),
        "commissionAsset": fee_asset(order, entry),
        "id": entry.sequence,
        "maker": entry.liquidity == "maker",
        "orderId": order.number,
        "price": f"{price_of(entry):f}",
        "qty": f"{entry.amount:f}",
        "quoteQty": fixed(entry.cost or ZERO),
        "realizedPnl": fixed(entry.realised_pnl or ZERO),
        "side": order.side.upper(),
        "positionSide": "BOTH",
        "symbol": joined(order.listing.rules.symbol),
        "time": milliseconds(entry.event_time),
    }
