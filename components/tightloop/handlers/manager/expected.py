"""What a strategy said would happen, against what did (EIM-003). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal

from tightloop.domain import money
from tightloop.domain.deltas import CHARGES, by_position
from tightloop.domain.directory import Directory
from tightloop.errors import ExecutionError
from tightloop.records.types import Delta, Instruction, Slot

_ACCRUED = frozenset({"funding", "interest", "reward"})
_PER_BPS = Decimal("0.0001")
_DERIVED = Context(prec=money.PRECISION, traps=[])


def bound_of(instruction: Instruction) -> Decimal | None:
    """The instruction's own slippage bound in basis points: of several actions the widest."""
    if instruction.cex_trade is not None:
        return instruction.cex_trade.max_slippage_bps
    actions = instruction.smart_contract_action.actions if instruction.smart_contract_action else ()
    return max((action.max_slippage_bps for action in actions if action.max_slippage_bps is not None), default=None)


def missed(
    slot: Slot, happened: Iterable[Delta], strategy_id: str, default_bps: Decimal, directory: Directory
) -> str | None:
    """Which expected delta was missed by more than the bound, for a person; ``None``: none of them.

    A charge (fee, gas) widens the bound of its own position, as it may be in the expectation or not; what accrued
    beside the instruction does not count.
    """
    carried_out = [one for one in directory.plain_deltas(tuple(happened), strategy_id) if one.source not in _ACCRUED]
    sums = by_position(carried_out)
    charges = money.sums((one.position_key, one.amount.copy_abs()) for one in carried_out if one.source in CHARGES)
    with money.exact():
        bps = default_bps if slot.slippage_bps is None else slot.slippage_bps
        for told in slot.expected_deltas:
            key = _plain(told.position_key, strategy_id, directory)
            found = sums.get(key, money.ZERO)
            allowed = _DERIVED.multiply(_DERIVED.multiply(abs(told.amount), bps), _PER_BPS)
            if abs(found - told.amount) > allowed + charges.get(key, money.ZERO):
                return f"{key}: expected {money.text(told.amount)} within {bps} bps, and {money.text(found)} happened"
    return None


def _plain(key: str, strategy_id: str, directory: Directory) -> str:
    try:
        return directory.place_of(key, strategy_id).key
    except ExecutionError:  # a venue that is not known: nothing can have happened there
        return key
