"""``tightloop doctor`` opens the live lanes of a configuration as their components do, and says what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.binance_sandbox import BinanceSandbox

from tightloop.assembly.config import Config
from tightloop.cli.live_lanes import open_live_lanes


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BinanceSandbox]:
    found = BinanceSandbox(tmp_path)
    for name, value in found.variables.items():
        monkeypatch.setenv(name, value)
    yield found
    found.close()


def config(sandbox: BinanceSandbox) -> dict[str, Any]:
    lane = {"simulated": False, "endpoint": sandbox.address}
    return {"lanes": {"binance": lane}, "accounts": {"main": {"strategy": "s1", "lane": "binance"}}}


def codes(sandbox: BinanceSandbox) -> dict[str, str | None]:
    found = open_live_lanes(Config.model_validate(config(sandbox)))
    return {one.whose: one.failure and one.failure.code for one in found}


def test_doctor_shows_a_live_lane_that_can_be_opened_and_no_secret(sandbox: BinanceSandbox) -> None:
    file = sandbox.folder / "live.toml"
    file.write_text(
        f'[lanes.binance]\nsimulated = false\nendpoint = "{sandbox.address}"\n'
        '[accounts.main]\nstrategy = "s1"\nlane = "binance"\n'
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    arguments = ["doctor", "--json", "--config", str(file), "--dir", str(sandbox.folder)]
    said = subprocess.run(
        [sys.executable, "-m", "tightloop.cli", *arguments], capture_output=True, text=True, env=environment, timeout=60
    )
    found = {one["name"]: one for one in json.loads(said.stdout)["checks"]}
    assert [found[f"binance, {whose}"]["state"] for whose in ("executor", "reconciliation")] == ["ok", "ok"]
    assert found["binance, executor"]["found"].endswith("withdraws to no address")
    for key in sandbox.keys:
        assert key["secret"] not in said.stdout + said.stderr


def test_doctor_says_which_addresses_a_lane_withdraws_to(
    sandbox: BinanceSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(sandbox)
    made["lanes"]["binance"]["withdraws_to"] = ["0x" + "ab" * 20]
    first = open_live_lanes(Config.model_validate(made))[0]
    assert (first.failure and first.failure.code, "may not withdraw" in first.found) == ("EIF-012", True)
    key = sandbox.control("POST", "/admin/keys", account="main", withdraw="true")[0]
    for name in sandbox.variables:
        if "READONLY" not in name:
            monkeypatch.setenv(name, key["secret" if name.endswith("_SECRET") else "key"])
    first = open_live_lanes(Config.model_validate(made))[0]
    assert first.found.endswith("; withdraws to 0x" + "ab" * 20), first


def test_doctor_names_what_is_wrong_with_a_live_lane(sandbox: BinanceSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert codes(sandbox) == {"executor": None, "reconciliation": None}
    sandbox.control("POST", "/admin/clock", {"skew_s": 0.9})
    assert codes(sandbox) == {"executor": "EXI-015", "reconciliation": "EXI-015"}
    sandbox.kill()
    assert codes(sandbox) == {"executor": "EIF-011", "reconciliation": "EIF-011"}
    sandbox.start()
    for name, value in sandbox.variables.items():
        if "READONLY" not in name:
            reading = name.replace("_API_KEY", "_READONLY_API_KEY").replace("_SECRET", "_READONLY_SECRET")
            monkeypatch.setenv(reading, value)
    assert codes(sandbox) == {"executor": None, "reconciliation": "EIF-012"}
