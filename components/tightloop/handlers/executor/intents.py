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
from tightloop.handlers.executor.turn import Turn, info, intent_name
from tightloop.records import ids
from tightloop.records.types import Instruction, JournalEntry, RoutedInstruction

NONCE = "nonce"


# --- starting ---------------------------------------------------------------------------------------------------------


def start(turn: Turn, routed: RoutedInstruction) -> None:
    """Journal the intent of a dispatched instruction, or end its loop when it is too late."""
    if turn.settings.fence == "nonce":
        known = turn.account(routed.account)
        if known is None or known.next_nonce is None:
            turn.head = replace(turn.head, waiting=routed)
            _ask_nonce(turn, routed)
            return
        _journal_new(turn, routed, known.next_nonce)
    else:
        _journal_new(turn, routed, None)


def on_nonce(turn: Turn, answer: fx.Answer) -> None:
    routed = turn.head.waiting
    if routed is None:
        return
    if isinstance(answer, fx.Nonce):
        turn.head = replace(turn.head, waiting=None)
        _journal_new(turn, routed, answer.value)
        return
    message = answer.message if isinstance(answer, fx.Unavailable) else f"unexpected answer {type(answer).__name__}"
    if turn.now < routed.dispatched_at + timedelta(seconds=turn.settings.read_s):
        _ask_nonce(turn, routed)
        return
    turn.head = replace(turn.head, waiting=None)
    entry = _new_entry(turn, routed, None)
    closing.finish(turn, entry, "none", info("EXI-003", f"the wallet's nonce could not be read: {message}"))


def ask_nonce_again(turn: Turn) -> None:
    """After a restore."""
    if turn.head.waiting:
        _ask_nonce(turn, turn.head.waiting)


def _ask_nonce(turn: Turn, routed: RoutedInstruction) -> None:
    turn.context.call(NONCE, fx.ReadNonce(routed.strategy_id, routed.venue, routed.account))


def _journal_new(turn: Turn, routed: RoutedInstruction, nonce: int | None) -> None:
    entry = _new_entry(turn, routed, nonce)
    if turn.now >= routed.not_after:
        closing.finish(turn, entry, "none", info("EIM-010", f"not_after {routed.not_after} passed before submission"))
        return
    if nonce is not None:
        turn.set_nonce(routed.venue, routed.account, nonce + 1)
    _submit(turn, entry)


def _new_entry(turn: Turn, routed: RoutedInstruction, nonce: int | None) -> JournalEntry:
    instruction = _instruction(routed)
    cancel_at = routed.not_after
    trade = instruction.cex_trade
    if trade and trade.timeout_ms is not None:
        cancel_at = routed.dispatched_at + timedelta(milliseconds=trade.timeout_ms)
    return JournalEntry(
        strategy_id=routed.strategy_id,
        account=routed.account,
        lane=routed.lane,
        venue=routed.venue,
        instruction_id=instruction.instruction_id,
        loop_no=routed.loop_no,
        attempt=routed.attempt,
        client_order_id=ids.client_order_id(
            turn.settings.environment,
            routed.strategy_id,
            routed.account,
            instruction.instruction_id,
            routed.attempt,
        ),
        routed=routed,
        nonce=nonce,
        status="journalled",
        journalled_at=turn.now,
        first_journalled_at=turn.now,
        cancel_at=cancel_at,
        produced_at=turn.now,
        trace_id=routed.trace_id,
        causation_id=routed.causation_id,
    )


def _instruction(routed: RoutedInstruction) -> Instruction:
    if routed.instruction is None:
        raise ValueError(f"loop {routed.loop_no} of kind {routed.kind} carries no instruction")
    return routed.instruction


# --- calls ------------------------------------------------------------------------------------------------------------


def _submit(turn: Turn, entry: JournalEntry) -> None:
    """Journal (again), then submit. The runner performs the call once the journal has committed."""
    entry = turn.put(
        replace(
            entry,
            status="journalled",
            journalled_at=turn.now,
            submissions=entry.submissions + 1,
            evidence_deadline=turn.after(turn.settings.evidence_s),
            next_try_at=None,
        )
    )
    turn.audit(entry, "journalled")
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
        entry = turn.put(replace(entry, status="sent", tries=0, next_try_at=None))
    ask(turn, entry)


def _ask_later(turn: Turn, entry: JournalEntry, seconds: float) -> None:
    turn.put(replace(entry, next_try_at=turn.after(seconds), tries=entry.tries + 1))


def request_cancel(turn: Turn, routed: RoutedInstruction) -> None:
    """The manager wants the loop ``target_loop_no`` cancelled; without an open intent there is nothing left to do."""
    for entry in list(turn.intents()):
        if entry.loop_no == routed.target_loop_no and entry.status != "unknown":
            _cancel(turn, entry)


def _cancel(turn: Turn, entry: JournalEntry) -> None:
    if entry.status != "working" or entry.outcome is not None:
        turn.put(replace(entry, cancel_requested=True))  # acted on as soon as the venue shows the order
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
    if entry.status == "working" and entry.cancel_at and entry.cancel_at <= turn.now and entry.outcome is None:
        _cancel(turn, entry)
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
    match answer:
        case fx.OrderFound():
            _found(turn, entry, answer)
        case fx.NotFound():
            _not_found(turn, entry, answer)
        case fx.Refused(code, message):
            if entry.status == "working":  # a cancel that came too late, or that the venue does not know
                ask(turn, entry)
                return
            turn.audit(entry, "refused", message)
            closing.close(turn, entry, "rejected", info(code, message))
        case fx.NotSent(code, message, retry_after_s):
            _not_sent(turn, entry, code, message, retry_after_s)
        case fx.GateClosed(reason):
            turn.audit(entry, "gate_closed", reason)
            _submit_again(turn, entry)
        case fx.Ambiguous(message):
            entry = replace(entry, status="sent" if entry.status == "journalled" else entry.status)
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


def _found(turn: Turn, entry: JournalEntry, found: fx.OrderFound) -> None:
    entry = replace(
        entry,
        found=True,
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
        _cancel(turn, entry)


def _not_found(turn: Turn, entry: JournalEntry, answer: fx.NotFound) -> None:
    if turn.settings.fence == "nonce" and entry.nonce is not None and answer.nonce is not None:
        if answer.nonce <= entry.nonce:
            turn.audit(entry, "not_found", "the nonce is still free")
            _submit_again(turn, entry)
        elif entry.tries < 3:  # its block may have come between the two questions: look again before concluding
            _ask_later(turn, entry, turn.settings.poll_s)
        else:
            closing.close(turn, entry, "rejected", info("EXI-009", f"nonce {entry.nonce} was used by another"))
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


def _not_sent(turn: Turn, entry: JournalEntry, code: str, message: str, retry_after_s: float) -> None:
    turn.audit(entry, "not_sent", message)
    if entry.status == "working":  # it was a cancel
        _ask_later(turn, entry, max(retry_after_s, turn.settings.poll_s))
    elif turn.now >= entry.first_journalled_at + timedelta(seconds=turn.settings.evidence_s):
        closing.close(turn, entry, "none", info(code, f"given up after {entry.submissions} tries: {message}"))
    else:
        pause = max(retry_after_s, min(turn.settings.poll_s * 2 ** min(entry.tries, 10), turn.settings.poll_max_s))
        _ask_later(turn, entry, pause)


def _submit_again(turn: Turn, entry: JournalEntry) -> None:
    """Nothing journalled so far can act any more: submit the same intent once more, or end its loop."""
    may_have_left = entry.status != "journalled" or entry.submissions > 1
    if turn.settings.fence == "nonce" and may_have_left and (entry.cancel_requested or _too_late(turn, entry)):
        _no_evidence(turn, entry, "EXI-012", "broadcast once, not shown by the chain, and its nonce is still free")
    elif entry.cancel_requested:
        closing.close(turn, entry, "cancelled", None)
    elif _too_late(turn, entry):
        error = info("EIM-010", f"not_after {entry.routed.not_after} has passed and nothing was done at the venue")
        closing.close(turn, entry, "none", error)
    else:
        _submit(turn, entry)


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
