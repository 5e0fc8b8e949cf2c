"""Whole-number arithmetic as contracts do it: every rounding has its direction in its name."""

from __future__ import annotations

WAD = 10**18
RAY = 10**27
BPS = 10_000
YEAR_S = 365 * 24 * 3600


def ratio_down(one: int, other: int, divisor: int) -> int:
    return one * other // divisor


def ratio_up(one: int, other: int, divisor: int) -> int:
    return -(-one * other // divisor)


def ratio_nearest(one: int, other: int, divisor: int) -> int:
    """Half up, as Aave's ray and percentage arithmetic."""
    return (one * other + divisor // 2) // divisor
