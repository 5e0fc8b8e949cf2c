"""Morpho Blue's arithmetic against its whitepaper, documents and constants."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightloop.venues.sim.protocols import morpho_math as morpho
from tightloop.venues.sim.protocols.fixed_point import WAD, YEAR_S
from tightloop.venues.sim.protocols.morpho_math import PRICE_SCALE, Totals

totals_of = st.tuples(st.integers(0, 10**30), st.integers(0, 10**36))


def test_the_first_unit_gets_a_million_shares_and_an_attacker_gains_nothing() -> None:
    """SharesMathLib: a million virtual shares and one virtual unit. Giving a million units to a market with one share
    holder leaves a depositor of as much with half of it, as without the virtual ones it would with nothing.
    """
    assert morpho.shares_down(1, 0, 0) == 10**6
    assert morpho.shares_down(10**6, 1 + 10**6, 10**6) > 0


@given(totals_of, st.integers(1, 10**27))
def test_every_conversion_is_rounded_in_the_markets_favour(totals: tuple[int, int], units: int) -> None:
    assert morpho.assets_down(morpho.shares_down(units, *totals), *totals) <= units
    assert morpho.assets_up(morpho.shares_up(units, *totals), *totals) >= units
    assert 0 <= morpho.shares_up(units, *totals) - morpho.shares_down(units, *totals) <= 1
    assert 0 <= morpho.assets_up(units, *totals) - morpho.assets_down(units, *totals) <= 1


@given(st.integers(0, WAD), st.integers(1, 30 * 24 * 3600))
def test_interest_is_three_terms_of_the_exponential(yearly: int, seconds: int) -> None:
    """MathLib, wTaylorCompounded: e^(r t) - 1 from below."""
    rate = yearly // YEAR_S
    with localcontext(Context(prec=60, traps=[])):
        x = Decimal(rate) * seconds / WAD
        exact = x.exp() - 1
        found = Decimal(morpho.compounded(rate, seconds)) / WAD
        assert exact - x**4 / 20 - Decimal("3e-18") <= found <= exact


def test_what_borrowers_owe_goes_to_those_who_lend() -> None:
    before = Totals(10**12, 10**18, 9 * 10**11, 9 * 10**17)
    after = morpho.accrued(before, WAD // 10, YEAR_S)
    interest = after.borrow_assets - before.borrow_assets
    assert interest == after.supply_assets - before.supply_assets
    # e^0.1 - 1 = 0.10517 of 9e11; three terms of it are 0.10516
    assert interest / (9 * 10**11) == pytest.approx(0.105166, abs=1e-6)
    assert (after.supply_shares, after.borrow_shares) == (before.supply_shares, before.borrow_shares)


@pytest.mark.parametrize(
    ("lltv", "factor"),
    [
        ("0.98", "1.0060"),
        ("0.965", "1.0106"),
        ("0.945", "1.0168"),
        ("0.915", "1.0262"),
        ("0.86", "1.0438"),
        ("0.77", "1.0741"),
        ("0.625", "1.1268"),
        ("0.385", "1.15"),
    ],
)
def test_the_liquidation_incentive_is_of_the_whitepaper(lltv: str, factor: str) -> None:
    """min(1.15, 1 / (0.3 LLTV + 0.7)): docs.morpho.org, "Liquidation"."""
    found = Decimal(morpho.incentive(int(Decimal(lltv) * WAD))) / WAD
    assert found == pytest.approx(Decimal(factor), abs=Decimal("0.00005"))


def test_health_is_the_collateral_at_the_oracles_price_times_lltv() -> None:
    """2 BTC (8 places) at 50,000 USDC (6 places): 86,000 may be owed at 86 %."""
    price = 50_000 * 10**6 * PRICE_SCALE // 10**8
    assert morpho.most_borrowed(2 * 10**8, price, 86 * WAD // 100) == 86_000 * 10**6


def test_a_liquidator_repays_all_and_takes_the_incentive() -> None:
    """1 BTC at 50,000; 44,000 USDC are owed at a factor of 1.043841...: 0.91858 BTC are taken."""
    price, lltv = 50_000 * 10**6 * PRICE_SCALE // 10**8, 86 * WAD // 100
    totals = Totals(10**12, 10**18, 44_000 * 10**6, 44_000 * 10**12)
    done = morpho.liquidated(44_000 * 10**12, 10**8, price, lltv, totals)
    assert (done.repaid, done.shares) == (44_000 * 10**6, 44_000 * 10**12)
    assert done.seized == 44_000 * 10**8 * 1000 // (50_000 * 958) == 91_858_037


def test_where_the_collateral_pays_for_less_all_of_it_goes() -> None:
    price, lltv = 40_000 * 10**6 * PRICE_SCALE // 10**8, 86 * WAD // 100
    totals = Totals(10**12, 10**18, 44_000 * 10**6, 44_000 * 10**12)
    done = morpho.liquidated(44_000 * 10**12, 10**8, price, lltv, totals)
    assert done.seized == 10**8
    assert done.repaid == pytest.approx(40_000 / 1.0438413361169103 * 10**6, abs=2)
    assert done.shares < 44_000 * 10**12
