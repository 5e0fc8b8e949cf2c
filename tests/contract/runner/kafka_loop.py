"""A loop on a real broker: the Kafka runner, a thread for each component, one clock that a test moves.

The clock stands an hour ahead of the machine's, so that nothing is ever appended later than it says (EXI-015).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from confluent_kafka import Consumer, Producer, TopicPartition
from tests.contract.runner.loops import CONFIG, PARTITIONS, Loop, decoded

from tightloop.assembly import build
from tightloop.domain import money
from tightloop.domain.directory import LaneSpec
from tightloop.records import topics
from tightloop.records.types import LoopHead, MarketData
from tightloop.runners.clock import ManualClock
from tightloop.runners.kafka.runner import KafkaRunner
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.topic_admin import TopicAdmin
from tightloop.runners.partitioner import partition_of
from tightloop.runners.performer import CallLoop, Performer
from tightloop.runners.price_source import PriceSource
from tightloop.runners.state import parse_changelog_key
from tightloop.runners.worker import PartitionWorker
from tightloop.venues.adapter import VenueAdapter
from tightloop.venues.sim.inprocess import InProcessChain, InProcessExchange
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import SimSettings
from tightloop.wire import codec

T = TypeVar("T")
DEADLINE_S = 60.0  # on a busy machine a step of Kafka's takes long; nothing waits for it when it does not


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
        self._prices: PriceSource
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
        adapters = {one: _Guarded(lane, self.sandbox, self._lock) for one, lane in CONFIG.directory().lanes.items()}
        prices = build.make_prices(component, CONFIG, self._settings, self.clock)
        if prices is not None:
            self._prices = prices
        performer = Performer(adapters, self.clock, prices=prices)
        effects: CallLoop[PartitionWorker] = CallLoop(performer)
        outputs = build.outputs_of(component, tuple(CONFIG.lanes))
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

    def show(self, record: MarketData) -> None:
        market = record.venue, record.symbol
        deadline = time.monotonic() + DEADLINE_S
        while True:
            self.feed_bytes("market_data", f"{record.venue}:{record.symbol}".encode(), codec.encode(record))
            (seen,) = asyncio.run(self._prices.read([market]))
            if seen.event_time == record.event_time:
                return
            assert time.monotonic() < deadline, f"still waiting for {record}, and it is {seen}"
            time.sleep(0.05)

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
            record = decoded(message.value())
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

    def __init__(self, lane: LaneSpec, sandbox: Sandbox, lock: threading.RLock) -> None:  # type: ignore[valid-type]
        inner: VenueAdapter = (InProcessChain if lane.kind == "chain" else InProcessExchange)(lane, sandbox)
        self._inner = inner
        self._lock: Any = lock
        self.lane = lane

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def guarded(*arguments: Any) -> Any:
            with self._lock:
                return await method(*arguments)

        return guarded
