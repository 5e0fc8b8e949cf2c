"""Taking instructions in: known or new, valid or refused, at once into the slot or into the queue.

An instruction that decodes ends in exactly one result. The same id with the same content again changes nothing; with
other content, or where it can't be told any more whether it had its result, it is dead-lettered without a halt.
"""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.handlers.api import Inbound
from tightloop.handlers.content import digest
from tightloop.handlers.manager import dispatch, waiting
from tightloop.handlers.manager.accounts import account_of
from tightloop.handlers.manager.turn import Turn
from tightloop.records import validate
from tightloop.records.errors import ExecutionError, error_info, info
from tightloop.records.types import ErrorInfo, Instruction, QueuedInstruction, SeenInstruction


def take_in(turn: Turn, record: Inbound) -> None:
    """Raises ExecutionError (EIM-009, no halt) for an id whose one result is spent."""
    instruction: Instruction = record.value
    content = digest(instruction)
    seen = turn.seen(instruction.instruction_id)
    if seen is not None:
        if seen.content_hash != content:
            raise _spent(instruction, "was published before with other content")
        return
    _refuse_spent(turn, instruction)
    _forget_old(turn)
    if turn.head.seen >= 2 * turn.settings.seen_limit:
        raise ExecutionError(
            "EIM-015", f"{turn.head.seen} instruction ids are remembered: no room for one", halts=False
        )
    turn.put_seen(
        SeenInstruction(
            strategy_id=instruction.strategy_id,
            instruction_id=instruction.instruction_id,
            content_hash=content,
            seen_at=turn.now,
            sequenced=instruction.sequence is not None,
            produced_at=turn.now,
        )
    )
    turn.update(
        seen=turn.head.seen + 1,
        last_sequence=turn.head.last_sequence if instruction.sequence is None else instruction.sequence,
    )
    try:
        queued = _admit(turn, instruction, record.size)
    except ExecutionError as error:
        _refuse(turn, instruction, error_info(error))
        return
    except Exception as error:  # noqa: BLE001  nothing of it was dispatched: it ends alone, as what is invalid does
        what = f"instruction {instruction.instruction_id} could not be judged"
        _refuse(turn, instruction, dispatch.failed(turn, error, what))
        return
    if instruction.cancel is not None:
        cancel(turn, instruction)
    elif dispatch.can_start(turn, queued):
        failure = dispatch.start_instruction(turn, queued)
        if failure is not None:
            _refuse(turn, instruction, failure)
    else:
        name = turn.enqueue(queued)
        turn.put_seen(replace(waiting.seen_of(turn, instruction.instruction_id), queue_name=name))
        dispatch.advance(turn)


def _refuse(turn: Turn, instruction: Instruction, error: ErrorInfo) -> None:
    status = "expired" if error.code == "EIM-010" else "refused"
    turn.publish_result(turn.result_of(instruction, turn.now, status=status, error=error))


def _spent(instruction: Instruction, why: str) -> ExecutionError:
    return ExecutionError("EIM-009", f"instruction {instruction.instruction_id} {why}", halts=False)


def _refuse_spent(turn: Turn, instruction: Instruction) -> None:
    """An id that is not known is new, unless it could have been forgotten."""
    last = turn.head.last_sequence
    if instruction.sequence is not None:
        if last is not None and instruction.sequence <= last:
            raise _spent(instruction, f"has sequence {instruction.sequence}, which is not above the last, {last}")
    elif instruction.created_at < turn.after(-2 * turn.settings.max_age_s):
        raise _spent(instruction, "is older than ids are remembered, so it may have had its result; number it")


def _forget_old(turn: Turn) -> None:
    """Two ids a time at most: what comes in pays for what goes out.

    One without a sequence is kept until no copy of it can be young enough to be taken in again. One that must be kept
    although there are too many goes behind the others, so that it holds back none of them.
    """
    oldest = turn.after(-2 * turn.settings.max_age_s - turn.settings.clock_margin_s)
    crowded = turn.head.last_sequence is not None and turn.head.seen > turn.settings.sequenced_seen_limit
    for name, seen in turn.context.oldest("seen", SeenInstruction, 2):
        old = seen.seen_at < oldest
        if not old and not crowded:
            return
        turn.context.delete(name)
        if not waiting.is_queued(turn, seen) and (old or seen.sequenced):
            turn.update(seen=turn.head.seen - 1)
        else:
            turn.context.put(name, seen)


def _admit(turn: Turn, instruction: Instruction, size: int) -> QueuedInstruction:
    """Raises ExecutionError for an instruction that is refused: nothing of it will reach a venue."""
    settings = turn.settings
    if size > settings.instruction_bytes:
        limit = settings.instruction_bytes
        raise ExecutionError("EIM-007", f"{size} bytes are more than an instruction may have: {limit}")
    validate.check_instruction(instruction)
    if instruction.created_at > turn.after(settings.clock_margin_s):
        raise ExecutionError("EIM-007", f"created_at {instruction.created_at} is in the future (now: {turn.now})")
    expires_at = validate.expires_at(instruction)
    if expires_at <= turn.now:
        raise ExecutionError("EIM-010", f"expired at {expires_at}, before it was taken in")
    if instruction.sequence is None and instruction.created_at < turn.after(-settings.max_age_s):
        raise ExecutionError(
            "EIM-007",
            f"created_at {instruction.created_at} is more than {settings.max_age_s:.0f} s ago, and it has no sequence",
        )
    account = account_of(settings, instruction)
    queued = QueuedInstruction(
        strategy_id=instruction.strategy_id,
        instruction=instruction,
        account=account,
        expires_at=expires_at,
        received_at=turn.now,
        produced_at=turn.now,
    )
    if instruction.cancel is not None:
        return queued
    halts = turn.halts_for(instruction.venue)
    if halts:
        raise ExecutionError("EIM-011", f"halted by {', '.join(f'{one.code} ({one.halt_id[:8]})' for one in halts)}")
    if turn.head.queued >= settings.queue_limit:
        raise ExecutionError("EIM-015", f"{turn.head.queued} instructions are queued, which is the limit")
    if instruction.sequence is None and turn.head.seen > settings.seen_limit:
        raise ExecutionError("EIM-015", f"{turn.head.seen} instruction ids are remembered; number them with `sequence`")
    return queued


# --- cancels ----------------------------------------------------------------------------------------------------------


def cancel(turn: Turn, instruction: Instruction) -> None:
    """A cancel's own result is written with its target's; without a target it is refused."""
    target = instruction.cancel.instruction_id if instruction.cancel else None
    if target and waiting.cancel_queued(turn, target):
        turn.publish_result(turn.result_of(instruction, turn.now, status="reconciled", outcome="none"))
    elif (slot := turn.head.slot) and len(slot.cancels) >= turn.settings.cancels_limit:
        error = info("EIM-015", f"{len(slot.cancels)} cancels wait for the end of loop {slot.loop_no} already")
        turn.publish_result(turn.result_of(instruction, turn.now, status="refused", error=error))
    elif target and dispatch.cancel_in_flight(turn, target):
        slot = turn.slot()
        own = turn.result_of(instruction, turn.now, status="reconciled", outcome="none", loop_no=slot.loop_no)
        turn.update(slot=replace(slot, cancels=(*slot.cancels, own)))
    else:
        error = info("EIM-007", f"there is nothing to cancel: {target} is neither queued nor in flight")
        turn.publish_result(turn.result_of(instruction, turn.now, status="refused", error=error))
