"""Is what is held what was expected? Pure: amounts in, one check a position out.

Entry points: :func:`compare`, with :func:`tolerance_by` or :func:`flat` for what is tolerated. What holds:

1. Every position of either side gets a check, sorted by key: nothing that is held goes unseen because nobody expected
   it, and nothing expected because nobody holds it.
2. A check passes when ``|actual - expected| <= tolerance``. What is not expected at all has a tolerance of dust alone,
   as the relative part is a share of what is expected.
3. NaN and infinities are errors, never equal to anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import ROUND_DOWN, Context, Decimal

from tightloop.domain import money
from tightloop.domain.positions import parse_key
from tightloop.errors import ExecutionError
from tightloop.handlers.reconciliation.settings import Tolerances, checked_tolerance
from tightloop.records.types import Check

Amounts = Mapping[str, Decimal]
Tolerance = Callable[[str, Decimal], Decimal]
"""Of a position key and the amount expected: the largest difference that passes, at most 18 places."""

_DERIVED = Context(prec=money.PRECISION, rounding=ROUND_DOWN, traps=[])


def compare(
    expected: Amounts, actual: Amounts, tolerance: Tolerance, unknown: Collection[str] = frozenset()
) -> tuple[Check, ...]:
    """One check for every key of either side; a missing amount is zero.

    ``unknown``: keys that are held but can't belong there; they never pass (REC-004). Raises ExecutionError REC-001
    for an amount that is not finite.
    """
    checks = []
    for key in sorted(expected.keys() | actual.keys()):
        wanted, held = expected.get(key, money.ZERO), actual.get(key, money.ZERO)
        if not (wanted.is_finite() and held.is_finite()):
            amount = held if wanted.is_finite() else wanted
            raise ExecutionError("REC-001", f"{key}: {amount} is no amount, and equal to nothing")
        difference = money.CONTEXT.subtract(held, wanted)
        allowed = money.ZERO if key in unknown else tolerance(key, wanted)
        passed = difference.copy_abs() <= allowed and key not in unknown
        checks.append(
            Check(
                position_key=key,
                expected=wanted,
                actual=held,
                difference=difference,
                tolerance=allowed,
                passed=passed,
                code=None if passed else _code(key, wanted, unknown),
            )
        )
    return tuple(checks)


def tolerance_by(tolerances: Tolerances) -> Tolerance:
    """Dust of the position's asset plus the share of its type, rounded down to 18 places."""

    def tolerance(key: str, expected: Decimal) -> Decimal:
        place = parse_key(key)
        dust = tolerances.dust.get(place.asset, tolerances.default_dust)
        share = tolerances.relative.get(place.kind)
        if not share or not expected:
            return dust
        part = _DERIVED.quantize(_DERIVED.multiply(expected.copy_abs(), share), money.UNIT)
        return money.CONTEXT.add(dust, part)

    return tolerance


def flat(tolerance: Decimal) -> Tolerance:
    """The same absolute tolerance for every position. Raises ExecutionError REC-011 for one that can't be."""
    checked_tolerance("tolerance", tolerance)
    return lambda key, expected: tolerance


def _code(key: str, expected: Decimal, unknown: Collection[str]) -> str:
    if key in unknown:
        return "REC-004"
    return "REC-002" if expected else "REC-008"


def failures(checks: Collection[Check], shown: int = 5) -> str:
    """The checks that failed, for a person."""
    failed = [check for check in checks if not check.passed]
    parts = [
        f"{check.code} {check.position_key}: expected {money.text(check.expected)}, actual {money.text(check.actual)}"
        for check in failed[:shown]
    ]
    return "; ".join(parts) + (f"; and {len(failed) - shown} more" if len(failed) > shown else "")
