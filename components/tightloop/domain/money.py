"""Money is exact: one arithmetic context that traps inexactness, and the few places where a figure may be rounded.

``CONTEXT`` has 100 digits and traps Inexact, Rounded, InvalidOperation, DivisionByZero and Overflow. Contexts are per
thread and per asyncio task: each thread calls ``install`` at its start, or works within ``exact``. Only reports divide,
and only by ``price`` and ``ratio``.
"""

from __future__ import annotations

import decimal
from collections.abc import Iterable
from contextlib import AbstractContextManager
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Rounded,
)
from typing import TypeVar

from tightloop.errors import ExecutionError
from tightloop.wire.avro import DIGITS
from tightloop.wire.avro import PLACES as PLACES

K = TypeVar("K")

PRECISION = 100
ZERO = Decimal(0)
UNIT = Decimal(1).scaleb(-PLACES)
BOUND = Decimal(10) ** (DIGITS - PLACES)  # what a record can carry is below it

CONTEXT = Context(
    prec=PRECISION,
    rounding=ROUND_HALF_EVEN,
    traps=[Inexact, Rounded, InvalidOperation, DivisionByZero, Overflow],
)
# for figures derived from exact ones, in reports; its own, so that nothing else becomes inexact
_DERIVED = Context(prec=PRECISION, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])


def install() -> None:
    """Sets the exact context for the current thread, and for tasks that are created in it from now on."""
    decimal.setcontext(CONTEXT.copy())


def exact() -> AbstractContextManager[Context]:
    """The exact context for a ``with`` block."""
    return decimal.localcontext(CONTEXT)


def price(cost: Decimal, amount: Decimal) -> Decimal:
    """Quote per base, derived from exact figures: half-even at 18 places. Raises DivisionByZero for no amount."""
    return ratio(cost, amount)


def ratio(part: Decimal, whole: Decimal) -> Decimal:
    """A share, derived: half-even at 18 places. Raises DivisionByZero when there is no whole."""
    return tidy(_DERIVED.quantize(_DERIVED.divide(part, whole), UNIT))


def share(amount: Decimal, part: Decimal, whole: Decimal, *, up: bool = False) -> Decimal:
    """``amount * part / whole`` at 18 places, towards zero, or away from it (``up``). All three are below 10^20.

    The product is exact, and the quotient is found in units of the 18th place: it is rounded once. Raises
    DivisionByZero when there is no whole.
    """
    units, rest = _DERIVED.divmod(_DERIVED.scaleb(CONTEXT.multiply(amount, part), PLACES), whole)
    if rest and up:
        units += 1 if amount > 0 else -1
    return tidy(_DERIVED.scaleb(units, -PLACES))


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum, whatever the thread's context."""
    result = ZERO
    for amount in amounts:
        result = CONTEXT.add(result, amount)
    return result


def sums(amounts: Iterable[tuple[K, Decimal]]) -> dict[K, Decimal]:
    """The exact sum for each key, whatever the thread's context."""
    result: dict[K, Decimal] = {}
    for key, amount in amounts:
        known = result.get(key)
        result[key] = amount if known is None else CONTEXT.add(known, amount)
    return result


def parse(value: Decimal | int | str | float) -> Decimal:
    """An amount from outside. A float is taken as its shortest decimal text (0.1 is 0.1).

    Raises ExecutionError TLC-009 for what is no number, not finite, has more than 18 places, or is 10^58 or more.
    """
    try:
        amount = Decimal(repr(value)) if isinstance(value, float) else CONTEXT.create_decimal(value)
    except (decimal.DecimalException, ValueError, TypeError):
        raise ExecutionError("TLC-009", f"{value!r} is not a number") from None
    return check(amount)


def check(amount: Decimal) -> Decimal:
    """The amount, when records can carry it. Raises ExecutionError TLC-009."""
    if not amount.is_finite():
        raise ExecutionError("TLC-009", f"{amount} is not an amount")
    if not -BOUND < amount < BOUND:
        raise ExecutionError("TLC-009", f"{amount} is 10^58 or more")
    if not fits(amount):
        raise ExecutionError("TLC-009", f"{amount} has more than {PLACES} places")
    return amount


def fits(amount: Decimal) -> bool:
    """Has a finite amount below 10^58 no more places than records have?"""
    return amount == _DERIVED.quantize(amount, UNIT)


def text(amount: Decimal) -> str:
    """An amount as people write it: no exponent, no trailing zeros. Equal amounts have equal texts."""
    return f"{tidy(amount):f}"


def tidy(value: Decimal) -> Decimal:
    """Without trailing zeros after the point; whole numbers without an exponent; no negative zero."""
    if not value:
        return ZERO
    tidy = value.normalize(_DERIVED)
    exponent = tidy.as_tuple().exponent
    return tidy.quantize(Decimal(1), None, _DERIVED) if isinstance(exponent, int) and exponent > 0 else tidy
