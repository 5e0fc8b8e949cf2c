"""What is missing, and how to mend it."""

from __future__ import annotations

import json

import pytest
from tests.unit.cli.commands.running import run


def test_doctor_says_how_to_mend_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from tightloop.runners.kafka import topic_admin

    monkeypatch.setattr(topic_admin, "TIMEOUT_S", 1.0)
    done = run("doctor", "--json", "--bootstrap", "127.0.0.1:1")
    checks = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert done.exit_code == 1
    assert checks["Kafka"]["state"] == "missing"
    assert checks["Kafka"]["mend"]
    assert checks["Python"]["state"] == checks["schemas"]["state"] == "ok"
