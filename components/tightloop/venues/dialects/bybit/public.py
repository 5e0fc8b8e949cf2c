"""What anybody may ask of Bybit: time, instruments, prices, funding rates.

https://bybit-exchange.github.io/docs/v5/market/time and the pages beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.bybit.calls import Call
from tightloop.venues.dialects.bybit.listings import FUNDING_LIMIT
from tightloop.venues.dialects.bybit.refusals import wrong_parameter
from tightloop.venues.dialects.figures import joined, plain
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.orders import Listing
from tightloop.venues.times import milliseconds, moment

_MINUTES = {"D": 1440, "W": 10_080}
_FUNDING_PAGE = 200
_PARTS = Decimal("0.0001")  # of price24hPcnt


def _time(call: Call) -> Any:
    nanoseconds = milliseconds(call.now) * 1_000_000
    return {"timeSecond": str(nanoseconds // 10**9), "timeNano": str(nanoseconds)}


def _instruments(call: Call) -> Any:
    return call.listings.info(call.given)


# --- prices -----------------------------------------------------------------------------------------------------------


def _tickers(call: Call) -> Any:
    show = _spot_ticker if call.spot else _linear_ticker
    return {"category": call.category, "list": [show(call, listing) for listing in call.listings.asked(call.given)]}


def _prices(call: Call, listing: Listing) -> dict[str, Any]:
    opened, high, low, last = call.venue.prices.candle(listing, call.now - timedelta(days=1), call.now)
    bids, asks = call.venue.prices.book(listing, call.now, 1)
    return {
        "symbol": joined(listing.rules.symbol),
        "bid1Price": plain(bids[0].price),
        "bid1Size": plain(bids[0].amount),
        "ask1Price": plain(asks[0].price),
        "ask1Size": plain(asks[0].amount),
        "lastPrice": plain(last),
        "prevPrice24h": plain(opened),
        "price24hPcnt": plain(rounding.NEAREST.quantize(rounding.NEAREST.divide(last - opened, opened), _PARTS)),
        "highPrice24h": plain(high),
        "lowPrice24h": plain(low),
        "turnover24h": "0",
        "volume24h": "0",
    }


def _spot_ticker(call: Call, listing: Listing) -> dict[str, Any]:
    shown = _prices(call, listing)
    return {**shown, "usdIndexPrice": shown["lastPrice"]}


def _linear_ticker(call: Call, listing: Listing) -> dict[str, Any]:
    shown = _prices(call, listing)
    at = call.venue.desk.sandbox.market_clock.market(call.now)
    rate, due = ZERO, None
    if listing.funding is not None:
        due = listing.funding.next_after(at)
        rate = listing.funding.at(due or at)  # the next one, as Bybit tells it
    interval = timedelta(hours=listing.rules.funding_hours)
    next_at = call.now + (due - at if due is not None else interval)
    hour_ago = call.venue.prices.last(listing, call.now - timedelta(hours=1))
    return {
        **shown,
        "indexPrice": shown["lastPrice"],
        "markPrice": shown["lastPrice"],
        "prevPrice1h": plain(hour_ago),
        "openInterest": "0",
        "openInterestValue": "0",
        "fundingRate": plain(rate),
        "nextFundingTime": str(milliseconds(next_at)),
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "basis": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
        "fundingIntervalHour": str(listing.rules.funding_hours),
        "fundingCap": FUNDING_LIMIT,
        "basisRateYear": "",
    }


def _book(call: Call) -> Any:
    usual, most = (1, 200) if call.spot else (25, 500)
    limit = int(call.given.get("limit") or usual)
    if not 1 <= limit <= most:
        raise wrong_parameter(f"limit is from 1 to {most}")
    listing = call.listings.named(call.given)
    bids, asks = call.venue.prices.book(listing, call.now, limit)
    at = milliseconds(call.now)
    return {
        "s": joined(listing.rules.symbol),
        "b": [[plain(level.price), plain(level.amount)] for level in bids],
        "a": [[plain(level.price), plain(level.amount)] for level in asks],
        "ts": at,
        "u": at,
        "seq": at,
        "cts": at,
    }


def _candles(call: Call) -> Any:
    """Newest first."""
    listing, given = call.listings.named(call.given), call.given
    limit = int(given.get("limit") or 200)
    if not 1 <= limit <= 1000:
        raise wrong_parameter("limit is from 1 to 1000")
    length = timedelta(minutes=_MINUTES.get(given["interval"]) or int(given["interval"]))
    step, now = int(length.total_seconds()) * 1000, milliseconds(call.now)
    last = min(int(given.get("end") or now), now) // step * step
    first = -(-int(given["start"]) // step) * step if given.get("start") else last - (limit - 1) * step
    shown = []
    for start_ms in reversed(range(max(first, last - (limit - 1) * step), last + 1, step)):
        start = moment(start_ms)
        prices = call.venue.prices.candle(listing, start, min(start + length, call.now))
        shown.append([str(start_ms), *(plain(price) for price in prices), "0", "0"])
    return {"category": call.category, "symbol": joined(listing.rules.symbol), "list": shown}


# --- funding ----------------------------------------------------------------------------------------------------------


def _funding(call: Call) -> Any:
    """Newest first."""
    listing, given = call.listings.named(call.given), call.given
    if given.get("startTime") and not given.get("endTime"):
        raise wrong_parameter("startTime without endTime")
    limit = int(given.get("limit") or _FUNDING_PAGE)
    if not 1 <= limit <= _FUNDING_PAGE:
        raise wrong_parameter(f"limit is from 1 to {_FUNDING_PAGE}")
    clock, series = call.venue.desk.sandbox.market_clock, listing.funding
    until = min(moment(int(given["endTime"])), call.now) if given.get("endTime") else call.now
    since = moment(int(given["startTime"])) if given.get("startTime") else None
    shown: list[dict[str, str]] = []
    for at in reversed(series.times if series is not None else []):
        paid_at = call.now - (clock.market(call.now) - at)
        if paid_at > until:
            continue
        if len(shown) == limit or (since is not None and paid_at < since) or series is None:
            break
        shown.append(
            {
                "symbol": joined(listing.rules.symbol),
                "fundingRate": plain(series.at(at)),
                "fundingRateTimestamp": str(milliseconds(paid_at)),
            }
        )
    return {"category": call.category, "list": shown}


ROUTES: dict[str, Callable[[Call], Any]] = {
    "GET /v5/market/time": _time,
    "GET /v5/market/instruments-info": _instruments,
    "GET /v5/market/tickers": _tickers,
    "GET /v5/market/orderbook": _book,
    "GET /v5/market/kline": _candles,
    "GET /v5/market/funding/history": _funding,
}
