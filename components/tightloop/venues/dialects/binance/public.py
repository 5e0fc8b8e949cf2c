"""What anybody may ask of Binance: time, symbols, prices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.binance.calls import Call
from tightloop.venues.dialects.binance.listings import Listings
from tightloop.venues.dialects.figures import fixed, joined
from tightloop.venues.sim.orders import Listing
from tightloop.venues.times import milliseconds

_FUNDING_EVERY = timedelta(hours=8)
Answer = Callable[[Call], Any]


def _ping(call: Call) -> Any:
    return {}


def _time(call: Call) -> Any:
    return {"serverTime": milliseconds(call.now)}


def _one_or_all(call: Call, listings: Listings, show: Callable[[Listing], Any]) -> Any:
    shown = [show(listing) for listing in listings.asked(call.given)]
    return shown[0] if call.given.get("symbol") else shown


def _info(futures: bool) -> Answer:
    return lambda call: _of(call, futures).info(call.given, call.now, call.venue.limits.listed(futures))


def _of(call: Call, futures: bool) -> Listings:
    return call.venue.futures if futures else call.venue.spot


def _prices(futures: bool) -> Answer:
    return lambda call: _one_or_all(
        call, _of(call, futures), lambda listing: call.venue.prices.ticker_price(listing, call.now)
    )


def _best(futures: bool) -> Answer:
    return lambda call: _one_or_all(call, _of(call, futures), lambda listing: call.venue.prices.best(listing, call.now))


def _day(futures: bool) -> Answer:
    return lambda call: _one_or_all(call, _of(call, futures), lambda listing: call.venue.prices.day(listing, call.now))


def _depth(futures: bool) -> Answer:
    return lambda call: call.venue.prices.depth(
        _of(call, futures).named(call.given), call.now, min(call.limit(100, 5000), 100)
    )


def _klines(futures: bool) -> Answer:
    return lambda call: call.venue.prices.klines(_of(call, futures).named(call.given), call.now, call.given)


def _premium(call: Call) -> Any:
    def show(listing: Listing) -> dict[str, Any]:
        price = fixed(call.venue.prices.price(listing, call.now))
        at = call.venue.desk.sandbox.market_clock.market(call.now)
        rate = listing.funding.at(at) if listing.funding is not None else Decimal(0)
        due = listing.funding.next_after(at) if listing.funding is not None else None
        next_at = call.now + (due - at if due is not None else _FUNDING_EVERY)
        return {
            "symbol": joined(listing.rules.symbol),
            "markPrice": price,
            "indexPrice": price,
            "estimatedSettlePrice": price,
            "lastFundingRate": fixed(rate),
            "interestRate": "0.00010000",
            "nextFundingTime": milliseconds(next_at),
            "time": milliseconds(call.now),
        }

    return _one_or_all(call, call.venue.futures, show)


def _nothing_inverse(call: Call) -> Any:
    """COIN-M futures are not modelled: there are none."""
    return {
        "timezone": "UTC",
        "serverTime": milliseconds(call.now),
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [],
    }


def _for(root: str, futures: bool) -> dict[str, Answer]:
    return {
        f"GET {root}/ping": _ping,
        f"GET {root}/time": _time,
        f"GET {root}/exchangeInfo": _info(futures),
        f"GET {root}/ticker/price": _prices(futures),
        f"GET {root}/ticker/bookTicker": _best(futures),
        f"GET {root}/ticker/24hr": _day(futures),
        f"GET {root}/depth": _depth(futures),
        f"GET {root}/klines": _klines(futures),
    }


ROUTES: dict[str, Answer] = {
    **_for("/api/v3", False),
    **_for("/fapi/v1", True),
    "GET /fapi/v1/premiumIndex": _premium,
    "GET /dapi/v1/exchangeInfo": _nothing_inverse,
}
