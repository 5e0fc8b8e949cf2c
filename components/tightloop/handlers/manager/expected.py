"""What a strategy said would happen, against what did (EIM-003). Pure.

Compared position by position, the sums of both sides, within the bound: of the instruction where it has one, else the
manager's. A list that is given is complete: what else changed is a surprise, too. Beside it stand

- a charge (fee, gas), where the list names none for its position: it may be in the expectation or not. Where it does, a
  charge may be smaller than was said, and not larger by more than the bound;
- what accrued (funding, interest, rewards), which the instruction did not cause;
- the margin wallet of a derivative that the list does not name: what a trade realises there is known afterwards;
- what still travels to where a transfer goes: it counts as arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal

from msgspec import Struct
from msgspec.structs import replace

from tightloop.domain import money
from tightloop.domain.deltas import CHARGES, by_position
from tightloop.domain.directory import Directory
from tightloop.domain.positions import TRANSIT, parse_key
from tightloop.errors import ExecutionError
from tightloop.records.types import Delta, Instruction, Slot

_ACCRUED = frozenset({"funding", "interest", "reward"})
_MARGIN = "MarginBalance"
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
    """Which position changed by more, or by less, than was expected within the bound, for a person; ``None``: none."""
    carried_out = [one for one in directory.plain_deltas(tuple(happened), strategy_id) if one.source not in _ACCRUED]
    bps = default_bps if slot.slippage_bps is None else slot.slippage_bps
    with money.exact():
        told = _sides(
            [
                replace(one, position_key=_plain(one.position_key, strategy_id, directory))
                for one in slot.expected_deltas
            ]
        )
        found = _sides([one for one in carried_out if not one.position_key.startswith(f"{TRANSIT}:")])
        travelling = _sides([one for one in carried_out if one.position_key.startswith(f"{TRANSIT}:")])
        for key, expected in told.items():
            side = _with_travelling(key, expected, found.get(key, _Side()), travelling)
            low, high = _band(expected, side, bps)
            if not low <= side.total <= high:
                wanted = f"expected {money.text(expected.total)} within {bps} bps"
                return f"{key}: {wanted}, and {money.text(side.total)} happened"
        for key, side in found.items():
            if key not in told and side.moved and parse_key(key).kind != _MARGIN:
                return f"{key}: nothing was expected, and {money.text(side.total)} happened"
    return None


class _Side(Struct, frozen=True):
    """Of one position: what was moved, what was charged (below zero) or given back, and by how much the list named."""

    moved: Decimal = money.ZERO
    charged: Decimal = money.ZERO
    size: Decimal = money.ZERO  # of all of it, without signs
    charges: bool = False

    @property
    def total(self) -> Decimal:
        return self.moved + self.charged


def _sides(deltas: Sequence[Delta]) -> dict[str, _Side]:
    moved = by_position(one for one in deltas if one.source not in CHARGES)
    charged = by_position(one for one in deltas if one.source in CHARGES)
    sizes = money.sums((one.position_key, one.amount.copy_abs()) for one in deltas)
    zero = money.ZERO
    return {
        key: _Side(moved.get(key, zero), charged.get(key, zero), size, key in charged) for key, size in sizes.items()
    }


def _band(expected: _Side, side: _Side, bps: Decimal) -> tuple[Decimal, Decimal]:
    allowed = _DERIVED.multiply(_DERIVED.multiply(expected.size, bps), _PER_BPS)
    low, high = expected.total - allowed, expected.total + allowed
    if expected.charges:
        return low, high + max(-expected.charged, money.ZERO)
    return low + min(side.charged, money.ZERO), high + max(side.charged, money.ZERO)


def _with_travelling(key: str, expected: _Side, side: _Side, travelling: dict[str, _Side]) -> _Side:
    """Where something is to arrive: with what is under way of its asset, and what was taken from that."""
    if expected.moved <= 0 or not travelling:
        return side
    asset = _asset(key)
    for place, way in travelling.items():
        if _asset(place) == asset:
            side = replace(side, moved=side.moved + way.moved, charged=side.charged + way.charged)
    return side


def _asset(key: str) -> str:
    try:
        return parse_key(key).asset
    except ExecutionError:
        return ""


def _plain(key: str, strategy_id: str, directory: Directory) -> str:
    try:
        return directory.place_of(key, strategy_id).key
    except ExecutionError:  # a venue that is not known: nothing can have happened there
        return key
