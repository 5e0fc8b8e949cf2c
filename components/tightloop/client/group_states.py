"""Where a group stands, in words and as data: for `status` and `show`."""

from __future__ import annotations

from typing import Any

from tightloop.domain.groups import leg_in_flight, missing_indices, missing_of
from tightloop.records.types import InstructionGroup, LoopHead


def phase_of(group: InstructionGroup, head: LoopHead) -> str:
    """``waiting`` for a leg, ``queued`` with all of them, ``running``, or ``stopped`` by a halt between two legs."""
    if group.started_at is None:
        return "waiting" if group.queue_name is None else "queued"
    return "stopped" if leg_in_flight(group, head.slot) is None else "running"


def words(group: InstructionGroup, head: LoopHead) -> str:
    """What it waits for, or which leg is on."""
    match phase_of(group, head):
        case "waiting":
            absent = missing_of(group.size, (leg.index for leg in group.legs))
            return f"waits for {absent}, of {group.size} legs"
        case "queued":
            return f"is queued with all its {group.size} legs"
        case "running":
            leg = next(one for one in group.legs if one.instruction_id == leg_in_flight(group, head.slot))
            return f"leg {leg.index + 1} of {group.size} is in flight ({leg.instruction_id}, {leg.what} at {leg.venue})"
        case _:
            leg = next(one for one in group.legs if one.status is None)
            what = f"{leg.instruction_id}, {leg.what} at {leg.venue}"
            return f"leg {leg.index + 1} of {group.size} is next ({what}), after the halt"


def as_document(group: InstructionGroup, head: LoopHead) -> dict[str, Any]:
    """For ``--json``."""
    return {
        "group_id": group.group_id,
        "phase": phase_of(group, head),
        "size": group.size,
        "missing": missing_indices(group.size, (leg.index for leg in group.legs)),
        "expires_at": group.expires_at if group.started_at is None else None,
        "started_at": group.started_at,
        "in_flight": leg_in_flight(group, head.slot),
        "legs": group.legs,
    }
