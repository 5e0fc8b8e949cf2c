"""A StableSwap pool against the whitepaper's invariant: Egorov, "StableSwap", 2019. In whole numbers it holds to the
last digits, rounded towards the pool.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tightloop.venues.sim.protocols import stableswap
from tightloop.venues.sim.protocols.stableswap import FEE_UNIT, PRECISION, Pool

E18 = 10**18
SCALES = (1, 10**12, 10**12)  # DAI, USDC, USDT


def pool(*coins: int, amplification: int = 2000, fee: int = 1_000_000, admin_fee: int = FEE_UNIT // 2) -> Pool:
    """Of so many whole coins each."""
    scales = SCALES[: len(coins)] if len(coins) == 3 else (1,) * len(coins)
    empty = Pool(
        amplification=amplification, fee=fee, admin_fee=admin_fee, scales=scales, balances=(0,) * len(coins), supply=0
    )
    amounts = tuple(coin * E18 // scale for coin, scale in zip(coins, scales, strict=True))
    return stableswap.add_liquidity(empty, amounts).pool


def excess(invariant: int, balances: list[int], amplification: int) -> Fraction:
    """The left side of the paper's equation less the right one; ``A n^n`` there is the pool's A times n."""
    count, product = len(balances), 1
    for balance in balances:
        product *= balance
    strength = amplification * count
    left = strength * sum(balances) + invariant
    return left - (strength * invariant + Fraction(invariant ** (count + 1), count**count * product))


balances_of = st.lists(st.integers(10**23, 10**26), min_size=2, max_size=4)


@given(balances_of, st.integers(2, 10_000))
def test_the_invariant_solves_the_papers_equation_to_18_digits(balances: list[int], amplification: int) -> None:
    found = stableswap.invariant(balances, amplification)
    off = 2 + found // 10**18
    assert excess(found - off, balances, amplification) > 0 > excess(found + off, balances, amplification)


def test_at_equal_balances_the_invariant_is_their_sum() -> None:
    assert stableswap.invariant([10**24] * 3, 2000) == 3 * 10**24


@given(st.integers(10**23, 10**25), st.integers(10**23, 10**25), st.integers(10, 10**24), st.integers(10, 5000))
def test_two_coins_follow_the_closed_form(one: int, other: int, paid: int, amplification: int) -> None:
    """y = (-b + sqrt(b^2 + 4c)) / 2 with b = x + D/Ann - D and c = D^3 / (4 Ann x): the paper's equation for n = 2."""
    before = replace(pool(1, 1, amplification=amplification, fee=0), balances=(one, other))
    done = stableswap.exchange(before, 0, 1, paid)
    with localcontext(Context(prec=200, traps=[])):
        invariant = Decimal(stableswap.invariant([one, other], amplification))
        x, strength = Decimal(one + paid), Decimal(2 * amplification)
        b, c = x + invariant / strength - invariant, invariant**3 / (4 * strength * x)
        exact = other - (-b + (b * b + 4 * c).sqrt()) / 2
    assert exact - 5 <= done.amounts[1] <= max(exact + 1, 0)


def test_a_swap_costs_the_fee_and_half_of_it_leaves_the_pool() -> None:
    """0.01 %, as the 3pool's; balanced and deep, so that the price is one."""
    before = pool(10**8, 10**8, 10**8)
    done = stableswap.exchange(before, 1, 2, 1000 * 10**6)
    assert done.amounts == (0, 0, 999_899_995)  # 1000 less 0.1 of fee, less a price impact of 5e-9
    assert done.admin == (0, 0, 49_999)
    assert done.pool.balances == (10**26, 10**14 + 10**9, 10**14 - 999_899_995 - 49_999)


def test_price_impact_grows_with_size_and_falls_with_amplification() -> None:
    def impact(amplification: int, coins: int) -> Fraction:
        before = pool(10**6, 10**6, 10**6, amplification=amplification, fee=0)
        return 1 - Fraction(stableswap.exchange(before, 1, 2, coins * 10**6).amounts[2], coins * 10**6)

    assert 0 < impact(2000, 10**5) < impact(2000, 5 * 10**5) < impact(100, 5 * 10**5) < impact(2, 5 * 10**5)


def test_liquidity_in_proportion_has_no_fee_either_way() -> None:
    before = pool(10**6, 10**6, 10**6)
    added = stableswap.add_liquidity(before, (1000 * E18, 1000 * 10**6, 1000 * 10**6))
    assert (added.minted, added.admin) == (3000 * E18, (0, 0, 0))
    removed = stableswap.remove_liquidity(added.pool, added.minted)
    assert removed.amounts == (1000 * E18, 1000 * 10**6, 1000 * 10**6)
    assert removed.pool == before


def test_an_imbalance_pays_the_fee_of_what_a_swap_would_have_to_move() -> None:
    """fee n / (4 (n - 1)) on the difference of each coin from its share: for one coin of three, half the fee in all."""
    before = pool(10**8, 10**8, 10**8)
    added = stableswap.add_liquidity(before, (0, 1000 * 10**6, 0))
    assert Fraction(added.minted, 1000 * E18) == pytest.approx(1 - 0.0001 / 2, abs=1e-8)
    back = stableswap.remove_one_coin(added.pool, added.minted, 1)
    assert Fraction(back.amounts[1], 1000 * 10**6) == pytest.approx(1 - 0.0001, abs=1e-8)


def test_arbitrage_balances_a_pool_at_its_invariant() -> None:
    before = replace(pool(10**6, 10**6, 10**6), balances=(10**24, 2 * 10**12, 5 * 10**11))
    after = stableswap.balanced(before)
    held = [balance * scale for balance, scale in zip(after.balances, SCALES, strict=True)]
    assert max(held) - min(held) < 10**12
    gained = stableswap.virtual_price(after) - stableswap.virtual_price(before)
    assert 0 <= gained < 10**6, "what is rounded up: a unit of each coin"


moves = st.lists(
    st.tuples(
        st.sampled_from(["swap", "add", "remove", "one", "balance"]),
        st.permutations(range(3)).map(lambda places: (places[0], places[1])),
        st.integers(1, 3 * 10**11),
    ),
    min_size=1,
    max_size=12,
)


@given(moves)
def test_an_lp_token_never_loses_and_nobody_takes_out_what_is_not_there(
    program: list[tuple[str, tuple[int, int], int]],
) -> None:
    now = pool(10**6, 10**6, 10**6)
    for what, (place, other), units in program:
        before, price, supply = now, stableswap.virtual_price(now), now.supply
        amount = units * 10**12 // SCALES[place]
        if what == "swap":
            now = stableswap.exchange(now, place, other, amount).pool
        elif what == "add":
            now = stableswap.add_liquidity(now, tuple(amount if one == place else 0 for one in range(3))).pool
        elif what == "remove":
            now = stableswap.remove_liquidity(now, units * 10**12).pool
        elif what == "one":
            now = stableswap.remove_one_coin(now, units * 10**12, place).pool
        else:
            now = stableswap.balanced(now)
        assert stableswap.virtual_price(now) >= price - 1
        assert all(balance > 0 for balance in now.balances), (before, what)
        assert now.supply > supply if what == "add" else now.supply <= supply
    assert stableswap.virtual_price(now) < 2 * PRECISION
