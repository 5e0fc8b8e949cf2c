"""Orders and trades as OKX shows them, with every field that it documents for them (``GET trade/order``, ``fills``)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.bookkeeping import COINS_OF_AN_ENTRY
from tightloop.venues.dialects.figures import plain
from tightloop.venues.dialects.okx.listings import bill_id, client_id, contracts, instrument, kind_of, order_id
from tightloop.venues.dialects.order_lists import fee_asset, fee_of, price_of
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.margin import LIQUIDATED
from tightloop.venues.sim.orders import Order
from tightloop.venues.times import milliseconds

_RATE = Decimal("0.000001")
_KINDS = {"GTC": "limit", "PO": "post_only", "IOC": "ioc", "FOK": "fok"}
WOULD_TAKE, BY_USER, BY_SYSTEM = "31", "1", "0"
_AT_ONCE = {"ioc": "14", "fok": "15", "market": "14"}


def status(order: Order) -> str:
    if order.status == "open":
        return "partially_filled" if order.filled else "live"
    return "filled" if order.status == "filled" else "canceled"


def kind(order: Order) -> str:
    return "market" if order.command.order_type == "market" else _KINDS[order.command.time_in_force]


def cancel_source(order: Order) -> str:
    """Why it ended: https://www.okx.com/docs-v5/en, ``cancelSource``."""
    if status(order) != "canceled":
        return ""
    if order.post_only and order.code == "order_rejected":
        return WOULD_TAKE
    if order.status == "rejected" or order.code == LIQUIDATED:
        return BY_SYSTEM
    return BY_USER if order.rests else _AT_ONCE[kind(order)]


def ids(order: Order, at_ms: str) -> dict[str, str]:
    """All that placing, amending and cancelling answer."""
    return {"clOrdId": client_id(order), "ordId": order_id(order), "sCode": "0", "sMsg": "", "tag": "", "ts": at_ms}


def shown(order: Order, entries: Sequence[LedgerEntry] | None = None) -> dict[str, Any]:
    """``entries``: its trades, as far as they count; None: all."""
    entries = order.entries if entries is None else entries
    command, listing = order.command, order.listing
    last = entries[-1] if entries else None
    filled = sum((one.amount for one in entries), ZERO)
    pnl = sum((one.realised_pnl or ZERO for one in entries), ZERO)
    at_market = command.order_type == "market"
    return {
        "accFillSz": plain(contracts(listing, filled)),
        "algoClOrdId": "",
        "algoId": "",
        "attachAlgoClOrdId": "",
        "attachAlgoOrds": [],
        "avgPx": plain(_average(entries, filled)) if filled else "",
        "cTime": str(milliseconds(order.created_at)),
        "cancelSource": cancel_source(order),
        "cancelSourceReason": order.message or "" if status(order) == "canceled" else "",
        "category": "normal",
        "ccy": "",
        "clOrdId": client_id(order),
        "fee": plain(-sum((fee_of(one) for one in entries), ZERO)),
        "feeCcy": fee_asset(order, last) if last else _usual_fee_asset(order),
        "fillPx": plain(price_of(last)) if last else "",
        "fillSz": plain(contracts(listing, last.amount)) if last else "0",
        "fillTime": str(milliseconds(last.event_time)) if last else "",
        "instId": instrument(listing.rules.symbol),
        "instType": kind_of(listing),
        "isTpLimit": "false",
        "lever": "10" if listing.perp else "",
        "linkedAlgoOrd": {"algoId": ""},
        "ordId": order_id(order),
        "ordType": kind(order),
        "pnl": plain(pnl),
        "posSide": "net" if listing.perp else "",
        "px": "" if at_market else plain(order.limit or ZERO),
        "pxType": "",
        "pxUsd": "",
        "pxVol": "",
        "quickMgnType": "",
        "rebate": "0",
        "rebateCcy": _quote(order),
        "reduceOnly": str(order.reduce_only).lower(),
        "side": order.side,
        "slOrdPx": "",
        "slTriggerPx": "",
        "slTriggerPxType": "",
        "source": "",
        "state": status(order),
        "stpId": "",
        "stpMode": "cancel_maker",
        "sz": plain(contracts(listing, order.amount) if command.quote_amount is None else command.quote_amount),
        "tag": "",
        "tdMode": "cross" if listing.perp else "cash",
        "tgtCcy": _target(order),
        "tpOrdPx": "",
        "tpTriggerPx": "",
        "tpTriggerPxType": "",
        "tradeId": str(last.sequence) if last else "",
        "tradeQuoteCcy": "" if listing.perp else _quote(order),
        "uTime": str(milliseconds(order.updated_at)),
    }


def _average(entries: Sequence[LedgerEntry], filled: Decimal) -> Decimal:
    cost = sum((one.cost or ZERO for one in entries), ZERO)
    return rounding.NEAREST.quantize(rounding.NEAREST.divide(cost, filled), rounding.PENNY)


def _quote(order: Order) -> str:
    return order.listing.rules.quote


def _usual_fee_asset(order: Order) -> str:
    return order.listing.rules.base if order.buy and not order.listing.perp else _quote(order)


def _target(order: Order) -> str:
    if order.listing.perp or order.command.order_type != "market":
        return ""
    return "base_ccy" if order.command.quote_amount is None else "quote_ccy"


def fill(order: Order, entry: LedgerEntry) -> dict[str, Any]:
    """As ``trade/fills`` tells it. ``fee`` is below zero where it is charged."""
    listing, at = order.listing, str(milliseconds(entry.event_time))
    paid = entry.amount if fee_asset(order, entry) == listing.rules.base else entry.cost or ZERO
    rate = rounding.NEAREST.quantize(rounding.NEAREST.divide(fee_of(entry), paid), _RATE)
    return {
        "billId": bill_id((entry.sequence or 0) * COINS_OF_AN_ENTRY),
        "clOrdId": client_id(order),
        "execType": "M" if entry.liquidity == "maker" else "T",
        "fee": plain(-fee_of(entry)),
        "feeCcy": fee_asset(order, entry),
        "feeRate": plain(-rate),
        "fillFwdPx": "",
        "fillIdxPx": plain(price_of(entry)),
        "fillMarkPx": plain(price_of(entry)) if listing.perp else "",
        "fillMarkVol": "",
        "fillPnl": plain(entry.realised_pnl or ZERO),
        "fillPx": plain(price_of(entry)),
        "fillPxUsd": "",
        "fillPxVol": "",
        "fillSz": plain(contracts(listing, entry.amount)),
        "fillTime": at,
        "instId": instrument(listing.rules.symbol),
        "instType": kind_of(listing),
        "ordId": order_id(order),
        "posSide": "net",
        "side": order.side,
        "subType": "1" if order.buy else "2",
        "tag": "",
        "tradeId": str(entry.sequence),
        "tradeQuoteCcy": "" if listing.perp else _quote(order),
        "ts": at,
    }
