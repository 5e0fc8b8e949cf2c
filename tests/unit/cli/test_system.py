"""The parts of a supervised system that need no processes."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from tightloop.assembly.config import Config
from tightloop.cli.system.child import FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S, Backoff
from tightloop.cli.system.plan import Plan, component_specs, read_plan, write_plan
from tightloop.cli.system.state import is_same_process, read_state


def test_the_first_restart_comes_at_once_and_later_ones_ever_later() -> None:
    backoff = Backoff()
    pauses = [backoff.after_run_of(0.1) for _ in range(10)]
    assert pauses[:4] == [0.0, FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_a_minute_of_running_starts_over() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after_run_of(0.1)
    assert backoff.after_run_of(STEADY_S) == 0.0


def test_each_replica_has_a_slot_and_a_port_of_its_own(tmp_path: Path) -> None:
    specs = component_specs(Plan(directory=tmp_path, config=Config(), replicas=2), "b:1", "s:1")
    assert len(specs) == 2 * (3 + len(Config().lanes))
    assert len({one.name for one in specs}) == len({one.port for one in specs}) == len(specs)
    assert {one.slot for one in specs} == {"0", "1"}


def test_a_plan_is_read_as_it_was_written_and_is_private(tmp_path: Path) -> None:
    plan = Plan(
        directory=tmp_path,
        config=Config(kafka={"sasl.password": "x"}, lanes=("binance",)),
        replicas=3,
        market=tmp_path / "market",
        until_closed=True,
    )
    file = write_plan(plan)
    assert read_plan(file) == plan
    assert file.stat().st_mode & 0o077 == 0


def test_a_process_is_told_from_a_later_one_with_its_pid() -> None:
    created = psutil.Process().create_time()
    assert is_same_process(os.getpid(), created)
    assert not is_same_process(os.getpid(), created - 10)
    assert not is_same_process(None, None)


def test_without_a_state_nothing_runs(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
