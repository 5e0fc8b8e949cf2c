"""Gates of live mode: the same calls and results as in backtest, against the local stand-in of an exchange."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tightloop.cli.gates.gate import expect, refused, section
from tightloop.cli.gates.interfaces import SECTION
from tightloop.cli.gates.manager import BUY, filled, manager
from tightloop.interfaces.interface import STRATEGY
from tightloop.interfaces.manager import ExecutionInterfaceManager

GATES, gate = section(SECTION)
WITHOUT = "live mode was not tried: ccxt is not installed (pip install 'tightloop[live]')"
STOP_S = 10.0


def can_be_tried() -> bool:
    """Is ccxt installed?"""
    return find_spec("ccxt") is not None


@contextmanager
def _stand_in(folder: Path) -> Iterator[str]:
    """The address of ``tightloop sandbox binance``; the keys that it made are in this process's variables meanwhile."""
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-m", "tightloop.cli", "sandbox", "binance", "--dir", str(folder), "--port", "0"]
    before = dict(os.environ)
    with (folder / "sandbox.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--account", STRATEGY],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**before, "PYTHONPATH": os.pathsep.join(filter(None, (root, before.get("PYTHONPATH"))))},
        )
        try:
            told = process.stdout.readline() if process.stdout is not None else b""
            port = json.loads(told)["port"]
            keys = (folder / "keys.env").read_text(encoding="utf-8").splitlines()
            os.environ.update((name, value) for name, _, value in (line.partition("=") for line in keys))
            yield f"http://127.0.0.1:{port}"
        finally:
            os.environ.clear()
            os.environ.update(before)
            process.terminate()
            process.wait(STOP_S)
            if process.stdout is not None:
                process.stdout.close()


def _opened(address: str, journal: Path | None) -> ExecutionInterfaceManager:
    config: dict[str, Any] = {
        "lanes": {"binance": {"simulated": False, "endpoint": address}},
        "accounts": {STRATEGY: {"strategy": STRATEGY, "lane": "binance"}},
    }
    return ExecutionInterfaceManager(config, None, "live", **({} if journal is None else {"journal": journal}))


@gate
def live_has_the_same_calls_and_results_as_backtest() -> str:
    with tempfile.TemporaryDirectory(prefix="tightloop-gates-") as folder, _stand_in(Path(folder)) as address:
        live = _opened(address, Path(folder) / "journal")
        try:
            refused("EIM-014", lambda: live.route_instruction(datetime.now(UTC), {**BUY, "instruction_id": "first"}))
            live.adopt(1, reason="the stand-in's account")
            found = filled(live.route_instruction(datetime.now(UTC), {**BUY, "instruction_id": "second"}))
        finally:
            live.close()
    in_backtest = filled(manager().route_instruction(datetime(2024, 5, 12, 12, tzinfo=UTC), BUY))
    expect("the result's keys", set(found), set(in_backtest))
    bought = found["execution_deltas"]["binance:BaseToken:BTC"]
    expect("what was bought", bought, in_backtest["execution_deltas"]["binance:BaseToken:BTC"])
    return f"{bought} BTC at the stand-in of Binance, adopted first (EIM-014)"


@gate
def live_without_a_journal_is_refused() -> str:
    with tempfile.TemporaryDirectory(prefix="tightloop-gates-") as folder, _stand_in(Path(folder)) as address:
        refused("EIF-013", lambda: _opened(address, None), "journal")
    return "EIF-013"
