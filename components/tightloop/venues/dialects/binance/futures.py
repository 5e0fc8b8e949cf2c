"""Binance's USD-M futures: orders and settings. One-way mode and cross margin, as the engine has it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.binance import order_views
from tightloop.venues.dialects.binance.calls import Call
from tightloop.venues.dialects.binance.futures_account import MOST_NOTIONAL, Margin
from tightloop.venues.dialects.binance.placing import new_terms, place_order
from tightloop.venues.dialects.binance.refusals import BinanceError
from tightloop.venues.dialects.binance.spot import asked_orders, asked_trades, require, working
from tightloop.venues.dialects.figures import joined
from tightloop.venues.dialects.order_lists import all_orders
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.commands import SetFees, SetPositionMode
from tightloop.venues.sim.fees import USUAL, rate_of
from tightloop.venues.sim.orders import Order

# --- orders -----------------------------------------------------------------------------------------------------------


async def _place(call: Call) -> Any:
    command = place_order(
        call.given, call.venue.futures.named(call.given), call.account_name, call.signed_time.at, call.now
    )
    await call.act("order", command)
    order = call.account().orders[command.client_order_id][-1]
    shown = order_views.futures_order(order, asked=False)
    if call.given.get("newOrderRespType", "ACK").upper() == "ACK":
        none = {"cumQty": "0", "cumQuote": "0", "executedQty": "0", "avgPrice": "0.00000", "status": "NEW"}
        return shown | none
    return shown


async def _change(call: Call) -> Any:
    """A limit order's amount and price, as ``Modify Order`` describes it."""
    listing = call.venue.futures.named(call.given)
    if call.given.get("priceMatch"):
        raise BinanceError(-1128, "Combination of optional parameters invalid: priceMatch is not modelled here.")
    amount, price = new_terms(call.given, listing)
    order = call.order("perp")
    if order.side.upper() != require(call, "side"):
        raise BinanceError(-1117, "Invalid side.")
    await call.change(order, amount, price)
    return order_views.futures_order(order, asked=False)


async def _cancel(call: Call) -> Any:
    call.venue.futures.named(call.given)
    order = working(call, "perp")
    await call.cancel(order)
    return order_views.futures_order(order, asked=False)


async def _cancel_all(call: Call) -> Any:
    symbol = call.venue.futures.named(call.given).rules.symbol
    for order in _open(call):
        if order.listing.rules.symbol == symbol:
            await call.cancel(order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


async def _find(call: Call) -> Any:
    call.venue.futures.named(call.given)
    request = call.given.get("origClientOrderId") or call.given.get("orderId") or ""
    return await call.look("find", request, lambda: order_views.futures_order(call.order("perp"), asked=True))


def _open(call: Call) -> list[Order]:
    return [order for order in all_orders(call.account(), "perp") if order.status == "open"]


def _open_orders(call: Call) -> Any:
    names = [listing.rules.symbol for listing in call.venue.futures.asked(call.given)]
    found = [order for order in _open(call) if order.listing.rules.symbol in names]
    return [order_views.futures_order(order, asked=True) for order in found]


def _all_orders(call: Call) -> Any:
    symbol = call.venue.futures.named(call.given).rules.symbol
    return [order_views.futures_order(order, asked=True) for order in asked_orders(call, "perp", symbol)]


async def _trades(call: Call) -> Any:
    symbol = call.venue.futures.named(call.given).rules.symbol

    def ask() -> list[dict[str, Any]]:
        return [order_views.futures_trade(order, entry) for order, entry in asked_trades(call, "perp", symbol)]

    return await call.look("ledger", call.given.get("orderId", symbol), ask)


# --- settings ---------------------------------------------------------------------------------------------------------


def _mode(call: Call) -> Any:
    return {"dualSidePosition": call.account().hedged}


def _set_mode(call: Call) -> Any:
    """In hedge mode no order is taken here."""
    hedged, account = require(call, "dualSidePosition").lower() == "true", call.account()
    if hedged == account.hedged:
        raise BinanceError(-4059, "No need to change position side.")
    if any(order.listing.perp for order in account.working.values()):
        raise BinanceError(-4067, "Position side cannot be changed if there exists open orders.")
    if account.perps:
        raise BinanceError(-4068, "Position side cannot be changed if there exists position.")
    call.venue.desk.set_up(SetPositionMode(account=call.account_name, hedged=hedged))
    return {"code": 200, "msg": "success"}


def _assets_mode(call: Call) -> Any:
    return {"multiAssetsMargin": False}


def _set_leverage(call: Call) -> Any:
    listing, wanted = call.venue.futures.named(call.given), int(require(call, "leverage"))
    if not 1 <= wanted <= 125:
        raise BinanceError(-4028, f"Leverage {wanted} is not valid")
    call.venue.leverage[call.account_name, listing.rules.symbol] = str(wanted)
    return {"leverage": wanted, "maxNotionalValue": f"{MOST_NOTIONAL:f}", "symbol": joined(listing.rules.symbol)}


def _set_margin_type(call: Call) -> Any:
    call.venue.futures.named(call.given)
    if require(call, "marginType") == "CROSSED":
        raise BinanceError(-4046, "No need to change margin type.")
    raise BinanceError(-4168, "Unable to adjust to isolated-margin mode: it is not modelled here.")


def _brackets(call: Call) -> Any:
    tiers = _tiers(call)
    shown = [
        {"symbol": joined(listing.rules.symbol), "notionalCoef": 1.0, "brackets": tiers}
        for listing in call.venue.futures.asked(call.given)
    ]
    return shown[0] if call.given.get("symbol") else shown


def _tiers(call: Call) -> list[dict[str, Any]]:
    """``cum``: what is taken off where the whole notional is taken at the bracket's rate."""
    shown: list[dict[str, Any]] = []
    floor = before = taken_off = ZERO
    for number, tier in enumerate(call.venue.desk.exchange.settings.maintenance, 1):
        taken_off += floor * (tier.rate - before)
        cap = MOST_NOTIONAL if tier.up_to is None else tier.up_to
        shown.append(
            {
                "bracket": number,
                "initialLeverage": max(1, int(rounding.DOWN.divide(Decimal("0.5"), tier.rate))),
                "notionalCap": int(cap),
                "notionalFloor": int(floor),
                "maintMarginRatio": float(tier.rate),
                "cum": float(taken_off),
            }
        )
        floor, before = cap, tier.rate
    return shown


def _symbol_settings(call: Call) -> Any:
    margin = Margin(call)
    return [
        {
            "symbol": joined(listing.rules.symbol),
            "marginType": "CROSSED",
            "isAutoAddMargin": False,
            "leverage": int(margin.leverage(listing)),
            "maxNotionalValue": f"{MOST_NOTIONAL:f}",
        }
        for listing in call.venue.futures.asked(call.given)
    ]


def _commission(call: Call) -> Any:
    listing = call.venue.futures.named(call.given)
    return {
        "symbol": joined(listing.rules.symbol),
        "makerCommissionRate": f"{rate_of(call.account(), listing, 'maker'):f}",
        "takerCommissionRate": f"{rate_of(call.account(), listing, 'taker'):f}",
        "rpiCommissionRate": "0",
    }


def _pays_in_bnb(call: Call) -> Any:
    """https://developers.binance.com/docs/derivatives/usds-margined-futures/account/rest-api/Get-BNB-Burn-Status"""
    return {"feeBurn": call.account().fees.get("perp", USUAL).in_coin}


def _pay_in_bnb(call: Call) -> Any:
    wanted = require(call, "feeBurn").lower() == "true"
    call.venue.desk.set_up(SetFees(account=call.account_name, market="perp", in_coin=wanted))
    return {"code": 200, "msg": "success"}


READS: dict[str, Callable[[Call], Any]] = {
    "GET /fapi/v1/order": _find,
    "GET /fapi/v1/openOrders": _open_orders,
    "GET /fapi/v1/allOrders": _all_orders,
    "GET /fapi/v1/userTrades": _trades,
    "GET /fapi/v1/positionSide/dual": _mode,
    "GET /fapi/v1/multiAssetsMargin": _assets_mode,
    "GET /fapi/v1/leverageBracket": _brackets,
    "GET /fapi/v1/symbolConfig": _symbol_settings,
    "GET /fapi/v1/feeBurn": _pays_in_bnb,
    "GET /fapi/v1/commissionRate": _commission,
}
TRADES: dict[str, Callable[[Call], Any]] = {
    "POST /fapi/v1/order": _place,
    "PUT /fapi/v1/order": _change,
    "DELETE /fapi/v1/order": _cancel,
    "DELETE /fapi/v1/allOpenOrders": _cancel_all,
    "POST /fapi/v1/positionSide/dual": _set_mode,
    "POST /fapi/v1/feeBurn": _pay_in_bnb,
    "POST /fapi/v1/leverage": _set_leverage,
    "POST /fapi/v1/marginType": _set_margin_type,
}
