"""The example venue as a package: installed, traded in process and on Kafka, and under the execution cases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.command_line import CommandLine

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "my-venue"
ORDER = {
    "instruction_id": "i1",
    "strategy_id": "s1",
    "type": "cex_trade",
    "venue": "mine",
    "market": "spot",
    "symbol": "BTC/USDT",
    "side": "buy",
    "order_type": "market",
    "amount": "0.1",
}
PROGRAM = """
import json, os
from tightloop import CEXExecutionInterface, ExecutionInterfaceFactory
from tightloop.assembly import build
from tightloop.assembly.config import Config

order = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.1", "reference_price": 60000}
done = CEXExecutionInterface("my-venue").execute_trade(order)
live = Config.model_validate({"lanes": {"my-venue": {"simulated": False}}})
refused = []
for given in ({}, {"ADDRESS": "your_address", "API_KEY": "k"}, {"ADDRESS": "nowhere", "API_KEY": "k"}):
    os.environ.update({f"BASIS_DEV__MY_VENUE__{name}": value for name, value in given.items()})
    try:
        build.make_adapters("executor", "my-venue", live)
    except ValueError as error:
        refused.append(error.code)
os.environ["BASIS_DEV__MY_VENUE__ADDRESS"] = "127.0.0.1:1"
adapter = build.make_adapters("executor", "my-venue", live)["my-venue"]
reader = build.make_adapters("reconciliation", None, live)["my-venue"]
print(json.dumps({
    "outcome": done["outcome"],
    "bought": str(done["execution_deltas"]["my-venue:BaseToken:BTC"]),
    "refused": refused,
    "window": adapter.lane.acceptance_window_s,
    "reader": type(reader).__name__,
    "offered": sorted(ExecutionInterfaceFactory.create_all_interfaces({"lanes": ["my-venue"]})["cex"]),
}))
"""

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment whose Python has the example installed: built from its source, without a network."""
    target = tmp_path_factory.mktemp("site")
    how = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *how, str(EXAMPLE)], check=True, timeout=120)
    assert not (EXAMPLE / "build").exists()
    return {"PYTHONPATH": os.pathsep.join([str(target), *filter(None, sys.path)])}


@pytest.fixture
def tightloop(installed: dict[str, str], tmp_path: Path) -> Iterator[CommandLine]:
    command_line = CommandLine(tmp_path)
    command_line.environment |= installed
    yield command_line
    command_line.end()


def test_it_is_under_a_hundred_lines() -> None:
    assert len((EXAMPLE / "my_venue.py").read_text(encoding="utf-8").splitlines()) < 100


def test_classes_and_assembly_find_it_by_its_entry_point(installed: dict[str, str]) -> None:
    environment = {**os.environ, **installed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "outcome": "filled",
        "bought": "0.0998",
        "refused": ["EIF-003", "EIF-006", "EIF-010"],
        "window": 2.5,
        "reader": "SimReader",
        "offered": ["my-venue"],
    }


def test_its_executor_runs_on_kafka(tightloop: CommandLine, broker: Any, topic_prefix: str) -> None:
    (tightloop.directory / "tightloop.toml").write_text(
        f'bootstrap = "{broker.bootstrap}"\nprefix = "{topic_prefix}"\nlanes = ["my-venue"]\n', encoding="utf-8"
    )
    up = tightloop.json("up")
    assert ("executor", "my-venue") in {(one["component"], one["lane"]) for one in up["processes"]}
    (result,) = tightloop.json("publish", "-", "--wait", "60", stdin=json.dumps(ORDER))["results"]
    assert (result["status"], result["outcome"]) == ("reconciled", "filled")
    assert tightloop.run("down").returncode == 0
    assert tightloop.left_running() == []


def test_it_passes_the_execution_cases(installed: dict[str, str], tmp_path: Path) -> None:
    suite = [f"tests/contract/venues/test_{name}.py" for name in ("orders", "misbehaviour", "restarts", "loops")]
    arguments = [
        "--exchange",
        "my-venue",
        "-k",
        "not http",
        "-q",
        "-p",
        "no:cacheprovider",
    ]  # in process: it is quicker
    arguments += ["--basetemp", str(tmp_path / "cases")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *suite, *arguments],
        cwd=ROOT,
        env={**os.environ, **installed},
        capture_output=True,
        text=True,
        timeout=270,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout and " failed" not in done.stdout
