"""``docker compose up``: the whole system from one image, and a component that is killed and comes back.

Skipped where there is no engine, unless ``TIGHTLOOP_TEST_CONTAINERS=required``. The images of Kafka and of Python are
those that ``BASE_IMAGE`` and ``KAFKA_IMAGE`` name (docker-compose.yml).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tightloop.testing import brokers

ROOT = Path(__file__).parents[3]
BUILD_S, RESULT_S, BACK_S = 280, 60, 60
PUBLISHED = ("publish", "--bootstrap", "127.0.0.1:9092", "--json", "--wait", str(RESULT_S), "-")
BUY = {
    "type": "cex_trade",
    "venue": "binance",
    "market": "spot",
    "symbol": "BTC/USDT",
    "side": "buy",
    "order_type": "market",
}

pytestmark = pytest.mark.timeout(BUILD_S + 3 * RESULT_S)


def why_not() -> str | None:
    if shutil.which("docker-compose") is None:
        return "docker-compose is not installed"
    return brokers.why_no_container()


@pytest.fixture(scope="module")
def compose() -> Iterator[list[str]]:
    missing = why_not()
    if missing:
        if os.environ.get("TIGHTLOOP_TEST_CONTAINERS") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    command = ["docker-compose", "--project-name", "tightloop-test", "--file", str(ROOT / "docker-compose.yml")]
    try:
        run(*command, "up", "--detach", "--build", wait_s=BUILD_S)
        yield command
    finally:
        run(*command, "down", "--volumes", wait_s=60)


def run(*command: str, said: str = "", wait_s: float = RESULT_S + 30) -> str:
    done = subprocess.run(command, cwd=ROOT, input=said, capture_output=True, text=True, timeout=wait_s)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def result_of(instruction_id: str, amount: str) -> dict[str, Any]:
    instruction = {"instruction_id": instruction_id, "strategy_id": "s1", "amount": amount, **BUY}
    told = run(str(Path(sys.executable).with_name("tightloop")), *PUBLISHED, said=json.dumps(instruction))
    (found,) = json.loads(told)["results"]
    return dict(found)


def test_an_instruction_from_this_machine_is_reconciled_and_a_killed_executor_comes_back(compose: list[str]) -> None:
    assert result_of("i1", "0.5")["status"] == "reconciled"
    (killed,) = run(*compose, "ps", "--quiet", "executor-binance").split()
    # not by `docker kill`, which counts as an order to stay away
    os.kill(int(run("docker", "inspect", "--format", "{{.State.Pid}}", killed)), signal.SIGKILL)
    assert result_of("i2", "0.25")["outcome"] == "filled"
    deadline = time.monotonic() + BACK_S
    while time.monotonic() < deadline:
        state = json.loads(run("docker", "inspect", "--format", "{{json .State}}", killed))
        if state["Running"]:
            return
        time.sleep(0.5)
    raise AssertionError(f"the executor was not started again within {BACK_S} s: {state}")
