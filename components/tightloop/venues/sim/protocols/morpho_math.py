"""Morpho Blue's arithmetic: shares, interest, health, liquidations. Pure; amounts in smallest units.

Supplies and debts are shares of a market's totals. A million virtual shares for one virtual unit are added to the
totals, so that an empty market has a price and nobody can inflate it. All is rounded in the market's favour.

Source: Morpho Blue whitepaper (2023); morpho-blue, Morpho.sol, MathLib, SharesMathLib and ConstantsLib.
"""

from __future__ import annotations

from typing import NamedTuple

from tightloop.venues.sim.protocols.fixed_point import WAD, YEAR_S, ratio_down, ratio_up

VIRTUAL_SHARES = 10**6
VIRTUAL_ASSETS = 1
PRICE_SCALE = 10**36  # of the oracle: loan units per collateral unit
LIQUIDATION_CURSOR = 3 * WAD // 10
MAX_INCENTIVE = 115 * WAD // 100


class Totals(NamedTuple):
    """What a market was lent and what was borrowed from it."""

    supply_assets: int
    supply_shares: int
    borrow_assets: int
    borrow_shares: int


# --- shares -----------------------------------------------------------------------------------------------------------


def shares_down(assets: int, total_assets: int, total_shares: int) -> int:
    return ratio_down(assets, total_shares + VIRTUAL_SHARES, total_assets + VIRTUAL_ASSETS)


def shares_up(assets: int, total_assets: int, total_shares: int) -> int:
    return ratio_up(assets, total_shares + VIRTUAL_SHARES, total_assets + VIRTUAL_ASSETS)


def assets_down(shares: int, total_assets: int, total_shares: int) -> int:
    return ratio_down(shares, total_assets + VIRTUAL_ASSETS, total_shares + VIRTUAL_SHARES)


def assets_up(shares: int, total_assets: int, total_shares: int) -> int:
    return ratio_up(shares, total_assets + VIRTUAL_ASSETS, total_shares + VIRTUAL_SHARES)


# --- interest ---------------------------------------------------------------------------------------------------------


def compounded(rate: int, seconds: int) -> int:
    """Three terms of e^(rate * seconds) - 1, WAD; ``rate`` per second, WAD."""
    first = rate * seconds
    second = ratio_down(first, first, 2 * WAD)
    return first + second + ratio_down(second, first, 3 * WAD)


def accrued(totals: Totals, yearly: int, seconds: int) -> Totals:
    """What is owed grows, and all of that goes to those who lend. ``yearly``: the rate, WAD."""
    interest = ratio_down(totals.borrow_assets, compounded(yearly // YEAR_S, seconds), WAD)
    return totals._replace(supply_assets=totals.supply_assets + interest, borrow_assets=totals.borrow_assets + interest)


# --- health -----------------------------------------------------------------------------------------------------------


def most_borrowed(collateral: int, price: int, lltv: int) -> int:
    """What may be owed on so much collateral; ``lltv`` in WAD."""
    return ratio_down(ratio_down(collateral, price, PRICE_SCALE), lltv, WAD)


def incentive(lltv: int) -> int:
    """What a liquidator gets for one unit that it repays, WAD."""
    discount = WAD - ratio_down(LIQUIDATION_CURSOR, WAD - lltv, WAD)
    return min(MAX_INCENTIVE, ratio_down(WAD, WAD, discount))


class Liquidated(NamedTuple):
    """``repaid`` units for ``shares`` of the debt, and ``seized`` of the collateral."""

    repaid: int
    shares: int
    seized: int


def liquidated(shares: int, collateral: int, price: int, lltv: int, totals: Totals) -> Liquidated:
    """A liquidator repays all of a debt, or as much of it as the collateral pays for with the incentive."""
    factor = incentive(lltv)
    repaid = assets_up(shares, totals.borrow_assets, totals.borrow_shares)
    seized = ratio_down(ratio_down(repaid, factor, WAD), PRICE_SCALE, price)
    if seized <= collateral:
        return Liquidated(repaid, shares, seized)
    repaid = ratio_up(ratio_up(collateral, price, PRICE_SCALE), WAD, factor)
    fewer = shares_down(repaid, totals.borrow_assets, totals.borrow_shares)
    return Liquidated(repaid, min(fewer, shares), collateral)
