"""OKX's trades as ledger entries: every delta, with the fee in the coin in which it was taken.

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
from tightloop.records.types import Delta, Fee, PreparedOrder
from tightloop.venues.live.exchange import Shown
from tightloop.venues.live.session import Session
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
    cost = money.tidy(amount * Decimal(told["fillPx"]))
    signed = amount if order.side == "buy" else -amount
    base, _, rest = order.symbol.partition("/")
    quote = rest.rpartition(":")[2]

    def key(asset: str) -> str:
        return f"{venue}:{SPEC.balance_type(order.market, asset)}:{asset}"

    pnl: Decimal | None = None
    if order.market == "spot":
        deltas = [
            Delta(position_key=key(base), amount=signed, source="trade"),
            Delta(position_key=key(quote), amount=-cost if order.side == "buy" else cost, source="trade"),
        ]
    else:
        pnl = Decimal(told["fillPnl"] or "0")
        deltas = [Delta(position_key=f"{venue}:Perp:{order.symbol}", amount=signed, source="trade")]
        if pnl:
            deltas.append(Delta(position_key=key(quote), amount=pnl, source="trade"))
    fee = -Decimal(told["fee"] or "0")
    fees: tuple[Fee, ...] = ()
    if fee:
        deltas.append(Delta(position_key=key(told["feeCcy"]), amount=-fee, source="fee"))
        fees = (Fee(position_key=key(told["feeCcy"]), amount=fee, kind="trading"),)
    return LedgerEntry(
        f"{order.market}-{order.symbol}-{told['tradeId']}",
        None,
        "trade",
        moment(told["ts"]),
        tuple(deltas),
        fees,
        symbol=order.symbol,
        side=order.side,
        amount=amount,
        cost=cost,
        liquidity="maker" if told["execType"] == "M" else "taker",
        realised_pnl=pnl,
    )
