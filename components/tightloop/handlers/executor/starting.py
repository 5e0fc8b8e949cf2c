"""From a dispatched instruction to its intent: what must be known, and over, before one is journalled."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from tightloop.domain import ids
from tightloop.errors import info
from tightloop.handlers import calls
from tightloop.handlers.executor import account_loops, closing, intents, submissions
from tightloop.handlers.executor.deadline import submit_by, times_out_at
from tightloop.handlers.executor.turn import ExecutorTurn
from tightloop.records.types import ErrorInfo, Instruction, JournalEntry, Outcome, RoutedInstruction

PREPARE = "prepare|"


def start(turn: ExecutorTurn, routed: RoutedInstruction, appended_at: datetime | None) -> None:
    """A dispatched instruction: its intent is journalled as soon as nothing stands in its way, or its loop ends.

    ``appended_at``: when the broker took the record in.
    """
    turn.head = replace(turn.head, waiting=routed, retry_at=None)
    if (fault := _clock_fault(turn, appended_at)) is not None:
        _end_waiting(turn, "none", fault)
        return
    proceed(turn)


def give_up_earlier(turn: ExecutorTurn, loop_no: int) -> None:
    """A loop has come, so the manager goes on with the key: nobody wants what an earlier one may still do.

    Of a loop that a resume ended there may be: an instruction that waits, which is never submitted; an intent that is
    pursued, which is cancelled, and waited for; a reading, whose answer would be told beside the new loop.
    """
    overtaken = info("EIM-012", f"loop {loop_no} came before it was over")
    _end_waiting(turn, "none", overtaken)
    account_loops.overtaken(turn, overtaken)
    for entry in turn.pursued():
        intents.abandon(turn, entry)


def proceed(turn: ExecutorTurn) -> None:
    """Prepare the instruction that waits, once nothing is pursued any more."""
    routed = turn.head.waiting
    if routed is None or turn.head.retry_at is not None or turn.pursued():
        return
    if turn.now >= submit_by(routed):
        _end_waiting(turn, *intents.too_late(routed, "it was not submitted"))
        return
    known = turn.account(routed.account)
    call = calls.Prepare(_new_entry(turn, routed), known.next_nonce if known else None)
    turn.context.call(f"{PREPARE}{routed.loop_no}", call)


def on_prepared(turn: ExecutorTurn, call_id: str, answer: calls.Answer) -> None:
    """What can be sent is journalled as just that, and sent; what can't be prepared ends its loop."""
    routed = turn.head.waiting
    if routed is None or call_id != f"{PREPARE}{routed.loop_no}":
        return  # of a loop that another has overtaken since
    match answer:
        case calls.Prepared():
            turn.head = replace(turn.head, waiting=None)
            _journal_new(turn, routed, answer)
        case calls.Refused(code, message):
            error = info(code, message)
            turn.audit(_new_entry(turn, routed), "refused", message, error, answer=answer.raw)
            _end_waiting(turn, "rejected", error)
        case calls.Unavailable(_, message):
            if turn.now < routed.dispatched_at + timedelta(seconds=turn.settings.read_s):
                turn.head = replace(turn.head, retry_at=turn.after(turn.settings.poll_s))
            else:
                _end_waiting(turn, "none", info("EXI-003", f"it could not be prepared: {message}"))
        case _:
            raise TypeError(f"a preparation is not answered by a {type(answer).__name__}")


def retry_waiting(turn: ExecutorTurn, *, restored: bool = False) -> None:
    """The pause before it is prepared again is over."""
    if turn.head.retry_at and (restored or turn.head.retry_at <= turn.now):
        turn.head = replace(turn.head, retry_at=None)


def request_cancel(turn: ExecutorTurn, routed: RoutedInstruction) -> None:
    """The manager wants the loop ``target_loop_no`` cancelled; without an open intent there is nothing left to do."""
    if turn.head.waiting and turn.head.waiting.loop_no == routed.target_loop_no:
        _end_waiting(turn, "cancelled", None)
    for entry in turn.intents():
        if entry.loop_no == routed.target_loop_no and entry.status != "unknown":
            intents.cancel(turn, entry)


def _end_waiting(turn: ExecutorTurn, outcome: Outcome, error: ErrorInfo | None) -> None:
    """End the loop of the instruction that waits, if one does: nothing of it was submitted."""
    routed = turn.head.waiting
    if routed is not None:
        turn.head = replace(turn.head, waiting=None, retry_at=None)
        closing.finish(turn, _new_entry(turn, routed), outcome, error)


def _clock_fault(turn: ExecutorTurn, appended_at: datetime | None) -> ErrorInfo | None:
    """What is in our hands already was written later than our clock says it is now: ours is slow.

    By such a clock neither ``not_after`` nor the send window would hold. What the venue's answers tell of our clock is
    judged where they come in (``runners/clock_check.py``).
    """
    if appended_at is None or appended_at <= turn.after(turn.settings.clock_margin_s):
        return None
    behind = (appended_at - turn.now).total_seconds()
    message = (
        f"this machine's clock is {behind:.3f} s or more behind the broker's: ours says {turn.now}, and the broker"
    )
    return info(intents.CLOCKS_DIFFER, f"{message} took the instruction in at {appended_at}: not submitted")


def _journal_new(turn: ExecutorTurn, routed: RoutedInstruction, prepared: calls.Prepared) -> None:
    entry = _new_entry(turn, routed)
    if turn.now >= submit_by(routed):
        closing.finish(turn, entry, *intents.too_late(routed, "it was not submitted"))
        return
    intents.submit(turn, submissions.with_prepared(entry, "first", prepared, turn.now))


def _new_entry(turn: ExecutorTurn, routed: RoutedInstruction) -> JournalEntry:
    instruction = _instruction(routed)
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
        status="journalled",
        journalled_at=turn.now,
        first_journalled_at=turn.now,
        cancel_at=times_out_at(routed) or routed.not_after,
        produced_at=turn.now,
        trace_id=routed.trace_id,
        causation_id=routed.causation_id,
    )


def _instruction(routed: RoutedInstruction) -> Instruction:
    if routed.instruction is None:
        raise ValueError(f"loop {routed.loop_no} of kind {routed.kind} carries no instruction")
    return routed.instruction
