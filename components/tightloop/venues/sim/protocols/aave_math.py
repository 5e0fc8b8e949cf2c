"""Aave V3's arithmetic: indices, health, liquidations. Pure; amounts in smallest units, values in 1/10^8 of the base.

Supplies and debts are kept scaled: the amount by the index at that time. All is rounded in the protocol's favour, to
the token's unit, as since V3.5.

Source: aave-v3-origin, MathUtils, GenericLogic, ValidationLogic and LiquidationLogic; docs/3.3/Aave-v3.3-features.md
on the close factor and on bad debt.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tightloop.venues.sim.protocols.fixed_point import BPS, RAY, WAD, YEAR_S, ratio_down, ratio_nearest, ratio_up

BASE_PLACES = 8  # of prices and values
CLOSE_FACTOR = 5_000  # basis points of the whole debt that one liquidation repays at most
ALL_BELOW_HEALTH = 95 * WAD // 100  # from here down all of a debt may be repaid at once
ALL_BELOW_VALUE = 2_000 * 10**BASE_PLACES  # and where the debt or the collateral in question is worth less


# --- indices, in rays -------------------------------------------------------------------------------------------------


def linear_growth(rate: int, seconds: int) -> int:
    """Of supplies at a yearly rate."""
    return RAY + rate * seconds // YEAR_S


def compounded_growth(rate: int, seconds: int) -> int:
    """Of debts: three terms of (1 + rate per second)^seconds."""
    if not seconds:
        return RAY
    squared = ratio_nearest(rate, rate, RAY) // (YEAR_S * YEAR_S)
    cubed = ratio_nearest(squared, rate, RAY) // YEAR_S
    second = seconds * (seconds - 1) * squared // 2
    third = seconds * (seconds - 1) * max(seconds - 2, 0) * cubed // 6
    return RAY + rate * seconds // YEAR_S + second + third


def grown(index: int, growth: int) -> int:
    return ratio_nearest(index, growth, RAY)


# --- an account -------------------------------------------------------------------------------------------------------


class Risk(NamedTuple):
    """A reserve's parameters in basis points: how much may be borrowed on its supplies, from where they are liquidated,
    and what a liquidator gets for 100 % of what it repays (so 10500).
    """

    loan_to_value: int
    threshold: int
    bonus: int


class Position(NamedTuple):
    """What an account has in one reserve. ``price``: of a whole token; ``unit``: smallest units in one."""

    token: str
    supplied: int
    owed: int
    price: int
    unit: int
    risk: Risk
    is_collateral: bool

    @property
    def collateral_value(self) -> int:
        return ratio_down(self.supplied, self.price, self.unit) if self.is_collateral else 0

    @property
    def debt_value(self) -> int:
        return ratio_up(self.owed, self.price, self.unit)


class Health(NamedTuple):
    """Values, the averages of the reserves' parameters by the value of the collateral, and the health factor in WAD
    (None: nothing is owed). Below one the account is liquidated.
    """

    collateral: int
    debt: int
    loan_to_value: int
    threshold: int
    factor: int | None

    @property
    def is_sound(self) -> bool:
        return self.factor is None or self.factor >= WAD


def health_of(positions: Iterable[Position]) -> Health:
    collateral = debt = by_loan_to_value = by_threshold = 0
    for one in positions:
        value = one.collateral_value
        collateral += value
        by_loan_to_value += value * one.risk.loan_to_value
        by_threshold += value * one.risk.threshold
        debt += one.debt_value
    if not collateral:
        return Health(0, debt, 0, 0, 0 if debt else None)
    threshold = by_threshold // collateral
    factor = ratio_down(ratio_down(collateral, threshold, BPS), WAD, debt) if debt else None
    return Health(collateral, debt, by_loan_to_value // collateral, threshold, factor)


def covers(health: Health) -> bool:
    """Is the debt, the new one included, within what may be borrowed on the collateral?"""
    if not health.debt:
        return True
    if not health.loan_to_value:
        return False
    return ratio_up(health.debt, BPS, health.loan_to_value) <= health.collateral


# --- liquidation ------------------------------------------------------------------------------------------------------


class Liquidated(NamedTuple):
    """Units of the debt that are repaid, and of the collateral that are seized for it."""

    repaid: int
    seized: int


def most_repaid(health: Health, debt: Position, collateral: Position) -> int:
    """How much of a debt one liquidation may repay."""
    everything = (
        health.factor is None
        or health.factor <= ALL_BELOW_HEALTH
        or debt.debt_value < ALL_BELOW_VALUE
        or collateral.collateral_value < ALL_BELOW_VALUE
    )
    if everything:
        return debt.owed
    most = ratio_down(health.debt, CLOSE_FACTOR, BPS)
    return debt.owed if debt.debt_value <= most else ratio_down(most, debt.unit, debt.price)


def liquidated(repaid: int, debt: Position, collateral: Position) -> Liquidated:
    """A liquidator repays so much, and gets collateral for it, with the bonus; less, when there is less of it."""
    worth = repaid * debt.price * collateral.unit // (collateral.price * debt.unit)
    seized = ratio_down(worth, collateral.risk.bonus, BPS)
    if seized <= collateral.supplied:
        return Liquidated(repaid, seized)
    needed = ratio_up(collateral.price * collateral.supplied, debt.unit, debt.price * collateral.unit)
    return Liquidated(min(repaid, ratio_up(needed, BPS, collateral.risk.bonus)), collateral.supplied)
