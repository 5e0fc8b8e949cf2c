"""Groups in process: blocks become legs, and their results one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tightloop.client.blocks import instruction_from
from tightloop.client.groups import check_groups
from tightloop.domain import money
from tightloop.domain.groups import LARGEST, SMALLEST, check_leg, refused
from tightloop.errors import ExecutionError
from tightloop.records.types import Halt, Instruction

_STOPPED = "EIM-019"


def legs_of(blocks: Sequence[Mapping[str, Any]], names: Sequence[Mapping[str, Any]], at: datetime) -> list[Instruction]:
    """The blocks as the legs of one group, in their order. ``names``: what stands in for a block's own names.

    Raises ExecutionError EIM-005, EIM-007 for a block that is no instruction, EIM-018 for blocks that are no group.
    """
    size = len(blocks)
    if not size:
        raise ExecutionError("EIM-018", f"a group has {SMALLEST} to {LARGEST} legs, and this one has no legs")
    legs = []
    for index, (block, own) in enumerate(zip(blocks, names, strict=True)):
        place = {"group_index": index, "group_size": size}
        legs.append(instruction_from({**own, **place, **block}, now=at))
    for leg in legs:
        check_leg(leg)
    if len({(leg.strategy_id, leg.group_id) for leg in legs}) != 1:
        told = ", ".join(f"{leg.group_id} of {leg.strategy_id}" for leg in legs)
        raise refused(legs[0].group_id, f"the legs are of one strategy and one group, and not of {told}")
    check_groups(legs)
    return legs


def check_alone(instruction: Instruction) -> None:
    """Raises ExecutionError EIM-018 for a leg: alone it would wait for the others until it expires."""
    if instruction.group_id is not None:
        raise ExecutionError(
            "EIM-018",
            f"group {instruction.group_id}: {instruction.instruction_id} is a leg of it, and was given alone",
            remedy="Give all legs of the group together: manager.route_group(timestamp, [first, second, ...]).",
        )


def as_one(group_id: str, legs: list[dict[str, Any]], halts: Sequence[Halt]) -> dict[str, Any]:
    """The answer for a group from those for its legs. ``halts``: those of the strategy, after it."""
    return {
        "success": all(
            leg["success"] and (leg["outcome"] == "filled" or not number) for number, leg in enumerate(legs)
        ),
        "group_id": group_id,
        "strategy_id": legs[0]["strategy_id"],
        "legs": legs,
        "execution_deltas": _added_up(legs, "execution_deltas"),
        "fees": _added_up(legs, "fees"),
        "error": _error(legs, halts),
    }


def _added_up(legs: list[dict[str, Any]], name: str) -> dict[str, Any]:
    sums = money.sums(one for leg in legs for one in leg[name].items())
    return {key: money.tidy(amount) for key, amount in sums.items() if amount}


def _error(legs: list[dict[str, Any]], halts: Sequence[Halt]) -> dict[str, Any] | None:
    """Why the group stopped, rather than what was wrong with one leg."""
    names = {leg["instruction_id"] for leg in legs}
    told = [leg["error"] for leg in legs if leg["error"] is not None]
    stopped = [one for one in told if one["code"] == _STOPPED]
    stopped += [
        {"code": one.code, "message": one.message}
        for one in halts
        if one.code == _STOPPED and any(f"({name}, " in one.message for name in names)
    ]
    return next(iter([*stopped, *told]), None)
