"""A Uniswap V3 pool, to the last unit.

Sources of the numbers: Uniswap's v3-core, test/SwapMath.spec.ts and
test/__snapshots__/UniswapV3Pool.swaps.spec.ts.snap (what its contracts did); the Uniswap V3 Development Book, "First
Swap" (uniswapv3book.com); the whitepaper's formulas.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightloop.venues.sim.protocols import concentrated
from tightloop.venues.sim.protocols.concentrated import Pool, Range, swap, swap_step
from tightloop.venues.sim.protocols.ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    Q96,
    next_above,
    next_below,
    sqrt_price_at,
    tick_at,
)

E18 = 10**18
PAR = Q96  # a price of one


def root(numerator: int, denominator: int) -> int:
    return isqrt((numerator << 192) // denominator)


# --- ticks ------------------------------------------------------------------------------------------------------------


def test_the_first_and_the_last_tick_have_the_contracts_prices() -> None:
    assert sqrt_price_at(MIN_TICK) == MIN_SQRT_PRICE
    assert sqrt_price_at(MAX_TICK) == MAX_SQRT_PRICE
    assert sqrt_price_at(0) == PAR


@given(st.integers(MIN_TICK, MAX_TICK))
def test_a_tick_is_a_power_of_1_0001(tick: int) -> None:
    with localcontext(Context(prec=80, traps=[])):
        exact = Decimal("1.0001").sqrt() ** tick * Q96
        assert abs(sqrt_price_at(tick) - exact) <= max(exact * Decimal("1e-17"), 1)


@given(st.integers(MIN_SQRT_PRICE, MAX_SQRT_PRICE - 1))
def test_a_price_is_at_or_above_its_tick_and_below_the_next(sqrt_price: int) -> None:
    tick = tick_at(sqrt_price)
    assert sqrt_price_at(tick) <= sqrt_price < sqrt_price_at(tick + 1)


@pytest.mark.parametrize(
    ("tick", "below", "above"),
    [
        (70, (60, True), (120, True)),
        (60, (60, True), (120, True)),
        (59, (0, False), (60, True)),  # a word has 256 ticks that can be initialised: here 0 to 15300
        (-1, (-15360, False), (60, True)),  # what is next above is looked for in the next one's word
        (120, (120, True), (15300, False)),
        (15299, (120, True), (15300, False)),
        (15300, (120, True), (30660, False)),
    ],
)
def test_the_next_tick_is_an_initialised_one_or_the_end_of_the_word(
    tick: int, below: tuple[int, bool], above: tuple[int, bool]
) -> None:
    assert next_below((60, 120), tick, 60) == below
    assert next_above((60, 120), tick, 60) == above


# --- one step ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "target", "liquidity", "amount", "exact_in", "fee", "expected"),
    [
        (
            PAR,
            root(101, 100),
            2 * E18,
            E18,
            True,
            600,
            (root(101, 100), 9975124224178055, 9925619580021728, 5988667735148),
        ),
        (
            PAR,
            root(101, 100),
            2 * E18,
            E18,
            False,
            600,
            (root(101, 100), 9975124224178055, 9925619580021728, 5988667735148),
        ),
        (
            PAR,
            root(1000, 100),
            2 * E18,
            E18,
            True,
            600,
            (None, 999400000000000000, 666399946655997866, 600000000000000),
        ),
        (PAR, root(10000, 100), 2 * E18, E18, False, 600, (None, 2 * E18, E18, 1200720432259356)),
        (
            417332158212080721273783715441582,
            1452870262520218020823638996,
            159344665391607089467575320103,
            1,
            False,
            1,
            (417332158212080721273783715441581, 1, 1, 1),
        ),
        (
            2,
            1,
            1,
            3915081100057732413702495386755767,
            True,
            1,
            (1, 39614081257132168796771975168, 0, 39614120871253040049813),
        ),
        (2413, 79887613182836312, 1985041575832132834610021537970, 10, True, 1872, (2413, 0, 0, 10)),
        (
            20282409603651670423947251286016,
            22310650564016837466341976414617,
            1024,
            4,
            False,
            3000,
            (22310650564016837466341976414617, 26215, 0, 79),
        ),
        (
            20282409603651670423947251286016,
            18254168643286503381552526157414,
            1024,
            263000,
            False,
            3000,
            (18254168643286503381552526157414, 1, 26214, 1),
        ),
    ],
)
def test_a_step_is_the_contracts(
    start: int,
    target: int,
    liquidity: int,
    amount: int,
    exact_in: bool,
    fee: int,
    expected: tuple[int | None, int, int, int],
) -> None:
    step = swap_step(start, target, liquidity, amount, fee, exact_in=exact_in)
    after, paid, got, charged = expected
    assert (step.paid, step.got, step.fee) == (paid, got, charged)
    assert after is None or step.sqrt_price == after


def test_42_usdc_buy_what_the_book_says() -> None:
    step = swap_step(
        5602277097478614198912276234240, MAX_SQRT_PRICE - 1, 1517882343751509868544, 42 * E18, 0, exact_in=True
    )
    assert step.sqrt_price == 5604469350942327889444743441197
    assert tick_at(step.sqrt_price) == 85184
    assert step.got == 8396714242162444  # 0.008396714242162444 ETH


# --- whole swaps ------------------------------------------------------------------------------------------------------

FULL = {500: 887_270, 3000: 887_220, 10_000: 887_200}


def full_range(fee: int) -> Pool:
    return concentrated.opened(fee, PAR, (Range(-FULL[fee], FULL[fee], 2 * E18),))


def gap() -> Pool:
    """No liquidity within a tick spacing of the price."""
    return concentrated.opened(3000, PAR, (Range(-FULL[3000], -60, 2 * E18), Range(60, FULL[3000], 2 * E18)))


def narrow() -> Pool:
    return concentrated.opened(500, PAR, (Range(-10, 10, 2 * E18),))


@pytest.mark.parametrize(
    ("pool", "held"),
    [(full_range(500), 2 * E18), (gap(), 1994009290088178439), (narrow(), 999700069986003)],
    ids=["full range", "gap", "narrow"],
)
def test_a_pool_opens_with_what_its_ranges_take(pool: Pool, held: int) -> None:
    assert pool.balances == (held, held)


@pytest.mark.parametrize(
    ("pool", "sells0", "exact_in", "amount", "expected"),
    [
        (full_range(500), True, True, E18, (E18, 666444407401233536, -8107)),
        (full_range(500), False, True, E18, (E18, 666444407401233536, 8106)),
        (full_range(500), True, False, E18, (2001000500250125077, E18, -13864)),
        (full_range(500), False, False, E18, (2001000500250125079, E18, 13863)),
        (full_range(500), True, True, 1000, (1000, 998, -1)),
        (full_range(500), False, False, 1000, (1002, 1000, 0)),
        (full_range(3000), True, True, E18, (E18, 665331998665331998, -8090)),
        (full_range(3000), True, False, E18, (2006018054162487463, E18, -13864)),
        (full_range(10_000), True, True, E18, (E18, 662207357859531772, -8043)),
        (full_range(10_000), True, False, E18, (2020202020202020203, E18, None)),
        (gap(), True, True, E18, (E18, 662011820624678025, -8130)),
        (gap(), False, True, E18, (E18, 662011820624678025, 8129)),
        (gap(), True, False, E18, (2024171064311638316, E18, -13984)),
        (gap(), True, True, 1000, (1000, 991, -61)),
        (gap(), False, False, 1000, (1011, 1000, 60)),
        (narrow(), True, True, E18, (1000700370186095, 999700069986002, -887272)),  # it has no more
        (narrow(), False, False, E18, (1000700370186095, 999700069986002, 887271)),
    ],
)
def test_a_swap_is_the_contracts(
    pool: Pool, sells0: bool, exact_in: bool, amount: int, expected: tuple[int, int, int | None]
) -> None:
    done = swap(pool, amount, sells0=sells0, exact_in=exact_in)
    paid, got, tick = expected
    assert (done.paid, done.got) == (paid, got)
    assert tick is None or done.pool.tick == tick


@pytest.mark.parametrize(
    ("pool", "sells0", "limit", "expected"),
    [
        (full_range(500), True, (2, 5), (1162859089713235953, 735088935932648266, -9164)),
        (full_range(500), False, (5, 2), (1162859089713235954, 735088935932648266, 9163)),
        (gap(), True, (2, 5), (1159748196632793863, 729098226020826705, -9164)),
        (narrow(), True, (2, 5), (1000700370186095, 999700069986002, -9164)),
    ],
)
def test_a_swap_stops_at_a_price(
    pool: Pool, sells0: bool, limit: tuple[int, int], expected: tuple[int, int, int]
) -> None:
    done = swap(pool, 1 << 200, sells0=sells0, exact_in=True, limit=root(*limit))
    assert (done.paid, done.got, done.pool.tick) == expected


# --- what holds of any pool -------------------------------------------------------------------------------------------

pools = st.builds(
    lambda fee, price, widths: concentrated.opened(
        fee,
        price,
        tuple(concentrated.range_around(fee, price, width, quote) for width, quote in widths),
    ),
    st.sampled_from([100, 500, 3000, 10_000]),
    st.integers(root(1, 10**12), root(10**12, 1)),
    st.lists(st.tuples(st.sampled_from([50, 1000, None]), st.integers(10**6, 10**15)), min_size=1, max_size=3),
)
swaps = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 10**16)), min_size=1, max_size=8)


def owed(pool: Pool, ranges: dict[int, int]) -> tuple[int, int]:
    """What its liquidity is worth at the price, when all of it is taken out."""
    held0 = held1 = active = 0
    for low, high in zip(pool.ticks, pool.ticks[1:], strict=False):
        active += ranges[low]
        lower, upper = sqrt_price_at(low), sqrt_price_at(high)
        inside = min(max(pool.sqrt_price, lower), upper)
        held0 += concentrated.amount0(inside, upper, active, up=False)
        held1 += concentrated.amount1(lower, inside, active, up=False)
    return held0, held1


@given(pools, swaps)
def test_a_pool_can_always_pay_its_providers_and_nobody_gains_by_going_round(
    pool: Pool, program: list[tuple[bool, bool, int]]
) -> None:
    for sells0, exact_in, amount in program:
        done = swap(pool, amount, sells0=sells0, exact_in=exact_in)
        assert (done.paid if exact_in else done.got) <= amount
        back = swap(done.pool, done.got, sells0=not sells0, exact_in=True)
        assert back.got <= done.paid
        pool = done.pool
        due = owed(pool, pool.net)
        assert pool.balances[0] >= due[0]
        assert pool.balances[1] >= due[1]
        inside = [pool.net[tick] for tick in pool.ticks if tick <= pool.tick]
        assert pool.liquidity == sum(inside)


@given(st.integers(root(1, 9), root(9, 1)), st.booleans(), st.integers(10**6, 10**13))
def test_an_exact_output_is_the_inverse_of_an_exact_input(price: int, sells0: bool, amount: int) -> None:
    ranges = tuple(concentrated.range_around(500, price, width, 10**13) for width in (100, 1000, None))
    pool = concentrated.opened(500, price, ranges)
    there = swap(pool, amount, sells0=sells0, exact_in=True)
    back = swap(pool, there.got, sells0=sells0, exact_in=False)
    assert there.paid == amount
    assert back.got == there.got
    assert amount - 100 <= back.paid <= amount + 10  # a unit that comes out is worth some that come in


def test_a_larger_swap_has_a_worse_price_and_crosses_into_thinner_liquidity() -> None:
    price = root(2300 * 10**6, E18)
    ranges = tuple(
        concentrated.range_around(500, price, width, quote)
        for width, quote in ((100, 10**12), (1000, 5 * 10**12), (None, 10**13))
    )
    pool = concentrated.opened(500, price, ranges)
    small, middle, large = (swap(pool, ether * E18, sells0=True, exact_in=True) for ether in (1, 100, 3000))
    assert small.got > middle.got // 100 > large.got // 3000
    assert middle.pool.liquidity == pool.liquidity > large.pool.liquidity
    told = concentrated.worth_at_price(pool, E18, sells0=True, exact_in=True)
    assert told == pytest.approx(2300 * 10**6 * 0.9995, rel=1e-6)
    assert small.got < told
