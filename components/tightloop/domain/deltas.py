"""What several deltas come to, exactly."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from tightloop.domain import money
from tightloop.records.types import Delta

SOURCES = frozenset(
    {"trade", "transfer", "funding", "interest", "reward", "fee", "gas", "adjustment", "initial", "correction"}
)
"""Why a position may have changed."""
CHARGES = frozenset({"fee", "gas"})
"""Of these what the venue or the chain charged."""


def by_position(deltas: Iterable[Delta]) -> dict[str, Decimal]:
    """The sum for each position key, in the order in which they first appear."""
    return money.sums([(delta.position_key, delta.amount) for delta in deltas])


def added_up(deltas: Iterable[Delta]) -> tuple[Delta, ...]:
    """Those of one position and source in one, in the order in which they first appear."""
    sums = money.sums([((delta.position_key, delta.source), delta.amount) for delta in deltas])
    return tuple([Delta(position_key=key, amount=amount, source=source) for (key, source), amount in sums.items()])
