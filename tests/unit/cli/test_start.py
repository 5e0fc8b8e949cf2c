"""Starting is cheap: what everybody pays for on every command."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAVY = {
    "ccxt",
    "web3",
    "pandas",
    "numpy",
    "pyarrow",
    "rich",
    "confluent_kafka",
    "structlog",
    "pydantic",
    "aiohttp",
    "fastavro",
}
LIMIT_S = 0.3


def best_of(runs: int, *arguments: str) -> float:
    """Seconds of processor time of the cheapest run: what it costs, whatever else the machine does meanwhile."""
    took = []
    for _ in range(runs):
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        took.append(used.ru_utime + used.ru_stime)
        if took[-1] < LIMIT_S:
            break
    return min(took)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def loaded_by(code: str) -> set[str]:
    code += "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment(), timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_is_quick() -> None:
    assert best_of(10, "-c", "import tightloop") < LIMIT_S


def test_help_is_quick() -> None:
    assert best_of(10, "-m", "tightloop.cli", "--help") < LIMIT_S


@pytest.mark.parametrize(
    "code",
    [
        "import tightloop",
        "import tightloop.cli.main",
        "import contextlib, sys\nfrom tightloop.cli.main import main\nsys.argv = ['tightloop', '--help']\n"
        "with contextlib.suppress(SystemExit):\n    main()",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code: str) -> None:
    assert not loaded_by(code) & HEAVY


def test_the_packages_own_names_are_there_when_asked_for() -> None:
    from tightloop import ExecutionError, InstructionPublisher, ResultConsumer

    assert [one.__name__ for one in (ExecutionError, InstructionPublisher, ResultConsumer)] == [
        "ExecutionError",
        "InstructionPublisher",
        "ResultConsumer",
    ]
