"""What is missing, and how to mend it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.commands.running import run

from tightloop.assembly.config import Config
from tightloop.cli import doctor_checks


def test_doctor_says_how_to_repair_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from tightloop.runners.kafka import topic_admin

    monkeypatch.setattr(topic_admin, "TIMEOUT_S", 1.0)
    done = run("doctor", "--json", "--bootstrap", "127.0.0.1:1")
    checks = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert done.exit_code == 1
    assert checks["Kafka"]["state"] == "missing"
    assert checks["Kafka"]["mend"]
    assert checks["Python"]["state"] == checks["schemas"]["state"] == "ok"


def test_credentials_of_live_lanes_are_named_by_variable_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = doctor_checks._credentials(Config())
    assert (simulated.state, simulated.found) == ("ok", "none are needed: every venue is simulated")
    live = Config.model_validate({"lanes": {"okx": {"simulated": False}}})
    names = [f"BASIS_DEV__CEX__OKX_{one}" for one in ("API_KEY", "SECRET", "PASSPHRASE")]
    names += ["BASIS_DEV__CEX__OKX_READONLY_API_KEY", "BASIS_DEV__CEX__OKX_READONLY_SECRET"]
    missing = doctor_checks._credentials(live)
    assert missing.state == "missing"
    assert all(name in missing.found for name in names)
    for name in names:
        monkeypatch.setenv(name, "k3y-that-nobody-may-see")
    found = doctor_checks._credentials(live)
    assert found.state == "ok"
    assert "k3y" not in found.found


def test_the_flag_for_the_environment_is_under_the_rules_of_the_key_that_it_goes_before(tmp_path: Path) -> None:
    (tmp_path / "tightloop.toml").write_text(
        'environment = "prod"\nlive_trading = true\n[lanes.binance]\nsimulated = false\n'
        'endpoint = "https://api.binance.com"\n'
    )
    checks = {one["name"]: one for one in json.loads(run("doctor", "--json", "--env", "dev").stdout)["checks"]}
    for whose in ("executor", "reconciliation"):
        found = checks[f"binance, {whose}"]
        assert (found["state"], "api.binance.com" in found["found"]) == ("missing", True), found
    assert "BASIS_DEV__CEX__BINANCE_SPOT_API_KEY" in checks["credentials"]["found"]
