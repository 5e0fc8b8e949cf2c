"""What strategies publish in a storm on live lanes: orders of all kinds, each with what must become of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from tests.chaos import workload

from tightloop.records.types import CexTrade, Instruction

LIFE = timedelta(hours=6)
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"
AMOUNT = Decimal("0.01")
FAR, CROSSING = Decimal(25_000), Decimal(45_000)  # of a purchase, where the sandboxes' market is at 42,000
LONG_MS = 600_000  # rests until it is cancelled


class Orders:
    """One strategy's, one after another. ``expected``: by instruction, the outcome that it must have.

    ``to_cancel``: those that rest until somebody cancels them.
    """

    def __init__(self, strategy_id: str, venue: str, count: int, seed: int) -> None:
        self.strategy_id = strategy_id
        self.left = count
        self.expected: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.to_cancel: list[str] = []
        self._venue = venue
        self._number = 0
        self._held = Decimal(0)  # of the perpetual, once all before has happened
        self._chance = random.Random(f"{seed}:{strategy_id}")
        self._kinds: tuple[tuple[Callable[[], tuple[dict[str, Any], str]], int], ...] = (
            (self._market, 6),
            (self._perpetual, 5),
            (self._reducing, 3),
            (self._resting, 2),
            (self._to_be_cancelled, 2),
            (self._immediate, 2),
            (self._immediate_in_vain, 1),
            (self._post_only, 1),
            (self._post_only_crossing, 1),
            (self._too_small, 1),
        )

    def next(self) -> Instruction:
        makers, weights = zip(*self._kinds, strict=True)
        (make,) = self._chance.choices(makers, weights)
        trade, outcome = make()
        self._number += 1
        self.left -= 1
        name = f"{self.strategy_id}-{self._number}"
        self.expected[name], self.kinds[name] = outcome, make.__name__.strip("_")
        if make == self._to_be_cancelled:
            self.to_cancel.append(name)
        return self._instruction(name, cex_trade=CexTrade(**trade))

    def cancel(self, target: str) -> Instruction:
        return self._instruction(f"{target}-cancel", **workload.cancel(self._venue, target))

    def _instruction(self, name: str, **payload: Any) -> Instruction:
        one = workload.instruction(self.strategy_id, name, **{"venue": self._venue, **payload})
        return replace(one, expires_at=one.created_at + LIFE)

    # kinds: the trade, and its outcome

    def _market(self) -> tuple[dict[str, Any], str]:
        return self._spot(order_type="market"), "filled"

    def _perpetual(self) -> tuple[dict[str, Any], str]:
        side = self._chance.choice(("buy", "sell"))
        self._held += AMOUNT if side == "buy" else -AMOUNT
        return self._perp(side=side), "filled"

    def _reducing(self) -> tuple[dict[str, Any], str]:
        """Closes a part of what is held; where that is nothing, it is refused."""
        if not self._held:
            return self._perp(side="sell", reduce_only=True), "rejected"
        side = "sell" if self._held > 0 else "buy"
        self._held += AMOUNT if side == "buy" else -AMOUNT
        return self._perp(side=side, reduce_only=True), "filled"

    def _resting(self) -> tuple[dict[str, Any], str]:
        return self._limit(FAR, timeout_ms=self._chance.choice((300, 900, 2000))), "cancelled"

    def _to_be_cancelled(self) -> tuple[dict[str, Any], str]:
        return self._limit(FAR, timeout_ms=LONG_MS), "cancelled"

    def _immediate(self) -> tuple[dict[str, Any], str]:
        return self._limit(CROSSING, time_in_force="IOC"), "filled"

    def _immediate_in_vain(self) -> tuple[dict[str, Any], str]:
        return self._limit(FAR, time_in_force="IOC"), "cancelled"

    def _post_only(self) -> tuple[dict[str, Any], str]:
        return self._limit(FAR, time_in_force="PO", timeout_ms=500), "cancelled"

    def _post_only_crossing(self) -> tuple[dict[str, Any], str]:
        return self._limit(
            CROSSING, time_in_force="PO"
        ), "cancelled" if self._venue == "okx" else "rejected"  # taken and ended

    def _too_small(self) -> tuple[dict[str, Any], str]:
        return self._spot(order_type="market", amount=Decimal("0.0000001")), "rejected"

    def _spot(self, **fields: Any) -> dict[str, Any]:
        side = self._chance.choice(("buy", "sell"))
        return {"market": "spot", "symbol": SPOT, "side": side, "amount": AMOUNT, **fields}

    def _perp(self, **fields: Any) -> dict[str, Any]:
        return {"market": "perp", "symbol": PERP, "order_type": "market", "amount": AMOUNT, **fields}

    def _limit(self, price: Decimal, **fields: Any) -> dict[str, Any]:
        return self._spot(side="buy", order_type="limit", price=price, **fields)
