"""One loop behind two faces: the in-process runner, and (``kafka_loop.py``) the real one on Kafka.

Both have simulated venues in this process and one clock that moves when the test says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from msgspec import Struct

from tightloop.assembly.config import Config, Reconciliation
from tightloop.errors import ExecutionError
from tightloop.records.types import ControlCommand, DeadLetter, Halt, InstructionResult, LoopHead, MarketData
from tightloop.runners.clock import ManualClock
from tightloop.testing import LoopDriver
from tightloop.testing.driver import added_up
from tightloop.venues.sim.commands import Drift
from tightloop.venues.sim.faults import FaultRule
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.wire import codec

T = TypeVar("T")
PARTITIONS = 2
LIMITED = {
    "limited-by-price": {"order_notional": 1000, "daily_notional": 2000, "price_collar_bps": 500},
    "limited-by-rate": {"order_rate": {"orders": 2, "seconds": 3600}, "symbols": ["BTC/USDT"]},
    "limited-by-position": {"position": {"BTC": "10.02"}},
    "limited-together": {"open_notional": 1000},
    "limited-but-kept": {"order_notional": 1000000, "position": {"BTC": 1000}, "price_collar_bps": 500},
}
CONFIG = Config(
    lanes=["binance", "bybit", "ethereum"],
    reconciliation=Reconciliation(mismatch_budget=0.2),
    limits={"strategies": LIMITED},
)


class Loop(ABC):
    """Feed, wait, read: the same for both."""

    clock: ManualClock
    sandbox: Sandbox

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @abstractmethod
    def feed_bytes(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None: ...

    @abstractmethod
    def all_records(self, topic: str) -> list[Any]: ...

    @abstractmethod
    def head(self, key: str) -> LoopHead | None: ...

    @abstractmethod
    def restart(self, component: str) -> None: ...

    @abstractmethod
    def eventually(self, holds: Callable[[], T], what: str) -> T:
        """Let things happen, and time pass when nothing does, until ``holds`` gives something true."""

    @abstractmethod
    def advance(self, seconds: float) -> None: ...

    @abstractmethod
    def show(self, record: MarketData) -> None:
        """Publish market data, and wait until limits are measured by it."""

    def feed(self, record: Struct, topic: str | None = None, key: str | None = None) -> None:
        topic = topic or ("control" if isinstance(record, ControlCommand) else "instructions")
        if isinstance(record, ControlCommand) and record.scope != "key":
            for partition in range(PARTITIONS):
                self.feed_bytes(topic, b"*", codec.encode(record), partition)
            return
        owner: str = key or getattr(record, "strategy_id", None) or ""
        self.feed_bytes(topic, owner.encode(), codec.encode(record))

    def records(self, topic: str, key: str) -> list[Any]:
        return [one for one in self.all_records(topic) if one.strategy_id == key]

    def result(self, key: str, instruction_id: str) -> InstructionResult:
        """Waits for it."""

        def found() -> list[InstructionResult]:
            every = self.records("instruction_results", key)
            return [one for one in every if one.instruction_id == instruction_id and one.resolves is None]

        ended = self.eventually(found, f"the result of {instruction_id}")
        assert len(ended) == 1, ended
        return ended[0]

    def dead_letters(self, topic: str, count: int = 1, **fields: Any) -> list[DeadLetter]:
        """Waits for ``count`` dead letters of a topic that have these ``fields``."""

        def found() -> list[DeadLetter]:
            letters = [one for one in self.all_records("dead_letters") if one.topic == topic]
            matching = [one for one in letters if all(getattr(one, name) == value for name, value in fields.items())]
            return matching if len(matching) >= count else []

        return self.eventually(found, f"{count} dead letters of {topic}")

    def halts(self, key: str) -> tuple[Halt, ...]:
        head = self.head(key)
        return head.halts if head else ()

    def halted(self, key: str, *codes: str) -> None:
        """Waits until exactly these halts stand."""
        self.eventually(
            lambda: sorted(one.code for one in self.halts(key)) == sorted(codes),
            f"halts {codes} of {key}, now {[one.code for one in self.halts(key)]}",
        )

    def fault(self, kind: Any, account: str, **fields: Any) -> None:
        self.sandbox.faults.add(FaultRule(kind=kind, account=account, **fields), self.now)

    def drift(self, lane: str, account: str, position_key: str, amount: Decimal) -> None:
        self.sandbox.act(lane, Drift(account=account, position_key=position_key, amount=amount), self.now)

    def expected(self, key: str) -> dict[str, Decimal]:
        return added_up(self.records("position_updates", key))

    def held(self, lane: str, key: str) -> dict[str, Decimal]:
        return {name: amount for name, amount in self.sandbox.positions(lane, key).amounts.items() if amount}

    def acted(self, key: str) -> list[str]:
        """The client order ids that a venue acted on, each as often as it did."""
        requests = self.sandbox.requests.read(0, 100_000)
        return [
            one.client_order_id
            for one in requests
            if one.account == key and one.result == "acted" and one.operation != "cancel"
        ]


class InProcessLoop(Loop):
    def __init__(self, start: datetime | None = None) -> None:
        chosen = {} if start is None else {"start": start}
        self.driver = LoopDriver(CONFIG, partitions=PARTITIONS, **chosen)
        self.clock = self.driver.clock
        self.sandbox = self.driver.sandbox

    def feed_bytes(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        self.driver.feed_bytes(topic, key, value, partition)

    def all_records(self, topic: str) -> list[Any]:
        return [one for one in map(decoded, (stored.value for stored in self.driver.stored(topic))) if one is not None]

    def head(self, key: str) -> LoopHead | None:
        return self.driver.head(key)

    def restart(self, component: str) -> None:
        self.driver.restart(component)

    def show(self, record: MarketData) -> None:
        """In process the venues themselves are asked."""
        self.feed_bytes("market_data", f"{record.venue}:{record.symbol}".encode(), codec.encode(record))

    def eventually(self, holds: Callable[[], T], what: str) -> T:
        for _ in range(2000):
            seen = holds()
            if seen:
                return seen
            self.driver.advance(0.25)
        raise AssertionError(f"still waiting for {what} at {self.now}")

    def advance(self, seconds: float) -> None:
        self.driver.advance(seconds)


def decoded(value: bytes | None) -> Any:
    try:
        return codec.decode(value) if value is not None else None
    except ExecutionError:  # what a test made unreadable
        return None


Projection = Mapping[str, list[Any]]


_REPORT = ("report_id", "report_no", "loop_no", "kind", "outcome", "amount", "cost", "deltas", "fees")
_UPDATE = ("update_id", "position_version", "report_id", "is_final", "deltas", "expected_positions")
_RECONCILIATION = ("result_id", "position_version", "loop_no", "kind", "status", "outcome", "checks", "deltas")
_RESULT = ("instruction_id", "status", "outcome", "filled_amount", "report_ids", "position_version", "result_id")


def projection(loop: Loop, key: str) -> Projection:
    """What must be the same whatever runs the handlers: ids, versions, amounts; no times.

    Results are by instruction: a refusal is told at once, so that its place among those of earlier loops is a matter of
    speed.
    """
    chosen = {
        "fills": _REPORT,
        "position_updates": _UPDATE,
        "reconciliation_results": _RECONCILIATION,
        "instruction_results": _RESULT,
    }
    shown = {topic: [attrgetter(*names)(one) for one in loop.records(topic, key)] for topic, names in chosen.items()}
    return {**shown, "instruction_results": sorted(shown["instruction_results"], key=itemgetter(0))}
