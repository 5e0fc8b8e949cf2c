"""Bybit's ledger: the transaction log of the unified account, as entries after a cursor.

``GET /v5/account/transaction-log`` (https://bybit-exchange.github.io/docs/v5/account/transaction-log): each entry's
``change`` is ``cashFlow`` + ``funding`` - ``fee``, in its ``currency``. What trades did (TRADE) comes with the trades,
and is left out. Liquidations and deleveraging move a position, too. It is asked for a week at most at a time, latest
first, and may lag in busy times: a cursor is a time, ``OVERLAP`` behind the latest, and the ids of what was seen since.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import msgspec

from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import Delta
from tightloop.venues.bybit import SPEC
from tightloop.venues.live.session import Session
from tightloop.venues.live.times import milliseconds, moment

PAGE = 50
MOST_PAGES = 20
LONGEST = timedelta(days=7)
OVERLAP = timedelta(minutes=10)
_OF_TRADES = "TRADE"
_BY_FORCE = ("LIQUIDATION", "ADL")
_REWARDS = ("BONUS", "AIRDROP", "FEE_REFUND", "BONUS_RECOLLECT")


class _Cursor(msgspec.Struct, array_like=True):
    from_ms: int
    seen: list[str] = []


def cursor_at(now: datetime) -> str:
    """A cursor to begin with: what accrued in the overlap before ``now`` comes after it."""
    return _encoded(_Cursor(milliseconds(now - OVERLAP)))


async def entries_after(
    session: Session, venue: str, cursor: str | None, now: datetime
) -> tuple[list[LedgerEntry], str, bool]:
    """Oldest first; the cursor after them; whether there is more. No cursor: the last week's. ``now``: Bybit's.

    Raises NotLeft, Broken, Said; ValueError for a cursor that is none, and where more than a thousand entries lie
    within the overlap.
    """
    before = _Cursor(milliseconds(now - LONGEST)) if cursor is None else _decoded(cursor)
    start = moment(before.from_ms)
    end = min(now + OVERLAP, start + LONGEST)  # entries may bear times a bit ahead of ours
    while (rows := await rows_between(session, start, end, {})) is None:
        end = start + (end - start) / 2
    settled = now - OVERLAP  # before it nothing shows up any more
    more = end < settled
    if not more and end < now:
        raise ValueError(f"the transaction log has more than {MOST_PAGES * PAGE} entries in ten minutes")
    told = [row for row in rows if row["type"] != _OF_TRADES]
    fresh = [row for row in told if row["id"] not in before.seen]
    fresh.sort(key=lambda row: (int(row["transactionTime"]), row["id"]))
    from_ms = max(before.from_ms, milliseconds(end if more else settled))
    seen = [row["id"] for row in told if int(row["transactionTime"]) >= from_ms]
    found = [entry for row in fresh if (entry := await _entry(session, venue, row)) is not None]
    return found, _encoded(_Cursor(from_ms, seen)), more


async def rows_between(
    session: Session, start: datetime, end: datetime, given: Mapping[str, Any]
) -> list[Mapping[str, Any]] | None:
    """Latest first. ``given``: further parameters. None: there are more than MOST_PAGES pages of them.

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


async def _entry(session: Session, venue: str, row: Mapping[str, Any]) -> LedgerEntry | None:
    """None: nothing moved."""
    kind, source = _meaning(row["type"])
    coin, change = row["currency"], Decimal(row["change"] or "0")
    deltas = []
    if row["type"] in _BY_FORCE and row.get("category") == "linear":
        listed = {one["id"]: one["symbol"] for one in (await session.markets()).values() if one["swap"]}
        moved = Decimal(row["qty"]) * (1 if row["side"] == "Buy" else -1)
        key = f"{venue}:Perp:{listed.get(row['symbol'], row['symbol'])}"
        deltas.append(Delta(position_key=key, amount=moved, source="trade"))
    if change:
        key = f"{venue}:{SPEC.balance_type('spot', coin)}:{coin}"
        deltas.append(Delta(position_key=key, amount=change, source=source))
    if not deltas:
        return None
    return LedgerEntry(
        f"log-{row['id']}", None, kind, moment(row["transactionTime"]), tuple(deltas), symbol=row["symbol"] or None
    )


def _meaning(kind: str) -> tuple[Literal["funding", "transfer", "reward", "interest"], Any]:
    """An entry's kind, and its delta's source. What Bybit adds one day is taken in, too: the balance moved by it."""
    if kind == "SETTLEMENT":
        return "funding", "funding"
    if kind == "INTEREST":
        return "interest", "interest"
    return ("reward", "reward") if kind in _REWARDS else ("transfer", "transfer")


def _encoded(cursor: _Cursor) -> str:
    return msgspec.json.encode(cursor).decode()


def _decoded(cursor: str) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor)
    except msgspec.DecodeError as error:
        raise ValueError(f"{cursor!r} is no cursor into Bybit's transaction log: {error}") from error
