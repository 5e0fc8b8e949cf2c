"""The only places where the simulated venues round, each by name and in a context of its own.

Everything else runs in the project's exact context, which traps inexactness.
"""

from __future__ import annotations

from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from functools import cache

_TRAPS = [InvalidOperation, DivisionByZero, Overflow]
DOWN = Context(prec=100, rounding=ROUND_DOWN, traps=_TRAPS)
UP = Context(prec=100, rounding=ROUND_UP, traps=_TRAPS)
HIGHER = Context(prec=100, rounding=ROUND_CEILING, traps=_TRAPS)
NEAREST = Context(prec=100, rounding=ROUND_HALF_EVEN, traps=_TRAPS)
PENNY = Decimal("1e-8")  # what exchanges book in
RAY = Decimal("1e-27")  # what lending indices and shares are kept in


@cache
def unit(decimals: int) -> Decimal:
    """The smallest amount of a token with so many decimals."""
    return Decimal(1).scaleb(-decimals)


def multiple_down(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` not above ``value`` (both positive), written with the step's places."""
    return DOWN.multiply(DOWN.divide_int(value, step), step)


def multiple_up(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of ``step`` not below ``value`` (both positive)."""
    below = multiple_down(value, step)
    return below if below == value else DOWN.add(below, step)
