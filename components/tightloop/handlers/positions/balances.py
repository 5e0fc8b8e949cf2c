"""Deltas onto the expected positions, exactly. A position that comes to zero is no longer kept."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from tightloop.domain import money
from tightloop.domain.deltas import by_position
from tightloop.domain.positions import parse_key
from tightloop.errors import ExecutionError
from tightloop.handlers.api import Context
from tightloop.records.types import Delta, ExpectedPosition, Position

SIGNED = frozenset({"Perp", "MarginBalance"})
"""Position types that may be below zero."""


def apply(context: Context, deltas: Iterable[Delta], version: int) -> tuple[Position, ...]:
    """Add the deltas up and write the positions they touch; returns those, as expected afterwards, by key.

    Raises ExecutionError PUH-007 when an amount outgrows what a record can hold (10^58).
    """
    touched = expected_after(context, deltas)
    for position in touched:
        if position.amount:
            context.put(
                _name(position.position_key),
                ExpectedPosition(
                    strategy_id=context.key,
                    position_key=position.position_key,
                    amount=position.amount,
                    position_version=version,
                    produced_at=context.now,
                ),
            )
        else:
            context.delete(_name(position.position_key))
    return touched


def expected_after(context: Context, deltas: Iterable[Delta]) -> tuple[Position, ...]:
    """What the positions touched would come to; nothing is written."""
    touched = []
    for key, change in sorted(by_position(deltas).items()):
        amount = _held(context, key) + change
        if abs(amount) >= money.BOUND:
            raise ExecutionError("PUH-007", f"{key} would come to {amount}: amounts stay below 10^58")
        touched.append(Position(position_key=key, amount=amount))
    return tuple(touched)


def below_zero(positions: Iterable[Position]) -> tuple[Position, ...]:
    """Those that are below zero and must not be: everything but perpetuals and margin balances."""
    return tuple(
        position
        for position in positions
        if position.amount < money.ZERO and parse_key(position.position_key).kind not in SIGNED
    )


def _held(context: Context, key: str) -> Decimal:
    position = context.get(_name(key), ExpectedPosition)
    return position.amount if position else money.ZERO


def _name(key: str) -> str:
    return f"position|{key}"
