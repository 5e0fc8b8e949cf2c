"""What runs and what does not, told from the state that a supervisor wrote."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from tightloop.cli.main import app
from tightloop.cli.options import running_bootstrap
from tightloop.cli.system.launch import stop_system
from tightloop.cli.system.system_state import ProcessState, SystemState, is_same_process, read_state, write_state


def test_a_process_is_told_from_a_later_one_with_its_pid() -> None:
    created = psutil.Process().create_time()
    assert is_same_process(os.getpid(), created)
    assert not is_same_process(os.getpid(), created - 10)
    assert not is_same_process(None, None)


def test_without_a_state_nothing_runs(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None


NOBODY = 2**22 + 1  # above every pid


@pytest.fixture
def survivor() -> Iterator[psutil.Popen]:
    process = psutil.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    with suppress(psutil.NoSuchProcess):
        process.kill()
        process.wait()


def orphaned(survivor: psutil.Popen, **more: Any) -> SystemState:
    """Of a supervisor that is gone: one process runs, one has ended, and of one the pid is another's now."""
    rows = (("runs", survivor.pid, survivor.create_time()), ("ended", NOBODY, 1.0), ("another", os.getpid(), 1.0))
    processes = tuple(ProcessState(name=name, component=name, pid=pid, created=at) for name, pid, at in rows)
    whole = {"pid": NOBODY, "created": 1.0, "started_at": datetime.now(UTC), "bootstrap": "b:1", **more}
    return SystemState(**{"processes": processes, **whole})


def test_what_a_killed_supervisor_left_is_told_by_pid_and_start(survivor: psutil.Popen) -> None:
    state = orphaned(survivor)
    assert [one.name for one in state.survivors] == ["runs"]
    assert state.is_orphaned
    assert not orphaned(survivor, processes=()).is_orphaned
    own = psutil.Process()
    assert not orphaned(survivor, pid=own.pid, created=own.create_time()).is_orphaned


@pytest.mark.parametrize("broker", ["not ours", "gone", "runs"])
def test_kafka_is_looked_for_where_it_may_be_although_the_supervisor_is_gone(
    broker: str, survivor: psutil.Popen, tmp_path: Path
) -> None:
    pids = {"not ours": (None, None), "gone": (NOBODY, 1.0), "runs": (survivor.pid, survivor.create_time())}
    pid, created = pids[broker]
    write_state(tmp_path, orphaned(survivor, broker_pid=pid, broker_created=created))
    assert running_bootstrap(tmp_path) == (None if broker == "gone" else "b:1")


def test_ending_a_system_without_its_supervisor_ends_what_it_left_and_nothing_else(survivor: psutil.Popen) -> None:
    assert stop_system(orphaned(survivor)) == 1
    assert not survivor.is_running()


def test_status_tells_what_runs_without_its_supervisor_and_what_to_do(
    survivor: psutil.Popen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_state(tmp_path, orphaned(survivor, broker_pid=NOBODY, broker_created=1.0))
    done = CliRunner().invoke(app, ["status", "--dir", str(tmp_path), "--json"])
    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert said["supervisor"] == {"pid": NOBODY, "alive": False}
    found = [(one["name"], one["pid"]) for one in said["components"]]
    assert found == [("runs", survivor.pid), ("ended", None), ("another", None)]
    assert [one["health"] for one in said["components"]][1:] == ["down", "down"]
    assert said["keys"] is None
    assert "`tightloop up` ends what it left" in done.stderr
