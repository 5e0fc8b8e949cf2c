"""Instructions that leave the queue without a loop: expired or cancelled."""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.errors import info
from tightloop.handlers.manager.turn import ManagerTurn
from tightloop.records.types import (
    ErrorInfo,
    InstructionGroup,
    InstructionStatus,
    QueuedInstruction,
    SeenInstruction,
)


def expire_queued(turn: ManagerTurn) -> None:
    """Write the result of whatever has expired, wherever in the queue it stands."""
    if turn.head.next_expiry is None or turn.head.next_expiry > turn.now:
        return
    remaining = [
        group.expires_at for _, group in turn.context.scan("group", InstructionGroup) if group.started_at is None
    ]
    for name, queued in list(turn.context.scan("queue", QueuedInstruction)):
        if queued.instruction.group_id is not None:
            continue  # it has expired with its group, or its group is among those that remain
        if queued.expires_at <= turn.now:
            leave_queue(turn, name, queued, "expired", info("EIM-010", f"expired at {queued.expires_at} while queued"))
        else:
            remaining.append(queued.expires_at)
    turn.update(next_expiry=min(remaining) if remaining else None)


def leave_queue(
    turn: ManagerTurn, name: str, queued: QueuedInstruction, status: InstructionStatus, error: ErrorInfo | None
) -> None:
    turn.unqueue(name)
    end_without_loop(turn, queued, status, error)


def end_without_loop(
    turn: ManagerTurn, queued: QueuedInstruction, status: InstructionStatus, error: ErrorInfo | None
) -> None:
    """Its result. Where it waited, it waits no more."""
    turn.put_seen(replace(seen_of(turn, queued.instruction.instruction_id), queue_name=None))
    turn.publish_result(
        turn.result_of(
            queued.instruction,
            queued.received_at,
            status=status,
            error=error,
            account=queued.account.account,
            simulated=turn.settings.directory.is_simulated(queued.account.lane),
        )
    )


def seen_of(turn: ManagerTurn, instruction_id: str) -> SeenInstruction:
    """What is remembered of an instruction that is queued."""
    seen = turn.seen(instruction_id)
    if seen is None:
        raise ValueError(f"instruction {instruction_id} is queued but not among the ids seen")
    return seen


def is_queued(turn: ManagerTurn, seen: SeenInstruction) -> bool:
    """``queue_name`` stays when the instruction is dispatched, as no place is used twice: its entry is what counts."""
    return seen.queue_name is not None and turn.context.get(seen.queue_name, QueuedInstruction) is not None


def cancel_queued(turn: ManagerTurn, instruction_id: str) -> bool:
    seen = turn.seen(instruction_id)
    queued = turn.context.get(seen.queue_name, QueuedInstruction) if seen and seen.queue_name else None
    if seen is None or seen.queue_name is None or queued is None:
        return False
    leave_queue(turn, seen.queue_name, queued, "cancelled", None)
    return True
