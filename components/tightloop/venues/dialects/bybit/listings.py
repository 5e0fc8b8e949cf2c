"""What the exchange lists, as ``instruments-info`` tells it, and the ids that Bybit gives to orders and trades.

https://bybit-exchange.github.io/docs/v5/market/instrument
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.bybit.refusals import invalid_symbol, wrong_parameter
from tightloop.venues.dialects.figures import joined, places, plain
from tightloop.venues.sim.exchange import Exchange
from tightloop.venues.sim.orders import Listing, Order

MARKETS: dict[str, str | None] = {"spot": "spot", "linear": "perp", "inverse": None, "option": None}
MOST = Decimal(9_000)  # base units in one order, where the rules have no bound
QUOTE_STEP = Decimal("0.0000001")
MAX_LEVERAGE = Decimal(100)
FUNDING_LIMIT = "0.005"
LISTED_AT = "1585526400000"
_DEAREST = Decimal("1999999.8")
_FIRST_SPOT_ORDER = 2_000_000_000_000_000_000
_MADE_UP = "."  # no character of an orderLinkId


def order_id(order: Order) -> str:
    """Of a spot order a number, of others a UUID, as Bybit has them."""
    if order.listing.perp:
        return f"6b1d0000-0000-4000-8000-{order.number:012x}"
    return str(_FIRST_SPOT_ORDER + order.number)


def execution_id(perp: bool, sequence: int) -> str:
    return f"e5ec0000-0000-4000-8000-{sequence:012x}" if perp else str(_FIRST_SPOT_ORDER + 10**17 + sequence)


def made_up_id(word: str) -> str:
    """For an order without ``orderLinkId``: it is told as empty."""
    return f"{_MADE_UP}{word}"


def link_id(order: Order) -> str:
    return "" if order.client_order_id.startswith(_MADE_UP) else order.client_order_id


class Listings:
    """The symbols of a category, by Bybit's names; of ``inverse`` and ``option`` there are none."""

    def __init__(self, exchange: Exchange, category: str) -> None:
        self.category = category
        self._by_name = {
            joined(symbol): listing
            for symbol, listing in exchange.listings.items()
            if listing.rules.market == MARKETS[category]
        }

    def named(self, given: Mapping[str, str]) -> Listing:
        """Raises BybitError."""
        found = self._by_name.get(given.get("symbol", ""))
        if found is None:
            raise invalid_symbol(self.category == "spot")
        return found

    def asked(self, given: Mapping[str, str]) -> list[Listing]:
        """The one that is named, or all. Raises BybitError."""
        return [self.named(given)] if given.get("symbol") else list(self._by_name.values())

    def chosen(self, listing: Listing, given: Mapping[str, str]) -> bool:
        """By ``symbol``, else by ``baseCoin``, else by ``settleCoin``. Raises BybitError."""
        if given.get("symbol"):
            return listing is self.named(given)
        if given.get("baseCoin"):
            return listing.rules.base == given["baseCoin"]
        return self.category == "spot" or given.get("settleCoin", listing.rules.quote) == listing.rules.quote

    def require_choice(self, given: Mapping[str, str], *names: str) -> None:
        """Of linear contracts, one of these must say which are meant. Raises BybitError."""
        if self.category == "linear" and not any(given.get(name) for name in names):
            raise wrong_parameter(f"Missing some parameters that must be filled in: {' or '.join(names)}")

    def info(self, given: Mapping[str, str]) -> dict[str, Any]:
        describe = _spot if self.category == "spot" else _linear
        base, status = given.get("baseCoin"), given.get("status") or "Trading"
        found = [one for one in self.asked(given) if base in (None, one.rules.base) and status == "Trading"]
        shown: dict[str, Any] = {"category": self.category, "list": [describe(listing) for listing in found]}
        return shown if self.category == "spot" else {**shown, "nextPageCursor": ""}


def _spot(listing: Listing) -> dict[str, Any]:
    rules = listing.rules
    most = rules.max_amount or MOST
    return {
        "symbol": joined(rules.symbol),
        "baseCoin": rules.base,
        "quoteCoin": rules.quote,
        "innovation": "0",
        "symbolType": "",
        "status": "Trading",
        "marginTrading": "none",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": plain(rules.lot),
            "quotePrecision": plain(QUOTE_STEP),
            "minOrderQty": plain(rules.min_amount or rules.lot),
            "maxOrderQty": plain(most),
            "minOrderAmt": plain(rules.min_notional),
            "maxOrderAmt": plain(rules.max_notional or MOST * _DEAREST),
            "maxLimitOrderQty": plain(most),
            "maxMarketOrderQty": plain(rules.max_market_amount or most),
            "postOnlyMaxLimitOrderSize": plain(most),
        },
        "priceFilter": {"tickSize": plain(rules.tick)},
        "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
    }


def _linear(listing: Listing) -> dict[str, Any]:
    rules = listing.rules
    most = rules.max_amount or MOST
    return {
        "symbol": joined(rules.symbol),
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": rules.base,
        "quoteCoin": rules.quote,
        "symbolType": "",
        "launchTime": LISTED_AT,
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(places(rules.tick)),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": f"{MAX_LEVERAGE:.2f}", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": plain(rules.tick), "maxPrice": plain(_DEAREST), "tickSize": plain(rules.tick)},
        "lotSizeFilter": {
            "minNotionalValue": plain(rules.min_notional),
            "maxOrderQty": plain(most),
            "maxMktOrderQty": plain(rules.max_market_amount or most),
            "minOrderQty": plain(rules.min_amount or rules.lot),
            "qtyStep": plain(rules.lot),
            "postOnlyMaxOrderQty": plain(most),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": rules.funding_hours * 60,
        "settleCoin": rules.quote,
        "copyTrading": "none",
        "upperFundingRate": FUNDING_LIMIT,
        "lowerFundingRate": f"-{FUNDING_LIMIT}",
        "displayName": "",
        "forbidUplWithdrawal": False,
        "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
        "isPreListing": False,
        "preListingInfo": None,
    }
