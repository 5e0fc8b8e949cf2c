"""Bybit's trades as ledger entries: every delta, with the fee in the coin in which it was taken.

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
from tightloop.records.types import Delta, Fee, PreparedOrder
from tightloop.venues.bybit import SPEC
from tightloop.venues.live.bybit_log import rows_between
from tightloop.venues.live.exchange import Shown
from tightloop.venues.live.session import Session
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
    """A rebate is a negative fee."""
    if told.get("extraFees"):
        raise ValueError(f"the trade {told['execId']} has further fees, which are not understood here")
    amount, cost = Decimal(told["execQty"]), Decimal(told["execValue"])
    signed = amount if order.side == "buy" else -amount
    base, _, rest = order.symbol.partition("/")
    quote = rest.rpartition(":")[2]

    def key(asset: str) -> str:
        return f"{venue}:{SPEC.balance_type(order.market, asset)}:{asset}"

    if order.market == "spot":
        deltas = [
            Delta(position_key=key(base), amount=signed, source="trade"),
            Delta(position_key=key(quote), amount=-cost if order.side == "buy" else cost, source="trade"),
        ]
        # without its name it is taken from what was received; a rebate of a maker is paid in the other coin:
        # https://bybit-exchange.github.io/docs/v5/enum, "Spot fee currency instruction"
        usual = base if order.side == "buy" else quote
    else:
        deltas = [Delta(position_key=f"{venue}:Perp:{order.symbol}", amount=signed, source="trade")]
        if pnl:
            deltas.append(Delta(position_key=key(quote), amount=pnl, source="trade"))
        usual = quote
    fee = Decimal(told["execFee"] or "0")
    paid_in = told.get("feeCurrency") or usual
    fees: tuple[Fee, ...] = ()
    if fee:
        deltas.append(Delta(position_key=key(paid_in), amount=-fee, source="fee"))
        fees = (Fee(position_key=key(paid_in), amount=fee, kind="trading"),)
    return LedgerEntry(
        f"{order.market}-{order.symbol}-{told['execId']}",
        None,
        "trade",
        moment(told["execTime"]),
        tuple(deltas),
        fees,
        symbol=order.symbol,
        side=order.side,
        amount=amount,
        cost=cost,
        liquidity="maker" if told["isMaker"] else "taker",
        realised_pnl=pnl if order.market == "perp" else None,
    )
