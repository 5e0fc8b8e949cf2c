"""The life of an intent: journalled, submitted, found, finished. Numbered as architecture.md promises it.

1. The intent is journalled before each call that changes something, and the call carries the journalled time; the
   adapter's gate lets it leave only within the send window of that time.
2. What the venue answers is evidence; no answer is none. After an ambiguous answer the venue is asked, never retried.
3. "Not found" is evidence only when nothing journalled can act any more: on an exchange after send window, acceptance
   window and clock margin; on a chain while the wallet's nonce has not passed the intent's.
4. A resubmission is the same intent with the same id, journalled again. It never leaves after ``not_after``.
5. Without evidence by the deadline the loop ends ``unknown``, and the intent is watched on (``watching.py``).
"""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from tightloop.handlers import effects as fx
from tightloop.handlers.executor import closing
from tightloop.handlers.executor.turn import Turn, cancellable, intent_name
from tightloop.records.errors import info
from tightloop.records.types import JournalEntry

# --- calls ------------------------------------------------------------------------------------------------------------


def submit(turn: Turn, entry: JournalEntry) -> None:
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
    turn.context.call(intent_name(entry), fx.Submit(entry))


def ask(turn: Turn, entry: JournalEntry) -> None:
    """What became of it?"""
    turn.context.call(intent_name(entry), fx.FindOrder(entry))


def ask_after_restore(turn: Turn, entry: JournalEntry) -> None:
    """A predecessor may have submitted what it journalled, or not: only the venue can tell."""
    if entry.outcome is not None:  # the venue has told; only the ledger was still to be read
        closing.read_ledger(turn, entry)
        return
    if entry.status == "journalled":
        if entry.next_try_at is not None:  # the last submission is known not to have left; the next one is due then
            return
        turn.audit_journalled(entry)
        entry = turn.put(replace(entry, status="sent", may_have_left=True, tries=0))
    ask(turn, entry)


def _ask_later(turn: Turn, entry: JournalEntry, seconds: float) -> None:
    turn.put(replace(entry, next_try_at=turn.after(seconds), tries=entry.tries + 1))


def cancel(turn: Turn, entry: JournalEntry) -> None:
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
    turn.context.call(intent_name(entry), fx.CancelOrder(entry))


def on_time(turn: Turn, entry: JournalEntry) -> None:
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


def on_answer(turn: Turn, entry: JournalEntry, answer: fx.Answer) -> None:
    if entry.status == "journalled":
        turn.audit_journalled(entry)
    match answer:
        case fx.OrderFound():
            _found(turn, entry, answer)
        case fx.NotFound():
            _not_found(turn, entry, answer)
        case fx.Refused(code, message):
            _refused(turn, entry, code, message)
        case fx.NotSent(code, message, retry_after_s):
            _not_sent(turn, entry, code, message, retry_after_s)
        case fx.GateClosed(reason):
            turn.audit(entry, "gate_closed", reason)
            (cancel if entry.status == "working" else _submit_again)(turn, entry)
        case fx.Ambiguous(message):
            if entry.status == "journalled":
                entry = replace(entry, status="sent", may_have_left=True)
            turn.audit(entry, "ambiguous", message)
            ask(turn, turn.put(replace(entry, tries=0)))
        case fx.Unavailable() if entry.outcome is not None:
            closing.ledger_unavailable(turn, entry)
        case fx.Unavailable(code, message):
            _no_evidence(turn, entry, code, message)
        case fx.Ledger():
            closing.on_ledger(turn, entry, answer)
        case _:
            raise TypeError(f"an intent does not ask for a {type(answer).__name__}")


def _refused(turn: Turn, entry: JournalEntry, code: str, message: str) -> None:
    turn.audit(entry, "refused", message, info(code, message))
    if entry.status == "working":  # a cancel that came too late, or that the venue does not know
        ask(turn, entry)
    elif turn.settings.fence == "nonce" and code == "EXI-009":  # it may be our own transaction that has the nonce
        ask(turn, turn.put(replace(entry, status="sent")))
    else:
        closing.close(turn, entry, "rejected", info(code, message))


def _found(turn: Turn, entry: JournalEntry, found: fx.OrderFound) -> None:
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
    if waits_for_cancel and turn.now >= (entry.evidence_deadline or turn.now):
        closing.give_up(turn, entry, "EXI-012", "the order is still open long after its cancel was journalled")
        return
    pause = min(turn.settings.poll_s * 2 ** min(entry.tries, 10), turn.settings.poll_max_s)
    lost_cancel = waits_for_cancel and turn.now >= entry.journalled_at + timedelta(seconds=turn.settings.send_window_s)
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
    if wants_cancel or (entry.cancel_at and entry.cancel_at <= turn.now):
        cancel(turn, entry)


def _not_found(turn: Turn, entry: JournalEntry, answer: fx.NotFound) -> None:
    if turn.settings.fence == "nonce" and entry.nonce is not None and answer.nonce is not None:
        _by_nonce(turn, entry, entry.nonce, answer.nonce)
        return
    counts_at = entry.journalled_at + timedelta(seconds=turn.settings.absence_s)
    if turn.now < counts_at:
        pause = min(turn.settings.poll_s * 2 ** min(entry.tries, 4), (counts_at - turn.now).total_seconds() + 0.001)
        _ask_later(turn, entry, pause)
    elif entry.status == "working":
        _no_evidence(turn, entry, "EXI-005", "an order that the venue had shown is not found any more")
    else:
        turn.audit(entry, "not_found", "after send window, acceptance window and clock margin")
        _submit_again(turn, entry)


def _by_nonce(turn: Turn, entry: JournalEntry, held: int, free: int) -> None:
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


def _not_sent(turn: Turn, entry: JournalEntry, code: str, message: str, retry_after_s: float) -> None:
    error = info(code, message)
    turn.audit(entry, "not_sent", message, error)
    if entry.status == "working":  # it was a cancel
        _ask_later(turn, entry, max(retry_after_s, turn.settings.poll_s))
    elif entry.cancel_requested or _too_late(turn, entry):
        _submit_again(turn, replace(entry, error=error))
    else:
        pause = max(retry_after_s, min(turn.settings.poll_s * 2 ** min(entry.tries, 10), turn.settings.poll_max_s))
        left = (entry.routed.not_after - turn.now).total_seconds()
        _ask_later(turn, replace(entry, error=error), min(pause, left))


def _submit_again(turn: Turn, entry: JournalEntry) -> None:
    """Nothing journalled so far can act any more: submit the same intent once more, or end its loop."""
    ends = entry.cancel_requested or _too_late(turn, entry)
    if turn.settings.fence == "nonce" and entry.may_have_left and ends:
        _no_evidence(turn, entry, "EXI-012", "broadcast once, not shown by the chain, and its nonce is still free")
    elif entry.cancel_requested:
        closing.close(turn, entry, "cancelled", None)
    elif _too_late(turn, entry):
        why = f" ({entry.error.code} {entry.error.message})" if entry.error else ""
        message = f"not_after {entry.routed.not_after} has passed and nothing was done at the venue{why}"
        closing.close(turn, entry, "none", info("EIM-010", message))
    else:
        submit(turn, entry)


def _too_late(turn: Turn, entry: JournalEntry) -> bool:
    return turn.now >= entry.routed.not_after


def _no_evidence(turn: Turn, entry: JournalEntry, code: str, message: str) -> None:
    absent_at = entry.journalled_at + timedelta(seconds=turn.settings.absence_s)
    deadline = max(entry.evidence_deadline or absent_at, absent_at)
    if turn.now >= deadline:
        closing.give_up(turn, entry, "EXI-005", f"no evidence by {deadline}: {message}")
    else:
        pause = min(turn.settings.poll_s * 2 ** min(entry.tries, 10), turn.settings.poll_max_s)
        _ask_later(turn, entry, pause)
