"""Positions and deltas as people give them: a mapping of name to amount, exact and finite."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tightloop.domain import money
from tightloop.errors import ExecutionError

Amounts = Mapping[str, Any]


def amount_of(name: str, value: Any, code: str) -> Decimal:
    """Raises ExecutionError ``code`` for what is no amount (NaN, infinity, a word)."""
    try:
        return money.parse(value)
    except ExecutionError as error:
        raise ExecutionError(code, f"{name}: {error.message}") from error


def amounts_of(given: Amounts, code: str) -> dict[str, Decimal]:
    """Raises ExecutionError ``code`` for what is no mapping, or holds what is no amount."""
    if not isinstance(given, Mapping):
        raise ExecutionError(code, f"a mapping of name to amount is needed, not a {type(given).__name__}")
    return {str(name): amount_of(str(name), value, code) for name, value in given.items()}


def added(held: Mapping[str, Decimal], deltas: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What is held after the deltas; what is zero is left out."""
    sums = money.sums((*held.items(), *deltas.items()))
    return {name: amount for name, amount in sums.items() if amount}
