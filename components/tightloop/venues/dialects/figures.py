"""Amounts and names as exchanges write them."""

from __future__ import annotations

from decimal import Decimal

PLACES = 8  # of an asset's amounts


def fixed(amount: Decimal, places: int = PLACES) -> str:
    return f"{amount:.{places}f}"


def plain(amount: Decimal) -> str:
    """Without zeros at its end."""
    return f"{amount.normalize() if amount else Decimal(0):f}"


def places(step: Decimal) -> int:
    """Decimal places of the multiples of ``step``."""
    return max(0, -int(step.normalize().as_tuple().exponent))


def joined(symbol: str) -> str:
    """``BTC/USDT`` and ``BTC/USDT:USDT`` are both ``BTCUSDT``."""
    return symbol.partition(":")[0].replace("/", "")


def empty(names: str) -> dict[str, str]:
    """Fields that are documented, and have nothing to tell here; names with blanks between them."""
    return dict.fromkeys(names.split(), "")
