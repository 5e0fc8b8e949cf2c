"""From a dispatched instruction to its intent: what must be over, and known, before one is journalled to be sent."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from tightloop.domain import ids
from tightloop.errors import info
from tightloop.handlers import calls
from tightloop.handlers.executor import account_loops, closing, intents, steps, submissions, transit
from tightloop.handlers.executor.deadline import submit_by, times_out_at
from tightloop.handlers.executor.turn import ExecutorTurn, intent_name
from tightloop.records.types import ErrorInfo, Instruction, JournalEntry, RoutedInstruction


def start(turn: ExecutorTurn, routed: RoutedInstruction, appended_at: datetime | None) -> None:
    """A dispatched instruction: its intent is prepared as soon as nothing stands in its way, or its loop ends.

    (By :func:`proceed`, which ends every event.) ``appended_at``: when the broker took the record in.
    """
    entry = _new_entry(turn, routed)
    if (fault := _clock_fault(turn, appended_at)) is not None:
        closing.finish(turn, entry, "none", fault)
        return
    turn.put(entry)


def give_up_earlier(turn: ExecutorTurn, loop_no: int) -> None:
    """A loop has come, so the manager has gone on with the key: what an earlier loop may still do is not wanted any
    more.

    Of a loop that a resume ended there may be: an intent that is being prepared, which is never submitted; one that is
    pursued, which is cancelled, and waited for; a reading, whose answer would be told beside the new loop.
    """
    overtaken = info("EIM-012", f"loop {loop_no} came before it was over")
    if (entry := turn.preparing()) is not None:
        closing.finish(turn, entry, "none", overtaken)
    account_loops.overtaken(turn, overtaken)
    for entry in turn.pursued():
        intents.abandon(turn, entry)


def proceed(turn: ExecutorTurn) -> None:
    """Prepare the intent that waits for it, once nothing is pursued any more."""
    entry = turn.preparing()
    if entry is None or entry.next_try_at is not None or turn.pursued():
        return
    if turn.now >= submit_by(entry.routed):
        closing.finish(turn, entry, *intents.too_late(entry.routed, "it was not submitted"))
        return
    known = turn.account(entry.account)
    asked = steps.alone(entry)
    if isinstance(asked, calls.Refused):
        _refused(turn, entry, asked)
    else:
        turn.context.call(intent_name(entry), calls.Prepare(asked, known.next_nonce if known else None))


def on_time(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """The pause before it is prepared again is over."""
    if entry.next_try_at is not None and entry.next_try_at <= turn.now:
        turn.put(replace(entry, next_try_at=None))


def prepare_at_once(turn: ExecutorTurn, entry: JournalEntry) -> None:
    """After a restore: answers to earlier questions are lost."""
    if entry.next_try_at is not None:
        turn.put(replace(entry, next_try_at=None))


def on_answer(turn: ExecutorTurn, entry: JournalEntry, answer: calls.Answer) -> None:
    """What can be sent is journalled as just that, and sent; what can't be prepared ends its loop."""
    match answer:
        case calls.Prepared():
            if turn.now >= submit_by(entry.routed):
                closing.finish(turn, entry, *intents.too_late(entry.routed, "it was not submitted"))
            else:
                entry = replace(entry, first_journalled_at=turn.now)
                intents.submit(turn, submissions.with_prepared(entry, "first", answer, turn.now))
        case calls.Refused():
            _refused(turn, entry, answer)
        case calls.Unavailable(_, message):
            if turn.now < steps.begun_at(entry) + timedelta(seconds=turn.settings.read_s):
                turn.put(replace(entry, next_try_at=turn.after(turn.settings.poll_s)))
            else:
                closing.finish(turn, entry, "none", info("EXI-003", f"it could not be prepared: {message}"))
        case _:
            raise TypeError(f"a preparation is not answered by a {type(answer).__name__}")


def _refused(turn: ExecutorTurn, entry: JournalEntry, refused: calls.Refused) -> None:
    error = info(refused.code, refused.message)
    turn.audit(entry, "refused", refused.message, error, answer=refused.raw)
    closing.finish(turn, entry, "rejected", error)


def request_cancel(turn: ExecutorTurn, routed: RoutedInstruction) -> None:
    """The manager wants the loop ``target_loop_no`` cancelled; without an open intent there is nothing left to do."""
    for entry in turn.intents():
        if entry.loop_no != routed.target_loop_no or entry.status == "unknown":
            continue
        if entry.status == "preparing":
            closing.finish(turn, entry, "cancelled", None)
        else:
            intents.cancel(turn, entry)


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
        status="preparing",
        journalled_at=turn.now,
        first_journalled_at=turn.now,
        cancel_at=times_out_at(routed) or routed.not_after,
        transit=transit.begun(routed, turn.settings.lane.home, turn.settings.directory),
        produced_at=turn.now,
        trace_id=routed.trace_id,
        causation_id=routed.causation_id,
    )


def _instruction(routed: RoutedInstruction) -> Instruction:
    if routed.instruction is None:
        raise ValueError(f"loop {routed.loop_no} of kind {routed.kind} carries no instruction")
    return routed.instruction
