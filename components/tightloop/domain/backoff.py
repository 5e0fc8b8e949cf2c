"""How long to wait before something that failed is tried again."""

from __future__ import annotations

_DOUBLINGS = 60  # beyond every limit in use; without a bound the power would overflow a float


def backoff(first_s: float, longest_s: float, earlier: int) -> float:
    """Seconds: ``first_s`` after the first failure, doubling with each that came before it, up to ``longest_s``.

    ``earlier``: how many tries failed before the one that has just failed.
    """
    return min(first_s * 2.0 ** min(earlier, _DOUBLINGS), longest_s)
