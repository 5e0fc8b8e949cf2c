"""Intents whose loop ended ``unknown``: watched until the venue, or an operator, says what became of them.

What is found is published as one ``correction`` report of the loop that ended.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from tightloop.handlers import effects as fx
from tightloop.handlers.executor import reading, reports
from tightloop.handlers.executor.turn import Turn, info, intent_name
from tightloop.records.types import ControlCommand, ErrorInfo, JournalEntry, Outcome


def on_time(turn: Turn, entry: JournalEntry) -> None:
    if entry.next_try_at and entry.next_try_at <= turn.now:
        turn.put(replace(entry, next_try_at=None))
        turn.context.call(intent_name(entry), fx.FindOrder(entry))


def on_answer(turn: Turn, entry: JournalEntry, answer: fx.Answer) -> None:
    match answer:
        case fx.OrderFound(status="open") if turn.settings.fence == "window":
            _cancel(turn, entry)
        case fx.OrderFound(status="open"):
            _watch_on(turn, entry)
        case fx.OrderFound():
            _resolve_by_evidence(turn, entry, answer)
        case fx.NotFound() if _is_evidence(turn, entry, answer):
            _correct(turn, entry, "none", (), info("EXI-005", "the venue shows that nothing was done"))
        case _:
            _watch_on(turn, entry)
    reading.question_answered(turn, intent_name(entry))


def _is_evidence(turn: Turn, entry: JournalEntry, answer: fx.NotFound) -> bool:
    if turn.settings.fence == "nonce":
        return entry.nonce is not None and answer.nonce is not None and answer.nonce > entry.nonce and entry.tries > 0
    return turn.now >= entry.journalled_at + timedelta(seconds=turn.settings.absence_s)


def _cancel(turn: Turn, entry: JournalEntry) -> None:
    """It is still working although its loop is over: nobody wants it any more."""
    entry = turn.put(replace(entry, cancel_requested=True, journalled_at=turn.now, next_try_at=_next(turn, entry)))
    turn.audit(entry, "cancel_requested")
    turn.context.call(intent_name(entry), fx.CancelOrder(entry))


def _watch_on(turn: Turn, entry: JournalEntry) -> None:
    turn.put(replace(entry, tries=entry.tries + 1, next_try_at=_next(turn, entry)))


def _next(turn: Turn, entry: JournalEntry) -> datetime:
    pause = min(turn.settings.watch_s * 2 ** min(entry.tries, 10), turn.settings.watch_max_s)
    return turn.after(pause)


def _resolve_by_evidence(turn: Turn, entry: JournalEntry, found: fx.OrderFound) -> None:
    fresh = tuple(shown for shown in found.entries if shown.entry_id not in entry.reported_entries)
    outcome = reports.outcome_of(found, sum((shown.amount for shown in fresh), entry.filled_amount))
    entry = replace(entry, venue_order_id=found.venue_order_id or entry.venue_order_id)
    _correct(turn, entry, outcome, fresh, info(found.code, found.message or "") if found.code else None)


def _correct(
    turn: Turn,
    entry: JournalEntry,
    outcome: Outcome,
    entries: tuple[fx.LedgerEntry, ...],
    error: ErrorInfo | None,
) -> None:
    turn.publish(
        reports.correction(
            entry,
            outcome=outcome,
            entries=entries,
            error=error,
            now=turn.now,
            simulated=turn.settings.simulated,
            resolved_by="evidence",
        )
    )
    turn.audit(entry, "resolved", outcome)
    turn.drop(entry)


def resolve(turn: Turn, command: ControlCommand) -> None:
    """The operator knows what became of an intent. ``target_id``: its instruction id or client order id.

    Every executor reads the command; the one whose journal holds the intent acts on it.
    """
    for entry in list(turn.intents()):
        if entry.status != "unknown" or command.target_id not in (entry.instruction_id, entry.client_order_id):
            continue
        turn.publish(
            reports.correction(
                entry,
                outcome=command.outcome or "none",
                entries=(),
                deltas=command.deltas,
                filled=command.filled_amount or Decimal(0),
                now=turn.now,
                simulated=turn.settings.simulated,
                resolved_by=command.command_id,
            )
        )
        turn.audit(entry, "resolved", f"by {command.actor}: {command.reason}")
        turn.drop(entry)
        reading.question_answered(turn, intent_name(entry))
