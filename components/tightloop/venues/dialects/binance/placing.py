"""From the parameters of ``POST /api/v3/order`` and ``POST /fapi/v1/order`` to the engine's command: what Binance
refuses by its own rules, filters and words is refused here.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from tightloop.venues.dialects.binance.listings import FUTURES_TYPES, MOST, SPOT_TYPES
from tightloop.venues.dialects.binance.refusals import BinanceError, missing, notional_out_of_bounds
from tightloop.venues.dialects.figures import PLACES
from tightloop.venues.sim import rounding
from tightloop.venues.sim.commands import PlaceOrder
from tightloop.venues.sim.orders import Listing

_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_TIMES: dict[str, Any] = {"GTC": "GTC", "IOC": "IOC", "FOK": "FOK", "GTX": "PO"}


def place_order(
    given: Mapping[str, str], listing: Listing, account: str, signed: datetime, now: datetime
) -> PlaceOrder:
    """Raises BinanceError."""
    side, kind = given.get("side"), given.get("type")
    if side not in ("BUY", "SELL"):
        raise missing("side") if not side else BinanceError(-1117, "Invalid side.")
    if kind is None or kind not in (FUTURES_TYPES if listing.perp else SPOT_TYPES):
        raise missing("type") if not kind else BinanceError(-1116, "Invalid orderType.")
    _check_one_way(given, listing)
    amount, quote_amount = _sizes(given, listing, kind)
    price = _price(given, listing, kind)
    reduces = given.get("reduceOnly", "false").lower() == "true"
    if price is not None and amount is not None:
        _check_notional(listing, amount * price, reduces)
    return PlaceOrder(
        account=account,
        client_order_id=client_order_id(given, listing.perp),
        market=listing.rules.market,
        symbol=listing.rules.symbol,
        side="buy" if side == "BUY" else "sell",
        order_type="market" if kind == "MARKET" else "limit",
        timestamp=signed,
        decided_at=now,
        amount=amount,
        quote_amount=quote_amount,
        price=price,
        time_in_force=_time_in_force(given, listing, kind),
        reduce_only=reduces,
    )


def new_terms(given: Mapping[str, str], listing: Listing) -> tuple[Decimal, Decimal]:
    """Amount and price that an order is changed to. Raises BinanceError."""
    amount = _sizes(given, listing, "LIMIT")[0]
    price = _price(given, listing, "LIMIT")
    if amount is None or price is None:
        raise missing("quantity" if amount is None else "price")
    _check_notional(listing, amount * price, False)
    return amount, price


def _check_notional(listing: Listing, notional: Decimal, reduces: bool) -> None:
    most = listing.rules.max_notional
    if (not reduces and notional < listing.rules.min_notional) or (most is not None and notional > most):
        raise notional_out_of_bounds(listing.perp)


def client_order_id(given: Mapping[str, str], futures: bool) -> str:
    """Binance makes one up where none is given."""
    wanted = given.get("newClientOrderId")
    if not wanted:
        return secrets.token_urlsafe(16)
    if _CLIENT_ID.fullmatch(wanted):
        return wanted
    if futures and len(wanted) > 36:
        raise BinanceError(-4015, "Client order id length should be less than 36 chars")
    rule = "^[\\.A-Z\\:/a-z0-9_-]{1,36}$"
    raise BinanceError(-1100, f"Illegal characters found in parameter 'newClientOrderId'; legal range is '{rule}'.")


def _check_one_way(given: Mapping[str, str], listing: Listing) -> None:
    side = given.get("positionSide", "BOTH")
    if listing.perp and side != "BOTH":
        raise BinanceError(-4061, "Order's position side does not match user's setting.")


def _sizes(given: Mapping[str, str], listing: Listing, kind: str) -> tuple[Decimal | None, Decimal | None]:
    if not listing.perp and kind == "MARKET" and given.get("quoteOrderQty"):
        if given.get("quantity"):
            raise BinanceError(-1128, "Combination of optional parameters invalid.")
        return None, decimal("quoteOrderQty", given, PLACES)
    amount = decimal("quantity", given, PLACES)
    rules, lot = listing.rules, listing.rules.lot
    most = rules.max_amount or MOST
    at_market = min(most, rules.max_market_amount or most) if kind == "MARKET" else most
    if amount > at_market:
        if listing.perp:
            raise BinanceError(-4005, "Quantity greater than max quantity.")
        raise _filter("LOT_SIZE" if amount > most else "MARKET_LOT_SIZE")
    if amount < max(lot, rules.min_amount):
        raise BinanceError(-4003, "Quantity less than zero.") if listing.perp else _filter("LOT_SIZE")
    if rounding.multiple_down(amount, lot) != amount:
        raise _too_precise() if listing.perp else _filter("LOT_SIZE")
    return amount, None


def _price(given: Mapping[str, str], listing: Listing, kind: str) -> Decimal | None:
    if kind == "MARKET":
        if given.get("price"):
            raise BinanceError(-1106, "Parameter 'price' sent when not required.")
        return None
    price = decimal("price", given, PLACES)
    tick = listing.rules.tick
    if price <= 0:
        raise BinanceError(-4001, "Price less than 0.") if listing.perp else _filter("PRICE_FILTER")
    if rounding.multiple_down(price, tick) != price:
        raise BinanceError(-4014, "Price not increased by tick size.") if listing.perp else _filter("PRICE_FILTER")
    return price


def _time_in_force(given: Mapping[str, str], listing: Listing, kind: str) -> Any:
    if kind == "MARKET":
        return "GTC"
    if kind == "LIMIT_MAKER":
        return "PO"
    wanted = given.get("timeInForce")
    if not wanted:
        raise missing("timeInForce")
    if wanted not in _TIMES or (wanted == "GTX" and not listing.perp):
        raise BinanceError(-1115, "Invalid timeInForce.")
    return _TIMES[wanted]


def decimal(name: str, given: Mapping[str, str], places: int) -> Decimal:
    """A figure that is there, finite, and not too precise. Raises BinanceError."""
    text = given.get(name)
    if not text:
        raise missing(name)
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?", text):
        rule = "^([0-9]{1,20})(\\.[0-9]{1,20})?$"
        raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{rule}'.")
    if -int(value.normalize().as_tuple().exponent) > places:
        raise BinanceError(-1111, f"Parameter '{name}' has too much precision.")
    return value


def _too_precise() -> BinanceError:
    return BinanceError(-1111, "Precision is over the maximum defined for this asset.")


def _filter(name: str) -> BinanceError:
    return BinanceError(-1013, f"Filter failure: {name}")
