"""Aave V3's arithmetic against its formulas and the examples of its documents."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightloop.venues.sim.protocols import aave_math
from tightloop.venues.sim.protocols.aave_math import Health, Position, Risk, health_of, liquidated, most_repaid
from tightloop.venues.sim.protocols.fixed_point import RAY, WAD, YEAR_S, ratio_down, ratio_up

E8, E18 = 10**8, 10**18
ETH_RISK = Risk(8000, 8250, 10500)


def position(token: str, supplied: float = 0, owed: float = 0, price: float = 1, risk: Risk = ETH_RISK) -> Position:
    """Of a token with 18 places; amounts in tokens."""
    return Position(token, int(supplied * E18), int(owed * E18), int(price * E8), E18, risk, True)


# --- indices ----------------------------------------------------------------------------------------------------------


@given(st.integers(0, RAY), st.integers(1, YEAR_S))
def test_debts_compound_by_the_second_up_to_what_three_terms_leave_out(rate: int, seconds: int) -> None:
    """(1 + r)^n = 1 + n r + n (n-1) r^2 / 2 + n (n-1) (n-2) r^3 / 6 + ...: MathUtils stops there."""
    found = aave_math.compounded_growth(rate, seconds)
    with localcontext(Context(prec=80, traps=[])):
        exact = (1 + Decimal(rate) / RAY / YEAR_S) ** seconds
        left_out = (Decimal(rate) / RAY * seconds / YEAR_S) ** 4 / 24 * exact
        # squares and cubes of the rate per second are cut to whole rays, which a long time multiplies
        cut = (Decimal(seconds) ** 3 / 6 + Decimal(seconds) ** 2 / 2 + 2) / RAY
        assert exact - left_out - cut <= Decimal(found) / RAY <= exact


def test_supplies_grow_linearly() -> None:
    assert aave_math.linear_growth(RAY // 20, YEAR_S) == RAY + RAY // 20
    assert aave_math.linear_growth(RAY // 20, 1) == RAY + RAY // 20 // YEAR_S


def test_a_year_at_five_percent_in_one_go_and_by_the_hour() -> None:
    """e^0.05 = 1.0512710964. In one go the cube of the rate per second, 3.98 rays, counts as 3: 5.1e-6 are missing."""
    once = aave_math.compounded_growth(RAY // 20, YEAR_S)
    index = RAY
    for _ in range(365 * 24):
        index = aave_math.grown(index, aave_math.compounded_growth(RAY // 20, 3600))
    assert Decimal(once) / RAY == pytest.approx(Decimal("1.0512656815"), abs=Decimal("1e-10"))
    assert Decimal(index) / RAY == pytest.approx(Decimal("1.0512710964"), abs=Decimal("1e-9"))


@given(st.integers(1, 10**27), st.integers(RAY, 3 * RAY))
def test_what_is_kept_scaled_is_never_worth_more_and_at_most_an_index_less(units: int, index: int) -> None:
    supplied = ratio_down(ratio_down(units, RAY, index), index, RAY)
    owed = ratio_up(ratio_up(units, RAY, index), index, RAY)
    assert units - ratio_up(index, 1, RAY) <= supplied <= units <= owed <= units + ratio_up(index, 1, RAY)


# --- health -----------------------------------------------------------------------------------------------------------


def test_the_health_factor_weighs_collateral_by_its_thresholds() -> None:
    """Sum of collateral times threshold, by the debt: (10 * 2000 * 0.825 + 5000 * 0.78) / 15000 = 1.36."""
    positions = [
        position("ETH", supplied=10, price=2000),
        position("USDC", supplied=5000, risk=Risk(7500, 7800, 10450)),
        position("DAI", owed=15_000),
    ]
    health = health_of(positions)
    assert (health.collateral, health.debt) == (25_000 * E8, 15_000 * E8)
    assert health.threshold == (20_000 * 8250 + 5_000 * 7800) // 25_000
    assert health.factor == 1_360_000_000_000_000_000
    assert health.is_sound


def test_what_is_switched_off_is_no_collateral() -> None:
    off = position("ETH", supplied=10, price=2000)._replace(is_collateral=False)
    assert health_of([off, position("DAI", owed=1)]).factor == 0
    assert health_of([off]).factor is None


@pytest.mark.parametrize(("owed", "covered"), [(16_000, True), (16_000.01, False)])
def test_as_much_may_be_borrowed_as_the_loan_to_value_says(owed: float, covered: bool) -> None:
    health = health_of([position("ETH", supplied=10, price=2000), position("DAI", owed=owed)])
    assert aave_math.covers(health) is covered
    assert health.is_sound


# --- liquidations -----------------------------------------------------------------------------------------------------


def test_a_liquidator_gets_the_bonus_of_the_collateral_that_it_takes() -> None:
    """Aave's FAQ on liquidations: of a debt worth 5 ETH half is repaid; with a bonus of 5 % the liquidator gets 2.5 +
    0.125 ETH, and where the account has YFI as well, at 15 %, 2.5 + 0.375 ETH worth of that.
    """
    debt = position("DAI", owed=10_000)
    ether, yfi = (
        position("ETH", supplied=10, price=2000),
        position("YFI", supplied=4, price=2000, risk=Risk(0, 0, 11500)),
    )
    unsound = Health(20_000 * E8, 10_000 * E8, 8000, 8250, 99 * WAD // 100)
    repaid = most_repaid(unsound, debt, ether)
    assert repaid == 5_000 * E18
    assert liquidated(repaid, debt, ether) == (5_000 * E18, 2_625 * E18 // 1000)
    assert liquidated(repaid, debt, yfi) == (5_000 * E18, 2_875 * E18 // 1000)


def test_the_close_factor_is_of_the_whole_debt() -> None:
    """docs/3.3/Aave-v3.3-features.md, 2.1: of three debts of 3k on 9k of ETH one liquidation may repay a whole one."""
    debts = [position(token, owed=3000) for token in ("GHO", "USDC", "DAI")]
    ether = position("ETH", supplied=9000)
    unsound = health_of([*debts, ether])._replace(factor=96 * WAD // 100)
    assert most_repaid(unsound, debts[0], ether) == 3000 * E18


def test_small_positions_are_liquidated_whole() -> None:
    """The document's example of 2.2, at twice its amounts: its threshold is 1000, the contracts' 2000."""
    a, b = position("A", supplied=4600, owed=1800), position("B", supplied=1600, owed=2200)
    unsound = health_of([a, b])._replace(factor=96 * WAD // 100)
    assert most_repaid(unsound, a, a) == 1800 * E18, "a small debt, whatever is taken for it"
    assert most_repaid(unsound, b, b) == 2200 * E18, "any debt, for a small collateral"
    assert most_repaid(unsound, b, a) == 2000 * E18, "otherwise half of all debts"
    assert most_repaid(unsound._replace(factor=95 * WAD // 100), b, a) == 2200 * E18


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.integers(1, 10**13), st.integers(1, 10**13))
def test_a_liquidator_never_gets_more_than_is_there_or_than_it_pays_for(
    supplied: int, owed: int, price: int, other: int
) -> None:
    collateral = Position("C", supplied, 0, price, 10**6, ETH_RISK, True)
    debt = Position("D", 0, owed, other, 10**6, ETH_RISK, True)
    repaid, seized = liquidated(owed, debt, collateral)
    assert 0 <= seized <= supplied
    assert 0 <= repaid <= owed
    assert seized * price * 10_000 <= repaid * other * 10_500
