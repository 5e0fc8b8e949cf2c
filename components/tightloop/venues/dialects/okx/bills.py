"""OKX's bills: every change of a coin's balance in the trading account, newest first, of seven days or three months.

``GET account/bills``, ``GET account/bills-archive``. A spot trade is two bills, one of each coin.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tightloop.venues.dialects.bookkeeping import Change, changes
from tightloop.venues.dialects.figures import empty, plain
from tightloop.venues.dialects.okx.calls import Call
from tightloop.venues.dialects.okx.listings import bill_id, client_id, contracts, instrument, kind_of, order_id
from tightloop.venues.dialects.order_lists import fee_asset, fee_of, price_of
from tightloop.venues.sim.books import ZERO
from tightloop.venues.times import milliseconds

KEPT, ARCHIVED = timedelta(days=7), timedelta(days=90)
_ALWAYS_THERE = empty(
    "clOrdId earnAmt earnApr execType fillFwdPx fillIdxPx fillMarkPx fillMarkVol fillPxUsd fillPxVol "
    "fillTime from instId instType notes ordId px tag to tradeId mgnMode"
)
TRANSFER, TRADE, LIQUIDATION, FUNDING = "1", "2", "5", "8"


def _kind(change: Change) -> tuple[str, str]:
    """``type`` and ``subType``."""
    entry, buys = change.line.entry, change.line.entry.side == "buy"
    if entry.kind == "trade":
        return TRADE, "1" if buys else "2"
    if entry.kind == "funding":
        return FUNDING, "174" if change.amount > 0 else "173"
    if entry.realised_pnl is not None:
        return LIQUIDATION, "106" if buys else "107"
    return TRANSFER, "11" if change.amount > 0 else "12"


def _bills(kept: timedelta) -> Callable[[Call], Any]:
    async def answer(call: Call) -> Any:
        def ask() -> list[dict[str, Any]]:
            found = [
                bill
                for line in reversed(call.lines())
                if line.entry.event_time >= call.now - kept and call.between(line.entry.event_time)
                for bill in changes(line)
                if ":Funding:" not in bill.key and call.wants(**_traits(bill))
            ]
            return [_shown(call, bill) for bill in call.page(found, lambda bill: bill_id(bill.number))]

        return await call.look("ledger", call.given.get("after", ""), ask)

    return answer


def _traits(bill: Change) -> dict[str, str]:
    """What bills are chosen by."""
    (kind, sub_kind), listing = _kind(bill), bill.line.listing
    found = dict.fromkeys(("instType", "instId", "mgnMode", "ctType"), "none")  # which nobody asks for
    if listing is not None:
        found |= {"instType": kind_of(listing), "instId": instrument(listing.rules.symbol)}
        found |= {"mgnMode": "cross", "ctType": "linear"} if listing.perp else {}
    return found | {"ccy": bill.coin, "type": kind, "subType": sub_kind}


def _shown(call: Call, bill: Change) -> dict[str, Any]:
    line, entry = bill.line, bill.line.entry
    kind, sub_kind = _kind(bill)
    shown: dict[str, Any] = _ALWAYS_THERE | {
        "bal": plain(line.after[bill.key]),
        "balChg": plain(bill.amount),
        "billId": bill_id(bill.number),
        "ccy": bill.coin,
        "fee": "0",
        "interest": "0",
        "pnl": "0",
        "posBal": plain(contracts(line.listing, line.position)) if line.listing and line.listing.perp else "0",
        "posBalChg": "0",
        "subType": sub_kind,
        "sz": plain(abs(bill.amount)),
        "ts": str(milliseconds(entry.event_time)),
        "type": kind,
    }
    if line.listing is not None:
        shown |= {"instId": instrument(line.listing.rules.symbol), "instType": kind_of(line.listing)}
        shown |= {"mgnMode": "cross"} if line.listing.perp else {}
    if kind == TRANSFER and any(":Funding:" in key for key in line.after):
        shown |= {"from": "6", "to": "18"} if bill.amount > 0 else {"from": "18", "to": "6"}
    if kind in (TRADE, LIQUIDATION) and line.listing is not None:
        shown |= {
            "fee": plain(-fee_of(entry)),
            "pnl": plain(entry.realised_pnl or ZERO),
            "px": plain(price_of(entry)),
            "sz": plain(contracts(line.listing, entry.amount)),
            "fillTime": shown["ts"],
        }
    if kind == TRADE:
        order = call.venue.desk.exchange.accounts[call.account_name].orders[entry.client_order_id or ""][-1]
        shown |= {
            "clOrdId": client_id(order),
            "ordId": order_id(order),
            "execType": "M" if entry.liquidity == "maker" else "T",
            "tradeId": str(entry.sequence),
            "fee": plain(-fee_of(entry)) if fee_asset(order, entry) == bill.coin else "0",
        }
    if kind == FUNDING and line.listing is not None:
        shown |= {"sz": plain(abs(contracts(line.listing, line.position)))}
    return shown


READS: dict[str, Callable[[Call], Any]] = {
    "GET /api/v5/account/bills": _bills(KEPT),
    "GET /api/v5/account/bills-archive": _bills(ARCHIVED),
}
