"""Is an order within the bounds of its market? The adapter asks before anything is journalled, the exchange again.

Steps are not judged here: an adapter rounds to them, an exchange refuses what is no multiple.
"""

from __future__ import annotations

from decimal import Decimal

from tightloop.domain import money
from tightloop.venues.sim.settings import SymbolRules


def outside(
    rules: SymbolRules, amount: Decimal | None, notional: Decimal | None, *, at_market: bool, closes: bool
) -> str | None:
    """Why it is too small or too large; None: it is within. What is not known yet (None) is not judged.

    ``at_market``: without a limit, for which most exchanges take less. ``closes``: it only reduces a position, which
    may be smaller than the smallest order.
    """
    most_amount = _tighter(rules.max_amount, rules.max_market_amount if at_market else None)
    most_notional = rules.max_market_notional if at_market else rules.max_notional
    if amount is not None and not closes and amount < rules.min_amount:
        return f"{money.text(amount)} is below the least amount of {money.text(rules.min_amount)}"
    if amount is not None and most_amount is not None and amount > most_amount:
        return f"{money.text(amount)} is above the largest amount of {money.text(most_amount)}"
    if notional is not None and not closes and notional < rules.min_notional:
        return f"{money.text(notional)} is below the minimum of {money.text(rules.min_notional)} {rules.quote}"
    if notional is not None and most_notional is not None and notional > most_notional:
        return f"{money.text(notional)} is above the maximum of {money.text(most_notional)} {rules.quote}"
    return None


def _tighter(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
