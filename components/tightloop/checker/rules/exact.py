"""Sums that round nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal, localcontext
from typing import TypeVar

K = TypeVar("K")

EXACT = Context(prec=100)


def add(sums: dict[K, Decimal], key: K, amount: Decimal | str) -> None:
    """To the sum of ``key``, which begins with nothing."""
    sums[key] = EXACT.add(sums.get(key, Decimal(0)), Decimal(amount))


def total(amounts: Iterable[Decimal]) -> Decimal:
    with localcontext(EXACT):
        return sum(amounts, Decimal(0))
