"""Binance's spot account: ``/api/v3/account``, ``order``, ``openOrders``, ``allOrders``, ``myTrades``."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tightloop.venues.dialects.binance import order_views
from tightloop.venues.dialects.binance.calls import Call
from tightloop.venues.dialects.binance.placing import client_order_id, place_order
from tightloop.venues.dialects.binance.refusals import UNKNOWN_ORDER, BinanceError, missing
from tightloop.venues.dialects.figures import fixed, joined
from tightloop.venues.dialects.order_lists import all_orders
from tightloop.venues.sim.fees import USUAL, rate_of
from tightloop.venues.sim.orders import Order
from tightloop.venues.times import milliseconds

_KINDS = ("ACK", "RESULT", "FULL")


async def _place(call: Call) -> Any:
    kind = call.given.get("newOrderRespType", "FULL").upper()
    if kind not in _KINDS:
        raise BinanceError(-1102, "Mandatory parameter 'newOrderRespType' was not sent, was empty/null, or malformed.")
    command = place_order(
        call.given, call.venue.spot.named(call.given), call.account_name, call.signed_time.at, call.now
    )
    await call.act("order", command)
    return order_views.placed(call.account().orders[command.client_order_id][-1], kind)


def _test(call: Call) -> Any:
    place_order(call.given, call.venue.spot.named(call.given), call.account_name, call.signed_time.at, call.now)
    return {}


async def _cancel(call: Call) -> Any:
    call.venue.spot.named(call.given)
    order = working(call, "spot")
    await call.cancel(order)
    return order_views.cancelled(order, client_order_id(call.given, False))


def working(call: Call, market: str) -> Order:
    """The order that is to be cancelled. Raises BinanceError when it does not work any more."""
    order = call.order(market, UNKNOWN_ORDER)
    if order.status != "open":
        raise BinanceError(*UNKNOWN_ORDER)
    return order


async def _cancel_all(call: Call) -> Any:
    symbol = call.venue.spot.named(call.given).rules.symbol
    found = [order for order in _open(call) if order.listing.rules.symbol == symbol]
    if not found:
        raise BinanceError(*UNKNOWN_ORDER)
    for order in found:
        await call.cancel(order)
    return [order_views.cancelled(order, client_order_id({}, False)) for order in found]


async def _replace(call: Call) -> Any:
    """``order/cancelReplace``: the new order is placed when the cancel was done, or under ``ALLOW_FAILURE``."""
    mode = require(call, "cancelReplaceMode")
    named = {"orderId": call.given.get("cancelOrderId"), "origClientOrderId": call.given.get("cancelOrigClientOrderId")}
    asked = replace(call, given=call.given | {name: value for name, value in named.items() if value})
    try:
        order = working(asked, "spot")
        await call.cancel(order)
        cancelled: dict[str, Any] = order_views.cancelled(order, client_order_id({}, False))
        result = "SUCCESS"
    except BinanceError as refusal:
        if mode != "ALLOW_FAILURE":
            raise BinanceError(-2022, "Order cancel-replace failed.") from refusal
        cancelled, result = {"code": refusal.code, "msg": refusal.message}, "FAILURE"
    return {
        "cancelResult": result,
        "newOrderResult": "SUCCESS",
        "cancelResponse": cancelled,
        "newOrderResponse": await _place(call),
    }


async def _find(call: Call) -> Any:
    call.venue.spot.named(call.given)
    request = call.given.get("origClientOrderId") or call.given.get("orderId") or ""
    return await call.look("find", request, lambda: order_views.shown(call.order("spot")))


def _open(call: Call) -> list[Order]:
    return [order for order in all_orders(call.account(), "spot") if order.status == "open"]


def _open_orders(call: Call) -> Any:
    names = [listing.rules.symbol for listing in call.venue.spot.asked(call.given)]
    return [order_views.shown(order) for order in _open(call) if order.listing.rules.symbol in names]


def _all_orders(call: Call) -> Any:
    return [
        order_views.shown(order) for order in asked_orders(call, "spot", call.venue.spot.named(call.given).rules.symbol)
    ]


def asked_orders(call: Call, market: str, symbol: str) -> list[Order]:
    """From ``orderId`` on, or within the times, at most ``limit``: the first of them, or else the latest."""
    least, limit = int(call.given.get("orderId") or 0), call.limit(500, 1000)
    found = [
        order
        for order in all_orders(call.account(), market)
        if order.listing.rules.symbol == symbol and order.number >= least and call.between(order.created_at)
    ]
    return found[:limit] if least or call.given.get("startTime") else found[-limit:]


async def _trades(call: Call) -> Any:
    symbol = call.venue.spot.named(call.given).rules.symbol

    def ask() -> list[dict[str, Any]]:
        return [order_views.trade(order, entry) for order, entry in asked_trades(call, "spot", symbol)]

    return await call.look("ledger", call.given.get("orderId", symbol), ask)


def asked_trades(call: Call, market: str, symbol: str) -> list[tuple[Order, Any]]:
    """Of one order, from a trade's id on, or within the times, at most ``limit``: the first, or else the latest."""
    wanted, least, limit = call.given.get("orderId"), int(call.given.get("fromId") or 0), call.limit(500, 1000)
    found = [
        (order, entry)
        for order in all_orders(call.account(), market)
        if order.listing.rules.symbol == symbol and wanted in (None, str(order.number))
        for entry in order.entries
        if (entry.sequence or 0) >= least and call.between(entry.event_time)
    ]
    found.sort(key=lambda one: one[1].sequence or 0)
    return found[:limit] if least or call.given.get("startTime") else found[-limit:]


async def _account(call: Call) -> Any:
    def ask() -> dict[str, Any]:
        account, settings = call.account(), call.venue.desk.exchange.settings
        prefix = f"{call.venue.prefix}:BaseToken:"
        listed = {asset for rules in settings.symbols for asset in (rules.base, rules.quote)}
        held = {key.removeprefix(prefix) for key in account.balances if key.startswith(prefix)}
        balances = []
        for asset in sorted(listed | held):
            total, locked = account.balance(prefix + asset), account.reserved(prefix + asset)
            if total or call.given.get("omitZeroBalances") != "true":
                balances.append({"asset": asset, "free": fixed(total - locked), "locked": fixed(locked)})
        own = account.fees.get("spot", USUAL)
        maker = settings.spot_maker if own.maker is None else own.maker
        taker = settings.spot_taker if own.taker is None else own.taker
        return {
            "makerCommission": int(maker * 10_000),
            "takerCommission": int(taker * 10_000),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                "maker": fixed(maker),
                "taker": fixed(taker),
                "buyer": fixed(_NO),
                "seller": fixed(_NO),
            },
            "canTrade": True,
            "canWithdraw": True,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": milliseconds(account.ledger[-1].event_time if account.ledger else account.opened_at),
            "accountType": "SPOT",
            "balances": balances,
            "permissions": ["SPOT"],
            "uid": sum(call.account_name.encode()),
        }

    return await call.look("positions", "", ask)


_NO = Decimal(0)


def _commission(call: Call) -> Any:
    listing = call.venue.spot.named(call.given)
    account, coin = call.account(), listing.fee_coin
    maker, taker = rate_of(account, listing, "maker"), rate_of(account, listing, "taker")
    none = {"maker": fixed(_NO), "taker": fixed(_NO), "buyer": fixed(_NO), "seller": fixed(_NO)}
    return {
        "symbol": joined(listing.rules.symbol),
        "standardCommission": none | {"maker": fixed(maker), "taker": fixed(taker)},
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": account.fees.get("spot", USUAL).in_coin,
            "enabledForSymbol": listing.coin_prices is not None,
            "discountAsset": coin.asset if coin else "BNB",
            "discount": fixed(1 - coin.spot_discount if coin else _NO),
        },
    }


def require(call: Call, name: str) -> str:
    """Raises BinanceError."""
    found = call.given.get(name)
    if not found:
        raise missing(name)
    return found


READS: dict[str, Callable[[Call], Any]] = {
    "GET /api/v3/account": _account,
    "GET /api/v3/account/commission": _commission,
    "GET /api/v3/order": _find,
    "GET /api/v3/openOrders": _open_orders,
    "GET /api/v3/allOrders": _all_orders,
    "GET /api/v3/myTrades": _trades,
}
TRADES: dict[str, Callable[[Call], Any]] = {
    "POST /api/v3/order": _place,
    "POST /api/v3/order/test": _test,
    "POST /api/v3/order/cancelReplace": _replace,
    "DELETE /api/v3/order": _cancel,
    "DELETE /api/v3/openOrders": _cancel_all,
}
