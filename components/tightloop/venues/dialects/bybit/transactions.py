"""Bybit's transaction log: every change of a coin's balance in the unified account, newest first.

https://bybit-exchange.github.io/docs/v5/account/transaction-log. A spot trade is two lines, one of each coin;
``change`` is ``cashFlow`` plus ``funding`` (below zero where it was paid) less ``fee``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tightloop.venues.dialects.bookkeeping import Change, changes
from tightloop.venues.dialects.bybit.account import user_id
from tightloop.venues.dialects.bybit.calls import Call
from tightloop.venues.dialects.bybit.listings import execution_id, link_id, order_id
from tightloop.venues.dialects.bybit.order_views import fee_rate, funding_order_id
from tightloop.venues.dialects.bybit.refusals import wrong_parameter
from tightloop.venues.dialects.figures import joined, plain
from tightloop.venues.dialects.order_lists import fee_asset, fee_of, price_of
from tightloop.venues.sim.books import ZERO
from tightloop.venues.times import milliseconds

DAY = timedelta(days=1)


def _kind(change: Change) -> str:
    entry = change.line.entry
    if entry.kind == "trade":
        return "TRADE"
    if entry.kind == "funding":
        return "SETTLEMENT"
    if entry.realised_pnl is not None:
        return "LIQUIDATION"
    return "TRANSFER_IN" if change.amount > 0 else "TRANSFER_OUT"


def _category(change: Change) -> str:
    if change.line.listing is None:
        return ""
    return "linear" if change.line.listing.perp else "spot"


async def _log(call: Call) -> Any:
    if call.given.get("accountType", "UNIFIED") != "UNIFIED":
        raise wrong_parameter("accountType only support UNIFIED")

    def ask() -> dict[str, Any]:
        since, until = call.times(DAY)
        found = [
            change
            for line in reversed(call.lines())
            if since <= line.entry.event_time <= until
            for change in changes(line)
            if _is_meant(call, change)
        ]
        shown, cursor = call.page(found, lambda change: change.number, 20, 50)
        return {"nextPageCursor": cursor, "list": [_shown(call, change) for change in shown]}

    return await call.look("ledger", call.given.get("cursor", ""), ask)


def _is_meant(call: Call, change: Change) -> bool:
    listing = change.line.listing
    return call.wants(
        category=_category(change),
        currency=change.coin,
        type=_kind(change),
        transSubType="",
        baseCoin=listing.rules.base if listing is not None else None,
    )


def _shown(call: Call, change: Change) -> dict[str, Any]:
    line, entry = change.line, change.line.entry
    symbol = joined(entry.symbol) if entry.symbol else ""
    shown = {
        "id": f"{user_id(call.account_name)}_{symbol or change.coin}_{change.number}",
        "symbol": symbol,
        "category": _category(change),
        "side": (entry.side or "None").capitalize(),
        "transactionTime": str(milliseconds(entry.event_time)),
        "type": _kind(change),
        "transSubType": "",
        "qty": plain(change.amount),
        "size": "0",
        "currency": change.coin,
        "tradePrice": "0",
        "funding": "",
        "fee": "0",
        "cashFlow": plain(change.amount),
        "change": plain(change.amount),
        "cashBalance": plain(line.after[change.key]),
        "feeRate": "0",
        "bonusChange": "",
        "tradeId": "",
        "orderId": "",
        "orderLinkId": "",
        "extraFees": "",
    }
    if entry.kind == "trade":
        return shown | _of_trade(call, change)
    if entry.kind == "funding":
        return shown | _of_funding(call, change)
    return shown | (_of_liquidation(change) if _kind(change) == "LIQUIDATION" else {})


def _of_trade(call: Call, change: Change) -> dict[str, Any]:
    line, entry = change.line, change.line.entry
    order = call.order_of(entry)
    perp = order.listing.perp
    pays = fee_asset(order, entry) == change.coin
    fee = fee_of(entry) if pays else ZERO
    return {
        "qty": plain(entry.amount if perp else change.amount + fee),
        "size": plain(line.position) if perp else "0",
        "tradePrice": plain(price_of(entry)),
        "fee": plain(fee),
        "cashFlow": plain(change.amount + fee),
        "feeRate": plain(fee_rate(order, entry)) if pays else "0",
        "tradeId": execution_id(perp, line.number),
        "orderId": order_id(order),
        "orderLinkId": link_id(order),
    }


def _of_funding(call: Call, change: Change) -> dict[str, Any]:
    line, funding = change.line, call.funding(change.line)
    buys = line.position > 0
    return {
        "side": "Buy" if buys else "Sell",
        "qty": plain(abs(line.position)),
        "size": plain(line.position),
        "tradePrice": plain(funding.mark),
        "funding": plain(funding.received),
        "cashFlow": "0",
        "feeRate": plain(funding.rate if buys else -funding.rate),
        "tradeId": execution_id(True, line.number),
        "orderId": funding_order_id(line),
    }


def _of_liquidation(change: Change) -> dict[str, Any]:
    entry, fee = change.line.entry, fee_of(change.line.entry)
    return {
        "qty": plain(entry.amount),
        "size": plain(change.line.position),
        "tradePrice": plain(price_of(entry)),
        "fee": plain(fee),
        "cashFlow": plain(change.amount + fee),
        "tradeId": execution_id(True, change.line.number),
    }


READS: dict[str, Callable[[Call], Any]] = {"GET /v5/account/transaction-log": _log}
TRADES: dict[str, Callable[[Call], Any]] = {}
