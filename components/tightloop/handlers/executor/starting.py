"""From a dispatched instruction to its intent: what must be known, and over, before one is journalled."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from tightloop.handlers import effects as fx
from tightloop.handlers.executor import closing, intents
from tightloop.handlers.executor.turn import Turn
from tightloop.records import ids
from tightloop.records.errors import info
from tightloop.records.types import ErrorInfo, Instruction, JournalEntry, Outcome, RoutedInstruction

NONCE = "nonce"


def start(turn: Turn, routed: RoutedInstruction, appended_at: datetime | None) -> None:
    """A dispatched instruction: its intent is journalled as soon as nothing stands in its way, or its loop ends.

    ``appended_at``: when the broker took the record in. An intent of an earlier loop that is still pursued belongs to a
    loop that the manager has given up: it is cancelled, and waited for.
    """
    _end_waiting(turn, "none", info("EIM-012", f"loop {routed.loop_no} came before it was submitted"))
    turn.head = replace(turn.head, waiting=routed, retry_at=None)
    if (fault := _clock_fault(turn, "broker", appended_at)) is not None:
        _end_waiting(turn, "none", fault)
        return
    cancel_abandoned(turn)
    proceed(turn)


def proceed(turn: Turn) -> None:
    """Journal the instruction that waits, once nothing is pursued any more and its wallet's nonce is known."""
    routed = turn.head.waiting
    if routed is None or turn.head.retry_at is not None or turn.pursued():
        return
    nonce = None
    if turn.settings.fence == "nonce":
        known = turn.account(routed.account)
        nonce = known.next_nonce if known else None
        if nonce is None:
            turn.context.call(NONCE, fx.ReadNonce(routed.strategy_id, routed.venue, routed.account))
            return
    turn.head = replace(turn.head, waiting=None)
    _journal_new(turn, routed, nonce)


def on_nonce(turn: Turn, answer: fx.Answer) -> None:
    routed = turn.head.waiting
    if routed is None:
        return
    if isinstance(answer, fx.Nonce):
        if (fault := _clock_fault(turn, "venue", answer.as_of)) is not None:
            _end_waiting(turn, "none", fault)
            return
        turn.set_nonce(routed.venue, routed.account, answer.value)
        return
    message = answer.message if isinstance(answer, fx.Unavailable) else f"unexpected answer {type(answer).__name__}"
    if turn.now < routed.dispatched_at + timedelta(seconds=turn.settings.read_s):
        turn.head = replace(turn.head, retry_at=turn.after(turn.settings.poll_s))
    else:
        _end_waiting(turn, "none", info("EXI-003", f"the wallet's nonce could not be read: {message}"))


def retry_waiting(turn: Turn, *, restored: bool = False) -> None:
    """The pause before the next question for the nonce is over."""
    if turn.head.retry_at and (restored or turn.head.retry_at <= turn.now):
        turn.head = replace(turn.head, retry_at=None)


def cancel_abandoned(turn: Turn) -> None:
    """The manager goes on with the key although a loop of it is not over: nobody wants what that one still does."""
    for entry in turn.pursued():
        if not entry.cancel_requested:
            intents.cancel(turn, entry)


def request_cancel(turn: Turn, routed: RoutedInstruction) -> None:
    """The manager wants the loop ``target_loop_no`` cancelled; without an open intent there is nothing left to do."""
    if turn.head.waiting and turn.head.waiting.loop_no == routed.target_loop_no:
        _end_waiting(turn, "cancelled", None)
    for entry in turn.intents():
        if entry.loop_no == routed.target_loop_no and entry.status != "unknown":
            intents.cancel(turn, entry)


def _end_waiting(turn: Turn, outcome: Outcome, error: ErrorInfo | None) -> None:
    """End the loop of the instruction that waits, if one does: nothing of it was submitted."""
    routed = turn.head.waiting
    if routed is not None:
        turn.head = replace(turn.head, waiting=None, retry_at=None)
        closing.finish(turn, _new_entry(turn, routed, None), outcome, error)


def _clock_fault(turn: Turn, whose: str, told: datetime | None) -> ErrorInfo | None:
    """What is in our hands already was written later than our clock says it is now: ours is slow.

    By such a clock neither ``not_after`` nor the send window would hold.
    """
    if told is None or told <= turn.after(turn.settings.clock_margin_s):
        return None
    return info("EXI-015", f"this machine's clock says {turn.now}, the {whose}'s said {told} before: not submitted")


def _journal_new(turn: Turn, routed: RoutedInstruction, nonce: int | None) -> None:
    entry = _new_entry(turn, routed, nonce)
    if turn.now >= routed.not_after:
        closing.finish(turn, entry, "none", info("EIM-010", f"not_after {routed.not_after} passed before submission"))
        return
    if nonce is not None:
        turn.set_nonce(routed.venue, routed.account, nonce + 1)
    intents.submit(turn, entry)


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
