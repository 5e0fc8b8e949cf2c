"""Groups among instructions that are published together: whole, or none of their legs is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tightloop.domain.groups import check_whole
from tightloop.errors import ExecutionError
from tightloop.records.types import Instruction


def broken_groups(instructions: Sequence[Instruction]) -> list[tuple[list[int], ExecutionError]]:
    """Of each group that is not whole: where its legs stand in ``instructions``, and what is wrong (EIM-018).

    The same instruction twice counts once, as it does for the interface manager.
    """
    places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, one in enumerate(instructions):
        if one.group_id is not None:
            places[one.strategy_id, one.group_id].append(place)
    found = []
    for legs in places.values():
        by_id = {instructions[place].instruction_id: instructions[place] for place in legs}
        try:
            check_whole(list(by_id.values()))
        except ExecutionError as error:
            found.append((legs, error))
    return found


def check_groups(instructions: Sequence[Instruction]) -> None:
    """Raises ExecutionError EIM-018 for the first group that is not whole."""
    for _, error in broken_groups(instructions):
        raise ExecutionError(
            error.code,
            error.message,
            remedy="Publish all legs of the group together (publish_all). With partial_groups=True the others may come "
            "from elsewhere.",
        )
