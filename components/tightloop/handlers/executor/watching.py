"""Intents whose loop ended ``unknown``: watched until the venue, or an operator, says how they ended.

What is found is published as one ``correction`` report of the loop that ended.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tightloop.domain.lengths import check_command
from tightloop.errors import ExecutionError, bounded, info
from tightloop.handlers import calls
from tightloop.handlers.executor import account_loops, corrections, reports, steps, submissions, transfers, transit
from tightloop.handlers.executor.turn import ExecutorTurn, intent_name
from tightloop.records.types import ControlCommand, Delta, JournalEntry, Outcome


def on_time(turn: ExecutorTurn, entry: JournalEntry) -> None:
    if entry.next_try_at and entry.next_try_at <= turn.now:
        turn.put(replace(entry, next_try_at=None))
        turn.context.call(intent_name(entry), transit.question(entry))


def on_answer(turn: ExecutorTurn, entry: JournalEntry, answer: calls.Answer) -> None:
    if transit.is_under_way(entry):
        transfers.watched(turn, entry, answer)
        account_loops.question_answered(turn, intent_name(entry))
        return
    match answer:
        case calls.OrderFound(status="filled") if entry.transit is not None:
            transfers.left_late(turn, entry, answer)
        case calls.OrderFound(status="open"):
            entry = replace(entry, found=True, venue_order_id=answer.venue_order_id or entry.venue_order_id)
            if _may_be_cancelled(turn, entry, answer):
                _cancel(turn, entry)
                return  # a verify that asks is told what the cancel came to
            _watch_on(turn, entry)
        case calls.OrderFound():
            _resolve_by_evidence(turn, entry, answer)
        case calls.NotFound():
            if _not_found(turn, entry, answer):
                return
        case calls.Prepared():
            _send(turn, submissions.with_prepared(entry, "cancel", answer, turn.now))
            return
        case _:
            _watch_on(turn, entry)
    account_loops.question_answered(turn, intent_name(entry))


def _not_found(turn: ExecutorTurn, entry: JournalEntry, answer: calls.NotFound) -> bool:
    """Was something sent, whose answer is waited for now?"""
    policy = turn.settings.policy
    verdict = policy.absence(turn.settings, entry, answer).verdict
    if verdict == "taken" or (verdict == "nothing_done" and policy.is_over(entry)):
        outcome, error = steps.told(entry, "none", info("EXI-005", "the venue shows that nothing was done"))
        corrections.correct(turn, entry, outcome, (), error, answer.raw)
    elif verdict != "nothing_done" or not _is_alone(turn):
        _watch_on(turn, entry)
    elif submissions.is_cancel(entry):  # what was sent once may still act: only its nonce ends it
        _send(turn, entry)
        return True
    else:
        _cancel(turn, entry)
        return True
    return False


def _may_be_cancelled(turn: ExecutorTurn, entry: JournalEntry, found: calls.OrderFound) -> bool:
    """Its loop is over, so it may be cancelled; but a cancel may still have been on its way when the venue was
    asked.
    """
    if found.confirmations is not None or transit.is_of_exchange(entry) or not _is_alone(turn):
        return False
    return not entry.cancel_requested or turn.settings.policy.lost_cancel(turn.settings, entry, found, turn.now)


def _is_alone(turn: ExecutorTurn) -> bool:
    """Is there no later intent of the key, which may hold the same nonce?"""
    return turn.preparing() is None and not turn.pursued()


def _cancel(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """It may still act although its loop is over."""
    entry = turn.put(replace(entry, cancel_requested=True, journalled_at=turn.now, next_try_at=_next(turn, entry)))
    turn.audit(entry, "cancel_requested")
    turn.context.call(intent_name(entry), turn.settings.policy.cancel(entry))


def _send(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """The empty transaction that takes its nonce."""
    entry = submissions.journalled_again(entry, turn.now)
    entry = turn.put(replace(entry, replace_at=turn.after(turn.settings.replace_s), next_try_at=_next(turn, entry)))
    turn.audit(entry, "journalled", f"submission {len(entry.submissions)}: cancel")
    turn.context.call(intent_name(entry), calls.Submit(entry))


def _watch_on(turn: ExecutorTurn, entry: JournalEntry) -> None:
    turn.put(replace(entry, tries=entry.tries + 1, next_try_at=_next(turn, entry)))


def _next(turn: ExecutorTurn, entry: JournalEntry) -> datetime:
    pause = turn.settings.watch_pause(entry.tries)
    return turn.after(pause)


def _resolve_by_evidence(turn: ExecutorTurn, entry: JournalEntry, found: calls.OrderFound) -> None:
    fresh = tuple(shown for shown in found.entries if shown.entry_id not in entry.reported_entries)
    outcome = reports.outcome_of(found, sum((shown.amount for shown in fresh), entry.filled_amount))
    entry = replace(entry, venue_order_id=found.venue_order_id or entry.venue_order_id)
    error = info(found.code, found.message or "") if found.code else None
    outcome, error = steps.told(entry, outcome, error)
    corrections.correct(turn, entry, outcome, fresh, error, found.raw)


def resolve(turn: ExecutorTurn, command: ControlCommand) -> None:
    """The operator decides how an intent ended. ``target_id``: its instruction id or client order id.

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
                simulated=turn.settings.lane.simulated,
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
    return command.outcome, deltas


def _refused(command: ControlCommand, why: str) -> ExecutionError:
    return ExecutionError("EIM-016", f"{command.command} {command.command_id}: {why}", halts=False)
