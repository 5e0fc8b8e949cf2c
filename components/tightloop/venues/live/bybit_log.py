"""Bybit's ledger: the transaction log of the unified account.

``GET /v5/account/transaction-log`` (https://bybit-exchange.github.io/docs/v5/account/transaction-log): each entry's
``change`` is ``cashFlow`` + ``funding`` - ``fee``, in its ``currency``. What trades did (TRADE) comes with the trades,
and what withdrawals did with the withdrawals. Liquidations and deleveraging move a position, too. It "supports up to 2
years worth of data".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import Delta
from tightloop.venues.bybit import SPEC
from tightloop.venues.live.bybit_pairs import MOVED, Passed, paired, passed_between
from tightloop.venues.live.log_windows import MOST_PAGES, Reach, Row, rows_after
from tightloop.venues.live.session import Session
from tightloop.venues.times import milliseconds, moment

PAGE = 50
REACH = Reach("bybit: account/transaction-log", timedelta(days=730))
_OF_TRADES = "TRADE"
_BY_FORCE = ("LIQUIDATION", "ADL")
_REWARDS = ("BONUS", "AIRDROP", "FEE_REFUND", "BONUS_RECOLLECT")


async def entries_after(
    session: Session, venue: str, cursor: str | None, now: datetime, *, withdraws: bool
) -> tuple[list[LedgerEntry], str, bool]:
    """Oldest first; the cursor after them; whether there is more. No cursor: the last week's. ``now``: Bybit's.
    ``withdraws``: may the lane withdraw?

    Raises NotLeft, Broken, Said, ValueError.
    """
    passed: dict[str, Passed] = {}

    async def read(start: datetime, end: datetime) -> list[Row] | None:
        rows = await rows_between(session, start, end, {})
        if rows is None:
            return None
        if any(row["type"] in MOVED for row in rows):
            passed.update(paired(rows, await passed_between(session, start, end, withdraws=withdraws)))
        return [Row(int(row["transactionTime"]), row["id"], row["type"] == _OF_TRADES, row) for row in rows]

    found = await rows_after(read, cursor, now, REACH)
    listed = {one["id"]: one["symbol"] for one in (await session.markets()).values() if one["swap"]}
    entries = [entry for row in found.fresh if (entry := _entry(listed, venue, row, passed.get(row["id"])))]
    return entries, found.cursor, found.more


async def rows_between(
    session: Session, start: datetime, end: datetime, given: Mapping[str, Any]
) -> list[Mapping[str, Any]] | None:
    """Of a week at most. ``given``: further parameters. None: there are more than MOST_PAGES pages of them.

    Raises NotLeft, Broken, Said.
    """
    asked: dict[str, Any] = {
        "accountType": "UNIFIED",
        **given,
        "startTime": milliseconds(start),
        "endTime": milliseconds(end),
        "limit": PAGE,
    }
    found: dict[str, Mapping[str, Any]] = {}
    for _ in range(MOST_PAGES):
        told = (await session.ask("privateGetV5AccountTransactionLog", asked))["result"]
        found |= {row["id"]: row for row in told["list"]}
        if not told["nextPageCursor"] or len(told["list"]) < PAGE:
            return list(found.values())
        asked["cursor"] = told["nextPageCursor"]
    return None


def _entry(listed: Mapping[str, str], venue: str, row: Mapping[str, Any], passed: Passed | None) -> LedgerEntry | None:
    """None: nothing moved, or a withdrawal's own loop tells of it. ``listed``: unified symbols by Bybit's. ``passed``:
    the deposit or withdrawal whose line it is.
    """
    if passed is not None and passed.kind != "deposit":
        return None
    kind, source = _meaning(row["type"])
    coin, change = row["currency"], Decimal(row["change"] or "0")
    deltas = []
    if row["type"] in _BY_FORCE and row.get("category") == "linear":
        moved = Decimal(row["qty"]) * (1 if row["side"] == "Buy" else -1)
        key = f"{venue}:Perp:{listed.get(row['symbol'], row['symbol'])}"
        deltas.append(Delta(position_key=key, amount=moved, source="trade"))
    if change:
        key = f"{venue}:{SPEC.balance_type('spot', coin)}:{coin}"
        deltas.append(Delta(position_key=key, amount=change, source=source))
    if not deltas:
        return None
    return LedgerEntry(
        f"log-{row['id']}",
        None,
        kind if passed is None else "deposit",
        moment(row["transactionTime"]),
        tuple(deltas),
        symbol=row["symbol"] or None,
        tx_hash=passed.id if passed is not None else None,
    )


def _meaning(kind: str) -> tuple[Literal["funding", "transfer", "reward", "interest"], Any]:
    """An entry's kind, and its delta's source. What Bybit adds one day is taken in, too: the balance moved by it."""
    if kind == "SETTLEMENT":
        return "funding", "funding"
    if kind == "INTEREST":
        return "interest", "interest"
    return ("reward", "reward") if kind in _REWARDS else ("transfer", "transfer")
