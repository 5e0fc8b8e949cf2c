"""Numbers that should come without a gap, and which of them did not: pure functions over ranges.

Ranges are a flat tuple, lowest first: ``(2, 3, 7, 7)`` stands for 2, 3 and 7. However wide a gap is, it takes two
numbers; of more than ``limit`` ranges the lowest are forgotten, so that state stays bounded.
"""

from __future__ import annotations

Ranges = tuple[int, ...]
LIMIT = 64


def contains(ranges: Ranges, number: int) -> bool:
    return any(first <= number <= last for first, last in _pairs(ranges))


def without(ranges: Ranges, number: int) -> Ranges:
    """The ranges less one number, which splits the range it lies in."""
    kept: list[int] = []
    for first, last in _pairs(ranges):
        if not first <= number <= last:
            kept += (first, last)
            continue
        if first < number:
            kept += (first, number - 1)
        if number < last:
            kept += (number + 1, last)
    return tuple(kept)


def with_gap(ranges: Ranges, first: int, last: int, limit: int = LIMIT) -> Ranges:
    """The ranges and one more above them; unchanged when ``last`` is below ``first``."""
    if last < first:
        return ranges
    return (*ranges, first, last)[-2 * limit :]


def spelled(ranges: Ranges) -> str:
    """For a person: ``2-3, 7``."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in _pairs(ranges))


def _pairs(ranges: Ranges) -> zip[tuple[int, int]]:
    return zip(ranges[::2], ranges[1::2], strict=True)
