"""Groups before they start: legs wait for each other, and are queued, refused, cancelled or expire as one. Pure.

===============================  =======================================================================================
entry of the key's state         what
===============================  =======================================================================================
``group|<group_id>``             the group, from its first leg on until it ends (InstructionGroup)
``leg|<group_id>|<index>``       a leg that has not started (QueuedInstruction)
``queue|<number>``               of a group all of whose legs are there: its place among the queued instructions
``ended_group|<group_id>``       a group that is over: a leg of it that comes later is refused (EndedGroup)
===============================  =======================================================================================

Until its first leg is dispatched, whatever contradicts a group refuses it whole; after that, it is refused alone. How a
group runs is in ``group_run.py``. ``docs/groups.md`` has every case.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from tightloop.domain import groups as rules
from tightloop.domain.ids import is_instruction_id
from tightloop.errors import ExecutionError, bounded, error_info, info
from tightloop.handlers.latest import put_latest
from tightloop.handlers.manager import waiting
from tightloop.handlers.manager.turn import ManagerTurn
from tightloop.records.types import (
    EndedGroup,
    ErrorInfo,
    GroupLeg,
    Instruction,
    InstructionGroup,
    InstructionStatus,
    QueuedInstruction,
)

GROUP, LEG, ENDED = "group", "leg", "ended_group"
REMEMBERED = 256  # groups that are over, of a key; of more the oldest are forgotten, and a late leg waits in vain
WHY_CHARS = 1000


def find(turn: ManagerTurn, group_id: str) -> InstructionGroup | None:
    """One that waits or is under way."""
    return turn.context.get(_name(GROUP, group_id), InstructionGroup)


def put(turn: ManagerTurn, group: InstructionGroup) -> None:
    turn.context.put(_name(GROUP, group.group_id), replace(group, produced_at=turn.now))


def _name(kind: str, group_id: str) -> str:
    return f"{kind}|{group_id}"


def leg_name(group_id: str, index: int) -> str:
    return f"{LEG}|{group_id}|{index:02d}"


# --- a leg comes ------------------------------------------------------------------------------------------------------


def join(turn: ManagerTurn, queued: QueuedInstruction) -> str:
    """Keep a leg with those that are there, and queue the group when it was the last; returns the leg's place.

    Raises ExecutionError EIM-018 for a leg that does not go with the others, EIM-015 where too many groups wait.
    """
    instruction = queued.instruction
    group = _group_of(turn, queued)
    leg = _leg_of(instruction)
    taken = next((one.instruction_id for one in group.legs if one.index == leg.index), None)
    rules.check_fits(instruction, group.size, taken)
    legs = tuple(sorted((*group.legs, leg), key=lambda one: one.index))
    group = replace(group, legs=legs, expires_at=min(group.expires_at, queued.expires_at))
    first = turn.context.get(leg_name(group.group_id, 0), QueuedInstruction) if leg.index else queued
    if len(legs) == group.size and first is not None:
        rules.check_scaling(first.instruction, any(one.scales for one in legs))
        group = replace(group, queue_name=turn.enqueue(replace(first, expires_at=group.expires_at)))
    name = leg_name(group.group_id, leg.index)
    turn.context.put(name, queued)
    expiry = turn.head.next_expiry
    turn.update(
        legs=turn.head.legs + 1, next_expiry=group.expires_at if expiry is None else min(expiry, group.expires_at)
    )
    put(turn, group)
    return name


def _group_of(turn: ManagerTurn, queued: QueuedInstruction) -> InstructionGroup:
    instruction = queued.instruction
    group_id = instruction.group_id or ""
    ended = turn.context.get(_name(ENDED, group_id), EndedGroup)
    if ended is not None:
        raise rules.refused(group_id, f"it is over: {ended.why}")
    group = find(turn, group_id)
    if group is None:
        there = sum(1 for _ in turn.context.scan(GROUP, InstructionGroup))
        if there >= turn.settings.groups_limit:
            raise ExecutionError("EIM-015", f"{there} groups wait or are under way, which is the limit")
        return InstructionGroup(
            strategy_id=queued.strategy_id,
            group_id=group_id,
            size=instruction.group_size or 0,
            expires_at=queued.expires_at,
            produced_at=turn.now,
        )
    if group.started_at is not None:
        raise rules.refused(group_id, "it is under way with all its legs")
    return group


def _leg_of(instruction: Instruction) -> GroupLeg:
    index = instruction.group_index or 0
    return GroupLeg(
        index=index,
        instruction_id=instruction.instruction_id,
        venue=instruction.venue,
        what=rules.what_it_does(instruction)[:100],
        on_failure=instruction.on_failure,
        scales=bool(instruction.scale_to_filled),
        ordered=None if index else rules.ordered_by(instruction),
    )


def leg_refused(turn: ManagerTurn, instruction: Instruction, error: ErrorInfo) -> bool:
    """An instruction that names a group was refused: so is the whole group, unless it has started. False: none is."""
    group_id = instruction.group_id
    if group_id is None or not is_instruction_id(group_id):
        return False
    group = find(turn, group_id)
    if (group is not None and group.started_at is not None) or turn.context.get(_name(ENDED, group_id), EndedGroup):
        return False
    why = f"its leg {instruction.group_index} ({instruction.instruction_id}) was refused: {error.code} {error.message}"
    if group is None:
        remember(turn, group_id, why)
    else:
        end_waiting(turn, group, "refused", why)
    return True


# --- it ends without having started -----------------------------------------------------------------------------------


def end_waiting(
    turn: ManagerTurn, group: InstructionGroup, status: InstructionStatus, why: str, error: ErrorInfo | None = None
) -> None:
    """Every leg that is there ends with ``error``: by default EIM-018 with ``why``."""
    if error is None:
        error = error_info(rules.refused(group.group_id, why))
    if group.queue_name is not None:
        turn.unqueue(group.queue_name)
    end_legs(turn, group, status, error)
    over(turn, group, why)


def end_legs(
    turn: ManagerTurn, group: InstructionGroup, status: InstructionStatus, error: ErrorInfo | None
) -> tuple[GroupLeg, ...]:
    """The legs that have not started end without a loop. Returns them."""
    ended = []
    for leg, queued in list(waiting_legs(turn, group)):
        take(turn, group, leg.index)
        waiting.end_without_loop(turn, queued, status, error)
        ended.append(leg)
    return tuple(ended)


def waiting_legs(turn: ManagerTurn, group: InstructionGroup) -> Iterator[tuple[GroupLeg, QueuedInstruction]]:
    """The legs that have not started, by index."""
    for leg in group.legs:
        queued = turn.context.get(leg_name(group.group_id, leg.index), QueuedInstruction)
        if queued is not None:
            yield leg, queued


def take(turn: ManagerTurn, group: InstructionGroup, index: int) -> None:
    """The leg waits no more."""
    turn.context.delete(leg_name(group.group_id, index))
    turn.update(legs=turn.head.legs - 1)


def over(turn: ManagerTurn, group: InstructionGroup, why: str) -> None:
    """The group ends: only ``why`` is kept of it."""
    turn.context.delete(_name(GROUP, group.group_id))
    if turn.head.group_id == group.group_id:
        turn.update(group_id=None)
    remember(turn, group.group_id, why)


def remember(turn: ManagerTurn, group_id: str, why: str) -> None:
    """That the group is over, so that no leg of it waits for others that can't come."""
    ended = EndedGroup(
        strategy_id=turn.head.strategy_id,
        group_id=group_id,
        why=bounded(why, WHY_CHARS),
        ended_at=turn.now,
        produced_at=turn.now,
    )
    put_latest(turn.context, _name(ENDED, group_id), ended, REMEMBERED)


def expire(turn: ManagerTurn) -> None:
    """Groups that have not started by the earliest expiry of their legs, whether all of them are there or not."""
    if turn.head.next_expiry is None or turn.head.next_expiry > turn.now:
        return
    for _, group in list(turn.context.scan(GROUP, InstructionGroup)):
        if group.started_at is None and group.expires_at <= turn.now:
            expired(turn, group)


def expired(turn: ManagerTurn, group: InstructionGroup) -> None:
    """All its legs end ``expired``: EIM-018 where some never came, else EIM-010."""
    missing = rules.missing_of(group.size, (leg.index for leg in group.legs))
    if missing:
        why = f"it expired at {group.expires_at}, and {missing} never came, of {group.size} legs"
        end_waiting(turn, group, "expired", why)
    else:
        why = f"it expired at {group.expires_at}, the earliest of its legs, while queued"
        end_waiting(turn, group, "expired", why, info("EIM-010", f"group {group.group_id}: {why}"))


# --- which group ------------------------------------------------------------------------------------------------------


def named(
    turn: ManagerTurn, *, instruction_id: str | None = None, group_id: str | None = None
) -> InstructionGroup | None:
    """The group itself, or that of a leg which waits or is in flight."""
    if group_id is not None:
        return find(turn, group_id)
    if instruction_id is None:
        return None
    slot = turn.head.slot
    if slot is not None and slot.result is not None and slot.result.instruction_id == instruction_id:
        return find(turn, slot.result.group_id) if slot.result.group_id else None
    seen = turn.seen(instruction_id)
    if seen is None or seen.queue_name is None or not seen.queue_name.startswith(f"{LEG}|"):
        return None
    queued = turn.context.get(seen.queue_name, QueuedInstruction)
    return find(turn, queued.instruction.group_id or "") if queued else None
