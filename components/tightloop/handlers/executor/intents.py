"""The life of an intent: journalled, submitted, found, finished. Numbered as docs/architecture.md promises it.

1. The intent is journalled, as exactly what will be sent, before each call that changes something, and the call
   carries the journalled time; the adapter's gate lets it leave only within the send window of that time.
2. What the venue answers is evidence; no answer is none. After an ambiguous answer the venue is asked, never retried.
3. "Not found" is evidence only when the lane's policy says so (``window.py``, ``nonce.py``). What counts is when the
   venue was asked, by the earlier of its clock and ours, and never when its answer is handled.
4. A resubmission is the same intent with the same id, journalled again. It never leaves after ``submit_by``: the
   instruction's ``not_after``, or its timeout where that comes first. So it is with a fee bump; a cancel may.
5. Without evidence by the deadline the loop ends ``unknown``, and the intent is watched on (``watching.py``).
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tightloop.errors import info
from tightloop.handlers import calls
from tightloop.handlers.executor import closing, steps, submissions, transfers, transit
from tightloop.handlers.executor.deadline import submit_by, times_out_at
from tightloop.handlers.executor.evidence import counts_at
from tightloop.handlers.executor.turn import ExecutorTurn, cancellable, intent_name
from tightloop.records.types import ErrorInfo, JournalEntry, Outcome, RoutedInstruction

CLOCKS_DIFFER = "EXI-015"  # nothing was sent: by such a clock nothing is submitted

MOST_FILLS = 3000  # of one order: its rest is cancelled then, while its venue's answers can still be taken whole

# --- calls ------------------------------------------------------------------------------------------------------------


def submit(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """Journal (again), then send the latest submission. The runner performs the call once the journal has committed."""
    entry = turn.put(
        replace(
            submissions.journalled_again(entry, turn.now),
            status="journalled",
            evidence_deadline=turn.after(turn.settings.evidence_s),
            replace_at=turn.after(turn.settings.replace_s),
            next_try_at=None,
            error=None,
        )
    )
    turn.context.call(intent_name(entry), calls.Submit(entry))


def ask(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """How does it stand at the venue?"""
    turn.context.call(intent_name(entry), transit.question(entry))


def ask_anew(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """What was journalled may have been submitted, or not: only the venue can tell."""
    if entry.status == "settling":  # the venue has told; only the ledger was still to be read
        closing.read_ledger(turn, entry)
        return
    if entry.status == "journalled":
        if entry.next_try_at is not None:  # the last submission is known not to have left; the next one is due then
            return
        turn.audit_journalled(entry)
        entry = turn.put(replace(entry, status="sent", may_have_left=True, tries=0))
    ask(turn, entry)


def _ask_later(turn: ExecutorTurn, entry: JournalEntry, seconds: float) -> None:
    turn.put(replace(entry, next_try_at=turn.after(seconds), tries=entry.tries + 1))


def cancel(turn: ExecutorTurn, entry: JournalEntry) -> None:
    if not cancellable(entry):  # acted on as soon as the venue shows the order, or before the next try
        pausing = entry.status == "journalled" and entry.next_try_at is not None
        turn.put(replace(entry, cancel_requested=True, next_try_at=turn.now if pausing else entry.next_try_at))
        return
    if transit.is_under_way(entry) or transit.is_of_exchange(entry):
        turn.audit(entry, "cancel_requested", "what has left can't be called back")
        return
    first = not entry.cancel_requested or entry.cancel_at is not None
    entry = turn.put(
        replace(
            entry,
            cancel_requested=True,
            cancel_at=None,
            journalled_at=turn.now,
            evidence_deadline=turn.after(turn.settings.evidence_s) if first else entry.evidence_deadline,
            next_try_at=None,
        )
    )
    turn.audit(entry, "cancel_requested")
    turn.context.call(intent_name(entry), turn.settings.policy.cancel(entry))


def abandon(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """Its loop was given up: cancel it, and submit it no more.

    A submission that was asked for and not performed yet is taken back, as the question takes its place. Whether one
    has left already only the venue can tell, as after a restart.
    """
    if entry.status == "journalled" and entry.next_try_at is None:
        entry = replace(entry, cancel_requested=True)
        ask_anew(turn, entry)
    elif not entry.cancel_requested:
        cancel(turn, entry)


def on_time(turn: ExecutorTurn, entry: JournalEntry) -> None:
    if cancellable(entry) and entry.cancel_at and entry.cancel_at <= turn.now:
        cancel(turn, entry)
    elif entry.next_try_at and entry.next_try_at <= turn.now:
        entry = turn.put(replace(entry, next_try_at=None))
        if entry.status == "settling":
            closing.read_ledger(turn, entry)
        elif entry.status == "journalled":
            _submit_again(turn, entry)
        else:
            ask(turn, entry)


# --- answers ----------------------------------------------------------------------------------------------------------


def on_answer(turn: ExecutorTurn, entry: JournalEntry, answer: calls.Answer) -> None:
    if entry.status == "journalled":
        turn.audit_journalled(entry)
    if transit.is_under_way(entry) and entry.status != "settling":
        transfers.on_answer(turn, entry, answer)
        return
    match answer:
        case calls.OrderFound():
            _found(turn, entry, answer)
        case calls.NotFound():
            _not_found(turn, entry, answer)
        case calls.Prepared():
            _replaced(turn, entry, answer)
        case calls.Refused():
            _refused(turn, entry, answer)
        case calls.NotSent():
            _not_sent(turn, entry, answer)
        case calls.GateClosed(reason):
            turn.audit(entry, "gate_closed", reason)
            _gate_closed(turn, entry)
        case calls.Ambiguous(message):
            if entry.status == "journalled":
                entry = replace(entry, status="sent", may_have_left=True)
            turn.audit(entry, "ambiguous", message, answer=answer.raw)
            ask(turn, turn.put(replace(entry, tries=0)))
        case calls.Unavailable() if entry.status == "settling":
            closing.ledger_unavailable(turn, entry)
        case calls.Unavailable(_, message, asked_at):
            if entry.cancel_requested and not submissions.is_cancel(entry):
                entry = replace(entry, replace_at=turn.now)  # where that was to be prepared, it is due as before
            _no_evidence(turn, entry, asked_at, message)
        case calls.Ledger():
            closing.on_ledger(turn, entry, answer)
        case _:
            raise TypeError(f"an intent does not ask for a {type(answer).__name__}")


def _replaced(turn: ExecutorTurn, entry: JournalEntry, prepared: calls.Prepared) -> None:
    """One submission more under the same nonce: journalled before it is sent, as the first was."""
    kind: submissions.Kind = "cancel" if entry.cancel_requested else "bump"
    entry = _send_sibling(turn, submissions.with_prepared(entry, kind, prepared, turn.now))
    turn.audit(entry, "journalled", f"submission {len(entry.submissions)}: {kind}")


def _send_sibling(turn: ExecutorTurn, entry: JournalEntry) -> JournalEntry:
    """Journal the latest submission (again) and send it: the intent stands where its earlier ones have brought it."""
    entry = replace(
        submissions.journalled_again(entry, turn.now),
        replace_at=turn.after(turn.settings.replace_s),
        next_try_at=None,
    )
    entry = turn.put(entry)
    turn.context.call(intent_name(entry), calls.Submit(entry))
    return entry


def _refused(turn: ExecutorTurn, entry: JournalEntry, refused: calls.Refused) -> None:
    error = info(refused.code, refused.message)
    turn.audit(entry, "refused", refused.message, error, answer=refused.raw)
    if entry.status == "working":  # a cancel that came too late, or that the venue does not know; or a replacement
        ask(turn, turn.put(replace(entry, replace_at=turn.after(turn.settings.replace_s))))
    elif entry.status == "sent":  # a replacement of what is not shown
        _ask_later(turn, entry, turn.settings.poll_s)
    elif turn.settings.policy.asks_after(refused.code):  # it may be our own transaction that has the nonce
        ask(turn, turn.put(replace(entry, status="sent")))
    else:
        closing.close(turn, entry, "rejected", error)


def _found(turn: ExecutorTurn, entry: JournalEntry, found: calls.OrderFound) -> None:
    entry = replace(
        entry,
        found=True,
        may_have_left=True,
        venue_order_id=found.venue_order_id or entry.venue_order_id,
        tx_hash=found.tx_hash or entry.tx_hash,
    )
    if transit.is_of_exchange(entry) or (entry.transit is not None and found.status == "filled"):
        transfers.on_found(turn, entry, found)
        return
    if found.status != "open":
        closing.settle(turn, entry, found)
        return
    settings, policy = turn.settings, turn.settings.policy
    entry = closing.report_new(turn, entry, found.entries)
    is_mined = found.confirmations is not None  # it can't be cancelled any more, and is waited for
    waits_for_cancel = _cancel_was_sent(entry)
    lost_cancel = waits_for_cancel and policy.lost_cancel(settings, entry, found, turn.now)
    if lost_cancel and _was_last_cancel(entry):
        closing.give_up(turn, entry, "EXI-012", "the order is still open long after its cancel was journalled")
        return
    pause = settings.poll_pause(entry.tries)
    wants_cancel = lost_cancel or (entry.cancel_requested and not waits_for_cancel)
    entry = turn.put(
        replace(
            entry,
            status="working",
            next_try_at=turn.after(pause),
            tries=entry.tries + 1,
            evidence_deadline=entry.evidence_deadline if waits_for_cancel else turn.after(settings.evidence_s),
        )
    )
    too_many = len(entry.reported_entries) >= MOST_FILLS and not entry.cancel_requested
    if is_mined:
        return
    if wants_cancel or too_many or (entry.cancel_at and entry.cancel_at <= turn.now):
        cancel(turn, entry)
    elif not entry.cancel_requested and policy.replaces(settings, entry, found, turn.now):
        turn.put(replace(entry, next_try_at=None))
        turn.context.call(intent_name(entry), calls.Replace(steps.as_asked(entry), "bump"))


def _cancel_was_sent(entry: JournalEntry) -> bool:
    """Was a cancel journalled to be sent, so that the venue is asked what it did?"""
    journalled = entry.status == "working" or submissions.is_cancel(entry)
    return entry.cancel_requested and entry.cancel_at is None and journalled


def _was_last_cancel(entry: JournalEntry) -> bool:
    """Was the cancel journalled last one after the deadline? An executor that stood still until then has one more."""
    return entry.evidence_deadline is None or entry.journalled_at >= entry.evidence_deadline


def _not_found(turn: ExecutorTurn, entry: JournalEntry, answer: calls.NotFound) -> None:
    absence = turn.settings.policy.absence(turn.settings, entry, answer)
    if absence.verdict == "taken":
        error = info("EXI-009", absence.why)
        turn.audit(entry, "not_found", absence.why, error, answer=answer.raw)
        closing.close(turn, entry, "cancelled" if entry.cancel_requested else "rejected", error)
    elif absence.verdict == "early" and absence.counts_at is not None:
        # By a venue's clock that lags it may count late, or never: then the deadline ends it.
        missing = (absence.counts_at - answer.holds_at).total_seconds() + 0.001
        least = turn.settings.poll_s if turn.now >= absence.counts_at else 0.0
        _no_evidence(turn, entry, answer.asked_at, absence.why, max(missing, least))
    elif absence.verdict == "unclear":
        _no_evidence(turn, entry, answer.asked_at, absence.why)
    else:
        turn.audit(entry, "not_found", absence.why, answer=answer.raw)
        if turn.settings.policy.prepares_anew(entry, answer):
            turn.set_least_nonce(entry.venue, entry.account, None)
            turn.put(replace(entry, status="preparing", submissions=(), tx_hash=None, error=None))
        else:
            _send_later(turn, entry, turn.settings.policy.pause_s(turn.settings, entry))


def _send_later(turn: ExecutorTurn, entry: JournalEntry, pause_s: float) -> None:
    if pause_s:
        turn.put(replace(entry, status="journalled", next_try_at=turn.after(pause_s)))
    else:
        _submit_again(turn, entry)


def _not_sent(turn: ExecutorTurn, entry: JournalEntry, answer: calls.NotSent) -> None:
    error = info(answer.code, answer.message)
    turn.audit(entry, "not_sent", answer.message, error, answer=answer.raw)
    if entry.status in ("working", "sent"):  # it was a cancel, or a replacement
        _ask_later(turn, entry, max(answer.retry_after_s, turn.settings.poll_s))
    elif answer.code == CLOCKS_DIFFER:
        _end_unsubmitted(turn, entry, "none", error)
    elif entry.cancel_requested or _too_late(turn, entry):
        _submit_again(turn, replace(entry, error=error))
    else:
        usual = turn.settings.poll_pause(entry.tries)
        left = (submit_by(entry.routed) - turn.now).total_seconds()
        _ask_later(turn, replace(entry, error=error), min(max(answer.retry_after_s, usual), left))


def _gate_closed(turn: ExecutorTurn, entry: JournalEntry) -> None:
    if entry.status == "journalled":
        _submit_again(turn, entry)
    elif submissions.is_cancel(entry):
        _send_sibling(turn, entry)
    elif entry.cancel_requested:
        cancel(turn, entry)
    else:  # a replacement that may leave no more
        ask(turn, entry)


def _submit_again(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """Send the same intent once more, or end its loop."""
    if entry.cancel_requested:
        _end_unsubmitted(turn, entry, "cancelled", None)
    elif _too_late(turn, entry):
        why = f" ({entry.error.code} {entry.error.message})" if entry.error else ""
        _end_unsubmitted(turn, entry, *too_late(entry.routed, f"nothing was done at the venue{why}"))
    else:
        submit(turn, entry)


def _end_unsubmitted(turn: ExecutorTurn, entry: JournalEntry, outcome: Outcome, error: ErrorInfo | None) -> None:
    """End the loop of what did nothing and is not to act any more. What can still act is cancelled first."""
    if turn.settings.policy.is_over(entry):
        closing.close(turn, entry, outcome, error)
        return
    if entry.cancel_at is not None:
        entry = replace(entry, cancel_at=None, evidence_deadline=turn.after(turn.settings.evidence_s))
        turn.audit(entry, "cancel_requested", "it is to act no more, and what was sent once may still do so")
    elif entry.evidence_deadline is not None and turn.now >= entry.evidence_deadline:
        why = "broadcast once, not shown by the chain, its nonce still free, and not cancelled"
        closing.give_up(turn, entry, "EXI-005", f"no evidence by {entry.evidence_deadline}: {why}")
        return
    entry = replace(entry, status="sent", cancel_requested=True, next_try_at=None)
    if submissions.is_cancel(entry):
        _send_sibling(turn, entry)
    else:
        entry = turn.put(entry)
        turn.context.call(intent_name(entry), turn.settings.policy.cancel(entry))


def too_late(routed: RoutedInstruction, what: str) -> tuple[Outcome, ErrorInfo]:
    """How a loop ends whose time was over before it was submitted.

    What is not filled by its timeout is cancelled, whether or not it ever worked at the venue; what was not submitted
    before the instruction expired has expired.
    """
    timeout = times_out_at(routed)
    if timeout is not None and timeout < routed.not_after:
        return "cancelled", info("EIM-010", f"its timeout_ms was over at {timeout}: {what}")
    return "none", info("EIM-010", f"not_after {routed.not_after} has passed: {what}")


def _too_late(turn: ExecutorTurn, entry: JournalEntry) -> bool:
    return turn.now >= submit_by(entry.routed)


def _no_evidence(
    turn: ExecutorTurn, entry: JournalEntry, asked_at: datetime, message: str, pause: float | None = None
) -> None:
    """Ask again, or give up when the venue was asked after the deadline. ``pause``: what will do, if it is shorter."""
    absent_at = counts_at(turn.settings, entry)
    deadline = max(entry.evidence_deadline or absent_at, absent_at)
    if asked_at >= deadline:
        closing.give_up(turn, entry, "EXI-005", f"no evidence by {deadline}: {message}")
        return
    usual = turn.settings.poll_pause(entry.tries)
    _ask_later(turn, entry, usual if pause is None else min(usual, pause))
