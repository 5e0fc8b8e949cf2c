"""What live exchanges hold, by their sandboxes' own books, and what is expected there, by the updates on the topic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.support.live_system import LiveLane, LiveSystem

Positions = dict[tuple[str, str], Decimal]  # by strategy and position key without an account


def books_of(system: LiveSystem, lane: LiveLane) -> dict[str, Any]:
    """Of the lane's account."""
    accounts = system.sandbox_of(lane).control("GET", "/admin/books")["accounts"]
    found: dict[str, Any] = next(one for one in accounts if one["account"] == lane.account)
    return found


def held(system: LiveSystem) -> Positions:
    """What lies in a funding account (OKX) counts with the balance that trades: each strategy has one of both."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for lane in system.live:
        for key, amount in books_of(system, lane)["balances"].items():
            sums[lane.strategy, _bare(key).replace(":Funding:", ":MarginBalance:")] += Decimal(amount)
    return {place: amount for place, amount in sums.items() if amount}


def expected(updates: Iterable[Any]) -> Positions:
    """What is on its way between two accounts is a position, too. ``updates``: as the judge's reader has seen them."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for seen in updates:
        for delta in seen.value["deltas"]:
            sums[seen.value["strategy_id"], _bare(delta["position_key"])] += Decimal(delta["amount"])
    return {place: amount for place, amount in sums.items() if amount}


def assert_books_match(system: LiveSystem) -> None:
    """Expected positions are what the exchanges hold, exactly."""
    wanted, found = expected(system.watch.look().updates), held(system)
    assert wanted == found, sorted(wanted.items() ^ found.items())


def _bare(position_key: str) -> str:
    venue, _, rest = position_key.partition(":")
    return f"{venue.partition('@')[0]}:{rest}"
