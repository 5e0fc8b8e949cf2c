"""Orders and trades as Bybit shows them, with every field that it documents for them.

https://bybit-exchange.github.io/docs/v5/order/open-order, .../order/order-list and .../order/execution.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.bookkeeping import Line
from tightloop.venues.dialects.bybit.listings import execution_id, link_id, order_id
from tightloop.venues.dialects.figures import joined, plain
from tightloop.venues.dialects.order_lists import fee_asset, fee_of, price_of, until
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.margin import LIQUIDATED
from tightloop.venues.sim.orders import Order
from tightloop.venues.times import milliseconds

_RATE = Decimal("0.000001")
_TIMES = {"PO": "PostOnly"}
WOULD_TAKE = "EC_PostOnlyWillTakeLiquidity"


def status(order: Order) -> str:
    """In the words of .../v5/enum#orderstatus. A post-only order that would have traded: Cancelled where the page on
    order history shows it, on linear contracts; Rejected on spot, as users report it.
    """
    if order.status == "open":
        return "PartiallyFilled" if order.filled else "New"
    if order.status == "cancelled":
        if order.listing.perp:
            return "Cancelled"
        if reason(order) == WOULD_TAKE:
            return "Rejected"
        return "PartiallyFilledCanceled" if order.filled else "Cancelled"
    return {"filled": "Filled", "rejected": "Rejected"}[order.status]


def reason(order: Order) -> str:
    """``rejectReason``."""
    if order.status in ("open", "filled"):
        return "EC_NoError"
    if order.status == "rejected":
        return "EC_Others"
    if order.post_only and order.code == "order_rejected":
        return WOULD_TAKE
    if order.rests:
        return "EC_PerCancelRequest"
    return "EC_CancelForNoFullFill" if order.command.time_in_force == "FOK" else "EC_NoImmediateQtyToFill"


def _cancel_type(order: Order) -> str:
    if order.status != "cancelled" or reason(order) != "EC_PerCancelRequest":
        return "UNKNOWN"
    return "CancelByPrepareLiq" if order.code == LIQUIDATED else "CancelByUser"


def _size(order: Order) -> Decimal:
    """``qty``: in quote units where it was given so."""
    return order.amount if order.command.quote_amount is None else order.command.quote_amount


def ids(order: Order) -> dict[str, str]:
    """All that ``create``, ``amend`` and ``cancel`` answer."""
    return {"orderId": order_id(order), "orderLinkId": link_id(order)}


def shown(order: Order, price_then: Decimal) -> dict[str, Any]:
    """As ``order/realtime`` and ``order/history`` tell it. ``price_then``: the market's when it was placed."""
    command, perp, working = order.command, order.listing.perp, order.status == "open"
    average = rounding.NEAREST.divide(order.cost, order.filled) if order.filled else None
    fees = _fees(order)
    found: dict[str, Any] = {
        **ids(order),
        "blockTradeId": "",
        "symbol": joined(order.listing.rules.symbol),
        "price": plain(order.limit or ZERO),
        "qty": plain(_size(order)),
        "side": order.side.capitalize(),
        "isLeverage": "" if perp else "0",
        "positionIdx": 0,
        "orderStatus": status(order),
        "cancelType": _cancel_type(order),
        "rejectReason": reason(order),
        "avgPrice": "" if average is None else plain(rounding.NEAREST.quantize(average, rounding.PENNY)),
        "leavesQty": plain(order.remaining) if working else "0",
        "leavesValue": plain(order.remaining * (order.limit or price_then)) if working else "0",
        "cumExecQty": plain(order.filled),
        "cumExecValue": plain(order.cost),
        "cumExecFee": plain(sum(fees.values(), ZERO)),
        "timeInForce": _TIMES.get(command.time_in_force, command.time_in_force),
        "orderType": command.order_type.capitalize(),
        "stopOrderType": "",
        "orderIv": "",
        "marketUnit": _market_unit(order),
        "slippageToleranceType": "UNKNOWN",
        "slippageTolerance": "",
        "triggerPrice": "",
        "takeProfit": "",
        "stopLoss": "",
        "ocoTriggerBy": "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "triggerDirection": 0,
        "triggerBy": "",
        "lastPriceOnCreated": plain(price_then) if perp else "",
        "basePrice": "" if perp else plain(price_then),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": False,
        "placeType": "",
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "createdTime": str(milliseconds(order.created_at)),
        "updatedTime": str(milliseconds(order.updated_at)),
        "extraFees": "",
        "cumFeeDetail": {asset: plain(amount) for asset, amount in fees.items()},
    }
    return found | ({"createType": "CreateByUser", "tpslMode": ""} if perp else {})


def _market_unit(order: Order) -> str:
    if order.listing.perp or order.command.order_type != "market":
        return ""
    return "baseCoin" if order.command.quote_amount is None else "quoteCoin"


def _fees(order: Order) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for fee in (fee for entry in order.entries for fee in entry.fees):
        asset = fee.position_key.rpartition(":")[2]
        found[asset] = found.get(asset, ZERO) + fee.amount
    return found


# --- trades -----------------------------------------------------------------------------------------------------------


def execution(order: Order, line: Line) -> dict[str, Any]:
    """As ``execution/list`` tells a trade."""
    entry, perp = line.entry, order.listing.perp
    left = order.amount - sum((one.amount for one in until(order, entry)), ZERO)
    found = {
        **_symbol(line),
        **ids(order),
        "side": order.side.capitalize(),
        "orderPrice": plain(order.limit or ZERO),
        "orderQty": plain(_size(order)),
        "leavesQty": plain(left),
        "orderType": order.command.order_type.capitalize(),
        "execFee": plain(fee_of(entry)),
        "execPrice": plain(price_of(entry)),
        "execQty": plain(entry.amount),
        "execType": "Trade",
        "execValue": plain(entry.cost or ZERO),
        "feeCurrency": "" if perp else fee_asset(order, entry),
        "isMaker": entry.liquidity == "maker",
        "feeRate": plain(fee_rate(order, entry)),
        "markPrice": plain(price_of(entry)),
        "closedSize": plain(line.closed) if perp else "",
    }
    return found | ({"createType": "CreateByUser"} if perp else {})


def funding(line: Line, paid: Decimal, rate: Decimal, mark: Decimal) -> dict[str, Any]:
    """As ``execution/list`` tells a funding payment: ``paid`` below zero was received."""
    size = abs(line.position)
    return {
        **_symbol(line),
        "orderId": funding_order_id(line),
        "orderLinkId": "",
        "side": "Buy" if line.position > 0 else "Sell",
        "orderPrice": "0",
        "orderQty": "0",
        "leavesQty": "0",
        "createType": "",
        "orderType": "UNKNOWN",
        "execFee": plain(paid),
        "execPrice": plain(mark),
        "execQty": plain(size),
        "execType": "Funding",
        "execValue": plain(size * mark),
        "feeCurrency": "",
        "isMaker": False,
        "feeRate": plain(rate),
        "markPrice": plain(mark),
        "closedSize": "",
    }


def funding_order_id(line: Line) -> str:
    return f"{milliseconds(line.entry.event_time) // 1000}-8-{line.number}"


def _symbol(line: Line) -> dict[str, Any]:
    perp = line.listing is not None and line.listing.perp
    return {
        "symbol": joined(line.entry.symbol or ""),
        "stopOrderType": "",
        "execFeeV2": "",
        "execId": execution_id(perp, line.number),
        "execTime": str(milliseconds(line.entry.event_time)),
        "tradeIv": "",
        "markIv": "",
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "seq": line.number,
        "extraFees": "",
    }


def fee_rate(order: Order, entry: LedgerEntry) -> Decimal:
    """Of what the fee was taken from."""
    paid = entry.amount if fee_asset(order, entry) == order.listing.rules.base else entry.cost or ZERO
    return rounding.NEAREST.quantize(rounding.NEAREST.divide(fee_of(entry), paid), _RATE)
