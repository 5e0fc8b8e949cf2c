"""What the supervisor is told to run."""

from __future__ import annotations

from pathlib import Path

from tightloop.assembly.config import Config
from tightloop.cli.system.plan import Plan, component_specs, read_plan, write_plan


def test_each_replica_has_a_name_and_a_port_of_its_own(tmp_path: Path) -> None:
    specs = component_specs(Plan(directory=tmp_path, config=Config(), replicas=2), "b:1", "s:1")
    assert len(specs) == 2 * (3 + len(Config().lanes))
    assert len({one.name for one in specs}) == len({one.port for one in specs}) == len(specs)
    assert {one.replica for one in specs} == {"0", "1"}


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


def test_each_component_of_a_system_runs_in_the_environment_that_it_was_started_for(tmp_path: Path) -> None:
    specs = component_specs(Plan(directory=tmp_path, config=Config(environment="staging")), "b:1", "s:1")
    assert {one.command[one.command.index("--env") + 1] for one in specs} == {"staging"}
