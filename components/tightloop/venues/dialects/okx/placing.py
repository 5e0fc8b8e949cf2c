"""From the parameters of ``POST trade/order`` to the engine's command: what OKX refuses by its own rules and words is
refused here. Spot is traded with ``tdMode`` cash, perpetuals with cross: futures mode, as the account has it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.calls import is_plain_id
from tightloop.venues.dialects.okx.calls import Call
from tightloop.venues.dialects.okx.listings import MOST, made_up_id
from tightloop.venues.dialects.okx.refusals import OkxError, wrong_parameter
from tightloop.venues.sim import rounding
from tightloop.venues.sim.commands import PlaceOrder
from tightloop.venues.sim.orders import Listing

_TIMES: dict[str, Any] = {"limit": "GTC", "post_only": "PO", "ioc": "IOC", "fok": "FOK", "market": "IOC"}
_NOT_MODELLED = ("attachAlgoOrds", "pxUsd", "pxVol", "quickMgnType", "closeFraction")


def place_order(call: Call) -> PlaceOrder:
    """Raises OkxError."""
    given, listing = call.given, call.venue.listings.named(call.given)
    for name in _NOT_MODELLED:
        if given.get(name):
            raise wrong_parameter(name)
    kind = given["ordType"]
    if kind not in _TIMES:
        raise wrong_parameter("ordType")
    if given["tdMode"] != ("cross" if listing.perp else "cash"):
        raise OkxError("51010", "You can't complete this request under your current account mode.")
    if listing.perp and given.get("posSide", "net") != "net":
        raise wrong_parameter("posSide")
    market = kind == "market"
    amount, quote_amount = _sizes(given, listing, market)
    price = None if market else limit_price(given, listing)
    return PlaceOrder(
        account=call.account_name,
        client_order_id=_client_id(given),
        market=listing.rules.market,
        symbol=listing.rules.symbol,
        side="buy" if given["side"] == "buy" else "sell",
        order_type="market" if market else "limit",
        timestamp=call.signed_time.at,
        decided_at=call.now,
        amount=amount,
        quote_amount=quote_amount,
        price=price,
        time_in_force=_TIMES[kind],
        reduce_only=listing.perp and given.get("reduceOnly") == "true",
    )


def _client_id(given: Mapping[str, str]) -> str:
    wanted = given.get("clOrdId")
    if not wanted:
        return made_up_id(secrets.token_hex(16))
    if not is_plain_id(wanted):
        raise wrong_parameter("clOrdId")
    return wanted


# --- figures ----------------------------------------------------------------------------------------------------------


def _sizes(given: Mapping[str, str], listing: Listing, market: bool) -> tuple[Decimal | None, Decimal | None]:
    """Base amount, or quote amount: a spot market buy is by value, unless it says otherwise."""
    if market and not listing.perp:
        unit = given.get("tgtCcy") or ("quote_ccy" if given["side"] == "buy" else "base_ccy")
        if unit == "quote_ccy":
            value = Decimal(given["sz"])
            most = listing.rules.max_market_notional
            if most is not None and value > most:
                raise OkxError("51201", f"The value of a market order can't exceed {most} USDT.")
            return None, value
    return order_amount("sz", given, listing, market), None


def order_amount(name: str, given: Mapping[str, str], listing: Listing, market: bool) -> Decimal:
    """In base units, by the listing's steps and bounds. Raises OkxError."""
    rules = listing.rules
    amount = Decimal(given[name]) * (rules.contract if listing.perp else 1)
    most = rules.max_amount or MOST
    if market:
        most = min(most, rules.max_market_amount or most)
    if amount > most:
        raise OkxError("51202", "Market order amount exceeds the maximum amount.")
    if amount < max(rules.lot, rules.min_amount):
        raise OkxError("51020", "The order amount must be greater than or equal to the minimum order amount.")
    if rounding.multiple_down(amount, rules.lot) != amount:
        raise OkxError("51121", "Order quantity must be a multiple of the lot size.")
    return amount


def limit_price(given: Mapping[str, str], listing: Listing, name: str = "px") -> Decimal:
    """Raises OkxError."""
    if not given.get(name):
        raise OkxError("51204", "The price can't be empty for limit order.")
    price = Decimal(given[name])
    if price <= 0 or rounding.multiple_down(price, listing.rules.tick) != price:
        raise wrong_parameter(name)
    return price
