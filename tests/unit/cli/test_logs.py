"""Logs go to standard error as JSON lines, and hold no secrets."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.unit.cli.test_start import environment

from tightloop.cli.logs import KafkaErrors

CODE = """
import logging, structlog
from tightloop.cli import logs
logs.configure("info")
log = structlog.get_logger()
log.debug("too quiet")
log.info("hello", key="s1")
logging.getLogger("library").warning("careful: %s", 7)
def fail():
    api_secret = "hunter2"
    raise RuntimeError("broken: password=hunter2")
try:
    fail()
except RuntimeError as error:
    log.exception("failed", api_key="hunter2", said='{"secret": "hunter2"}', error=error)
logging.getLogger("library").warning("to https://me:%s@venue", "hunter2")
fail()
"""


class Lost:
    """What the client calls back with."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        return self._name

    def str(self) -> str:
        return "1/1 brokers are down"


def test_every_line_is_json_on_standard_error_without_secrets() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=environment(), timeout=60)
    logged, _, crash = done.stderr.partition("\nTraceback")
    lines = [json.loads(line) for line in logged.splitlines()]
    assert (done.returncode, done.stdout) == (1, "")
    assert [(one["event"], one["level"]) for one in lines] == [
        ("hello", "info"),
        ("careful: 7", "warning"),
        ("failed", "error"),
        ("to https://***@venue", "warning"),
    ]
    assert "RuntimeError: broken" in lines[2]["exception"]
    assert (lines[2]["api_key"], lines[2]["said"]) == ("***", '{"secret": "***"}')
    assert "in fail" in crash and "RuntimeError: broken: password=***" in crash
    assert "hunter2" not in done.stderr


def test_a_lost_broker_is_logged_once_in_ten_seconds() -> None:
    import structlog

    with structlog.testing.capture_logs() as told:
        errors: Any = KafkaErrors()
        for name in ("_TRANSPORT", "_TRANSPORT", "_ALL_BROKERS_DOWN", "_TRANSPORT"):
            errors(Lost(name))
    assert [one["code"] for one in told] == ["_TRANSPORT", "_ALL_BROKERS_DOWN"]
