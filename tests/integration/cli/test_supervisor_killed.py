"""The supervisor of ``tightloop up`` is killed: ``status`` says so, and ``up`` and ``down`` deal with what it left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.integration.cli.command_line import CommandLine, eventually


@pytest.fixture
def tightloop(tmp_path: Path) -> Iterator[CommandLine]:
    command_line = CommandLine(tmp_path)
    yield command_line
    command_line.end()


def publish(tightloop: CommandLine, number: int) -> Any:
    fields = {"instruction_id": f"i{number}", "strategy_id": "s1", "type": "cex_trade", "venue": "binance"}
    order = {"market": "spot", "symbol": "BTC/USDT", "side": "buy", "order_type": "market", "amount": 0.1}
    (result,) = tightloop.json("publish", "-", "--wait", "60", stdin=json.dumps({**fields, **order}))["results"]
    return result


def kill_supervisor(system: dict[str, Any]) -> None:
    supervisor = psutil.Process(system["pid"])
    broker = psutil.Process(system["broker_pid"])
    supervisor.kill()
    eventually(lambda: not broker.is_running() or broker.status() == psutil.STATUS_ZOMBIE, 10, "the broker's end")


def test_after_a_killed_supervisor_status_says_so_and_up_and_down_end_its_processes(tightloop: CommandLine) -> None:
    first = tightloop.json("up")
    assert publish(tightloop, 1)["status"] == "reconciled"
    kill_supervisor(first)

    told = tightloop.json("status", code=1)
    assert told["supervisor"] == {"pid": first["pid"], "alive": False}
    left = {one["name"]: one["pid"] for one in told["components"] if one["pid"] is not None}
    assert left == {one["name"]: one["pid"] for one in first["processes"]}
    assert "`tightloop down` only ends it" in tightloop.run("status").stderr

    orphans = [psutil.Process(pid) for pid in left.values()]

    second = tightloop.json("up")
    assert not [one for one in orphans if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert publish(tightloop, 2)["status"] == "reconciled"
    (key,) = tightloop.json("status")["keys"]
    assert (key["phase"], key["loop_no"]) == ("idle", 3)

    kill_supervisor(second)
    assert tightloop.json("down")["ended"] >= len(second["processes"])
    assert tightloop.left_running() == []
    assert tightloop.run("status").returncode == 3
