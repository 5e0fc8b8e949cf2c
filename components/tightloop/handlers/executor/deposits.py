"""Deposits that were reported as accruals, each taken back should it turn out to be the arrival of a transfer.

An executor is told which deposits are spoken for (``told``) before it reads the ledger that shows them: a transfer's
own loop tells of its arrival. Where an operator has gone on before the transfer's source had shown that it left, the
deposit was counted by then. What tells that it is the same money is the reference, by which the transfer finds its
arrival, and which the ledger's line bears. The report that takes it back is an accrual that names the earlier one.
"""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.handlers.calls import LedgerEntry
from tightloop.handlers.executor.turn import ExecutorTurn
from tightloop.handlers.latest import put_latest
from tightloop.records.types import CountedDeposit

LIMIT = 256  # of a key; of more the oldest are forgotten


def remember(turn: ExecutorTurn, account: str, shown: LedgerEntry, report_id: str) -> None:
    """``shown`` was reported as an accrual, by ``report_id``. Only a deposit with a reference may be an arrival."""
    if shown.kind != "deposit" or shown.tx_hash is None:
        return
    counted = CountedDeposit(
        strategy_id=turn.context.key,
        reference=shown.tx_hash,
        report_id=report_id,
        entry_id=shown.entry_id,
        deltas=shown.deltas,
        event_time=shown.event_time,
        produced_at=turn.now,
    )
    put_latest(turn.context, _name(account, shown.tx_hash), counted, LIMIT)


def claimed(turn: ExecutorTurn, account: str) -> list[CountedDeposit]:
    """Those of the account that a transfer's own loop tells of, too. Each is given out once: it is to be taken back."""
    known = turn.account(account)
    found = []
    for reference in known.told if known else ():
        one = turn.context.get(_name(account, reference), CountedDeposit)
        if one is not None:
            turn.context.delete(_name(account, reference))
            turn.forget_told(account, reference)
            found.append(one)
    return found


def reversal(one: CountedDeposit) -> LedgerEntry:
    """The same line of the ledger, as the report tells of it that takes it back."""
    taken = tuple([replace(delta, amount=-delta.amount) for delta in one.deltas])
    return LedgerEntry(one.entry_id, None, "deposit", one.event_time, taken, tx_hash=one.reference)


def _name(account: str, reference: str) -> str:
    return f"deposit|{account}|{reference}"
