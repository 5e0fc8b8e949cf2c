"""Positions of OKX's perpetuals, net and cross margined: ``GET account/positions``."""

from __future__ import annotations

from typing import Any

from tightloop.venues.dialects.figures import empty, plain
from tightloop.venues.dialects.margin import CrossMargin
from tightloop.venues.dialects.okx.calls import Call, at_ms
from tightloop.venues.dialects.okx.listings import contracts, instrument
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.orders import Listing
from tightloop.venues.times import milliseconds

_OF_POSITION = empty(
    "availPos baseBal baseBorrowed baseInterest bizRefId bizRefType clSpotInUseAmt deltaBS deltaPA "
    "gammaBS gammaPA interest liab liabCcy liqPx margin maxSpotInUseAmt mgnRatio nonSettleAvgPx optVal "
    "pendingCloseOrdLiabVal posCcy quoteBal quoteBorrowed quoteInterest settledPnl spotInUseAmt "
    "spotInUseCcy thetaBS thetaPA usdPx vegaBS vegaPA uplRatio uplRatioLastPx"
)


def margin_of(call: Call) -> CrossMargin:
    venue = call.venue
    return CrossMargin(
        call.account(), venue.listings.of_kind("SWAP"), venue.settings, venue.leverage, venue.prices, call.now
    )


async def positions(call: Call) -> Any:
    kind = call.given.get("instType")

    def ask() -> list[dict[str, Any]]:
        margin = margin_of(call)
        wanted, ids = (set(filter(None, call.given.get(name, "").split(","))) for name in ("instId", "posId"))
        if kind not in (None, "", "SWAP"):
            return []
        return [
            _position(call, margin, listing)
            for listing in margin.held
            if (not wanted or instrument(listing.rules.symbol) in wanted)
            and (not ids or position_id(call, listing) in ids)
        ]

    return await call.look("positions", "", ask)


def _position(call: Call, margin: CrossMargin, listing: Listing) -> dict[str, Any]:
    amount, mark = margin.held[listing], margin.mark(listing)
    entry = margin.entry_price(listing)
    lines = [line for line in call.lines() if line.listing is listing]
    created, updated = lines[0].entry.event_time, lines[-1].entry.event_time
    profit = margin.unrealised(listing)
    return _OF_POSITION | {
        "adl": "1",
        "avgPx": plain(entry),
        "bePx": plain(entry),
        "cTime": str(milliseconds(created)),
        "ccy": listing.rules.quote,
        "closeOrderAlgo": [],
        "fee": "0",
        "fundingFee": "0",
        "idxPx": plain(mark),
        "imr": plain(margin.bound(listing)),
        "instId": instrument(listing.rules.symbol),
        "instType": "SWAP",
        "last": plain(mark),
        "lever": margin.leverage(listing),
        "liqPenalty": "0",
        "markPx": plain(mark),
        "mgnMode": "cross",
        "mmr": plain(margin.kept(listing)),
        "notionalUsd": plain(margin.notional(listing)),
        "pTime": at_ms(call),
        "pnl": "0",
        "pos": plain(contracts(listing, amount)),
        "posId": position_id(call, listing),
        "posSide": "net",
        "realizedPnl": plain(sum((line.entry.realised_pnl or ZERO for line in lines), ZERO)),
        "tradeId": str(lines[-1].number),
        "uTime": str(milliseconds(updated)),
        "upl": plain(profit),
        "uplLastPx": plain(profit),
    }


def position_id(call: Call, listing: Listing) -> str:
    return str(7 * 10**17 + call.venue.listings.of_kind(None).index(listing))
