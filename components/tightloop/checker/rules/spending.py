"""What a strategy may move in a day: never more is dispatched, and nothing that had room is refused (EIM-013).

Transfers of an asset at par are measured, so that the rule needs no price of its own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from tightloop.checker.collected import Collected, Record, Seen
from tightloop.checker.verdict import Terms, Violation


def limits_are_kept(data: Collected, terms: Terms) -> Iterator[Violation]:
    """What was dispatched on one day of UTC comes to no more than the strategy may move."""
    for owner, most in terms.daily_notional.items():
        for day, amount in _moved(data, owner).items():
            if amount > most:
                what = f"{amount} were dispatched on {day} (UTC), and it may move {most} a day"
                yield Violation("limit-exceeded", owner, what)


def had_no_room(data: Collected, terms: Terms, instruction: Record, refused: Seen) -> bool:
    """Would the instruction have been beyond what its strategy may move on the day of its refusal?

    One is refused while the slot is free: after the loops before it, and not together with one.
    """
    owner, day = refused.value["strategy_id"], refused.value["finished_at"].date()
    if owner not in terms.daily_notional:
        return False
    return _moved(data, owner, refused.at_ms)[day] + _amount(instruction) > terms.daily_notional[owner]


def _moved(data: Collected, owner: str, by_ms: float = math.inf) -> defaultdict[date, Decimal]:
    """What was dispatched of a strategy's by then, by the broker's time: by day."""
    found: defaultdict[date, Decimal] = defaultdict(Decimal)
    for seen in data.loops:
        if seen.value["strategy_id"] == owner and seen.at_ms <= by_ms:
            found[seen.value["dispatched_at"].date()] += _amount(seen.value["instruction"])
    return found


def _amount(instruction: Record | None) -> Decimal:
    transfer = instruction["wallet_transfer"] if instruction is not None else None
    return transfer["amount"] if transfer is not None else Decimal(0)
