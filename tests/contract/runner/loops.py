"""One loop behind two faces: the in-process runner, and Kafka with the real runner, a thread for each component.

Both have simulated venues in this process and one clock that moves when the test says so. On Kafka the clock stands an
hour ahead of the machine's, so that nothing is ever appended later than it says (EXI-015).
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from confluent_kafka import Consumer, Producer, TopicPartition
from msgspec import Struct

from tightloop.assembly import build
from tightloop.assembly.config import Config, Reconciliation
from tightloop.records import codec, money, topics
from tightloop.records.errors import ExecutionError
from tightloop.records.types import ControlCommand, DeadLetter, Halt, InstructionResult, LoopHead
from tightloop.records.venues import LANES
from tightloop.runners.clock import ManualClock
from tightloop.runners.effects import EffectLoop, Performer
from tightloop.runners.kafka.admin import TopicAdmin
from tightloop.runners.kafka.runner import KafkaRunner
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.partitioner import partition_of
from tightloop.runners.state import parse_changelog_key
from tightloop.runners.worker import PartitionWorker
from tightloop.testing import LoopDriver
from tightloop.venues.adapter import VenueAdapter
from tightloop.venues.sim.commands import Drift
from tightloop.venues.sim.faults import FaultRule
from tightloop.venues.sim.inprocess import InProcessChain, InProcessExchange
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import SimSettings

T = TypeVar("T")
PARTITIONS = 2
CONFIG = Config(reconciliation=Reconciliation(mismatch_budget=0.2))
DEADLINE_S = 60.0  # on a busy machine a step of Kafka's takes long; nothing waits for it when it does not


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
        sums: dict[str, Decimal] = {}
        with money.exact():
            for update in self.records("position_updates", key):
                for delta in update.deltas:
                    sums[delta.position_key] = sums.get(delta.position_key, money.ZERO) + delta.amount
        return {name: amount for name, amount in sums.items() if amount}

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
        return [one for one in map(_decoded, (stored.value for stored in self.driver.stored(topic))) if one is not None]

    def head(self, key: str) -> LoopHead | None:
        return self.driver.head(key)

    def restart(self, component: str) -> None:
        self.driver.restart(component)

    def eventually(self, holds: Callable[[], T], what: str) -> T:
        for _ in range(2000):
            seen = holds()
            if seen:
                return seen
            self.driver.advance(0.25)
        raise AssertionError(f"still waiting for {what} at {self.now}")

    def advance(self, seconds: float) -> None:
        self.driver.advance(seconds)


class KafkaLoop(Loop):
    """Every component on a broker. Use it as a context manager."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.clock = ManualClock((datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0))
        self.start = self.clock.now()
        self.sandbox = Sandbox(SimSettings(market_origin=self.start - timedelta(days=30)), self.clock.now)
        self._settings = KafkaSettings(
            bootstrap=bootstrap,
            prefix=prefix,
            watchdog_s=600.0,
            max_poll_interval_ms=300_000,
            transaction_timeout_ms=30_000,
        )
        self._lock = threading.RLock()
        self._running: dict[str, tuple[KafkaRunner, threading.Thread]] = {}
        self._failed: list[str] = []
        self._log: dict[str, list[Any]] = {}
        self._heads: dict[str, LoopHead] = {}
        self._quiet_since = time.monotonic()

    def __enter__(self) -> KafkaLoop:
        contracts = topics.all_topics(CONFIG.lanes)
        TopicAdmin(self._settings).create(contracts, partitions=PARTITIONS)
        self._producer = Producer(
            {"bootstrap.servers": self._settings.bootstrap, "linger.ms": 0, "message.max.bytes": 32 * 1024 * 1024}
        )
        self._consumer = Consumer(
            {
                "bootstrap.servers": self._settings.bootstrap,
                "group.id": f"{self._settings.prefix}test",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 10,
                "fetch.message.max.bytes": 32 * 1024 * 1024,
            }
        )
        self._consumer.assign(
            [
                TopicPartition(self._settings.prefix + one.name, partition, 0)
                for one in contracts
                for partition in range(PARTITIONS)
            ]
        )
        try:
            for component, lane in build.every_component(CONFIG):
                self._start(component, lane)
            self.eventually(lambda: all(map(_holds_everything, self._running.values())), "all to be ready")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        for runner, _ in self._running.values():
            runner.stop()
        for _, thread in self._running.values():
            thread.join(60)
        self._consumer.close()
        self._producer.flush(10)

    def _start(self, component: str, lane: str | None) -> None:
        handler = build.make_handler(component, lane, CONFIG)
        adapters = {one: _Guarded(one, self.sandbox, self._lock) for one in CONFIG.lanes}
        performer = Performer(adapters, self.clock, CONFIG.timing.send_window)
        effects: EffectLoop[PartitionWorker] = EffectLoop(performer)
        outputs = build.outputs_of(component, CONFIG.lanes)
        runner = KafkaRunner(handler, self._settings, effects, self.clock, outputs)

        def live() -> None:
            money.install()
            try:
                runner.run()
            except BaseException as error:
                self._failed.append(f"{handler.name}: {type(error).__name__}: {error}")
                raise

        thread = threading.Thread(target=live, name=handler.name, daemon=True)
        thread.start()
        self._running[handler.name] = (runner, thread)

    def restart(self, component: str) -> None:
        runner, thread = self._running.pop(component)
        runner.stop()
        thread.join(60)
        assert not thread.is_alive(), f"{component} does not stop"
        kind, _, lane = component.partition("executor-")
        self._start("executor" if lane else kind, lane or None)

    def feed_bytes(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        chosen = partition_of(key or b"", PARTITIONS) if partition is None else partition
        failures: list[Any] = []
        self._producer.produce(
            self._settings.prefix + topic,
            value,
            key,
            partition=chosen,
            on_delivery=lambda error, message: failures.append(error) if error else None,
        )
        assert self._producer.flush(30) == 0
        assert not failures, failures

    def all_records(self, topic: str) -> list[Any]:
        self._read()
        return list(self._log.get(topic, []))

    def head(self, key: str) -> LoopHead | None:
        self._read()
        return self._heads.get(key)

    def _read(self, patience_s: float = 0.0) -> int:
        seen = 0
        while (message := self._consumer.poll(patience_s)) is not None:
            if message.error() is not None:
                continue
            seen += 1
            patience_s = 0.0
            topic = (message.topic() or "").removeprefix(self._settings.prefix)
            record = _decoded(message.value())
            if topic == "loop_state" and isinstance(record, LoopHead):
                self._heads[parse_changelog_key(message.key() or b"")[0]] = record
            if record is not None:
                self._log.setdefault(topic, []).append(record)
        return seen

    def eventually(self, holds: Callable[[], T], what: str) -> T:
        """Time passes for the loop only when it has been idle a while: nothing expires because this machine is slow."""
        deadline = time.monotonic() + DEADLINE_S
        idle_since = time.monotonic()
        while not (seen := not self._failed and holds()):
            assert not self._failed, self._failed
            assert time.monotonic() < deadline, f"still waiting for {what}"
            if self._read(0.02):
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > 0.4:
                self.clock.advance(0.25)
        return seen

    def advance(self, seconds: float) -> None:
        idle_since = time.monotonic()
        while time.monotonic() - idle_since < 0.4:
            if self._read(0.05):
                idle_since = time.monotonic()
        self.clock.advance(seconds)


def _holds_everything(running: tuple[KafkaRunner, threading.Thread]) -> bool:
    """One replica has every partition, and has restored it."""
    return len(running[0].assignment.active) == PARTITIONS


class _Guarded:
    """A simulated venue that several threads may ask."""

    def __init__(self, lane: str, sandbox: Sandbox, lock: threading.RLock) -> None:  # type: ignore[valid-type]
        inner: VenueAdapter = (InProcessChain if LANES[lane].kind == "chain" else InProcessExchange)(lane, sandbox)
        self._inner = inner
        self._lock: Any = lock
        self.lane, self.fence, self.acceptance_window_s = inner.lane, inner.fence, inner.acceptance_window_s

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def guarded(*arguments: Any) -> Any:
            with self._lock:
                return await method(*arguments)

        return guarded


def _decoded(value: bytes | None) -> Any:
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
