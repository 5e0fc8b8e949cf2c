"""``tightloop demo`` from nothing, as a person runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.integration.cli.command_line import CommandLine, eventually


@pytest.fixture
def tightloop(tmp_path: Path) -> Iterator[CommandLine]:
    command_line = CommandLine(tmp_path)
    yield command_line
    command_line.end()


def test_the_demo_trades_everywhere_and_is_judged_and_drawn_and_leaves_nothing(tightloop: CommandLine) -> None:
    found = tightloop.json("demo", "--strategies", "3", "--instructions", "66", "--seed", "7")
    assert found["instructions"] == found["results"] == 66
    assert found["matched"] >= 66
    assert [found[name] for name in ("mismatched", "rejected", "duplicates", "lost")] == [2, 1, 0, 0]
    assert found["violations"] == found["unplanned"] == []
    assert 0 < found["loop_ms"]["p50"] <= found["loop_ms"]["p99"]
    assert found["loops_per_second"] > 0
    assert [one["filled"] for one in found["keys"]] == [21, 22, 22]
    assert found["warm_up"]["instructions"] > 0
    every = {"binance", "bybit", "okx", "uniswap", "curve", "aave", "morpho", "wallet"}
    assert {one["venue"] for one in found["by_venue"] if one["filled"]} == every
    assert {one["type"] for one in found["by_type"]} == {"cex_trade", "smart_contract_action", "wallet_transfer"}

    (halted,) = found["halted"]  # one key drifts, halts, and is resumed
    assert (halted["strategy_id"], halted["code"]) == ("demo-3", "REC-002")
    assert halted["until"] > halted["since"]
    assert [one["halted"] for one in found["keys"]] == [0, 0, 1]

    page = (tightloop.directory / found["picture"]["html"]).read_text()  # and the picture shows it
    assert "halted: REC-002" in page
    assert "EXI-006" in page
    assert (tightloop.directory / found["picture"]["png"]).read_bytes().startswith(b"\x89PNG")

    assert tightloop.left_running() == []
    assert list(tightloop.directory.glob("tightloop-demo-*")) == []


def test_killing_a_demo_ends_all_its_processes(tightloop: CommandLine) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "tightloop.cli", "demo", "--json", "--instructions", "100000"],
        cwd=tightloop.directory,
        env=tightloop.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: any("run reconciliation" in one for one in tightloop.left_running()), 60, "a component")
        demo.send_signal(signal.SIGKILL)
        demo.wait(10)
        eventually(lambda: tightloop.left_running() == [], 40, "the end of everything")
    finally:
        if psutil.pid_exists(demo.pid):
            demo.kill()
        demo.wait(10)
