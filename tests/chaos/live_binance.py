"""A storm on a live lane: orders at ``tightloop sandbox binance``, a share of whose answers is lost, late or a refusal,
by an engine that is killed at random; then the exchange's own books are the judge.

``python -m tests.chaos.live_binance --orders 500 --seed 7`` runs it by hand, in a folder of its own that it names.
``--engine SPEC`` is the engine's process: the whole loop, with a journal in a file instead of a broker.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.chaos.instruments import PointedAdapter, Points
from tests.support.binance_sandbox import BinanceSandbox

from tightloop.assembly.build import make_adapters
from tightloop.assembly.config import Account, Config, Lane, Timing
from tightloop.assembly.live import LiveEngine
from tightloop.records.types import ControlCommand, Instruction, ReconciliationResult
from tightloop.runners.bus import Stored
from tightloop.testing import perp, trade
from tightloop.testing.driver import added_up
from tightloop.wire import codec

ROOT = Path(__file__).parents[2]
KEY = "s1"
# Of what acts, a fifth meets a fault, and of what asks a tenth.
FAULTS: tuple[dict[str, Any], ...] = (
    *({"kind": kind, "probability": 0.05} for kind in ("lost_before", "lost_after", "down", "rate_limit")),
    {"kind": "down", "probability": 0.05, "operations": ["find", "ledger", "positions"]},
    {"kind": "lost_after", "probability": 0.05, "operations": ["find", "ledger", "positions"]},
)
TIMING = Timing(send_window=1.0, clock_margin=0.3, evidence=20.0)


def config(address: str) -> Config:
    return Config(
        lanes={"binance": Lane(simulated=False, endpoint=address, acceptance_window=1.0)},
        accounts={KEY: Account(strategy=KEY, lane="binance")},
        timing=TIMING,
    )


def instructions(created_at: datetime, orders: int) -> list[Instruction]:
    """Spot and perpetual in turn, so that the perpetual is opened, closed and turned."""
    whole: dict[str, Any] = {"expires_at": created_at + timedelta(hours=6), "strategy_id": KEY}
    found = []
    for number in range(orders):
        make, side = (trade, perp)[number % 2], ("buy", "buy", "sell", "sell", "sell")[number % 5]
        found.append(make(f"order-{number}", created_at, side=side, amount=Decimal("0.01"), **whole))
    return found


# --- the engine's process ---------------------------------------------------------------------------------------------


def engine(spec: dict[str, Any]) -> int:
    """Ends with 0 when each instruction has its result."""
    folder, found = Path(spec["folder"]), config(spec["address"])
    points = Points(folder)
    adapters: Any = {
        name: PointedAdapter(adapter, points, frozenset(), None)  # type: ignore[arg-type]
        for name, adapter in make_adapters("executor", "binance", found).items()
    }
    published = instructions(datetime.fromisoformat(spec["created_at"]), spec["orders"])
    missing = {one.instruction_id for one in published}
    missing -= {one["instruction_id"] for one in told(folder) if one["topic"] == "instruction_results"}
    running = LiveEngine(found, adapters, folder / "engine.journal")
    with (folder / "told").open("a") as file:

        def tell(stored: Stored) -> None:
            record: Any = stored.record
            line = {
                "topic": stored.topic,
                "partition": stored.partition,
                "offset": stored.offset,
                "value": base64.b64encode(stored.value or b"").decode(),
                "instruction_id": getattr(record, "instruction_id", None),
            }
            file.write(json.dumps(line) + "\n")
            file.flush()
            if stored.topic == "instruction_results":
                missing.discard(record.instruction_id or "")
            if isinstance(record, ReconciliationResult) and record.kind == "adopt" and record.status == "matched":
                running.post(_adoption(record))

        running.bus.subscribe(tell)
        running.restore()
        for instruction in published:
            running.bus.publish(instruction)
        ended = running.serve(lambda: not missing, timeout_s=3600.0)
        running.close()
    return 0 if ended else 1


def _adoption(found: ReconciliationResult) -> ControlCommand:
    now = datetime.now(UTC)
    return ControlCommand(
        command_id=f"adopt-{found.position_version}",
        strategy_id=KEY,
        command="adopt",
        scope="key",
        expected_position_version=found.position_version,
        actor="storm",
        reason="its opening positions are meant",
        issued_at=now,
        produced_at=now,
    )


def told(folder: Path) -> list[dict[str, Any]]:
    """What subscribers were told so far; a last line that was cut short is left out."""
    file = folder / "told"
    return [json.loads(line) for line in (file.read_text().split("\n")[:-1] if file.exists() else [])]


# --- the storm --------------------------------------------------------------------------------------------------------


def storm(folder: Path, orders: int, seed: int, *, every_s: float = 6.0) -> Counter[str]:
    """How often what happened. Raises AssertionError for what went wrong."""
    chance = random.Random(seed)
    (folder / "exchange").mkdir(parents=True)
    sandbox = BinanceSandbox(folder / "exchange", account=KEY)
    happened: Counter[str] = Counter()
    spec = {"folder": str(folder), "address": sandbox.address, "orders": orders}
    spec["created_at"] = datetime.now(UTC).isoformat()
    (folder / "spec.json").write_text(json.dumps(spec))
    try:
        for number, fault in enumerate(FAULTS):
            sandbox.control("POST", "/admin/faults", {**fault, "seed": seed + number})
        until = time.monotonic() + 60 + 15 * orders
        while (code := _run(folder, sandbox, chance, every_s)) != 0:
            assert time.monotonic() < until, f"not done in time: {_acted(sandbox).most_common(3)}, {happened}"
            assert code == -signal.SIGKILL, f"ended with {code}: {(folder / 'engine.log').read_text()[-4000:]}"
            happened["kills"] += 1
        for state in sandbox.control("GET", "/admin/faults"):
            happened[f"{state['rule']['kind']}"] += state["struck"]
        judge(folder, sandbox, instructions(datetime.fromisoformat(spec["created_at"]), orders))
    finally:
        sandbox.close()
    return happened


def _run(folder: Path, sandbox: BinanceSandbox, chance: random.Random, every_s: float) -> int:
    """One life of the engine: its exit code."""
    arguments = [sys.executable, "-m", "tests.chaos.live_binance", "--engine", str(folder / "spec.json")]
    environment = {
        **os.environ,
        **sandbox.variables,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "components"), str(ROOT)]),
    }
    with (folder / "engine.log").open("ab") as log:
        process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            return process.wait(4.0 + chance.random() * 2 * every_s)  # it takes three to be there
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL
        finally:
            process.kill()
            process.wait()


def _acted(sandbox: BinanceSandbox) -> Counter[str]:
    """How often each order was done, as the exchange itself tells."""
    requests = sandbox.control("GET", "/admin/requests")["requests"]
    done = [one for one in requests if (one["operation"], one["result"]) == ("order", "acted")]
    return Counter(one["client_order_id"] for one in done)


def judge(folder: Path, sandbox: BinanceSandbox, wanted: list[Instruction]) -> None:
    """By the exchange's books: each intent once; and what is expected is what it holds."""
    sandbox.control("DELETE", "/admin/faults")
    lines = {(one["topic"], one["partition"], one["offset"]): one for one in told(folder)}
    values: dict[str, list[Any]] = {}
    for (topic, _, _), line in sorted(lines.items()):
        values.setdefault(topic, []).append(codec.decode(base64.b64decode(line["value"])))
    results = values["instruction_results"]
    assert Counter(one.instruction_id for one in results) == Counter(one.instruction_id for one in wanted)
    odd = [one for one in results if (one.status, one.outcome) != ("reconciled", "filled")]
    assert not odd, odd
    assert "dead_letters" not in values
    acted = _acted(sandbox)
    assert set(acted.values()) == {1} and len(acted) == len(wanted), [one for one in acted.items() if one[1] != 1]
    books = sandbox.books()
    held = {key: Decimal(amount) for key, amount in books["balances"].items() if Decimal(amount)}
    assert added_up(values["position_updates"]) == held


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.chaos.live_binance")
    parser.add_argument("--engine", type=Path)
    parser.add_argument("--orders", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    if given.engine is not None:
        return engine(json.loads(given.engine.read_text()))
    folder = Path(tempfile.mkdtemp(prefix="live-storm-"))
    begun = time.monotonic()
    sys.stdout.write(f"{folder}, seed {given.seed}\n")
    sys.stdout.flush()
    happened = storm(folder, given.orders, given.seed)
    sys.stdout.write(f"{given.orders} orders, each once, in {time.monotonic() - begun:.0f} s: {dict(happened)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
