"""A whole system for the tests: topics, simulated venues, replicas of every component, and a supervisor of them all."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from tests.chaos.component import VENUES
from tests.chaos.processes import Process

from tightloop.assembly.build import EXECUTOR, every_component
from tightloop.assembly.config import Config, Reconciliation, Timing
from tightloop.assembly.limits import LimitsSection
from tightloop.checker import Watch
from tightloop.records import topics
from tightloop.records.types import ControlCommand, Instruction
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.topic_admin import TopicAdmin
from tightloop.venues.sim.settings import SimSettings
from tightloop.wire import codec

TICK_S = 0.05
# Longer than session timeout, send window, acceptance window and clock margin together: 1.5 + 3 + 2 + 0.5 s.
ZOMBIE_S = 8.5
# Evidence in seconds instead of a minute, above the 5.5 s after which "not found" counts.
# A transaction that is pending for two seconds is replaced: the storm makes gas dearer for a few.
TIMING = Timing(evidence=12.0, replace=2.0)
RECONCILIATION = Reconciliation(budget=8.0, mismatch_budget=1.0)


class System:
    """Every component as a process, kept up by a supervisor thread. Use it as a context manager.

    ``replicas``: by component or lane, one of those not named; ``None``: two of each. ``without``: safeguards to take
    away. ``defects``: mistakes to put in (``defects.py``). ``venues``: what the simulated venues are like. ``record``:
    on the topic ``recordings``, what each component is given. ``limits``: of the strategies; None: there are none.
    """

    def __init__(
        self,
        bootstrap: str,
        prefix: str,
        folder: Path,
        *,
        partitions: int = 8,
        replicas: Mapping[str, int] | None = None,
        without: Iterable[str] = (),
        defects: Iterable[str] = (),
        lanes: tuple[str, ...] = ("binance", "ethereum"),
        venues: SimSettings | None = None,
        record: bool = False,
        limits: LimitsSection | None = None,
    ) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.folder = folder
        self.partitions = partitions
        self.config = Config(
            bootstrap=bootstrap,
            prefix=prefix,
            lanes=lanes,
            limits=limits,
            timing=TIMING,
            reconciliation=RECONCILIATION,
            record=record,
        )
        self._venues = venues or SimSettings()
        self._replicas = replicas
        self._warm_up: Instruction | None = None
        self._without = list(without)
        self._defects = list(defects)
        self.components: dict[str, Process] = {}
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._failed: BaseException | None = None
        self._producer: Producer | None = None
        self._watch: Watch | None = None

    # life

    def __enter__(self) -> Self:
        try:
            self._create_topics()
            self._start_venues()
            for component, lane in every_component(self.config):
                wanted = self._replicas or {}
                for number in range(wanted.get(lane or "", wanted.get(component, 2 if self._replicas is None else 1))):
                    self.add(component, lane, number)
        except BaseException:
            self.close()
            raise
        self._running.set()
        self._supervisor.start()
        try:
            if self._warm_up is not None:
                self.publish(self._warm_up)
                self.until_results(60)
        except BaseException:
            self.close()
            raise
        return self

    def warmed_up(self, instruction: Instruction) -> Self:
        """Entering it waits until this first instruction has its result."""
        self._warm_up = instruction
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._running.clear()
        if self._supervisor.is_alive():
            self._supervisor.join(10)
        for process in [*self.components.values(), *([self.venues] if hasattr(self, "venues") else [])]:
            process.end()
        if self._watch is not None:
            self._watch.close()

    def add(self, component: str, lane: str | None, number: int) -> Process:
        """One more replica, in a replica of its own."""
        name = f"{lane or component}-{number}"
        spec = {
            "component": component,
            "lane": lane,
            "replica": str(number),
            "config": self.config.model_dump(mode="json"),
            "without": self._without,
            "defects": self._defects,
        }
        process = Process(name, self.folder / name, spec)
        process.start()
        with self._lock:
            self.components[name] = process
        return process

    def replicas_of(self, name: str) -> list[Process]:
        """``name``: a component's, or an executor's lane."""
        return [process for key, process in sorted(self.components.items()) if key.rpartition("-")[0] == name]

    @property
    def executors(self) -> list[Process]:
        return [process for _, process in sorted(self.components.items()) if process.spec["component"] == EXECUTOR]

    # what strategies, operators and venues do

    def publish(self, *instructions: Instruction) -> None:
        for one in instructions:
            self.producer.produce(f"{self.prefix}instructions", codec.encode(one), one.strategy_id)
        self.producer.poll(0)

    def control(self, command: ControlCommand) -> None:
        self.producer.produce(f"{self.prefix}control", codec.encode(command), command.strategy_id)
        self.producer.flush(30)

    @property
    def producer(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(
                {
                    "bootstrap.servers": self.bootstrap,
                    "partitioner": "murmur2_random",
                    "enable.idempotence": True,
                    "linger.ms": 0,
                    "message.max.bytes": 5_000_000,  # what a topic allows is up to the broker
                    "log_level": 3,
                }
            )
        return self._producer

    def venue(self, method: str, path: str, **body: Any) -> Any:
        """Ask the control endpoint of the simulated venues."""
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(f"http://{self.config.simulator}/admin{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def venues_answer(self) -> bool:
        try:
            return bool(self.venue("GET", "/health")["ready"])
        except OSError:
            return False

    def fault(self, kind: str, **rule: Any) -> int:
        """Let the venues misbehave; the rule's number."""
        state = self.venue("POST", "/faults", kind=kind, **rule)
        number: int = state["rule_id"] if isinstance(state, dict) else state[0]
        return number

    # what the judge sees

    @property
    def watch(self) -> Watch:
        if self._watch is None:
            self._watch = Watch(self.bootstrap, self.prefix, self.config.simulator)
        return self._watch

    def until(self, holds: Callable[[], object], seconds: float, what: str, pause_s: float = 0.1) -> None:
        """Wait for a condition. Raises AssertionError that says what was awaited and what was there instead."""
        deadline = time.monotonic() + seconds
        while not (seen := holds()):
            if self._failed is not None:
                raise AssertionError("the harness's supervisor failed") from self._failed
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for: {what}; there is {seen!r}\n{self.describe()}")
            time.sleep(pause_s)

    def until_results(self, seconds: float, pause_s: float = 0.3) -> None:
        self.producer.flush(30)
        self.until(lambda: _none(self.watch.without_result()), seconds, "every instruction has its result", pause_s)

    def describe(self) -> str:
        """For a failure: who is up, and the last that each had to say."""
        lines = []
        for name, process in sorted(self.components.items()):
            tail = "\n    ".join(process.output().splitlines()[-6:])
            lines.append(f"{name}: up={process.is_up} starts={process.starts} exits={process.exits}\n    {tail}")
        return "\n".join(lines)

    # how

    def _create_topics(self) -> None:
        contracts = topics.all_topics(self.config.lanes)
        TopicAdmin(KafkaSettings(bootstrap=self.bootstrap, prefix=self.prefix)).create(contracts, self.partitions)
        entry = ConfigEntry("message.timestamp.type", "LogAppendTime", incremental_operation=AlterConfigOpType.SET)
        resources = [
            ConfigResource(ResourceType.TOPIC, self.prefix + one.name, incremental_configs=[entry]) for one in contracts
        ]
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for future in admin.incremental_alter_configs(resources).values():
            future.result(15)  # the records' times are the broker's own, and so is their order

    def _start_venues(self) -> None:
        books = self.folder / "books"
        settings = self.folder / "venues.json"
        settings.write_bytes(msgspec.json.encode(self._venues))
        arguments = ["--settings", str(settings), "--dir", str(books)]
        self.venues = Process(VENUES, self.folder / VENUES, {"component": VENUES, "arguments": arguments})
        self.venues.start()
        told = books / "server.json"
        self.until(lambda: told.exists() and told.read_text().endswith("}"), 30, "the venues are up", 0.02)
        where = json.loads(told.read_text())
        self.venues.spec["arguments"] += ["--port", str(where["port"])]  # the same again when it was killed
        self.config = self.config.model_copy(update={"simulator": f"{where['host']}:{where['port']}"})

    def _supervise(self) -> None:
        """A failure here would leave the dead dead: it is kept, and fails whatever waits next."""
        try:
            while self._running.is_set():
                with self._lock:
                    processes = [self.venues, *self.components.values()]
                for process in processes:
                    if self._running.is_set():
                        process.tend()
                time.sleep(TICK_S)
        except BaseException as error:
            self._failed = error
            raise


def _none(found: dict[Any, Any]) -> bool | list[Any]:
    """True when nothing is left; else what is, for the message: never true as a condition."""
    return True if not found else _Left(list(found.items())[:10])


class _Left(list[Any]):
    def __bool__(self) -> bool:
        return False
