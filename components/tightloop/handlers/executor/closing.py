"""The end of an intent's loop: what the venue showed becomes reports, the last of them final.

A loop's reports carry what accrued on the account up to their own point as well. When the venue's answer shows that
nothing lies between the account's cursor and the order's entries, the loop ends with it; otherwise the ledger is read
first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from tightloop.errors import info
from tightloop.handlers import calls
from tightloop.handlers.executor import deposits, reports, steps, submissions, transit
from tightloop.handlers.executor.turn import ExecutorTurn, intent_name
from tightloop.records.types import AccountRef, ErrorInfo, JournalEntry, Outcome, ReportKind

LEDGER_TRIES = 8


def settle(turn: ExecutorTurn, entry: JournalEntry, found: calls.OrderFound) -> None:
    """The venue has shown how the intent ended."""
    error = info(found.code, found.message or "") if found.code else None
    fresh = _fresh(entry, found.entries)
    adjoins = found.cursor_after is not None and found.cursor_before == turn.cursor(entry.account)
    if found.cursor_after is not None and adjoins and len(fresh) == len(found.entries):
        turn.set_cursor(entry.venue, entry.account, found.cursor_after)
        for shown in fresh[:-1]:
            entry = _report(turn, entry, "working", "partially_filled", shown)
        last = fresh[-1] if fresh else None
        outcome = reports.outcome_of(found, entry.filled_amount + (last.amount if last else Decimal(0)))
        finish(turn, entry, outcome, error, last, found.remaining, found.as_of, found.raw)
        return
    turn.audit(entry, "found", found.status, error, answer=found.raw)
    entry = report_new(turn, entry, found.entries)
    close(turn, entry, reports.outcome_of(found, entry.filled_amount), error)


def close(turn: ExecutorTurn, entry: JournalEntry, outcome: Outcome, error: ErrorInfo | None) -> None:
    """The outcome is known; read what accrued before the final report."""
    entry = turn.put(replace(entry, status="settling", outcome=outcome, error=error, tries=0, next_try_at=None))
    read_ledger(turn, entry)


def read_ledger(turn: ExecutorTurn, entry: JournalEntry) -> None:
    account = AccountRef(lane=entry.lane, venue=entry.venue, account=entry.account)
    turn.context.call(intent_name(entry), calls.ReadLedger(account, turn.cursor(entry.account)))


def on_ledger(turn: ExecutorTurn, entry: JournalEntry, ledger: calls.Ledger) -> None:
    outcome, error = entry.outcome, entry.error
    if outcome is None:
        raise ValueError(f"a ledger was read for {intent_name(entry)}, whose outcome is not known")
    for counted in deposits.claimed(turn, entry.account):
        entry = _report(turn, entry, "accrual", "none", deposits.reversal(counted), takes_back=counted.report_id)
    for shown in ledger.entries:
        if turn.is_told(entry.account, shown):
            continue
        if reports.is_accrual(shown):
            entry = _report(turn, entry, "accrual", "none", shown)
            deposits.remember(turn, entry.account, shown, entry.report_ids[-1])
        elif submissions.has_caused(entry, shown) and shown.entry_id not in entry.reported_entries:
            entry = _report(turn, entry, "working", "partially_filled", shown)
    turn.set_cursor(entry.venue, entry.account, ledger.cursor)
    if ledger.more:
        read_ledger(turn, turn.put(entry))
    else:
        if entry.filled_amount and outcome in ("none", "cancelled", "rejected"):
            outcome = "partially_filled"  # the ledger has told of trades that the order did not
        finish(turn, entry, outcome, error, None, None, ledger.as_of)


def ledger_unavailable(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """Try again; in the end report without what accrued: the next verify finds it, because the cursor stands still."""
    if entry.outcome is not None and entry.tries >= LEDGER_TRIES:
        finish(turn, entry, entry.outcome, entry.error)
    else:
        pause = turn.settings.poll_pause(entry.tries)
        turn.put(replace(entry, tries=entry.tries + 1, next_try_at=turn.after(pause)))


def finish(
    turn: ExecutorTurn,
    entry: JournalEntry,
    outcome: Outcome,
    error: ErrorInfo | None,
    last: calls.LedgerEntry | None = None,
    remaining: Decimal | None = None,
    as_of: datetime | None = None,
    answer: str | None = None,
) -> None:
    """The loop's one final report; the journal forgets the intent, unless it is money that is still under way.

    ``answer``: the venue's words that ended it.
    """
    if steps.goes_on(entry, outcome):
        _next_step(turn, entry, last, answer)
        return
    outcome, error = steps.told(entry, outcome, error)
    entry = _report(turn, entry, "final", outcome, last, error, remaining, as_of)
    turn.audit(entry, "finished", outcome, error, answer=answer)
    if transit.is_under_way(entry) and outcome == "filled" and entry.transit and entry.transit.amount:
        pause = turn.settings.arrival_pause(0)
        turn.put(replace(entry, status="unknown", outcome=None, tries=0, next_try_at=turn.after(pause)))
    else:
        turn.drop(entry)
    turn.set_least_nonce(entry.venue, entry.account, turn.settings.policy.least_nonce(entry, outcome))


def _next_step(turn: ExecutorTurn, entry: JournalEntry, last: calls.LedgerEntry | None, answer: str | None) -> None:
    """This step of the chain is done; the next one is an intent of its own."""
    if last is not None:
        entry = _report(turn, entry, "working", "partially_filled", last)
    turn.audit(entry, "step_done", f"step {steps.number_of(entry) + 1}", answer=answer)
    turn.drop(entry)
    turn.set_least_nonce(entry.venue, entry.account, turn.settings.policy.least_nonce(entry, "filled"))
    turn.put(steps.next_of(entry, turn.settings.environment, turn.now))


def give_up(turn: ExecutorTurn, entry: JournalEntry, code: str, message: str) -> None:
    """No evidence by the deadline: the loop ends ``unknown``, and the intent stays in the journal to be watched."""
    error = info(code, message)
    entry = _report(turn, entry, "final", "unknown", None, error)
    next_try_at = turn.after(turn.settings.watch_s)
    entry = turn.put(replace(entry, status="unknown", outcome=None, error=error, tries=0, next_try_at=next_try_at))
    turn.audit(entry, "unknown", message, error)
    turn.set_least_nonce(entry.venue, entry.account, None)


def report_new(turn: ExecutorTurn, entry: JournalEntry, entries: Iterable[calls.LedgerEntry]) -> JournalEntry:
    """A working report for each entry that none has told of yet."""
    for shown in _fresh(entry, entries):
        entry = _report(turn, entry, "working", "partially_filled", shown)
    return entry


def _fresh(entry: JournalEntry, entries: Iterable[calls.LedgerEntry]) -> list[calls.LedgerEntry]:
    return [shown for shown in entries if shown.entry_id not in entry.reported_entries]


def _report(
    turn: ExecutorTurn,
    entry: JournalEntry,
    kind: ReportKind,
    outcome: Outcome,
    shown: calls.LedgerEntry | None,
    error: ErrorInfo | None = None,
    remaining: Decimal | None = None,
    as_of: datetime | None = None,
    takes_back: str | None = None,
) -> JournalEntry:
    if shown is not None and not reports.is_accrual(shown):
        entry = steps.learned(entry, shown)
        shown = transit.moved(entry, steps.filling(entry, shown))
        entry = transit.counted(entry, shown)
    report = reports.report(
        entry.routed,
        report_no=entry.next_report_no,
        kind=kind,
        outcome=outcome,
        now=turn.now,
        simulated=turn.settings.lane.simulated,
        shown=shown,
        intent=entry,
        error=error,
        remaining=remaining,
        cursor=turn.cursor(entry.account),
        as_of=as_of,
        takes_back=takes_back,
    )
    turn.publish(report)
    counted = shown is not None and not reports.is_accrual(shown)
    return replace(
        entry,
        report_ids=(report.report_id,),
        next_report_no=entry.next_report_no + 1,
        reported_entries=(*entry.reported_entries, shown.entry_id) if shown and counted else entry.reported_entries,
        filled_amount=entry.filled_amount + report.amount,
        filled_cost=entry.filled_cost + (report.cost or Decimal(0)),
    )
