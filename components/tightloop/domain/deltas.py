"""What several deltas come to, exactly."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from tightloop.domain import money
from tightloop.records.types import Delta


def by_position(deltas: Iterable[Delta]) -> dict[str, Decimal]:
    """The sum for each position key, in the order in which they first appear."""
    return money.sums((delta.position_key, delta.amount) for delta in deltas)


def added_up(deltas: Iterable[Delta]) -> tuple[Delta, ...]:
    """Those of one position and source in one, in the order in which they first appear."""
    sums = money.sums(((delta.position_key, delta.source), delta.amount) for delta in deltas)
    return tuple(Delta(position_key=key, amount=amount, source=source) for (key, source), amount in sums.items())
