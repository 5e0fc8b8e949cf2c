"""Binance's USD-M futures account: ``/fapi``. One-way mode, cross margin, one asset, as the engine has it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.binance import order_views
from tightloop.venues.dialects.binance.calls import Call
from tightloop.venues.dialects.binance.listings import fixed, identifier
from tightloop.venues.dialects.binance.placing import place_order
from tightloop.venues.dialects.binance.refusals import BinanceError
from tightloop.venues.dialects.binance.signing import milliseconds
from tightloop.venues.dialects.binance.spot import asked_orders, asked_trades, cancel, require, working
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.margin import maintenance
from tightloop.venues.sim.orders import Listing, Order
from tightloop.venues.sim.trades import ExchangeAccount

ASSET = "USDT"
MOST_NOTIONAL = Decimal(1_000_000_000)
_NONE = fixed(ZERO)
_INCOME = {"funding": "FUNDING_FEE", "transfer": "TRANSFER", "deposit": "TRANSFER"}


# --- orders -----------------------------------------------------------------------------------------------------------


async def _place(call: Call) -> Any:
    command = place_order(
        call.given, call.venue.futures.named(call.given), call.account_name, call.signed_time.at, call.now
    )
    await call.venue.desk.act("order", command, call.signed_time.check)
    order = call.account().orders[command.client_order_id][-1]
    shown = order_views.futures_order(order, asked=False)
    if call.given.get("newOrderRespType", "ACK").upper() == "ACK":
        none = {"cumQty": "0", "cumQuote": "0", "executedQty": "0", "avgPrice": "0.00000", "status": "NEW"}
        return shown | none
    return shown


async def _cancel(call: Call) -> Any:
    call.venue.futures.named(call.given)
    order = working(call, "perp")
    await cancel(call, order)
    return order_views.futures_order(order, asked=False)


async def _cancel_all(call: Call) -> Any:
    symbol = call.venue.futures.named(call.given).rules.symbol
    for order in _open(call):
        if order.listing.rules.symbol == symbol:
            await cancel(call, order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


async def _find(call: Call) -> Any:
    call.venue.futures.named(call.given)
    request = call.given.get("origClientOrderId") or call.given.get("orderId") or ""
    return await call.look("find", request, lambda: order_views.futures_order(call.order("perp"), asked=True))


def _open(call: Call) -> list[Order]:
    return [order for order in order_views.all_orders(call.account(), "perp") if order.status == "open"]


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


# --- the account ------------------------------------------------------------------------------------------------------


class _Margin:
    """What positions are worth and bind now."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.account: ExchangeAccount = call.account()
        self.wallet = self.account.balance(f"{call.venue.prefix}:MarginBalance:{ASSET}")
        self.held = [
            (listing, amount)
            for listing in call.venue.futures.asked({})
            if (amount := self.account.balance(listing.base_key))
        ]
        self.profit = sum((self.unrealised(listing, amount) for listing, amount in self.held), ZERO)
        self.initial = sum((self.bound(listing, amount) for listing, amount in self.held), ZERO)
        self.maintenance = sum((self.kept(listing, amount) for listing, amount in self.held), ZERO)
        self.available = max(ZERO, self.wallet + self.profit - self.initial)

    def leverage(self, listing: Listing) -> int:
        usual = int(self._call.venue.desk.exchange.settings.leverage)
        return self._call.venue.leverage.get((self.account.name, listing.rules.symbol), usual)

    def mark(self, listing: Listing) -> Decimal:
        return self._call.venue.prices.price(listing, self._call.now)

    def notional(self, listing: Listing, amount: Decimal) -> Decimal:
        return abs(amount) * self.mark(listing)

    def kept(self, listing: Listing, amount: Decimal) -> Decimal:
        tiers = self._call.venue.desk.exchange.settings.maintenance
        return rounding.UP.quantize(maintenance(tiers, self.notional(listing, amount)), rounding.PENNY)

    def bound(self, listing: Listing, amount: Decimal) -> Decimal:
        share = rounding.UP.divide(self.notional(listing, amount), Decimal(self.leverage(listing)))
        return rounding.UP.quantize(share, rounding.PENNY)

    def entry_price(self, listing: Listing, amount: Decimal) -> Decimal:
        exact = rounding.NEAREST.divide(self.account.perps.get(listing.rules.symbol, ZERO), amount)
        return rounding.NEAREST.quantize(exact, rounding.PENNY)

    def unrealised(self, listing: Listing, amount: Decimal) -> Decimal:
        return amount * self.mark(listing) - self.account.perps.get(listing.rules.symbol, ZERO)

    def updated_at(self) -> int:
        ledger = self.account.ledger
        return milliseconds(ledger[-1].event_time if ledger else self.account.opened_at)

    def common(self, listing: Listing, amount: Decimal) -> dict[str, Any]:
        bound = fixed(self.bound(listing, amount))
        return {
            "symbol": identifier(listing.rules.symbol),
            "positionSide": "BOTH",
            "positionAmt": f"{amount:f}",
            "notional": fixed(amount * self.mark(listing)),
            "isolatedMargin": "0",
            "isolatedWallet": "0",
            "initialMargin": bound,
            "maintMargin": fixed(self.kept(listing, amount)),
            "updateTime": self.updated_at(),
        }

    def asset(self) -> dict[str, Any]:
        return {
            "asset": ASSET,
            "walletBalance": fixed(self.wallet),
            "unrealizedProfit": fixed(self.profit),
            "marginBalance": fixed(self.wallet + self.profit),
            "maintMargin": fixed(self.maintenance),
            "initialMargin": fixed(self.initial),
            "positionInitialMargin": fixed(self.initial),
            "openOrderInitialMargin": _NONE,
            "crossWalletBalance": fixed(self.wallet),
            "crossUnPnl": fixed(self.profit),
            "availableBalance": fixed(self.available),
            "maxWithdrawAmount": fixed(self.available),
            "updateTime": self.updated_at(),
        }


async def _account(call: Call) -> Any:
    def ask() -> dict[str, Any]:
        margin = _Margin(call)
        asset = margin.asset()
        return {
            "totalInitialMargin": asset["initialMargin"],
            "totalMaintMargin": asset["maintMargin"],
            "totalWalletBalance": asset["walletBalance"],
            "totalUnrealizedProfit": asset["unrealizedProfit"],
            "totalMarginBalance": asset["marginBalance"],
            "totalPositionInitialMargin": asset["positionInitialMargin"],
            "totalOpenOrderInitialMargin": asset["openOrderInitialMargin"],
            "totalCrossWalletBalance": asset["crossWalletBalance"],
            "totalCrossUnPnl": asset["crossUnPnl"],
            "availableBalance": asset["availableBalance"],
            "maxWithdrawAmount": asset["maxWithdrawAmount"],
            "assets": [asset],
            "positions": [
                {
                    **margin.common(listing, amount),
                    "unrealizedProfit": fixed(margin.unrealised(listing, amount)),
                }
                for listing, amount in margin.held
            ],
        }

    return await call.look("positions", "", ask)


async def _balance(call: Call) -> Any:
    def ask() -> list[dict[str, Any]]:
        asset = _Margin(call).asset()
        return [
            {
                "accountAlias": "SgsR",
                "asset": ASSET,
                "balance": asset["walletBalance"],
                "crossWalletBalance": asset["crossWalletBalance"],
                "crossUnPnl": asset["crossUnPnl"],
                "availableBalance": asset["availableBalance"],
                "maxWithdrawAmount": asset["maxWithdrawAmount"],
                "marginAvailable": True,
                "updateTime": asset["updateTime"],
            }
        ]

    return await call.look("positions", "", ask)


async def _position_risk(call: Call) -> Any:
    def ask() -> list[dict[str, Any]]:
        margin = _Margin(call)
        wanted = [listing.rules.symbol for listing in call.venue.futures.asked(call.given)]
        return [
            {
                **margin.common(listing, amount),
                "entryPrice": fixed(margin.entry_price(listing, amount)),
                "breakEvenPrice": fixed(margin.entry_price(listing, amount)),
                "markPrice": fixed(margin.mark(listing)),
                "unRealizedProfit": fixed(margin.unrealised(listing, amount)),
                "liquidationPrice": "0",
                "marginAsset": ASSET,
                "positionInitialMargin": fixed(margin.bound(listing, amount)),
                "openOrderInitialMargin": "0",
                "adl": 2,
                "bidNotional": "0",
                "askNotional": "0",
            }
            for listing, amount in margin.held
            if listing.rules.symbol in wanted
        ]

    return await call.look("positions", "", ask)


async def _income(call: Call) -> Any:
    """Newest last, as Binance answers it; at most a week where no time is given."""

    def ask() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        wanted = call.given.get("incomeType")
        key = f"{call.venue.prefix}:MarginBalance:{ASSET}"
        for entry in call.account().ledger:
            lines = [
                (_INCOME.get(entry.kind, ""), sum((d.amount for d in entry.deltas if d.position_key == key), ZERO))
            ]
            if entry.kind != "trade" and entry.realised_pnl is not None:  # a liquidation
                lines = [("REALIZED_PNL", entry.realised_pnl), ("INSURANCE_CLEAR", lines[0][1] - entry.realised_pnl)]
            if entry.kind == "trade":
                fee = sum((fee.amount for fee in entry.fees if fee.position_key == key), ZERO)
                lines = [("REALIZED_PNL", entry.realised_pnl or ZERO), ("COMMISSION", -fee)]
            for kind, amount in lines:
                if kind and amount and wanted in (None, kind) and call.between(entry.event_time):
                    found.append(
                        {
                            "symbol": identifier(entry.symbol) if entry.symbol else "",
                            "incomeType": kind,
                            "income": fixed(amount),
                            "asset": ASSET,
                            "info": kind,
                            "time": milliseconds(entry.event_time),
                            "tranId": entry.sequence,
                            "tradeId": str(entry.sequence) if entry.kind == "trade" else "",
                        }
                    )
        first = (int(call.given.get("page") or 1) - 1) * call.limit(100, 1000)
        return found[first : first + call.limit(100, 1000)]

    return await call.look("ledger", call.given.get("startTime", ""), ask)


# --- settings ---------------------------------------------------------------------------------------------------------


def _mode(call: Call) -> Any:
    return {"dualSidePosition": False}


def _set_mode(call: Call) -> Any:
    if require(call, "dualSidePosition").lower() == "true":
        raise BinanceError(-4061, "Hedge mode is not modelled here.")
    raise BinanceError(-4059, "No need to change position side.")


def _assets_mode(call: Call) -> Any:
    return {"multiAssetsMargin": False}


def _set_leverage(call: Call) -> Any:
    listing, wanted = call.venue.futures.named(call.given), int(require(call, "leverage"))
    if not 1 <= wanted <= 125:
        raise BinanceError(-4028, f"Leverage {wanted} is not valid")
    call.venue.leverage[call.account_name, listing.rules.symbol] = wanted
    return {"leverage": wanted, "maxNotionalValue": f"{MOST_NOTIONAL:f}", "symbol": identifier(listing.rules.symbol)}


def _set_margin_type(call: Call) -> Any:
    call.venue.futures.named(call.given)
    if require(call, "marginType") == "CROSSED":
        raise BinanceError(-4046, "No need to change margin type.")
    raise BinanceError(-4168, "Unable to adjust to isolated-margin mode: it is not modelled here.")


def _brackets(call: Call) -> Any:
    tiers = _tiers(call)
    shown = [
        {"symbol": identifier(listing.rules.symbol), "notionalCoef": 1.0, "brackets": tiers}
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
    margin = _Margin(call)
    return [
        {
            "symbol": identifier(listing.rules.symbol),
            "marginType": "CROSSED",
            "isAutoAddMargin": False,
            "leverage": margin.leverage(listing),
            "maxNotionalValue": f"{MOST_NOTIONAL:f}",
        }
        for listing in call.venue.futures.asked(call.given)
    ]


def _commission(call: Call) -> Any:
    listing = call.venue.futures.named(call.given)
    return {
        "symbol": identifier(listing.rules.symbol),
        "makerCommissionRate": f"{listing.maker:f}",
        "takerCommissionRate": f"{listing.taker:f}",
        "rpiCommissionRate": "0",
    }


READS: dict[str, Callable[[Call], Any]] = {
    "GET /fapi/v1/order": _find,
    "GET /fapi/v1/openOrders": _open_orders,
    "GET /fapi/v1/allOrders": _all_orders,
    "GET /fapi/v1/userTrades": _trades,
    "GET /fapi/v3/account": _account,
    "GET /fapi/v3/balance": _balance,
    "GET /fapi/v3/positionRisk": _position_risk,
    "GET /fapi/v1/income": _income,
    "GET /fapi/v1/positionSide/dual": _mode,
    "GET /fapi/v1/multiAssetsMargin": _assets_mode,
    "GET /fapi/v1/leverageBracket": _brackets,
    "GET /fapi/v1/symbolConfig": _symbol_settings,
    "GET /fapi/v1/commissionRate": _commission,
}
TRADES: dict[str, Callable[[Call], Any]] = {
    "POST /fapi/v1/order": _place,
    "DELETE /fapi/v1/order": _cancel,
    "DELETE /fapi/v1/allOpenOrders": _cancel_all,
    "POST /fapi/v1/positionSide/dual": _set_mode,
    "POST /fapi/v1/leverage": _set_leverage,
    "POST /fapi/v1/marginType": _set_margin_type,
}
