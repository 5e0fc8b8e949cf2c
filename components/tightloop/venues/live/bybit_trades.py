"""Bybit's trades as ledger entries, with the fee in the coin in which it was taken.

``GET /v5/execution/list`` (https://bybit-exchange.github.io/docs/v5/order/execution) does not tell what a trade that
reduces a position realised: that is the ``cashFlow`` of its entry in the transaction log
(https://bybit-exchange.github.io/docs/v5/account/transaction-log), which may show up a moment later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import PreparedOrder
from tightloop.venues.bybit import SPEC
from tightloop.venues.live.bybit_log import rows_between
from tightloop.venues.live.dialect import Shown
from tightloop.venues.live.session import Session
from tightloop.venues.live.trade_entries import trade_entry
from tightloop.venues.times import moment

PAGE = 100
MOST_PAGES = 20
_AROUND = timedelta(seconds=5)  # between the times of a trade in the two lists
ZERO = Decimal(0)


async def trades_of(
    session: Session, venue: str, named: Mapping[str, Any], shown: Shown, order: PreparedOrder
) -> tuple[LedgerEntry, ...]:
    """Oldest first. ``named``: category and symbol. Raises NotLeft, Broken, Said; ValueError where not all is shown."""
    told = await _executions(session, named, shown)
    reducing = [one for one in told if order.market == "perp" and Decimal(one.get("closedSize") or "0")]
    realised = await _realised(session, order, reducing) if reducing else {}
    told.sort(key=lambda one: (int(one["execTime"]), int(one.get("seq") or 0), one["execId"]))
    return tuple(_trade(venue, one, order, realised.get(one["execId"], ZERO)) for one in told)


async def _executions(session: Session, named: Mapping[str, Any], shown: Shown) -> list[Mapping[str, Any]]:
    given: dict[str, Any] = {**named, "orderId": shown.venue_order_id, "limit": PAGE}
    found: dict[str, Mapping[str, Any]] = {}
    for _ in range(MOST_PAGES):
        told = (await session.ask("privateGetV5ExecutionList", given))["result"]
        for one in told["list"]:
            if one["execType"] == "Trade" and one["orderId"] == shown.venue_order_id:
                found[one["execId"]] = one
        if not told["nextPageCursor"] or len(told["list"]) < PAGE:
            return list(found.values())
        given["cursor"] = told["nextPageCursor"]
    raise ValueError(f"order {shown.venue_order_id} has {MOST_PAGES * PAGE} trades or more, which are not read")


async def _realised(
    session: Session, order: PreparedOrder, reducing: Sequence[Mapping[str, Any]]
) -> dict[str, Decimal]:
    """By the trade's id."""
    times = [moment(one["execTime"]) for one in reducing]
    given = {"category": "linear", "currency": order.symbol.rpartition(":")[2], "type": "TRADE"}
    rows = await rows_between(session, min(times) - _AROUND, max(times) + _AROUND, given)
    found = {row["tradeId"]: Decimal(row["cashFlow"] or "0") for row in rows or ()}
    missing = [one["execId"] for one in reducing if one["execId"] not in found]
    if missing:
        raise ValueError(f"the transaction log does not show yet what {', '.join(missing[:3])} realised")
    return found


def _trade(venue: str, told: Mapping[str, Any], order: PreparedOrder, pnl: Decimal) -> LedgerEntry:
    """Raises ValueError for one with fees that are not understood here."""
    if told.get("extraFees"):
        raise ValueError(f"the trade {told['execId']} has further fees, which are not understood here")
    return trade_entry(
        SPEC,
        venue,
        order,
        trade_id=told["execId"],
        at=moment(told["execTime"]),
        amount=Decimal(told["execQty"]),
        cost=Decimal(told["execValue"]),
        fee=Decimal(told["execFee"] or "0"),
        fee_asset=told.get("feeCurrency") or _usual_fee_asset(order),
        maker=told["isMaker"],
        pnl=pnl,
    )


def _usual_fee_asset(order: PreparedOrder) -> str:
    """Where a trade does not name it: what was received; https://bybit-exchange.github.io/docs/v5/enum, "Spot fee
    currency instruction".
    """
    base, _, rest = order.symbol.partition("/")
    return base if order.market == "spot" and order.side == "buy" else rest.rpartition(":")[2]
