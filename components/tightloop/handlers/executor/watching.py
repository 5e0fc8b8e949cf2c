"""Intents whose loop ended ``unknown``: watched until the venue, or an operator, says what became of them.

What is found is published as one ``correction`` report of the loop that ended.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tightloop.domain.lengths import check_command
from tightloop.errors import ExecutionError, bounded, info
from tightloop.handlers import calls
from tightloop.handlers.executor import account_loops, intents, reports
from tightloop.handlers.executor.turn import ExecutorTurn, intent_name
from tightloop.records.types import ControlCommand, Delta, ErrorInfo, JournalEntry, Outcome


def on_time(turn: ExecutorTurn, entry: JournalEntry) -> None:
    if entry.next_try_at and entry.next_try_at <= turn.now:
        turn.put(replace(entry, next_try_at=None))
        turn.context.call(intent_name(entry), calls.FindOrder(entry))


def on_answer(turn: ExecutorTurn, entry: JournalEntry, answer: calls.Answer) -> None:
    match answer:
        case calls.OrderFound(status="open"):
            entry = replace(entry, found=True, venue_order_id=answer.venue_order_id or entry.venue_order_id)
            if turn.settings.fence == "window" and not _is_being_cancelled(turn, entry, answer):
                _cancel(turn, entry)
                return  # a verify that asks is told what the cancel came to
            _watch_on(turn, entry)
        case calls.OrderFound():
            _resolve_by_evidence(turn, entry, answer)
        case calls.NotFound() if _is_evidence(turn, entry, answer):
            _correct(turn, entry, "none", (), info("EXI-005", "the venue shows that nothing was done"))
        case _:
            _watch_on(turn, entry)
    account_loops.question_answered(turn, intent_name(entry))


def _is_being_cancelled(turn: ExecutorTurn, entry: JournalEntry, found: calls.OrderFound) -> bool:
    """A cancel may still have been on its way when the venue was asked."""
    return entry.cancel_requested and intents.may_still_leave(turn, entry, found)


def _is_evidence(turn: ExecutorTurn, entry: JournalEntry, answer: calls.NotFound) -> bool:
    if turn.settings.fence == "nonce":
        return entry.nonce is not None and answer.nonce is not None and answer.nonce > entry.nonce and entry.tries > 0
    if entry.found:
        return False  # the venue had shown it: that it does not any more says nothing of what it did
    return answer.holds_at >= intents.counts_at(turn, entry)


def _cancel(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """It is still working although its loop is over: nobody wants it any more."""
    entry = turn.put(replace(entry, cancel_requested=True, journalled_at=turn.now, next_try_at=_next(turn, entry)))
    turn.audit(entry, "cancel_requested")
    turn.context.call(intent_name(entry), calls.CancelOrder(entry))


def _watch_on(turn: ExecutorTurn, entry: JournalEntry) -> None:
    turn.put(replace(entry, tries=entry.tries + 1, next_try_at=_next(turn, entry)))


def _next(turn: ExecutorTurn, entry: JournalEntry) -> datetime:
    pause = min(turn.settings.watch_s * 2 ** min(entry.tries, 10), turn.settings.watch_max_s)
    return turn.after(pause)


def _resolve_by_evidence(turn: ExecutorTurn, entry: JournalEntry, found: calls.OrderFound) -> None:
    fresh = tuple(shown for shown in found.entries if shown.entry_id not in entry.reported_entries)
    outcome = reports.outcome_of(found, sum((shown.amount for shown in fresh), entry.filled_amount))
    entry = replace(entry, venue_order_id=found.venue_order_id or entry.venue_order_id)
    _correct(turn, entry, outcome, fresh, info(found.code, found.message or "") if found.code else None)


def _correct(
    turn: ExecutorTurn,
    entry: JournalEntry,
    outcome: Outcome,
    entries: tuple[calls.LedgerEntry, ...],
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


def resolve(turn: ExecutorTurn, command: ControlCommand) -> None:
    """The operator knows what became of an intent. ``target_id``: its instruction id or client order id.

    Every executor reads the command; the one whose journal holds the intent acts on it. ``deltas`` are what no report
    told of yet, ``filled_amount`` is all that it filled. Raises ExecutionError EIM-016 (no halt).
    """
    for entry in turn.intents():
        if entry.status != "unknown" or command.target_id not in (entry.instruction_id, entry.client_order_id):
            continue
        check_command(command)
        outcome, deltas = _decided(turn, command)
        filled = entry.filled_amount if command.filled_amount is None else command.filled_amount
        turn.publish(
            reports.correction(
                entry,
                outcome=outcome,
                entries=(),
                deltas=deltas,
                filled=filled - entry.filled_amount,
                now=turn.now,
                simulated=turn.settings.simulated,
                resolved_by=command.command_id,
            )
        )
        turn.audit(entry, "resolved", bounded(f"by {command.actor}: {command.reason}"))
        turn.drop(entry)


def _decided(turn: ExecutorTurn, command: ControlCommand) -> tuple[Outcome, tuple[Delta, ...]]:
    if command.outcome in (None, "unknown"):
        raise _refused(command, "it must say what the outcome was")
    try:
        deltas = tuple(replace(delta, source="correction") for delta in command.deltas)
        for delta in deltas:
            turn.settings.directory.place_of(delta.position_key, command.strategy_id or "")
    except ExecutionError as error:
        raise _refused(command, error.message) from error
    return command.outcome or "none", deltas


def _refused(command: ControlCommand, why: str) -> ExecutionError:
    return ExecutionError("EIM-016", f"{command.command} {command.command_id}: {why}", halts=False)
