"""What anybody may ask of OKX: time, instruments, prices, trades, funding: ``public/…``, ``market/…``, ``system/…``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.figures import plain
from tightloop.venues.dialects.okx.calls import Answer, Call, at_ms
from tightloop.venues.dialects.okx.listings import contracts, described, instrument, kind_of
from tightloop.venues.dialects.okx.refusals import wrong_parameter
from tightloop.venues.dialects.order_lists import price_of
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.orders import Listing
from tightloop.venues.times import milliseconds, moment

_SECONDS = {"s": 1, "m": 60, "H": 3600, "D": 86_400, "W": 604_800}
_FUNDING_CAP = "0.00375"
MOST_RATES, MOST_TRADES = 400, 500  # of one answer


def _time(call: Call) -> Any:
    return [{"ts": at_ms(call)}]


def _instruments(call: Call) -> Any:
    return [described(one) for one in call.venue.listings.asked(call.given)]


def _tickers(call: Call) -> Any:
    return [_ticker(call, listing) for listing in call.venue.listings.asked(call.given)]


def _ticker(call: Call, listing: Listing) -> dict[str, str]:
    opened, high, low, last = call.venue.prices.candle(listing, call.now - timedelta(days=1), call.now)
    bids, asks = call.venue.prices.book(listing, call.now, 1)
    return {
        "askPx": plain(asks[0].price),
        "askSz": plain(contracts(listing, asks[0].amount)),
        "bidPx": plain(bids[0].price),
        "bidSz": plain(contracts(listing, bids[0].amount)),
        "high24h": plain(high),
        "instId": instrument(listing.rules.symbol),
        "instType": kind_of(listing),
        "last": plain(last),
        "lastSz": "0",
        "low24h": plain(low),
        "open24h": plain(opened),
        "sodUtc0": plain(opened),
        "sodUtc8": plain(opened),
        "ts": at_ms(call),
        "vol24h": "0",
        "volCcy24h": "0",
    }


def _book(call: Call) -> Any:
    listing = call.venue.listings.named(call.given)
    bids, asks = call.venue.prices.book(listing, call.now, min(int(call.given.get("sz") or 1), 400))

    def side(levels: Any) -> list[list[str]]:
        return [[plain(one.price), plain(contracts(listing, one.amount)), "0", "1"] for one in levels]

    return [{"asks": side(asks), "bids": side(bids), "ts": at_ms(call), "seqId": milliseconds(call.now)}]


def _candles(call: Call) -> Any:
    """Newest first; ``after``: older than, ``before``: newer than."""
    listing, given = call.venue.listings.named(call.given), call.given
    bar = (given.get("bar") or "1m").removesuffix("utc")
    if bar[-1:] not in _SECONDS or not bar[:-1].isdecimal():
        raise wrong_parameter("bar")
    step, now = int(bar[:-1]) * _SECONDS[bar[-1]] * 1000, milliseconds(call.now)
    limit = max(1, min(int(given.get("limit") or 100), 300))
    newest = min(int(given["after"]) - 1 if given.get("after") else now, now) // step * step
    oldest = int(given["before"]) + 1 if given.get("before") else newest - (limit - 1) * step
    shown = []
    for start_ms in range(newest, max(oldest, newest - (limit - 1) * step) - 1, -step):
        start = moment(start_ms)
        until = start + timedelta(milliseconds=step)
        prices = call.venue.prices.candle(listing, start, min(until, call.now))
        shown.append([str(start_ms), *(plain(one) for one in prices), "0", "0", "0", "1" if until <= call.now else "0"])
    return shown


def _funding(call: Call) -> Any:
    """``ANY``: of all perpetuals."""
    if call.given["instId"] == "ANY":
        return [_rate(call, listing) for listing in call.venue.listings.of_kind("SWAP")]
    return [_rate(call, _perpetual(call))]


def _perpetual(call: Call) -> Listing:
    """Raises OkxError."""
    listing = call.venue.listings.named(call.given)
    if not listing.perp:
        raise wrong_parameter("instId")
    return listing


def _rate(call: Call, listing: Listing) -> dict[str, str]:
    at = call.venue.desk.sandbox.market_clock.market(call.now)
    due = listing.funding.next_after(at) if listing.funding is not None else None
    rate = listing.funding.at(due or at) if listing.funding is not None else ZERO
    interval = timedelta(hours=listing.rules.funding_hours)
    next_at = call.now + (due - at if due is not None else interval)
    return {
        "formulaType": "noRate",
        "fundingRate": plain(rate),
        "fundingTime": str(milliseconds(next_at)),
        "impactValue": "",
        "instId": instrument(listing.rules.symbol),
        "instType": "SWAP",
        "interestRate": "0",
        "maxFundingRate": _FUNDING_CAP,
        "method": "current_period",
        "minFundingRate": f"-{_FUNDING_CAP}",
        "nextFundingRate": "",
        "nextFundingTime": str(milliseconds(next_at + interval)),
        "premium": "0",
        "prevFundingTime": str(milliseconds(next_at - interval)),
        "settFundingRate": plain(listing.funding.at(at)) if listing.funding is not None else "0",
        "settState": "settled",
        "ts": at_ms(call),
    }


def _funding_history(call: Call) -> Any:
    """What was paid, newest first; ``after``: older than, ``before``: newer than."""
    listing, given = _perpetual(call), call.given
    limit = max(1, min(int(given.get("limit") or MOST_RATES), MOST_RATES))
    clock, series = call.venue.desk.sandbox.market_clock, listing.funding
    shown: list[dict[str, str]] = []
    for at in reversed(series.times if series is not None else []):
        paid_ms = milliseconds(call.now - (clock.market(call.now) - at))
        if paid_ms > milliseconds(call.now) or (given.get("after") and paid_ms >= int(given["after"])):
            continue
        if series is None or len(shown) == limit or (given.get("before") and paid_ms <= int(given["before"])):
            break
        rate = plain(series.at(at))
        shown.append(
            {
                "formulaType": "noRate",
                "fundingRate": rate,
                "fundingTime": str(paid_ms),
                "instId": given["instId"],
                "instType": "SWAP",
                "method": "current_period",
                "realizedRate": rate,
            }
        )
    return shown


def _trades(call: Call) -> Any:
    """Nobody trades here but the accounts of this sandbox: theirs, newest first. ``side``: the taker's."""
    listing = call.venue.listings.named(call.given)
    limit = max(1, min(int(call.given.get("limit") or 100), MOST_TRADES))
    entries = [
        line.entry
        for account in call.venue.desk.exchange.accounts.values()
        for line in call.venue.bookkeeping.lines(account)
        if line.listing is listing and line.entry.kind == "trade"
    ]
    entries.sort(key=lambda entry: (entry.event_time, entry.sequence or 0), reverse=True)
    return [_trade(listing, entry) for entry in entries[:limit]]


def _trade(listing: Listing, entry: LedgerEntry) -> dict[str, str]:
    bought = (entry.side == "buy") == (entry.liquidity != "maker")
    return {
        "instId": instrument(listing.rules.symbol),
        "px": plain(price_of(entry)),
        "side": "buy" if bought else "sell",
        "source": "0",
        "sz": plain(contracts(listing, entry.amount)),
        "tradeId": str(entry.sequence),
        "ts": str(milliseconds(entry.event_time)),
    }


def _status(call: Call) -> Any:
    """No maintenance is announced."""
    return []


def _mark(call: Call) -> Any:
    """Of a pair of spot it is that of margin trading."""
    given = call.given
    if given.get("instType") == "MARGIN":
        given = given | {"instType": "SPOT"}
    return [
        {
            "instId": instrument(one.rules.symbol),
            "instType": "SWAP" if one.perp else "MARGIN",
            "markPx": plain(call.venue.prices.last(one, call.now)),
            "ts": at_ms(call),
        }
        for one in call.venue.listings.asked(given)
    ]


ROUTES: dict[str, Answer] = {
    "GET /api/v5/public/time": _time,
    "GET /api/v5/public/instruments": _instruments,
    "GET /api/v5/public/funding-rate": _funding,
    "GET /api/v5/public/funding-rate-history": _funding_history,
    "GET /api/v5/public/mark-price": _mark,
    "GET /api/v5/system/status": _status,
    "GET /api/v5/market/ticker": _tickers,
    "GET /api/v5/market/tickers": _tickers,
    "GET /api/v5/market/books": _book,
    "GET /api/v5/market/candles": _candles,
    "GET /api/v5/market/trades": _trades,
}
