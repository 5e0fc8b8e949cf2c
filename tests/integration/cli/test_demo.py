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


def test_the_demo_trades_and_is_judged_and_leaves_nothing(tightloop: CommandLine) -> None:
    found = tightloop.json("demo", "--strategies", "3", "--instructions", "24", "--seed", "7")
    assert found["instructions"] == found["results"] == 24
    assert found["matched"] >= 24
    assert [found[name] for name in ("mismatched", "rejected", "duplicates", "lost")] == [0, 0, 0, 0]
    assert found["violations"] == []
    assert 0 < found["loop_ms"]["p50"] <= found["loop_ms"]["p99"]
    assert found["loops_per_second"] > 0
    assert [one["filled"] for one in found["keys"]] == [8, 8, 8]
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
