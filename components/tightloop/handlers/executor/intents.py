"""The life of an intent: journalled, submitted, found, finished. Numbered as architecture.md promises it.

1. The intent is journalled before each call that changes something, and the call carries the journalled time; the
   adapter's gate lets it leave only within the send window of that time.
2. What the venue answers is evidence; no answer is none. After an ambiguous answer the venue is asked, never retried.
3. "Not found" is evidence only when nothing journalled can act any more: on an exchange after send window, acceptance
   window and clock margin; on a chain while the wallet's nonce has not passed the intent's. What counts is when the
   venue was asked, by the earlier of its clock and ours, and never when its answer is handled.
4. A resubmission is the same intent with the same id, journalled again. It never leaves after ``submit_by``: the
   instruction's ``not_after``, or its timeout where that comes first.
5. Without evidence by the deadline the loop ends ``unknown``, and the intent is watched on (``watching.py``).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from tightloop.errors import info
from tightloop.handlers import calls
from tightloop.handlers.executor import closing
from tightloop.handlers.executor.deadline import submit_by, times_out_at
from tightloop.handlers.executor.turn import ExecutorTurn, cancellable, intent_name
from tightloop.records.types import ErrorInfo, JournalEntry, Outcome, RoutedInstruction

CLOCKS_DIFFER = "EXI-015"  # whoever says so has sent nothing: by such a clock nothing is submitted

MOST_FILLS = 3000  # of one order: its rest is cancelled then, while its venue's answers can still be taken whole

# --- calls ------------------------------------------------------------------------------------------------------------


def submit(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """Journal (again), then submit. The runner performs the call once the journal has committed."""
    entry = turn.put(
        replace(
            entry,
            status="journalled",
            journalled_at=turn.now,
            submissions=entry.submissions + 1,
            evidence_deadline=turn.after(turn.settings.evidence_s),
            next_try_at=None,
            error=None,
        )
    )
    turn.context.call(intent_name(entry), calls.Submit(entry))


def ask(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """What became of it?"""
    turn.context.call(intent_name(entry), calls.FindOrder(entry))


def ask_anew(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """What was journalled may have been submitted, or not: only the venue can tell."""
    if entry.outcome is not None:  # the venue has told; only the ledger was still to be read
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
    turn.context.call(intent_name(entry), calls.CancelOrder(entry))


def abandon(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """Its loop was given up: cancel it, and submit it no more.

    A submission that was asked for and not performed yet is taken back, as the question takes its place. Whether one
    has left already only the venue can tell, as after a restart.
    """
    if entry.status == "journalled" and entry.next_try_at is None and entry.outcome is None:
        entry = replace(entry, cancel_requested=True)
        ask_anew(turn, entry)
    elif not entry.cancel_requested:
        cancel(turn, entry)


def on_time(turn: ExecutorTurn, entry: JournalEntry) -> None:
    if cancellable(entry) and entry.cancel_at and entry.cancel_at <= turn.now:
        cancel(turn, entry)
    elif entry.next_try_at and entry.next_try_at <= turn.now:
        entry = turn.put(replace(entry, next_try_at=None))
        if entry.outcome is not None:
            closing.read_ledger(turn, entry)
        elif entry.status == "journalled":
            _submit_again(turn, entry)
        else:
            ask(turn, entry)


# --- answers ----------------------------------------------------------------------------------------------------------


def on_answer(turn: ExecutorTurn, entry: JournalEntry, answer: calls.Answer) -> None:
    if entry.status == "journalled":
        turn.audit_journalled(entry)
    match answer:
        case calls.OrderFound():
            _found(turn, entry, answer)
        case calls.NotFound():
            _not_found(turn, entry, answer)
        case calls.Refused(code, message):
            _refused(turn, entry, code, message)
        case calls.NotSent(code, message, retry_after_s):
            _not_sent(turn, entry, code, message, retry_after_s)
        case calls.GateClosed(reason):
            turn.audit(entry, "gate_closed", reason)
            (cancel if entry.status == "working" else _submit_again)(turn, entry)
        case calls.Ambiguous(message):
            if entry.status == "journalled":
                entry = replace(entry, status="sent", may_have_left=True)
            turn.audit(entry, "ambiguous", message)
            ask(turn, turn.put(replace(entry, tries=0)))
        case calls.Unavailable() if entry.outcome is not None:
            closing.ledger_unavailable(turn, entry)
        case calls.Unavailable(_, message, asked_at):
            _no_evidence(turn, entry, asked_at, message)
        case calls.Ledger():
            closing.on_ledger(turn, entry, answer)
        case _:
            raise TypeError(f"an intent does not ask for a {type(answer).__name__}")


def _refused(turn: ExecutorTurn, entry: JournalEntry, code: str, message: str) -> None:
    turn.audit(entry, "refused", message, info(code, message))
    if entry.status == "working":  # a cancel that came too late, or that the venue does not know
        ask(turn, entry)
    elif turn.settings.fence == "nonce" and code == "EXI-009":  # it may be our own transaction that has the nonce
        ask(turn, turn.put(replace(entry, status="sent")))
    else:
        closing.close(turn, entry, "rejected", info(code, message))


def _found(turn: ExecutorTurn, entry: JournalEntry, found: calls.OrderFound) -> None:
    entry = replace(
        entry,
        found=True,
        may_have_left=True,
        venue_order_id=found.venue_order_id or entry.venue_order_id,
        tx_hash=found.tx_hash or entry.tx_hash,
    )
    if found.status != "open":
        closing.settle(turn, entry, found)
        return
    entry = closing.report_new(turn, entry, found.entries)
    waits_for_cancel = entry.cancel_requested and entry.status == "working" and entry.cancel_at is None
    if waits_for_cancel and found.asked_at >= (entry.evidence_deadline or found.asked_at):
        closing.give_up(turn, entry, "EXI-012", "the order is still open long after its cancel was journalled")
        return
    pause = min(turn.settings.poll_s * 2 ** min(entry.tries, 10), turn.settings.poll_max_s)
    lost_cancel = waits_for_cancel and not may_still_leave(turn, entry, found)
    wants_cancel = lost_cancel or (entry.cancel_requested and not waits_for_cancel)
    entry = turn.put(
        replace(
            entry,
            status="working",
            next_try_at=turn.after(pause),
            tries=entry.tries + 1,
            evidence_deadline=entry.evidence_deadline if waits_for_cancel else turn.after(turn.settings.evidence_s),
        )
    )
    too_many = len(entry.reported_entries) >= MOST_FILLS and not entry.cancel_requested
    if wants_cancel or too_many or (entry.cancel_at and entry.cancel_at <= turn.now):
        cancel(turn, entry)


def may_still_leave(turn: ExecutorTurn, entry: JournalEntry, found: calls.OrderFound) -> bool:
    """Was the venue asked when the request journalled last may not have left yet?"""
    return found.asked_at < entry.journalled_at + timedelta(seconds=turn.settings.send_window_s)


def counts_at(turn: ExecutorTurn, entry: JournalEntry) -> datetime:
    """From when on "not found" is evidence on an exchange: nothing journalled so far can act any more."""
    return entry.journalled_at + timedelta(seconds=turn.settings.absence_s)


def _not_found(turn: ExecutorTurn, entry: JournalEntry, answer: calls.NotFound) -> None:
    if turn.settings.fence == "nonce":
        if entry.nonce is not None and answer.nonce is not None:
            _by_nonce(turn, entry, entry.nonce, answer.nonce)
        else:
            _no_evidence(turn, entry, answer.asked_at, "not found, and the wallet's nonce was not told with it")
    elif answer.holds_at < counts_at(turn, entry):
        _too_early(turn, entry, answer)
    elif entry.status == "working":
        _no_evidence(turn, entry, answer.asked_at, "an order that the venue had shown is not found any more")
    else:
        turn.audit(entry, "not_found", "after send window, acceptance window and clock margin")
        _submit_again(turn, entry)


def _too_early(turn: ExecutorTurn, entry: JournalEntry, answer: calls.NotFound) -> None:
    """Ask again when it counts. By a venue's clock that lags that may be late, or never: then the deadline ends it."""
    due = counts_at(turn, entry)
    missing = (due - answer.holds_at).total_seconds() + 0.001
    least = turn.settings.poll_s if turn.now >= due else 0.0
    lag = (answer.asked_at - answer.as_of).total_seconds()
    why = (
        f"the venue's clock is {lag:.3f} s behind ours: its 'not found' is of {answer.as_of}, and counts from {due} on"
    )
    _no_evidence(turn, entry, answer.asked_at, why, max(missing, least))


def _by_nonce(turn: ExecutorTurn, entry: JournalEntry, held: int, free: int) -> None:
    """The chain does not show the transaction. ``held``: its nonce; ``free``: the wallet's next one."""
    if free > held:
        conflict = info("EXI-009", f"nonce {held} was used by another transaction")
        if entry.error is not None and entry.error.code == conflict.code:
            closing.close(turn, entry, "rejected", conflict)
        else:  # its block may have come between the two questions: look again before concluding
            _ask_later(turn, replace(entry, error=conflict), turn.settings.poll_s)
        return
    turn.audit(entry, "not_found", "the nonce is still free")
    if free < held and not entry.may_have_left:  # nothing holds it back but a nonce that was read too high
        turn.set_nonce(entry.venue, entry.account, free + 1)
        entry = replace(entry, nonce=free, tx_hash=None)
    if entry.submissions > 1:
        pause = min(turn.settings.poll_s * 2 ** min(entry.submissions, 10), turn.settings.poll_max_s)
        turn.put(replace(entry, status="journalled", next_try_at=turn.after(pause)))
    else:
        _submit_again(turn, entry)


def _not_sent(turn: ExecutorTurn, entry: JournalEntry, code: str, message: str, retry_after_s: float) -> None:
    error = info(code, message)
    turn.audit(entry, "not_sent", message, error)
    if entry.status == "working":  # it was a cancel
        _ask_later(turn, entry, max(retry_after_s, turn.settings.poll_s))
    elif code == CLOCKS_DIFFER:
        _end_unsubmitted(turn, entry, "none", error)
    elif entry.cancel_requested or _too_late(turn, entry):
        _submit_again(turn, replace(entry, error=error))
    else:
        pause = max(retry_after_s, min(turn.settings.poll_s * 2 ** min(entry.tries, 10), turn.settings.poll_max_s))
        left = (submit_by(entry.routed) - turn.now).total_seconds()
        _ask_later(turn, replace(entry, error=error), min(pause, left))


def _submit_again(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """Nothing journalled so far can act any more: submit the same intent once more, or end its loop."""
    if entry.cancel_requested:
        _end_unsubmitted(turn, entry, "cancelled", None)
    elif _too_late(turn, entry):
        why = f" ({entry.error.code} {entry.error.message})" if entry.error else ""
        _end_unsubmitted(turn, entry, *too_late(entry.routed, f"nothing was done at the venue{why}"))
    else:
        submit(turn, entry)


def _end_unsubmitted(turn: ExecutorTurn, entry: JournalEntry, outcome: Outcome, error: ErrorInfo | None) -> None:
    """End the loop of what did nothing and is not to be submitted any more."""
    if turn.settings.fence == "nonce" and entry.may_have_left:
        why = "broadcast once, not shown by the chain, and its nonce is still free"
        _no_evidence(turn, replace(entry, status="sent"), turn.now, why)
    else:
        closing.close(turn, entry, outcome, error)


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
    absent_at = counts_at(turn, entry)
    deadline = max(entry.evidence_deadline or absent_at, absent_at)
    if asked_at >= deadline:
        closing.give_up(turn, entry, "EXI-005", f"no evidence by {deadline}: {message}")
        return
    usual = min(turn.settings.poll_s * 2 ** min(entry.tries, 10), turn.settings.poll_max_s)
    _ask_later(turn, entry, usual if pause is None else min(usual, pause))
