"""What the exchange lists, as ``exchangeInfo`` tells it: every field that Binance documents, by the engine's rules."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.binance.refusals import BinanceError, missing
from tightloop.venues.dialects.figures import PLACES, fixed, joined, places
from tightloop.venues.sim.exchange import Exchange
from tightloop.venues.sim.orders import Listing
from tightloop.venues.times import milliseconds

MOST = Decimal(9_000)  # base units in one order, where the rules have no bound
DEAREST = Decimal(1_000_000)
_NONE = Decimal(0)
LISTED_AT = 1_569_398_400_000
PERPETUAL = 4_133_404_800_000  # the delivery date of what is never delivered
SPOT_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET")
FUTURES_TYPES = ("LIMIT", "MARKET")


class Listings:
    """The spot or the futures symbols of the exchange, by Binance's names."""

    def __init__(self, exchange: Exchange, market: str) -> None:
        self.market = market
        self._by_name = {
            joined(symbol): listing for symbol, listing in exchange.listings.items() if listing.rules.market == market
        }

    def named(self, given: dict[str, str]) -> Listing:
        """Raises BinanceError."""
        name = given.get("symbol")
        if not name:
            raise missing("symbol")
        found = self._by_name.get(name)
        if found is None:
            raise BinanceError(-1121, "Invalid symbol.")
        return found

    def asked(self, given: dict[str, str]) -> list[Listing]:
        """The one that is named, or all. Raises BinanceError."""
        return [self.named(given)] if given.get("symbol") else list(self._by_name.values())

    def info(self, given: dict[str, str], now: datetime, limits: list[dict[str, Any]]) -> dict[str, Any]:
        describe = _spot if self.market == "spot" else _futures
        info: dict[str, Any] = {
            "timezone": "UTC",
            "serverTime": milliseconds(now),
            "rateLimits": limits,
            "exchangeFilters": [],
            "symbols": [describe(listing) for listing in self.asked(given)],
        }
        if self.market != "spot":
            info["futuresType"] = "U_MARGINED"
            info["assets"] = [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "0"}]
        return info


def _spot(listing: Listing) -> dict[str, Any]:
    rules = listing.rules
    return {
        "symbol": joined(rules.symbol),
        "status": "TRADING",
        "baseAsset": rules.base,
        "baseAssetPrecision": PLACES,
        "quoteAsset": rules.quote,
        "quotePrecision": PLACES,
        "quoteAssetPrecision": PLACES,
        "baseCommissionPrecision": PLACES,
        "quoteCommissionPrecision": PLACES,
        "orderTypes": list(SPOT_TYPES),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": fixed(rules.tick),
                "maxPrice": fixed(DEAREST),
                "tickSize": fixed(rules.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": fixed(rules.min_amount or rules.lot),
                "maxQty": fixed(rules.max_amount or MOST),
                "stepSize": fixed(rules.lot),
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": fixed(_NONE),
                "maxQty": fixed(rules.max_market_amount or rules.max_amount or MOST),
                "stepSize": fixed(_NONE),
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": fixed(rules.min_notional),
                "applyMinToMarket": True,
                "maxNotional": fixed(rules.max_notional or MOST * DEAREST),
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _futures(listing: Listing) -> dict[str, Any]:
    rules = listing.rules
    tick, lot, least = f"{rules.tick:f}", f"{rules.lot:f}", f"{rules.min_amount or rules.lot:f}"
    most = rules.max_amount or MOST
    at_market = rules.max_market_amount or most
    return {
        "symbol": joined(rules.symbol),
        "pair": joined(rules.symbol),
        "contractType": "PERPETUAL",
        "deliveryDate": PERPETUAL,
        "onboardDate": LISTED_AT,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": rules.base,
        "quoteAsset": rules.quote,
        "marginAsset": rules.quote,
        "pricePrecision": places(rules.tick),
        "quantityPrecision": places(rules.lot),
        "baseAssetPrecision": PLACES,
        "quotePrecision": PLACES,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW" if rules.base == "BTC" else "Layer-1"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": f"{DEAREST:f}", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": least, "maxQty": f"{most:f}", "stepSize": lot},
            {"filterType": "MARKET_LOT_SIZE", "minQty": least, "maxQty": f"{at_market:f}", "stepSize": lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
            {"filterType": "MIN_NOTIONAL", "notional": f"{rules.min_notional:f}"},
        ],
        "orderTypes": list(FUTURES_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }
