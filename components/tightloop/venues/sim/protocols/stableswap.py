"""A Curve StableSwap pool, in the version of the 3pool. Pure; amounts in the coins' smallest units.

    A n^n sum(x) + D = A D n^n + D^(n+1) / (n^n prod(x))

``x`` are balances brought to 18 places; ``D`` is what they would come to at equal prices. The pool's ``A`` is the
paper's times n^(n-1). All is whole numbers, each rounded as in the contract: towards the pool.

Source: Egorov, "StableSwap - efficient mechanism for Stablecoin liquidity" (2019); curve-contract, StableSwap3Pool.vy
(0xbEbc44782C7dB0a1A60Cb6fe97d0b483032FF1C7).
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

FEE_UNIT = 10**10  # fees are in these
PRECISION = 10**18
_ROUNDS = 255

Amounts = tuple[int, ...]


class Pool(Struct, frozen=True, kw_only=True):
    """``scales``: what brings each coin to 18 places. ``fee`` and ``admin_fee`` (a part of it) in 1/10^10."""

    amplification: int
    fee: int
    admin_fee: int
    scales: Amounts
    balances: Amounts
    supply: int


class Changed(NamedTuple):
    """``amounts``: what goes out, by coin (``minted`` LP tokens where it comes in). ``admin``: what of the fee leaves
    the pool for the protocol.
    """

    pool: Pool
    amounts: Amounts
    minted: int
    admin: Amounts


def scaled(pool: Pool) -> list[int]:
    return [balance * scale for balance, scale in zip(pool.balances, pool.scales, strict=True)]


def invariant(balances: list[int], amplification: int) -> int:
    """D, by Newton's method, to the unit."""
    total, count = sum(balances), len(balances)
    if not total:
        return 0
    found, strength = total, amplification * count
    for _ in range(_ROUNDS):
        product = found
        for balance in balances:
            product = product * found // (balance * count)
        before = found
        found = (strength * total + product * count) * found // ((strength - 1) * found + (count + 1) * product)
        if abs(found - before) <= 1:
            break
    return found


def _balance_for(place: int, balances: list[int], amplification: int, held: int) -> int:
    """What coin ``place`` must come to for the invariant to be ``held`` beside the other coins' balances."""
    count = len(balances)
    strength, product, others = amplification * count, held, 0
    for index, balance in enumerate(balances):
        if index != place:
            others += balance
            product = product * held // (balance * count)
    product = product * held // (strength * count)
    linear = others + held // strength
    found = held
    for _ in range(_ROUNDS):
        before = found
        found = (found * found + product) // (2 * found + linear - held)
        if abs(found - before) <= 1:
            break
    return found


def exchange(pool: Pool, given: int, taken: int, amount: int) -> Changed:
    """Pay ``amount`` of coin ``given`` for coin ``taken``; the fee is taken from what goes out."""
    before = scaled(pool)
    held = invariant(before, pool.amplification)
    after = list(before)
    after[given] += amount * pool.scales[given]
    gross = max(before[taken] - _balance_for(taken, after, pool.amplification, held) - 1, 0)
    fee = gross * pool.fee // FEE_UNIT
    scale = pool.scales[taken]
    out, admin = (gross - fee) // scale, fee * pool.admin_fee // FEE_UNIT // scale
    balances = list(pool.balances)
    balances[given] += amount
    balances[taken] -= out + admin
    return Changed(replace(pool, balances=tuple(balances)), _only(pool, taken, out), 0, _only(pool, taken, admin))


def add_liquidity(pool: Pool, amounts: Amounts) -> Changed:
    """LP tokens for coins. What differs from the pool's own proportion pays a fee, as a swap would."""
    count = len(pool.balances)
    before = invariant(scaled(pool), pool.amplification)
    paid = [held + amount for held, amount in zip(pool.balances, amounts, strict=True)]
    grown = invariant(_scaled(pool, paid), pool.amplification)
    if not pool.supply:
        return Changed(replace(pool, balances=tuple(paid), supply=grown), _none(pool), grown, _none(pool))
    rate = pool.fee * count // (4 * (count - 1))
    fees = [rate * abs(grown * old // before - new) // FEE_UNIT for old, new in zip(pool.balances, paid, strict=True)]
    admin = tuple(fee * pool.admin_fee // FEE_UNIT for fee in fees)
    counted = [new - fee for new, fee in zip(paid, fees, strict=True)]
    minted = pool.supply * (invariant(_scaled(pool, counted), pool.amplification) - before) // before
    balances = tuple(new - taken for new, taken in zip(paid, admin, strict=True))
    return Changed(replace(pool, balances=balances, supply=pool.supply + minted), _none(pool), minted, admin)


def remove_liquidity(pool: Pool, burned: int) -> Changed:
    """All coins in the pool's proportion, without a fee."""
    amounts = tuple(balance * burned // pool.supply for balance in pool.balances)
    balances = tuple(balance - out for balance, out in zip(pool.balances, amounts, strict=True))
    return Changed(replace(pool, balances=balances, supply=pool.supply - burned), amounts, 0, _none(pool))


def remove_one_coin(pool: Pool, burned: int, taken: int) -> Changed:
    """One coin for LP tokens. What a withdrawal in proportion would not have changed so pays the fee."""
    count, strength = len(pool.balances), pool.amplification
    rate = pool.fee * count // (4 * (count - 1))
    before = scaled(pool)
    held = invariant(before, strength)
    left = held - burned * held // pool.supply
    bare = _balance_for(taken, before, strength, left)
    reduced = []
    for index, balance in enumerate(before):
        share = balance * left // held
        moved = share - bare if index == taken else balance - share
        reduced.append(balance - rate * moved // FEE_UNIT)
    scale = pool.scales[taken]
    out = max(reduced[taken] - _balance_for(taken, reduced, strength, left) - 1, 0) // scale
    fee = max((before[taken] - bare) // scale - out, 0)
    admin = fee * pool.admin_fee // FEE_UNIT
    balances = list(pool.balances)
    balances[taken] -= out + admin
    after = replace(pool, balances=tuple(balances), supply=pool.supply - burned)
    return Changed(after, _only(pool, taken, out), 0, _only(pool, taken, admin))


def virtual_price(pool: Pool) -> int:
    """What an LP token is worth in coins, in 18 places. Fees alone change it, upwards."""
    return invariant(scaled(pool), pool.amplification) * PRECISION // pool.supply


def balanced(pool: Pool) -> Pool:
    """The pool with the same invariant and as much of every coin: where arbitrage ends when all are worth the same."""
    each = -(-invariant(scaled(pool), pool.amplification) // len(pool.balances))
    return replace(pool, balances=tuple(-(-each // scale) for scale in pool.scales))


def _scaled(pool: Pool, balances: list[int]) -> list[int]:
    return [balance * scale for balance, scale in zip(balances, pool.scales, strict=True)]


def _none(pool: Pool) -> Amounts:
    return (0,) * len(pool.balances)


def _only(pool: Pool, place: int, amount: int) -> Amounts:
    return tuple(amount if index == place else 0 for index in range(len(pool.balances)))
