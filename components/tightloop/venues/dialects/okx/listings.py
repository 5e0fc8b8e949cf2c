"""What the exchange lists, as ``public/instruments`` tells it, and the ids that OKX gives to orders and trades.

Perpetuals are counted in contracts of ``ctVal`` base units.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.figures import plain
from tightloop.venues.dialects.okx.refusals import NO_SUCH_INSTRUMENT, OkxError
from tightloop.venues.sim import rounding
from tightloop.venues.sim.exchange import Exchange
from tightloop.venues.sim.orders import Listing, Order

KINDS = {"SPOT": "spot", "SWAP": "perp"}
MOST = Decimal(9_000)  # base units in one order, where the rules have no bound
MAX_LEVERAGE = "100"
LISTED_AT = "1611916828000"
_FIRST = 1_000_000_000_000_000_000
_MADE_UP = "."  # no character of a clOrdId


def instrument(symbol: str) -> str:
    """``BTC/USDT`` is ``BTC-USDT``, ``BTC/USDT:USDT`` is ``BTC-USDT-SWAP``."""
    pair, _, settled_in = symbol.partition(":")
    return pair.replace("/", "-") + ("-SWAP" if settled_in else "")


def order_id(order: Order) -> str:
    return str(_FIRST + order.number)


def bill_id(number: int) -> str:
    return str(2 * _FIRST + number)


def made_up_id(word: str) -> str:
    """For an order without ``clOrdId``: it is told as empty."""
    return f"{_MADE_UP}{word}"


def client_id(order: Order) -> str:
    return "" if order.client_order_id.startswith(_MADE_UP) else order.client_order_id


def contracts(listing: Listing, amount: Decimal) -> Decimal:
    """What OKX counts of so many base units."""
    return rounding.NEAREST.divide(amount, listing.rules.contract) if listing.perp else amount


class Listings:
    """All instruments, by OKX's names."""

    def __init__(self, exchange: Exchange) -> None:
        self._by_name = {instrument(symbol): listing for symbol, listing in exchange.listings.items()}

    def named(self, given: Mapping[str, str]) -> Listing:
        """Raises OkxError."""
        found = self._by_name.get(given.get("instId", ""))
        if found is None:
            raise OkxError(*NO_SUCH_INSTRUMENT)
        return found

    def of_kind(self, kind: str | None) -> list[Listing]:
        """``SPOT``, ``SWAP``; None: both. Of other kinds there is none."""
        return [one for one in self._by_name.values() if kind is None or one.rules.market == KINDS.get(kind)]

    def asked(self, given: Mapping[str, str]) -> list[Listing]:
        """The one that ``instId`` names, or all of ``instType``. Raises OkxError."""
        return [self.named(given)] if given.get("instId") else self.of_kind(given.get("instType") or None)


def described(listing: Listing) -> dict[str, Any]:
    rules, perp = listing.rules, listing.perp
    most = rules.max_amount or MOST

    def counted(amount: Decimal) -> str:
        return plain(contracts(listing, amount))

    return {
        "alias": "",
        "auctionEndTime": "",
        "baseCcy": "" if perp else rules.base,
        "category": "1",
        "contTdSwTime": "",
        "ctMult": "1" if perp else "",
        "ctType": "linear" if perp else "",
        "ctVal": plain(rules.contract) if perp else "",
        "ctValCcy": rules.base if perp else "",
        "expTime": "",
        "futureSettlement": False,
        "groupId": "1",
        "instFamily": f"{rules.base}-{rules.quote}" if perp else "",
        "instId": instrument(rules.symbol),
        "instIdCode": 1,
        "instType": kind_of(listing),
        "lever": MAX_LEVERAGE if perp else "",
        "listTime": LISTED_AT,
        "lotSz": counted(rules.lot),
        "maxIcebergSz": counted(most),
        "maxLmtAmt": plain(rules.max_notional or Decimal(20_000_000)),
        "maxLmtSz": counted(most),
        "maxMktAmt": "" if perp else plain(rules.max_market_notional or Decimal(1_000_000)),
        "maxMktSz": counted(rules.max_market_amount or most) if perp else "1000000",
        "maxStopSz": counted(most),
        "maxTriggerSz": counted(most),
        "maxTwapSz": counted(most),
        "minSz": counted(rules.min_amount or rules.lot),
        "openType": "",
        "optType": "",
        "posLmtAmt": "",
        "posLmtPct": "",
        "preMktSwTime": "",
        "quoteCcy": "" if perp else rules.quote,
        "ruleType": "normal",
        "settleCcy": rules.quote if perp else "",
        "state": "live",
        "stk": "",
        "tickSz": plain(rules.tick),
        "tradeQuoteCcyList": [] if perp else [rules.quote],
        "uly": f"{rules.base}-{rules.quote}" if perp else "",
        "upcChg": [],
    }


def kind_of(listing: Listing) -> str:
    return "SWAP" if listing.perp else "SPOT"
