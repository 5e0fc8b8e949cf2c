"""Taking instructions in: known or new, valid or refused, at once into the slot or into the queue.

An instruction that decodes ends in exactly one result. The same id with the same content again changes nothing; with
other content, or where it can't be told any more whether it had its result, it is dead-lettered without a halt.
"""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.domain import validate
from tightloop.domain.groups import leg_in_flight
from tightloop.domain.lengths import legible
from tightloop.domain.transfers import destination_of
from tightloop.errors import ExecutionError, error_info, info
from tightloop.handlers.api import Inbound
from tightloop.handlers.content import digest
from tightloop.handlers.manager import dispatch, first_in_queue, group_run, groups, memory, transfers, waiting
from tightloop.handlers.manager.turn import ManagerTurn
from tightloop.records.types import ErrorInfo, Instruction, QueuedInstruction

# Why an instruction can never be carried out as it is: another may have its `sequence`.
IMPOSSIBLE = frozenset({"EIM-002", "EIM-005", "EIM-006", "EIM-007", "EIM-008", "TLC-008"})


def take_in(turn: ManagerTurn, record: Inbound) -> None:
    """Raises ExecutionError (no halt): EIM-009 for an id whose one result is spent, EIM-015 where it cannot be kept."""
    given: Instruction = record.value
    content = digest(given)
    instruction = legible(given)
    seen = turn.seen(instruction.instruction_id)
    if seen is not None:
        if seen.content_hash != content:
            raise memory.spent(instruction, "was published before with other content (created_at counts)")
        return
    memory.refuse_spent(turn, instruction)
    memory.remember(turn, instruction, content)
    try:
        queued = _admit(turn, given, record.size)
    except ExecutionError as error:
        _end(turn, instruction, error_info(error))
        return
    except Exception as error:  # noqa: BLE001  nothing of it was dispatched: it ends alone, as what is invalid does
        what = f"instruction {instruction.instruction_id} could not be judged"
        _end(turn, instruction, first_in_queue.failed(turn, error, what))
        return
    _use_number(turn, instruction)
    if queued is None:
        cancel(turn, instruction)
    elif instruction.group_id is not None:
        _join_group(turn, queued)
    elif dispatch.can_start(turn, queued):
        failure = dispatch.start_instruction(turn, queued)
        if failure is not None:
            _end(turn, instruction, failure)
    else:
        is_first = not turn.head.queued
        name = turn.enqueue(queued)
        turn.put_seen(replace(waiting.seen_of(turn, instruction.instruction_id), queue_name=name))
        if is_first:  # else nothing has changed for the first, which may wait for prices: they are not asked for anew
            dispatch.advance(turn)


def _end(turn: ManagerTurn, instruction: Instruction, error: ErrorInfo) -> None:
    """Without a loop. What is impossible leaves its number to another; what only came at the wrong time has used it."""
    if error.code not in IMPOSSIBLE:
        _use_number(turn, instruction)
    memory.mark_refused(turn, instruction)
    status = "expired" if error.code == "EIM-010" else "refused"
    turn.publish_result(turn.result_of(instruction, turn.now, status=status, error=error))
    if groups.leg_refused(turn, instruction, error):
        dispatch.advance(turn)


def _join_group(turn: ManagerTurn, queued: QueuedInstruction) -> None:
    """A leg waits for the others of its group, or is the last to come."""
    instruction, is_first = queued.instruction, not turn.head.queued
    try:
        name = groups.join(turn, queued)
    except ExecutionError as error:
        _end(turn, instruction, error_info(error))
        return
    turn.put_seen(replace(waiting.seen_of(turn, instruction.instruction_id), queue_name=name))
    if is_first:  # as in take_in
        dispatch.advance(turn)


def _use_number(turn: ManagerTurn, instruction: Instruction) -> None:
    number, last = instruction.sequence, turn.head.last_sequence
    if number is not None and number <= validate.HIGHEST_SEQUENCE and (last is None or number > last):
        turn.update(last_sequence=number)


def _admit(turn: ManagerTurn, instruction: Instruction, size: int) -> QueuedInstruction | None:
    """What may take the slot; None: a cancel, which takes none.

    Raises ExecutionError for an instruction that is refused: nothing of it will reach a venue.
    """
    settings, directory = turn.settings, turn.settings.directory
    if size > settings.instruction_bytes:
        limit = settings.instruction_bytes
        raise ExecutionError("EIM-007", f"{size} bytes are more than an instruction may have: {limit}")
    validate.check_instruction(instruction, directory.venues)
    last = turn.head.last_sequence
    if instruction.sequence is not None and last is not None and instruction.sequence <= last:
        raise ExecutionError("EIM-007", f"sequence: {instruction.sequence} is not above the last one used, {last}")
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
    if instruction.cancel is not None:
        return None
    account = directory.account_of(instruction)
    destination_of(instruction, account, directory)
    transfers.check_address(turn, instruction, account)
    validate.check_on_lane(instruction, directory.lanes[account.lane], directory.venues)
    queued = QueuedInstruction(
        strategy_id=instruction.strategy_id,
        instruction=instruction,
        account=account,
        expires_at=expires_at,
        received_at=turn.now,
        produced_at=turn.now,
    )
    halts = turn.halts_for(instruction)
    if halts:
        raise ExecutionError("EIM-011", f"halted by {', '.join(f'{one.code} ({one.halt_id[:8]})' for one in halts)}")
    if (queued_now := turn.head.queued + turn.head.legs) >= settings.queue_limit:
        raise ExecutionError("EIM-015", f"{queued_now} instructions are queued, which is the limit")
    if instruction.sequence is None and turn.head.seen > settings.seen_limit:
        raise ExecutionError("EIM-015", f"{turn.head.seen} instruction ids are remembered; number them with `sequence`")
    return queued


# --- cancels ----------------------------------------------------------------------------------------------------------


def cancel(turn: ManagerTurn, instruction: Instruction) -> None:
    """A cancel's own result is written with its target's; without a target it is refused."""
    what = instruction.cancel
    if what is None:
        raise ValueError(f"instruction {instruction.instruction_id} is no cancel")
    target = what.instruction_id
    group = groups.named(turn, instruction_id=target, group_id=what.group_id)
    flies = leg_in_flight(group, turn.head.slot) if group is not None else None
    target = flies or target
    if group is not None and flies is None:
        group_run.cancel(turn, group)
        turn.publish_result(turn.result_of(instruction, turn.now, status="reconciled", outcome="none"))
        dispatch.advance(turn)
    elif target and waiting.cancel_queued(turn, target):
        turn.publish_result(turn.result_of(instruction, turn.now, status="reconciled", outcome="none"))
    elif (slot := turn.head.slot) and len(slot.cancels) >= turn.settings.cancels_limit:
        error = info("EIM-015", f"{len(slot.cancels)} cancels wait for the end of loop {slot.loop_no} already")
        turn.publish_result(turn.result_of(instruction, turn.now, status="refused", error=error))
    elif target and dispatch.cancel_in_flight(turn, target):
        if group is not None:
            group_run.cancel(turn, group)
        slot = turn.slot()
        own = turn.result_of(
            instruction,
            turn.now,
            status="reconciled",
            outcome="none",
            loop_no=slot.loop_no,
            simulated=turn.settings.directory.is_simulated(slot.account.lane),
        )
        turn.update(slot=replace(slot, cancels=(*slot.cancels, own)))
    else:
        named = f"group {what.group_id}" if what.group_id else target
        error = info("EIM-007", f"there is nothing to cancel: {named} is neither queued nor in flight")
        turn.publish_result(turn.result_of(instruction, turn.now, status="refused", error=error))
