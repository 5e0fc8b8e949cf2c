"""From the parameters of ``POST /v5/order/create`` to the engine's command: what Bybit refuses by its own rules and
words is refused here.

https://bybit-exchange.github.io/docs/v5/order/create-order
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.bybit.calls import Call
from tightloop.venues.dialects.bybit.listings import MOST, QUOTE_STEP, made_up_id
from tightloop.venues.dialects.bybit.refusals import BybitError, too_small, wrong_parameter
from tightloop.venues.sim import rounding
from tightloop.venues.sim.commands import PlaceOrder
from tightloop.venues.sim.orders import Listing

_LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
_TIMES: dict[str, Any] = {"GTC": "GTC", "IOC": "IOC", "FOK": "FOK", "PostOnly": "PO"}
_NOT_MODELLED = ("triggerPrice", "takeProfit", "stopLoss", "bboSideType", "orderIv")
_PERCENT = Decimal("0.01")


def place_order(call: Call) -> PlaceOrder:
    """Raises BybitError."""
    given, listing = call.given, call.listings.named(call.given)
    _check_kind(given, listing)
    _check_position_index(call, listing)
    market = given["orderType"] == "Market"
    amount, quote_amount = _sizes(given, listing, market)
    price = None if market else limit_price(given, listing)
    reduces = listing.perp and given.get("reduceOnly") == "true"
    if price is not None and amount is not None and not reduces:
        check_notional(listing, amount * price)
    buys = given["side"] == "Buy"
    bound = _worst_price(call, listing, buys) if market and given.get("slippageToleranceType") else None
    return PlaceOrder(
        account=call.account_name,
        client_order_id=_link_id(given),
        market=listing.rules.market,
        symbol=listing.rules.symbol,
        side="buy" if buys else "sell",
        order_type="market" if market else "limit",
        timestamp=call.signed_time.at,
        decided_at=call.now,
        amount=amount,
        quote_amount=quote_amount,
        price=price,
        time_in_force="IOC" if market else _TIMES[given.get("timeInForce", "GTC")],
        reduce_only=reduces,
        reference_price=bound,
        max_slippage_bps=None if bound is None else Decimal(0),
    )


def _check_kind(given: Mapping[str, str], listing: Listing) -> None:
    """Conditional orders, take profit and stop loss, and borrowing are not modelled."""
    for name in _NOT_MODELLED:
        if given.get(name):
            raise wrong_parameter(f"{name} is not to be had here")
    if given.get("orderFilter", "Order") != "Order":
        raise wrong_parameter("orderFilter is Order here")
    if not listing.perp and given.get("isLeverage", "0") != "0":
        raise BybitError(170036, "You haven't enabled Cross Margin Trading yet.")


def _check_position_index(call: Call, listing: Listing) -> None:
    """In hedge mode no order is taken here, whatever side of a position it names."""
    index = call.given.get("positionIdx", "0")
    if listing.perp and (index != "0" or call.account().hedged):
        raise BybitError(10001, "position idx not match position mode")


def _link_id(given: Mapping[str, str]) -> str:
    wanted = given.get("orderLinkId")
    if not wanted:
        return made_up_id(secrets.token_hex(16))
    if not _LINK_ID.fullmatch(wanted):
        raise wrong_parameter("orderLinkId is at most 36 letters, digits, dashes and underscores")
    return wanted


# --- figures ----------------------------------------------------------------------------------------------------------


def _sizes(given: Mapping[str, str], listing: Listing, market: bool) -> tuple[Decimal | None, Decimal | None]:
    """Base amount, or quote amount: a spot market buy is by value, unless it says otherwise."""
    if not listing.perp and market:
        unit = given.get("marketUnit") or ("quoteCoin" if given["side"] == "Buy" else "baseCoin")
        if unit == "quoteCoin":
            value = figure("qty", given)
            if rounding.multiple_down(value, QUOTE_STEP) != value:
                raise BybitError(170148, "Market order amount decimal too long.")
            if value < listing.rules.min_notional:
                raise too_small(True)
            return None, value
    return order_amount(given, listing, market), None


def order_amount(given: Mapping[str, str], listing: Listing, market: bool) -> Decimal:
    """``qty`` in base units, by the listing's steps and bounds. Raises BybitError."""
    amount, rules = figure("qty", given), listing.rules
    most = rules.max_amount or MOST
    if market:
        most = min(most, rules.max_market_amount or most)
    if amount > most:
        raise _quantity(listing, 170135, "Order quantity too large.", "The number of contracts exceeds maximum limit")
    if amount < max(rules.lot, rules.min_amount):
        raise _quantity(
            listing, 170136, "Order quantity lower than the minimum.", "The number of contracts exceeds minimum limit"
        )
    if rounding.multiple_down(amount, rules.lot) != amount:
        raise _quantity(listing, 170137, "Order volume decimal too long.", "Qty invalid")
    return amount


def _quantity(listing: Listing, code: int, words: str, of_linear: str) -> BybitError:
    return BybitError(10001, of_linear) if listing.perp else BybitError(code, words)


def limit_price(given: Mapping[str, str], listing: Listing) -> Decimal:
    """Raises BybitError."""
    price = figure("price", given)
    if price <= 0:
        raise wrong_parameter("price invalid") if listing.perp else BybitError(170133, "Order price too low.")
    if rounding.multiple_down(price, listing.rules.tick) != price:
        raise wrong_parameter("price invalid") if listing.perp else BybitError(170134, "Order price decimal too long.")
    return price


def check_notional(listing: Listing, notional: Decimal) -> None:
    """Raises BybitError."""
    if notional < listing.rules.min_notional:
        raise too_small(not listing.perp)
    if listing.rules.max_notional is not None and notional > listing.rules.max_notional:
        raise BybitError(170124, "Order amount too large.")


def _worst_price(call: Call, listing: Listing, buys: bool) -> Decimal:
    """``slippageTolerance`` beyond the best price of the other side, by ticks or by percent. Raises BybitError."""
    tolerance = figure("slippageTolerance", call.given)
    bids, asks = call.venue.prices.book(listing, call.now, 1)
    best = (asks if buys else bids)[0].price
    if call.given["slippageToleranceType"] == "TickSize":
        if not 1 <= tolerance <= 10_000 or tolerance != int(tolerance):
            raise BybitError(110108, "Allowable range: 1 to 10000 tick size")
        beyond = tolerance * listing.rules.tick
    else:
        if not Decimal("0.01") <= tolerance <= 10:
            raise BybitError(110109, "Allowable range: 0.01% to 10%")
        beyond = best * tolerance * _PERCENT
    return best + beyond if buys else best - beyond


def figure(name: str, given: Mapping[str, str]) -> Decimal:
    """Raises BybitError for one that is not there. That it is a decimal, the documents have said."""
    text = given.get(name)
    if not text:
        raise wrong_parameter(f"{name} must be there")
    return Decimal(text)
