"""OKX's trades as ledger entries, with the fee in the coin in which it was taken.

``GET trade/fills`` has those of three days, ``GET trade/fills-history`` of three months. ``fee`` is below zero where it
is charged, and above where it is a rebate; ``fillPnl`` is what a trade of a perpetual realised; sizes of perpetuals are
contracts.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tightloop.domain import money
from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import PreparedOrder
from tightloop.venues.live.dialect import Shown
from tightloop.venues.live.session import Session
from tightloop.venues.live.trade_entries import trade_entry
from tightloop.venues.okx import SPEC
from tightloop.venues.times import moment

PAGE = 100
MOST_PAGES = 20


async def trades_of(
    session: Session, venue: str, instrument: str, size: Decimal, shown: Shown, order: PreparedOrder
) -> tuple[LedgerEntry, ...]:
    """Oldest first. ``size``: base units of a contract. Raises NotLeft, Broken, Said; ValueError for too many."""
    kind = "SPOT" if order.market == "spot" else "SWAP"
    given = {"instType": kind, "instId": instrument, "ordId": shown.venue_order_id, "limit": PAGE}
    told = await _pages(session, "privateGetTradeFills", given)
    if money.total(Decimal(one["fillSz"]) for one in told) * size < shown.filled:
        told = await _pages(session, "privateGetTradeFillsHistory", given)
    told.sort(key=lambda one: (int(one["ts"]), int(one["billId"])))
    return tuple(_trade(venue, one, order, size) for one in told)


async def _pages(session: Session, endpoint: str, given: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    asked = dict(given)
    found: dict[str, Mapping[str, Any]] = {}
    for _ in range(MOST_PAGES):
        told = (await session.ask(endpoint, asked))["data"]
        found |= {one["billId"]: one for one in told if one["ordId"] == given["ordId"]}
        if len(told) < PAGE:
            return list(found.values())
        asked["after"] = told[-1]["billId"]
    raise ValueError(f"order {given['ordId']} has {MOST_PAGES * PAGE} trades or more, which are not read")


def _trade(venue: str, told: Mapping[str, Any], order: PreparedOrder, size: Decimal) -> LedgerEntry:
    amount = money.tidy(Decimal(told["fillSz"]) * size)
    return trade_entry(
        SPEC,
        venue,
        order,
        trade_id=told["tradeId"],
        at=moment(told["ts"]),
        amount=amount,
        cost=money.tidy(amount * Decimal(told["fillPx"])),
        fee=-Decimal(told["fee"] or "0"),
        fee_asset=told["feeCcy"],
        maker=told["execType"] == "M",
        pnl=Decimal(told["fillPnl"] or "0") if order.market == "perp" else money.ZERO,
    )
