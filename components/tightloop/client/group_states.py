"""Where a group stands, in words and as data: for `status` and `show`."""

from __future__ import annotations

from typing import Any

from tightloop.domain.groups import missing_of
from tightloop.records.types import InstructionGroup, LoopHead


def phase_of(group: InstructionGroup, head: LoopHead) -> str:
    """``waiting`` for a leg, ``queued`` with all of them, ``running``, or ``stopped`` by a halt between two legs."""
    if group.started_at is None:
        return "waiting" if group.queue_name is None else "queued"
    return "stopped" if in_flight(group, head) is None else "running"


def in_flight(group: InstructionGroup, head: LoopHead) -> str | None:
    """The instruction of the leg that holds the slot."""
    slot = head.slot
    if slot is None or slot.result is None or slot.result.group_id != group.group_id:
        return None
    return slot.result.instruction_id


def missing(group: InstructionGroup) -> list[int]:
    there = {leg.index for leg in group.legs}
    return [index for index in range(group.size) if index not in there]


def words(group: InstructionGroup, head: LoopHead) -> str:
    """What it waits for, or which leg is on."""
    match phase_of(group, head):
        case "waiting":
            absent = missing_of(group.size, (leg.index for leg in group.legs))
            return f"waits for {absent}, of {group.size} legs"
        case "queued":
            return f"is queued with all its {group.size} legs"
        case "running":
            leg = next(one for one in group.legs if one.instruction_id == in_flight(group, head))
            return f"leg {leg.index + 1} of {group.size} is in flight ({leg.instruction_id}, {leg.what} at {leg.venue})"
        case _:
            leg = next(one for one in group.legs if one.status is None)
            what = f"{leg.instruction_id}, {leg.what} at {leg.venue}"
            return f"leg {leg.index + 1} of {group.size} is next ({what}), after the halt"


def as_document(group: InstructionGroup, head: LoopHead) -> dict[str, Any]:
    return {
        "group_id": group.group_id,
        "phase": phase_of(group, head),
        "size": group.size,
        "missing": missing(group),
        "expires_at": group.expires_at if group.started_at is None else None,
        "started_at": group.started_at,
        "in_flight": in_flight(group, head),
        "legs": group.legs,
    }
