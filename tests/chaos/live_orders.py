"""What strategies publish in a storm on live lanes: orders and transfers, each with what must become of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from tests.chaos import workload

from tightloop.records.types import CexTrade, Instruction, WalletTransfer

LIFE = timedelta(hours=6)
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"
AMOUNT = Decimal("0.01")
FAR, CROSSING = Decimal(25_000), Decimal(45_000)  # of a purchase, where the sandboxes' market is at 42,000
LONG_MS = 600_000  # rests until it is cancelled
OUTSIDE = "0x" + "ab" * 20  # where withdrawals go
TWO_WALLETS = ("binance",)  # venues where spot and perpetuals have a wallet each
Payload = dict[str, Any] | WalletTransfer  # a trade's fields, or a transfer


class Orders:
    """One strategy's, one after another. ``expected``: by instruction, the outcome that it must have.

    ``to_cancel``: those that rest until somebody cancels them. ``moved``: the amount of each transfer, which no
    other of the strategy has.
    """

    def __init__(self, strategy_id: str, venue: str, count: int, seed: int, *, transfers: bool = True) -> None:
        self.strategy_id = strategy_id
        self.left = count
        self.expected: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.to_cancel: list[str] = []
        self.moved: dict[str, Decimal] = {}
        self._venue = venue
        self._number = 0
        self._held = Decimal(0)  # of the perpetual, once all before has happened
        self._chance = random.Random(f"{seed}:{strategy_id}")
        self._kinds: tuple[tuple[Callable[[], tuple[Payload, str]], int], ...] = (
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
            (self._withdrawal, 3 * transfers),
            (self._between_wallets, 2 * (transfers and venue in TWO_WALLETS)),
        )

    def next(self) -> Instruction:
        makers, weights = zip(*self._kinds, strict=True)
        (make,) = self._chance.choices(makers, weights)
        return self._one(make)

    def between_wallets(self) -> Instruction:
        """Where there are two: a movement, which bears no id at the exchange."""
        return self._one(self._between_wallets)

    def _one(self, make: Callable[[], tuple[Payload, str]]) -> Instruction:
        self._number += 1
        self.left -= 1
        what, outcome = make()
        name = f"{self.strategy_id}-{self._number}"
        self.expected[name], self.kinds[name] = outcome, make.__name__.strip("_")
        if make == self._to_be_cancelled:
            self.to_cancel.append(name)
        if isinstance(what, WalletTransfer):
            self.moved[name] = what.amount
            return self._instruction(name, wallet_transfer=what)
        return self._instruction(name, cex_trade=CexTrade(**what))

    def cancel(self, target: str) -> Instruction:
        return self._instruction(f"{target}-cancel", **workload.cancel(self._venue, target))

    def _instruction(self, name: str, **payload: Any) -> Instruction:
        one = workload.instruction(self.strategy_id, name, **{"venue": self._venue, **payload})
        return replace(one, expires_at=one.created_at + LIFE)

    # kinds: the trade or transfer, and its outcome

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

    def _withdrawal(self) -> tuple[WalletTransfer, str]:
        return self._moved("spot", OUTSIDE), "filled"

    def _between_wallets(self) -> tuple[WalletTransfer, str]:
        wallets = ["spot", "perp"]
        self._chance.shuffle(wallets)
        return self._moved(wallets[0], f"{self._venue}:{wallets[1]}"), "filled"

    def _moved(self, source: str, destination: str) -> WalletTransfer:
        """Of an amount that tells it from every other: a movement without an id is known by its amount."""
        amount = 20 + Decimal(self._number) / 100
        return WalletTransfer(source=f"{self._venue}:{source}", destination=destination, asset="USDT", amount=amount)

    def _spot(self, **fields: Any) -> dict[str, Any]:
        side = self._chance.choice(("buy", "sell"))
        return {"market": "spot", "symbol": SPOT, "side": side, "amount": AMOUNT, **fields}

    def _perp(self, **fields: Any) -> dict[str, Any]:
        return {"market": "perp", "symbol": PERP, "order_type": "market", "amount": AMOUNT, **fields}

    def _limit(self, price: Decimal, **fields: Any) -> dict[str, Any]:
        return self._spot(side="buy", order_type="limit", price=price, **fields)
