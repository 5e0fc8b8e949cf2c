"""Which lines of Bybit's transaction log are deposits and withdrawals.

A deposit comes into the funding account, and is moved on into the unified one where the account is set so; a withdrawal
out of the unified account is moved into the funding account first
(https://bybit-exchange.github.io/docs/v5/asset/deposit/set-deposit-acct, .../asset/withdraw). The log shows these
movements, and no id that both have. So a line belongs to the first deposit or withdrawal of its coin and amount that
was at about that time; of two that are alike it makes no difference which is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from tightloop.venues.live.log_windows import LONGEST, MOST_PAGES, OVERLAP
from tightloop.venues.live.session import Session
from tightloop.venues.times import milliseconds, moment

EARLIER, LATER = timedelta(minutes=1), OVERLAP  # when a line may be there, from the time that the history says
MOVED = ("TRANSFER_IN", "TRANSFER_OUT")
FAILED = ("CancelByUser", "Reject", "Fail")
_CREDITED, _USUAL = "3", ("", "0")  # a deposit's ``status``; its ``depositType``: not stopped by a limit or a check
PAGE = 50

Line = Mapping[str, Any]


class Passed(NamedTuple):
    """What the unified account was given, or gave. ``id``: of a deposit its transaction, else Bybit's of the
    withdrawal; ``back``: of one that failed.
    """

    at: datetime
    kind: Literal["deposit", "withdrawal", "back"]
    id: str
    coin: str
    change: Decimal


def paired(lines: Iterable[Line], passed: Iterable[Passed]) -> dict[str, Passed]:
    """By the line's id."""
    moves = sorted(
        (one for one in lines if one["type"] in MOVED), key=lambda one: (int(one["transactionTime"]), one["id"])
    )
    found: dict[str, Passed] = {}
    for one in sorted(passed):
        for line in moves:
            at = moment(line["transactionTime"])
            fits = line["currency"] == one.coin and Decimal(line["change"] or "0") == one.change
            if line["id"] not in found and fits and one.at - EARLIER <= at <= one.at + LATER:
                found[line["id"]] = one
                break
    return found


async def passed_between(session: Session, start: datetime, end: datetime, *, withdraws: bool) -> list[Passed]:
    """All to which a line in this time may belong; ``withdraws``: withdrawals, too. Raises NotLeft, Broken, Said,
    ValueError.
    """
    since, until = start - LATER, end + EARLIER
    deposits = await rows_of(session, "privateGetV5AssetDepositQueryRecord", since, until, {})
    found = [passed for row in deposits if (passed := deposit_of(row)) is not None]
    if withdraws:
        asked = {"withdrawType": 2}
        for row in await rows_of(session, "privateGetV5AssetWithdrawQueryRecord", start - LONGEST, until, asked):
            gone = Decimal(row["amount"]) + Decimal(row["withdrawFee"] or "0")
            of = str(row["withdrawId"])
            found.append(Passed(moment(row["createTime"]), "withdrawal", of, row["coin"], -gone))
            if row["status"] in FAILED:
                found.append(Passed(moment(row["updateTime"]), "back", of, row["coin"], gone))
    return found


def deposit_of(row: Mapping[str, Any]) -> Passed | None:
    """https://bybit-exchange.github.io/docs/v5/asset/deposit/deposit-record. None: not credited, or not for good."""
    if str(row["status"]) != _CREDITED or str(row.get("depositType") or "") not in _USUAL:
        return None
    came = Decimal(row["amount"]) - Decimal(row.get("depositFee") or "0")
    return Passed(moment(row["successAt"]), "deposit", row["txID"].lower(), row["coin"], came)


async def rows_of(
    session: Session, endpoint: str, start: datetime, end: datetime, given: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """All pages of a history. Raises NotLeft, Broken, Said; ValueError for more of them than are read."""
    asked: dict[str, Any] = {**given, "startTime": milliseconds(start), "endTime": milliseconds(end), "limit": PAGE}
    found: list[Mapping[str, Any]] = []
    for _ in range(MOST_PAGES):
        told = (await session.ask(endpoint, asked))["result"]
        found += told["rows"]
        if not told.get("nextPageCursor") or len(told["rows"]) < PAGE:
            return found
        asked["cursor"] = told["nextPageCursor"]
    raise ValueError(f"there are more than {MOST_PAGES} pages of transfers from {start} to {end}")
