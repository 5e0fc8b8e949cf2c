"""The loop without a broker: every component in this process, beside a plain loop that does the same sums.

Both trade on simulated venues in this process, and so does ``route_instruction`` of the Python API, which runs the same
loop for one block of plain data after another. The *plain* loop places an order, adds what it did to what it expects,
reads the account and compares: what a loop comes to when nothing is journalled, published, or kept for a restart. A
round gives each key one instruction, its loops run to their ends, and a second passes.

Rates are loops a second of processor time, of one core: what else the machine does counts little. Bytes are what a
loop leaves in memory; of the plain one that is what the venues' own books keep.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from tightloop.assembly.config import Config
from tightloop.assembly.engine import Engine
from tightloop.domain import money
from tightloop.handlers.calls import OrderFound
from tightloop.interfaces.manager import ExecutionInterfaceManager
from tightloop.records.types import CexTrade, Instruction, InstructionResult, Side
from tightloop.runners.bus import Stored
from tightloop.runners.clock import ManualClock
from tightloop.venues.sim.commands import PlaceOrder
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import SimSettings

KEYS = (1, 64)
START = datetime(2024, 5, 12, 12, 0, tzinfo=UTC)
_LANE, _SYMBOL, _AMOUNT = "binance", "BTC/USDT", Decimal("0.001")
_WARM_ROUNDS = 2  # accounts are opened and taken over in the first
_KEPT_LOOPS = 128  # of which the memory is counted: counting slows, so it is done apart
_SAMPLES = 5


class InProcess(Struct, frozen=True, kw_only=True):
    """``ratio``: how many plain loops are made in the time of one. ``routed_per_second``: by ``route_instruction``."""

    keys: int
    loops_per_second: float
    routed_per_second: float
    kept_bytes_per_loop: float
    plain_per_second: float
    plain_kept_bytes_per_loop: float
    ratio: float


class _Loop:
    """One round of the components: an instruction for each key, and its loop to its end."""

    def __init__(self, keys: int) -> None:
        self.keys = keys
        self._engine = Engine(Config(), ManualClock(START))
        self._engine.bus.subscribe(self._note, ["instruction_results"])
        self._reconciled = 0
        self._rounds = 0

    def _note(self, stored: Stored) -> None:
        result = stored.record
        self._reconciled += isinstance(result, InstructionResult) and result.status == "reconciled"

    def round(self) -> None:
        self._rounds += 1
        for key in range(self.keys):
            self._engine.bus.publish(_instruction(key, self._rounds, self._engine.clock.now()))
        self._engine.advance(1.0)

    def check(self) -> None:
        """Raises RuntimeError when not every loop ended as it should have: then nothing was measured."""
        if self._reconciled != self._rounds * self.keys:
            raise RuntimeError(f"{self._reconciled} of {self._rounds * self.keys} loops ended reconciled")


def _instruction(key: int, number: int, now: datetime) -> Instruction:
    return Instruction(
        instruction_id=f"i{number}",
        strategy_id=f"s{key}",
        type="cex_trade",
        venue=_LANE,
        created_at=now,
        cex_trade=CexTrade(market="spot", symbol=_SYMBOL, side=_side(number), order_type="market", amount=_AMOUNT),
    )


def _side(number: int) -> Side:
    return "buy" if number % 2 else "sell"


class _Routed:
    """The same by ``route_instruction``: each instruction a block of plain data, and its result too."""

    def __init__(self, keys: int) -> None:
        self.keys = keys
        self._manager = ExecutionInterfaceManager({}, None, "backtest")
        self._rounds = 0

    def round(self) -> None:
        self._rounds += 1
        now = START + timedelta(seconds=self._rounds)
        for key in range(self.keys):
            self._manager.route_instruction(now, _block(key, self._rounds))

    def check(self) -> None:
        """Raises RuntimeError when one of them was not filled and reconciled."""
        done = self._manager.instructions_routed - self._manager.instructions_failed
        if done != self._rounds * self.keys:
            raise RuntimeError(f"{done} of {self._rounds * self.keys} instructions were filled and reconciled")


def _block(key: int, number: int) -> dict[str, Any]:
    return {
        "instruction_id": f"i{number}",
        "strategy_id": f"s{key}",
        "type": "cex_trade",
        "venue": _LANE,
        "symbol": _SYMBOL,
        "side": _side(number),
        "amount": 0.001,
        "reference_price": 60_000,
    }


class _Plain:
    """The same trades and sums, and nothing else."""

    def __init__(self, keys: int) -> None:
        self.keys = keys
        self._clock = ManualClock(START)
        self._venues = Sandbox(SimSettings(market_origin=START - timedelta(days=30)), self._clock.now)
        self._expected = [dict(self._venues.positions(_LANE, f"s{key}").amounts) for key in range(keys)]
        self._rounds = 0

    def round(self) -> None:
        self._rounds += 1
        with money.exact():
            for key in range(self.keys):
                self._trade(key)
        self._clock.advance(1.0)

    def _trade(self, key: int) -> None:
        account, now, expected = f"s{key}", self._clock.now(), self._expected[key]
        order = PlaceOrder(
            account=account,
            client_order_id=f"i{self._rounds}",
            market="spot",
            symbol=_SYMBOL,
            side=_side(self._rounds),
            order_type="market",
            timestamp=now,
            decided_at=now,
            amount=_AMOUNT,
        )
        found = self._venues.act(_LANE, order, now)
        for entry in found.entries if isinstance(found, OrderFound) else ():
            for delta in entry.deltas:
                expected[delta.position_key] = expected.get(delta.position_key, money.ZERO) + delta.amount
        if {name: amount for name, amount in expected.items() if amount} != self._venues.positions(
            _LANE, account
        ).amounts:
            raise RuntimeError(f"{account} holds something else than was expected")

    def check(self) -> None:
        """Each round compares for itself."""


def measure(keys: tuple[int, ...] = KEYS, seconds: float = 4.0) -> list[InProcess]:
    """``seconds``: of processor time, for each of the three."""
    return [_measured(count, seconds) for count in keys]


def _measured(keys: int, seconds: float) -> InProcess:
    loop, plain = _rate(lambda: _Loop(keys), seconds), _rate(lambda: _Plain(keys), seconds)
    routed = _rate(lambda: _Routed(keys), seconds)
    return InProcess(
        keys=keys,
        loops_per_second=loop,
        routed_per_second=routed,
        kept_bytes_per_loop=_kept(_Loop(keys)),
        plain_per_second=plain,
        plain_kept_bytes_per_loop=_kept(_Plain(keys)),
        ratio=plain / loop,
    )


def _rate(make: Callable[[], _Loop | _Routed | _Plain], seconds: float) -> float:
    """The best of a few samples, each with fresh books: a neighbour's work on the machine only takes away."""
    return max(_sample(make(), seconds / _SAMPLES) for _ in range(_SAMPLES))


def _sample(loop: _Loop | _Routed | _Plain, seconds: float) -> float:
    _warm(loop)
    gc.collect()
    began, rounds = time.process_time(), 0
    while (spent := time.process_time() - began) < seconds or not rounds:
        loop.round()
        rounds += 1
    loop.check()
    return rounds * loop.keys / spent if spent else 0.0


def _warm(loop: _Loop | _Routed | _Plain) -> None:
    for _ in range(_WARM_ROUNDS):
        loop.round()


def _kept(loop: _Loop | _Plain) -> float:
    _warm(loop)
    rounds = max(1, _KEPT_LOOPS // loop.keys)
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(rounds):
            loop.round()
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    return kept / (rounds * loop.keys)
