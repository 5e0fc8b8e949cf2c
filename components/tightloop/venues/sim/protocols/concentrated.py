"""A Uniswap V3 pool: liquidity in ranges of ticks, swaps that cross them. Pure; amounts in the tokens' smallest units.

The price is token 1 per token 0. What comes in is rounded up, what goes out down, in every step. The amounts are the
contract's own, to the last unit: it also stops, and rounds, at the end of each word of its bitmap of ticks.

Source: Uniswap V3 whitepaper, 6.2.1 (amounts from liquidity and prices) and 6.3 (crossing ticks); v3-core,
SqrtPriceMath, SwapMath and UniswapV3Pool.swap.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from tightloop.venues.sim.protocols.fixed_point import ratio_up
from tightloop.venues.sim.protocols.ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    Q96,
    next_above,
    next_below,
    sqrt_price_at,
    tick_at,
)

PIPS = 1_000_000  # a fee counts these
SPACING = {100: 1, 500: 10, 3000: 60, 10_000: 200}  # between ticks that can be initialised, by fee tier
_WIDEST = 1 << 256


class Pool(Struct, frozen=True, kw_only=True):
    """``balances`` of token 0 and 1. ``net``: by initialised tick what liquidity is added where the price rises over
    it; ``ticks``: these ticks, ascending.
    """

    fee: int
    sqrt_price: int
    tick: int
    liquidity: int
    ticks: tuple[int, ...]
    net: dict[int, int]
    balances: tuple[int, int]


class Range(NamedTuple):
    """``liquidity`` between two ticks."""

    lower: int
    upper: int
    liquidity: int


class Swapped(NamedTuple):
    """``paid`` has the fee in it. Less than was asked for: the pool has no more."""

    pool: Pool
    paid: int
    got: int


class SwapStep(NamedTuple):
    sqrt_price: int
    paid: int
    got: int
    fee: int


# --- amounts between two prices ---------------------------------------------------------------------------------------


def amount0(one: int, other: int, liquidity: int, *, up: bool) -> int:
    """How much of token 0 lies between two prices."""
    low, high = (one, other) if one < other else (other, one)
    product = (liquidity << 96) * (high - low)
    return ratio_up(ratio_up(product, 1, high), 1, low) if up else product // high // low


def amount1(one: int, other: int, liquidity: int, *, up: bool) -> int:
    """How much of token 1 lies between two prices."""
    product = liquidity * abs(one - other)
    return ratio_up(product, 1, Q96) if up else product >> 96


def _price_after_token0(sqrt_price: int, liquidity: int, amount: int, *, comes: bool) -> int:
    if not amount:
        return sqrt_price
    whole, product = liquidity << 96, amount * sqrt_price
    divisor = whole + product if comes else whole - product
    if comes and (product >= _WIDEST or divisor >= _WIDEST):  # where the contract's words are too short it rounds more
        return ratio_up(whole, 1, whole // sqrt_price + amount)
    return ratio_up(whole, sqrt_price, divisor)


def _price_after_token1(sqrt_price: int, liquidity: int, amount: int, *, comes: bool) -> int:
    moved = amount << 96
    return sqrt_price + moved // liquidity if comes else sqrt_price - ratio_up(moved, 1, liquidity)


def swap_step(sqrt_price: int, target: int, liquidity: int, amount: int, fee: int, *, exact_in: bool) -> SwapStep:
    """Within one range of liquidity: to ``target``, or as far as ``amount`` goes."""
    falls = sqrt_price >= target  # token 0 comes in
    amount_in, amount_out = (amount0, amount1) if falls else (amount1, amount0)
    if exact_in:
        usable = amount * (PIPS - fee) // PIPS
        paid = amount_in(sqrt_price, target, liquidity, up=True)
        after = target
        if usable < paid:
            moves = _price_after_token0 if falls else _price_after_token1
            after = moves(sqrt_price, liquidity, usable, comes=True)
            paid = amount_in(sqrt_price, after, liquidity, up=True)
        got = amount_out(sqrt_price, after, liquidity, up=False)
        charged = amount - paid if after != target else ratio_up(paid, fee, PIPS - fee)
        return SwapStep(after, paid, got, charged)
    got = amount_out(sqrt_price, target, liquidity, up=False)
    after = target
    if amount < got:
        moves = _price_after_token1 if falls else _price_after_token0
        after = moves(sqrt_price, liquidity, amount, comes=False)
        got = min(amount, amount_out(sqrt_price, after, liquidity, up=False))
    paid = amount_in(sqrt_price, after, liquidity, up=True)
    return SwapStep(after, paid, got, ratio_up(paid, fee, PIPS - fee))


# --- a pool -----------------------------------------------------------------------------------------------------------


def opened(fee: int, sqrt_price: int, ranges: tuple[Range, ...]) -> Pool:
    """A pool at a price, with liquidity in these ranges; the amounts that they take, rounded up, are its balances."""
    tick, liquidity, held0, held1 = tick_at(sqrt_price), 0, 0, 0
    net: dict[int, int] = {}
    for one in ranges:
        net[one.lower] = net.get(one.lower, 0) + one.liquidity
        net[one.upper] = net.get(one.upper, 0) - one.liquidity
        low, high = sqrt_price_at(one.lower), sqrt_price_at(one.upper)
        inside = min(max(sqrt_price, low), high)
        held0 += amount0(inside, high, one.liquidity, up=True)
        held1 += amount1(low, inside, one.liquidity, up=True)
        if one.lower <= tick < one.upper:
            liquidity += one.liquidity
    ticks = tuple(sorted(tick for tick, change in net.items() if change))
    return Pool(
        fee=fee, sqrt_price=sqrt_price, tick=tick, liquidity=liquidity, ticks=ticks, net=net, balances=(held0, held1)
    )


def range_around(fee: int, sqrt_price: int, half_width: int | None, quote: int) -> Range:
    """The range of so many ticks each way (None: all there are) that holds ``quote`` of token 1 below the price."""
    spacing = SPACING[fee]
    tick = tick_at(sqrt_price)
    if half_width is None:
        lower, upper = -(MAX_TICK // spacing) * spacing, MAX_TICK // spacing * spacing
    else:
        lower = max((tick - half_width) // spacing * spacing, -(MAX_TICK // spacing) * spacing)
        upper = min(-(-(tick + half_width) // spacing) * spacing, MAX_TICK // spacing * spacing)
    return Range(lower, upper, quote * Q96 // (sqrt_price - sqrt_price_at(lower)))


def swap(pool: Pool, amount: int, *, sells0: bool, exact_in: bool, limit: int | None = None) -> Swapped:
    """Token 0 for token 1 or, without ``sells0``, the other way. ``amount`` is what is paid (``exact_in``), else what
    is got. ``limit``: the root of the price at which it stops.
    """
    if limit is None:
        limit = MIN_SQRT_PRICE + 1 if sells0 else MAX_SQRT_PRICE - 1
    price, tick, liquidity, left = pool.sqrt_price, pool.tick, pool.liquidity, amount
    paid = got = 0
    while left and price != limit:
        start = price
        find = next_below if sells0 else next_above
        next_tick, initialised = find(pool.ticks, tick, SPACING[pool.fee])
        next_price = sqrt_price_at(next_tick)
        target = max(next_price, limit) if sells0 else min(next_price, limit)
        step = swap_step(price, target, liquidity, left, pool.fee, exact_in=exact_in)
        price = step.sqrt_price
        paid += step.paid + step.fee
        got += step.got
        left -= step.paid + step.fee if exact_in else step.got
        if price == next_price:
            if initialised:
                liquidity += -pool.net[next_tick] if sells0 else pool.net[next_tick]
            tick = next_tick - 1 if sells0 else next_tick
        elif price != start:
            tick = tick_at(price)
    held0, held1 = pool.balances
    balances = (held0 + paid, held1 - got) if sells0 else (held0 - got, held1 + paid)
    return Swapped(replace(pool, sqrt_price=price, tick=tick, liquidity=liquidity, balances=balances), paid, got)


def worth_at_price(pool: Pool, amount: int, *, sells0: bool, exact_in: bool) -> int:
    """What ``amount`` would bring, or (not ``exact_in``) cost, at the pool's price: with the fee, without impact."""
    square, one = pool.sqrt_price * pool.sqrt_price, Q96 * Q96
    more, less = (square, one) if sells0 is exact_in else (one, square)
    if exact_in:
        return amount * more * (PIPS - pool.fee) // (less * PIPS)
    return ratio_up(amount * more, PIPS, less * (PIPS - pool.fee))
