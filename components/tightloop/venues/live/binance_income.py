"""Binance's only ledger: the income of the futures wallet (``GET /fapi/v1/income``), as entries after a cursor.

What trades did there (REALIZED_PNL, COMMISSION) comes with the trades, and what moved between the wallets (TRANSFER)
with the transfer that moved it: both are left out. Of the spot wallet there is no ledger: a deposit, a withdrawal, a
conversion there, and what somebody else moved between the wallets, shows as a position that differs, and halts the key.

A cursor is a time, from which on Binance is asked, and the ids of what was seen since: entries may show up late, so
that the time stays ``OVERLAP_MS`` behind the latest, or a week behind now where that is later. Binance "only contains
data for the last three months".
https://developers.binance.com/docs/derivatives/usds-margined-futures/account/rest-api/Get-Income-History
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import Delta
from tightloop.venues.live.cursors import Cursor, after, decoded, name_of, within_reach
from tightloop.venues.live.session import Session
from tightloop.venues.times import milliseconds, moment

PAGE = 1000
OVERLAP_MS = 600_000
A_WEEK = timedelta(days=7)
LEDGER, KEPT = "binance: fapi/v1/income", timedelta(days=92)  # "three months", the longest of which have 92 days
_TOLD_ELSEWHERE = ("REALIZED_PNL", "COMMISSION", "TRANSFER")
_REWARDS = (
    "WELCOME_BONUS",
    "REFERRAL_KICKBACK",
    "COMMISSION_REBATE",
    "API_REBATE",
    "CONTEST_REWARD",
    "FUTURES_PRESENT",
    "BFUSD_REWARD",
)
_CHARGES = ("INSURANCE_CLEAR", "POSITION_LIMIT_INCREASE_FEE", "STRATEGY_UMFUTURES_FEE")


def cursor_at(now: datetime) -> str:
    """A cursor to begin with: what accrued in the overlap before ``now`` comes after it."""
    return Cursor(milliseconds(now) - OVERLAP_MS).encoded()


async def entries_after(
    session: Session, venue: str, cursor: str | None, now: datetime
) -> tuple[list[LedgerEntry], str, bool]:
    """Oldest first; the cursor after them; whether there is more. No cursor: the last week's, as Binance has it.
    ``now``: Binance's.

    Raises NotLeft, Broken, Said; ValueError for a cursor that is none.
    """
    before = Cursor(0) if cursor is None else within_reach(decoded(cursor, LEDGER), LEDGER, KEPT, now)
    given = {"limit": PAGE, **({"startTime": before.from_ms} if before.from_ms else {})}
    told: list[Mapping[str, Any]] = await session.ask("fapiPrivateGetIncome", given)
    rows = sorted((one for one in told if one["incomeType"] not in _TOLD_ELSEWHERE), key=lambda one: int(one["time"]))
    fresh = [one for one in rows if _name(one) not in before.seen]
    more = len(told) >= PAGE
    latest = max((int(one["time"]) for one in told), default=0)
    if more and latest <= before.from_ms:
        raise ValueError(f"{PAGE} entries of the income history bear the time {latest}: there may be more")
    # What is still to be paged through is asked from its last time on; otherwise the overlap is kept. Where nothing
    # comes the place moves on all the same, as it would lie before what Binance keeps one day.
    settled = max(latest - OVERLAP_MS, milliseconds(now - A_WEEK))
    from_ms = max(before.from_ms, latest if more else settled)
    place = after(from_ms, [(int(one["time"]), _name(one)) for one in rows])
    return [_entry(venue, one) for one in fresh], place.encoded(), more


def _name(one: Mapping[str, Any]) -> str:
    """``tranId`` is unique within a type, and an asset and a symbol may share it."""
    return name_of(f"{one['incomeType']}|{one['tranId']}|{one['asset']}|{one['symbol']}")


def _entry(venue: str, one: Mapping[str, Any]) -> LedgerEntry:
    kind, source = _meaning(one["incomeType"])
    key = f"{venue}:MarginBalance:{one['asset']}"
    delta = Delta(position_key=key, amount=Decimal(one["income"]), source=source)
    return LedgerEntry(
        f"income-{one['incomeType']}-{one['tranId']}-{one['asset']}-{one['symbol']}",
        None,
        kind,
        moment(one["time"]),
        (delta,),
        symbol=one["symbol"] or None,
    )


def _meaning(income: str) -> tuple[Literal["funding", "transfer", "reward"], Any]:
    """An entry's kind, and its delta's source. What Binance adds one day is taken in, too: the balance moved by it."""
    if income == "FUNDING_FEE":
        return "funding", "funding"
    if income in _REWARDS:
        return "reward", "reward"
    return "transfer", "fee" if income in _CHARGES else "transfer"
