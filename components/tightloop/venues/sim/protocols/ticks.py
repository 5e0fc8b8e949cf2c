"""Ticks of a Uniswap V3 pool: tick ``i`` is the price 1.0001^i. Square roots of prices are Q64.96, as in the contracts.

Source: Uniswap V3 whitepaper (Adams et al., March 2021), 6.1 and 6.2; v3-core, TickMath and TickBitmap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from math import floor, log

Q96 = 1 << 96
MIN_TICK, MAX_TICK = -887_272, 887_272
MIN_SQRT_PRICE = 4_295_128_739  # of MIN_TICK
MAX_SQRT_PRICE = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342  # of MAX_TICK
WORD = 256  # a pool looks for its next tick among so many at once, and stops at the last of them
_HALF_LOG = log(1.0001) / 2


def _factors() -> tuple[int, ...]:
    """For each bit of a tick how it divides the root of the price, Q128, to the nearest: the contract's constants."""
    context = Context(prec=100)
    root = context.sqrt(Decimal("1.0001"))
    factors = []
    for _ in range(20):
        factor = context.divide(Decimal(1 << 128), root)
        factors.append(int(factor.to_integral_value(ROUND_HALF_UP, context)))
        root = context.multiply(root, root)
    return tuple(factors)


_FACTORS = _factors()


@lru_cache(maxsize=4096)
def sqrt_price_at(tick: int) -> int:
    """The root of the price at a tick, rounded up as the contract does."""
    ratio, rest, bit = 1 << 128, abs(tick), 0
    while rest:
        if rest & 1:
            ratio = ratio * _FACTORS[bit] >> 128
        rest >>= 1
        bit += 1
    if tick > 0:
        ratio = ((1 << 256) - 1) // ratio
    return -(-ratio >> 32)


def tick_at(sqrt_price: int) -> int:
    """The greatest tick whose price is not above this one."""
    tick = floor(log(sqrt_price / Q96) / _HALF_LOG)  # a guess to begin with: the next lines make it exact
    while tick < MAX_TICK and sqrt_price_at(tick + 1) <= sqrt_price:
        tick += 1
    while sqrt_price_at(tick) > sqrt_price:
        tick -= 1
    return tick


def next_below(initialised: Sequence[int], tick: int, spacing: int) -> tuple[int, bool]:
    """The next initialised tick at or below this one in its word, and True; else the word's first tick, and False."""
    first = tick // spacing // WORD * WORD * spacing
    index = bisect_right(initialised, tick) - 1
    if index >= 0 and initialised[index] >= first:
        return initialised[index], True
    return max(first, MIN_TICK), False


def next_above(initialised: Sequence[int], tick: int, spacing: int) -> tuple[int, bool]:
    """The next initialised tick above this one in the word of its successor, and True; else that word's last tick."""
    successor = (tick // spacing + 1) * spacing
    last = (successor // spacing // WORD * WORD + WORD - 1) * spacing
    index = bisect_left(initialised, successor)
    if index < len(initialised) and initialised[index] <= last:
        return initialised[index], True
    return min(last, MAX_TICK), False
