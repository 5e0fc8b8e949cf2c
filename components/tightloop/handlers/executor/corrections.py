"""What is found out about a loop that has ended, published as a ``correction`` of it."""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.handlers import calls
from tightloop.handlers.executor import reports, steps, transit
from tightloop.handlers.executor.turn import ExecutorTurn
from tightloop.records.types import ErrorInfo, ExecutionReport, JournalEntry, Outcome


def correct(
    turn: ExecutorTurn,
    entry: JournalEntry,
    outcome: Outcome,
    entries: tuple[calls.LedgerEntry, ...],
    error: ErrorInfo | None,
    answer: str | None,
) -> None:
    """How it ended; the journal forgets the intent."""
    _publish(turn, entry, outcome, entries, error)
    turn.audit(entry, "resolved", outcome, error, answer=answer)
    turn.drop(entry)


def tell(
    turn: ExecutorTurn,
    entry: JournalEntry,
    outcome: Outcome,
    entries: tuple[calls.LedgerEntry, ...],
    error: ErrorInfo | None,
) -> None:
    """What is known by now; the intent is watched on."""
    report = _publish(turn, entry, outcome, entries, error)
    turn.audit(entry, "corrected", error.message if error else "it has left the source", error)
    for one in entries:
        entry = transit.counted(entry, transit.moved(entry, one))
    turn.put(
        replace(
            entry,
            next_report_no=entry.next_report_no + 1,
            report_ids=(report.report_id,),
            reported_entries=(*entry.reported_entries, *(one.entry_id for one in entries)),
            filled_amount=sum((one.amount for one in entries), entry.filled_amount),
            tries=0,
            next_try_at=turn.after(turn.settings.arrival_pause(0)),
        )
    )


def _publish(
    turn: ExecutorTurn,
    entry: JournalEntry,
    outcome: Outcome,
    entries: tuple[calls.LedgerEntry, ...],
    error: ErrorInfo | None,
) -> ExecutionReport:
    report = reports.correction(
        entry,
        outcome=outcome,
        entries=tuple([transit.moved(entry, steps.filling(entry, one)) for one in entries]),
        error=error,
        now=turn.now,
        simulated=turn.settings.lane.simulated,
        resolved_by="evidence",
    )
    turn.publish(report)
    return report
