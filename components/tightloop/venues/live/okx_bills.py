"""OKX's ledger: the bills of the trading account.

``GET account/bills`` (the last seven days, latest first): ``balChg`` in ``ccy``, by ``type`` and ``subType``; ``GET
account/bills-archive`` has the same of the last three months. What trades did (type 2) comes with the trades.
Liquidations and deleveraging move a position, too: ``sz`` contracts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from tightloop.domain import money
from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import Delta
from tightloop.venues.live.log_windows import MOST_PAGES, Reach, Row, rows_after
from tightloop.venues.live.session import Session
from tightloop.venues.okx import SPEC
from tightloop.venues.times import milliseconds, moment

PAGE = 100
# "last 7 days", less what passes until it is asked; "last 3 months", the longest of which have 92 days
REACH = Reach("okx: account/bills-archive", timedelta(days=92), timedelta(days=7) - timedelta(hours=1))
_OF_TRADES = "2"
_FUNDING, _INTEREST = "8", "7"
_OWN = {"6", "18"}  # the funding account, the trading account
_BY_FORCE = ("5", "9")
# subtypes of liquidations and deleveraging: closes of short positions, and buys; all others of them sell
_BUYS = frozenset({"101", "102", "105", "106", "126", "127"})


async def entries_after(
    session: Session, venue: str, cursor: str | None, now: datetime
) -> tuple[list[LedgerEntry], str, bool]:
    """Oldest first; the cursor after them; whether there is more. No cursor: the last week's. ``now``: OKX's.

    Raises NotLeft, Broken, Said, ValueError.
    """

    async def read(start: datetime, end: datetime) -> list[Row] | None:
        endpoint = "privateGetAccountBills" if REACH.is_recent(start, now) else "privateGetAccountBillsArchive"
        asked: dict[str, Any] = {"begin": milliseconds(start), "end": milliseconds(end), "limit": PAGE}
        found: dict[str, Row] = {}
        for _ in range(MOST_PAGES):
            told = (await session.ask(endpoint, asked))["data"]
            found |= {row["billId"]: Row(int(row["ts"]), row["billId"], row["type"] == _OF_TRADES, row) for row in told}
            if len(told) < PAGE:
                return list(found.values())
            asked["after"] = told[-1]["billId"]
        return None

    found = await rows_after(read, cursor, now, REACH)
    listed = {one["id"]: one for one in (await session.markets()).values() if one["swap"] and one["linear"]}
    entries = [entry for row in found.fresh if (entry := _entry(listed, venue, row)) is not None]
    return entries, found.cursor, found.more


def _entry(listed: Mapping[str, Any], venue: str, row: Mapping[str, Any]) -> LedgerEntry | None:
    """None: nothing moved, or between the account's own. ``listed``: linear perpetuals by OKX's names."""
    if {row.get("from"), row.get("to")} == _OWN:
        return None
    kind, source = _meaning(row["type"])
    coin, change = row["ccy"], Decimal(row["balChg"] or "0")
    market = listed.get(row.get("instId") or "")
    deltas = []
    if row["type"] in _BY_FORCE and market is not None:
        moved = money.tidy(abs(Decimal(row["sz"])) * Decimal(market["contractSize"]))
        key = f"{venue}:Perp:{market['symbol']}"
        amount = moved if row["subType"] in _BUYS else -moved
        deltas.append(Delta(position_key=key, amount=amount, source="trade"))
    if change:
        key = f"{venue}:{SPEC.balance_type('spot', coin)}:{coin}"
        deltas.append(Delta(position_key=key, amount=change, source=source))
    if not deltas:
        return None
    symbol = market["symbol"] if market is not None else row.get("instId") or None
    return LedgerEntry(f"bill-{row['billId']}", None, kind, moment(row["ts"]), tuple(deltas), symbol=symbol)


def _meaning(kind: str) -> tuple[Literal["funding", "transfer", "interest"], Any]:
    """An entry's kind, and its delta's source. What OKX adds one day is taken in, too: the balance moved by it."""
    if kind == _FUNDING:
        return "funding", "funding"
    return ("interest", "interest") if kind == _INTEREST else ("transfer", "transfer")
