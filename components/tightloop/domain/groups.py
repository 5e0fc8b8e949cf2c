"""What makes instructions a group: its legs' fields, and what only all of them together can say. Pure.

A leg is an instruction with ``group_id``, ``group_index`` (from 0) and ``group_size``. ``check_leg`` judges one alone,
``check_whole`` all of a group; publishers and the interface manager use the same two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from tightloop.domain import money
from tightloop.domain.ids import is_instruction_id
from tightloop.errors import ExecutionError
from tightloop.records.types import Action, Instruction, InstructionGroup, Slot

SMALLEST, LARGEST = 2, 16  # legs of a group
_TOGETHER = ("group_id", "group_index", "group_size")
_OF_LEGS = ("on_failure", "scale_to_filled")


def check_leg(instruction: Instruction) -> None:
    """The group fields of one instruction. Raises ExecutionError EIM-007."""
    given = [name for name in _TOGETHER if getattr(instruction, name) is not None]
    if not given:
        beside = [name for name in _OF_LEGS if getattr(instruction, name) is not None]
        if beside:
            raise ExecutionError("EIM-007", f"{beside[0]}: is for legs of a group, and there is no group_id")
        return
    _require(
        len(given) == len(_TOGETHER), f"{', '.join(_TOGETHER)}: all three must be given, not {' and '.join(given)}"
    )
    group_id, index, size = instruction.group_id or "", instruction.group_index or 0, instruction.group_size or 0
    _require(is_instruction_id(group_id), "group_id: 1 to 200 of letters, digits, '.', '_', '-', ':'")
    _require(SMALLEST <= size <= LARGEST, f"group_size: {size} is not from {SMALLEST} to {LARGEST}")
    _require(0 <= index < size, f"group_index: {index} is not from 0 to {size - 1}")
    _require(instruction.type != "cancel", "group_id: a cancel is no leg; cancel.group_id names the group to cancel")
    if instruction.scale_to_filled:
        _require(index > 0, "scale_to_filled: the first leg has none before it whose fill it could take")
        _require(_can_scale(instruction), "scale_to_filled: needs an amount given as a number, not as amount_text")


def check_whole(legs: Sequence[Instruction]) -> None:
    """All that is there of one group: each index once, one size, and a first leg that others can scale to.

    Raises ExecutionError EIM-018, which names the index that is missing or there twice, or the legs that differ.
    """
    first = legs[0]
    by_index: dict[int, Instruction] = {}
    for leg in legs:
        index = leg.group_index or 0
        check_fits(leg, first.group_size, by_index[index].instruction_id if index in by_index else None)
        by_index[index] = leg
    missing = missing_of(first.group_size or 0, by_index)
    if missing:
        raise refused(first.group_id, f"{missing} is missing, of {first.group_size} legs")
    check_scaling(by_index[0], any(leg.scale_to_filled for leg in legs))


def check_fits(leg: Instruction, size: int | None, same_index: str | None) -> None:
    """Does the leg go with those that are there? ``same_index``: the one that has its index already.

    Raises ExecutionError EIM-018.
    """
    if leg.group_size != size:
        what = f"{leg.instruction_id} says group_size {leg.group_size}, and the legs before it say {size}"
        raise refused(leg.group_id, what)
    if same_index is not None:
        what = f"group_index {leg.group_index} is there twice: {same_index} and {leg.instruction_id}"
        raise refused(leg.group_id, what)


def check_scaling(first: Instruction, scales: bool) -> None:
    """Where a leg scales to the first, its fill must be a fraction of something. Raises ExecutionError EIM-018."""
    if scales and ordered_by(first) is None:
        what = (
            f"scale_to_filled needs a first leg that is a cex_trade with an amount, and {first.instruction_id} is not"
        )
        raise refused(first.group_id, what)


def refused(group_id: str | None, why: str) -> ExecutionError:
    return ExecutionError("EIM-018", f"group {group_id}: {why}")


def leg_in_flight(group: InstructionGroup, slot: Slot | None) -> str | None:
    """The instruction of the group that holds its key's slot."""
    if slot is None or slot.result is None or slot.result.group_id != group.group_id:
        return None
    return slot.result.instruction_id


def missing_indices(size: int, indices: Iterable[int]) -> list[int]:
    """The places of the legs that are not there."""
    return sorted(set(range(size)) - set(indices))


def missing_of(size: int, indices: Iterable[int]) -> str:
    """``group_index 1`` or ``group_index 1, 2``; empty where none is missing."""
    absent = missing_indices(size, indices)
    return f"group_index {', '.join(map(str, absent))}" if absent else ""


def ordered_by(instruction: Instruction) -> Decimal | None:
    """What a first leg orders, in base units; None where its fill is no fraction of an amount."""
    return instruction.cex_trade.amount if instruction.cex_trade else None


def what_it_does(instruction: Instruction) -> str:
    """For a person, in a few words."""
    if instruction.cex_trade is not None:
        return f"{instruction.cex_trade.side} {instruction.cex_trade.symbol}"
    if instruction.wallet_transfer is not None:
        return f"transfer of {instruction.wallet_transfer.asset}"
    actions = instruction.smart_contract_action.actions if instruction.smart_contract_action else ()
    return ", ".join(dict.fromkeys(action.operation for action in actions))


# --- scale_to_filled --------------------------------------------------------------------------------------------------


def scaled(instruction: Instruction, filled: Decimal, ordered: Decimal) -> Instruction:
    """The leg at the fraction ``filled / ordered`` of the first, at most the whole of it.

    Amounts are ``amount * filled / ordered``, cut (never rounded up) at the 18 places that records have; the venue's
    steps are applied to that as to any order's amount. ``min_amount_out`` shrinks with it, and is rounded up.
    """
    if filled >= ordered:
        return instruction

    def down(amount: Decimal) -> Decimal:
        return money.share(amount, filled, ordered)

    changes: dict[str, object] = {
        "expected_deltas": tuple(replace(one, amount=down(one.amount)) for one in instruction.expected_deltas)
    }
    trade, transfer, batch = instruction.cex_trade, instruction.wallet_transfer, instruction.smart_contract_action
    if trade is not None:
        name = "amount" if trade.amount is not None else "quote_amount"
        changes["cex_trade"] = replace(trade, **{name: down(getattr(trade, name))})
    if transfer is not None:
        changes["wallet_transfer"] = replace(transfer, amount=down(transfer.amount))
    if batch is not None:
        actions = tuple(_scaled_action(one, filled, ordered) for one in batch.actions)
        changes["smart_contract_action"] = replace(batch, actions=actions)
    return replace(instruction, **changes)


def _scaled_action(action: Action, filled: Decimal, ordered: Decimal) -> Action:
    least = action.min_amount_out
    return replace(
        action,
        amount=None if action.amount is None else money.share(action.amount, filled, ordered),
        min_amount_out=None if least is None else money.share(least, filled, ordered, up=True),
    )


def _can_scale(instruction: Instruction) -> bool:
    batch = instruction.smart_contract_action
    if batch is None:
        return True
    return any(one.amount is not None for one in batch.actions) and all(
        one.amount_text is None for one in batch.actions
    )


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ExecutionError("EIM-007", problem)
