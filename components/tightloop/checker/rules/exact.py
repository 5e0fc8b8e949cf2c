"""Sums that round nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal, localcontext

EXACT = Context(prec=100)


def total(amounts: Iterable[Decimal]) -> Decimal:
    with localcontext(EXACT):
        return sum(amounts, Decimal(0))
