"""What a live lane's executor adds to an order's way: from ``instructions.<lane>`` to its request's leaving for the
exchange, which is ``tightloop sandbox binance`` here.

One key, one order after another, all components as processes on Kafka. The *hop* is what a ``read_committed`` consumer
of the same topic waits for the same record; what the executor takes beyond it holds its journal's transaction. A
request is signed as the last thing before it leaves, with the millisecond of then, of which the middle is taken. The
second part is one process with 200 orders of as many keys under way at once (``live_flight``).
"""

from __future__ import annotations

import json
import os
import statistics
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer
from msgspec import Struct

from tightloop.assembly.build import EXECUTOR, every_component
from tightloop.assembly.config import Config
from tightloop.bench.load import WrongResult, reader
from tightloop.bench.programs import Program, stop_all
from tightloop.records import topics
from tightloop.records.types import CexTrade, ControlCommand, Instruction
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.topic_admin import TopicAdmin
from tightloop.wire import codec

LANE, KEY = "binance", "bench"
ORDERS, AT_ONCE = 60, 200
_WARM = 30
HELD_S = 2.0  # how long the exchange holds its answers to those: until all have left, on a busy machine, too
_SIGNED_WITHIN_S = 0.0005  # a request's own time is told in whole milliseconds: on average it is half of one later
_PATIENCE_S = 60.0
_PLENTY = 10**9
_LIMITS = {
    "spot": {"weight": {"1M": _PLENTY}, "orders": {"10S": _PLENTY, "1D": _PLENTY}},
    "futures": {"weight": {"1M": _PLENTY}, "orders": {"10S": _PLENTY, "1M": _PLENTY}},
}


class LiveExecutor(Struct, frozen=True, kw_only=True):
    """Milliseconds. ``way``: from the record's time to the request's leaving; ``hop``: to a consumer; ``own``: the one
    without the other, order by order. ``ratio``: of the medians of ``own`` and ``hop``. ``at_once``: how many requests
    were under way together, in ``at_once_s``, by a process of ``at_once_mb``.
    """

    orders: int
    way_p50_ms: float
    hop_p50_ms: float
    own_p50_ms: float
    own_p99_ms: float
    ratio: float
    resident_mb: float
    at_once: int
    at_once_s: float
    at_once_mb: float


def measure(bootstrap: str, prefix: str, folder: Path, orders: int = ORDERS) -> LiveExecutor:
    """``orders``: two or more. Raises WrongResult when an order is not done, or a component ends."""
    sandbox = Sandbox(folder)
    programs: list[Program] = [sandbox.program]
    try:
        config = _configured(folder, bootstrap, prefix, sandbox.address)
        TopicAdmin(KafkaSettings(bootstrap=bootstrap, prefix=prefix)).create(topics.all_topics((LANE,)), 1)
        components = _components(folder, config, sandbox.variables)
        programs += components.values()
        ways, hops = _Orders(bootstrap, prefix, sandbox).run(orders)
        resident = components[EXECUTOR].resident_mb()
        held = {"kind": "late_after", "operations": ["order"], "delay_s": HELD_S, "count": AT_ONCE}
        sandbox.control("POST", "/admin/faults", held)
        flight = Program(
            "flight",
            "tightloop.bench.live_flight",
            sandbox.address,
            str(AT_ONCE),
            log=folder / "flight.log",
            env=sandbox.variables,
        )
        programs.append(flight)
        told = flight.hear(_PATIENCE_S)
    finally:
        stop_all(programs)
    own = [way - hop for way, hop in zip(ways, hops, strict=True)]
    return LiveExecutor(
        orders=orders,
        way_p50_ms=round(statistics.median(ways), 1),
        hop_p50_ms=round(statistics.median(hops), 1),
        own_p50_ms=round(statistics.median(own), 1),
        own_p99_ms=round(statistics.quantiles(own, n=100)[98], 1),
        ratio=round(statistics.median(own) / max(statistics.median(hops), 0.1), 2),
        resident_mb=round(resident, 1),
        at_once=told["at_once"],
        at_once_s=round(told["seconds"], 2),
        at_once_mb=round(told["resident_mb"], 1),
    )


class Sandbox:
    """The exchange, as a process."""

    def __init__(self, folder: Path) -> None:
        where = folder / "exchange"
        where.mkdir()
        arguments = ("sandbox", LANE, "--dir", str(where), "--port", "0", "--account", KEY)
        self.program = Program("sandbox", "tightloop.cli", *arguments, log=folder / "sandbox.log")
        self.address = f"http://127.0.0.1:{self.program.hear(_PATIENCE_S)['port']}"
        self.control("POST", "/admin/limits", _LIMITS)
        lines = (where / "keys.env").read_text().splitlines()
        self.variables = dict(line.split("=", 1) for line in lines)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def leavings(self) -> list[float]:
        """When each order left, in Unix seconds, by this machine's clock."""
        requests = self.control("GET", "/admin/requests?limit=1000000")["requests"]
        orders = [one for one in requests if (one["operation"], one["result"]) == ("order", "acted")]
        return [datetime.fromisoformat(one["signed_at"]).timestamp() + _SIGNED_WITHIN_S for one in orders]


def _configured(folder: Path, bootstrap: str, prefix: str, address: str) -> Path:
    file = folder / "live.toml"
    file.write_text(
        f'bootstrap = "{bootstrap}"\nprefix = "{prefix}"\n[lanes.{LANE}]\nsimulated = false\nendpoint = "{address}"\n'
        f'[accounts.{KEY}]\nstrategy = "{KEY}"\nlane = "{LANE}"\n'
    )
    return file


def _components(folder: Path, config: Path, variables: dict[str, str]) -> dict[str, Program]:
    found = {}
    for component, lane in every_component(Config.model_validate({"lanes": (LANE,)})):
        words = ("run", component, *([lane] if lane else []), "--config", str(config), "--env", "dev")
        log = folder / f"{component}.log"
        found[component] = Program(component, "tightloop.cli", *words, log=log, env={**os.environ, **variables})
    return found


class _Orders:
    """Published one after another, each when the one before has its result."""

    def __init__(self, bootstrap: str, prefix: str, sandbox: Sandbox) -> None:
        self._prefix, self._sandbox = prefix, sandbox
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 3})
        self._routed, self._results = f"{prefix}instructions.{LANE}", f"{prefix}instruction_results"
        self._checks = f"{prefix}reconciliation_results"
        self._consumer: Consumer = reader(bootstrap, [self._routed, self._results, self._checks])
        self._seen: list[tuple[float, float]] = []  # of each order dispatched: the record's time, and ours

    def run(self, orders: int) -> tuple[list[float], list[float]]:
        """Of each order the way and the hop, in milliseconds."""
        for number in range(_WARM + orders):
            self._one(number)
        self._consumer.close()
        left = self._sandbox.leavings()
        if len(left) != len(self._seen):
            raise WrongResult(f"{len(self._seen)} orders were dispatched, and the exchange did {len(left)}")
        pairs = list(zip(self._seen, left, strict=True))[_WARM:]
        return [1000 * (at - told) for (told, _), at in pairs], [1000 * (seen - told) for (told, seen), _ in pairs]

    def _one(self, number: int) -> None:
        self._producer.produce(f"{self._prefix}instructions", codec.encode(_order(number)), KEY)
        self._producer.flush(10)
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            message = self._consumer.poll(0.5)
            if message is None or message.error() is not None:
                continue
            now = time.time()
            record: Any = codec.decode(message.value() or b"")
            if message.topic() == self._routed and record.instruction is not None:
                self._seen.append((message.timestamp()[1] / 1000, now))
            elif message.topic() == self._checks and (record.kind, record.status) == ("adopt", "matched"):
                self._adopt(record.position_version)
            elif message.topic() == self._results and record.instruction_id == f"{KEY}-{number}":
                if (record.status, record.outcome) != ("reconciled", "filled"):
                    raise WrongResult(f"{record.instruction_id}: {record.status}, {record.outcome}: {record.error}")
                return
        raise WrongResult(f"order {number} has no result in {_PATIENCE_S:.0f} s")

    def _adopt(self, version: int) -> None:
        now = datetime.now(UTC)
        command = ControlCommand(
            command_id=f"adopt-{version}",
            strategy_id=KEY,
            command="adopt",
            scope="key",
            expected_position_version=version,
            actor="bench",
            reason="the sandbox's own opening balances",
            issued_at=now,
            produced_at=now,
        )
        self._producer.produce(f"{self._prefix}control", codec.encode(command), KEY)
        self._producer.flush(10)


def _order(number: int) -> Instruction:
    now, side = datetime.now(UTC), "sell" if number % 2 else "buy"
    return Instruction(
        instruction_id=f"{KEY}-{number}",
        strategy_id=KEY,
        type="cex_trade",
        venue=LANE,
        created_at=now,
        expires_at=now + timedelta(hours=1),
        cex_trade=CexTrade(market="spot", symbol="BTC/USDT", side=side, order_type="market", amount=Decimal("0.001")),  # type: ignore[arg-type]
    )
