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
from tests.support.exchange_sandbox import ExchangeSandbox
from tests.support.live_face import LIVE, LiveVenue

from tightloop.assembly.config import Config
from tightloop.cli.live_lanes import Opened, open_live_lanes

CLOCK_REMEDY = "Set this machine's clock (NTP)"
KEY_REMEDY = "Compare key, secret and passphrase"


@pytest.fixture(params=LIVE, ids=lambda venue: venue.name)
def venue(request: pytest.FixtureRequest) -> LiveVenue:
    found: LiveVenue = request.param
    return found


@pytest.fixture
def sandbox(venue: LiveVenue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExchangeSandbox]:
    found = venue.sandbox(tmp_path)
    for name, value in found.variables.items():
        monkeypatch.setenv(name, value)
    yield found
    found.close()


def lane(sandbox: ExchangeSandbox, **fields: Any) -> dict[str, Any]:
    return {
        "lanes": {sandbox.name: {"simulated": False, "endpoint": sandbox.address, **fields}},
        "accounts": {"main": {"strategy": "s1", "lane": sandbox.name}},
    }


def looked_at(sandbox: ExchangeSandbox, environment: str = "dev", **fields: Any) -> dict[str, Opened]:
    """By whose: the executor's, reconciliation's."""
    config = Config.model_validate({**lane(sandbox, **fields), "environment": environment})
    return {one.whose: one for one in open_live_lanes(config)}


def codes(sandbox: ExchangeSandbox, **fields: Any) -> list[str | None]:
    """Of the executor, and of reconciliation."""
    found = looked_at(sandbox, **fields)
    return [found[whose].failure and found[whose].failure.code for whose in ("executor", "reconciliation")]


def give(monkeypatch: pytest.MonkeyPatch, venue: LiveVenue, key: dict[str, Any], *, reading: bool) -> None:
    """The components' variables hold this key of the sandbox from now on."""
    for name, value in zip(venue.spec.variables("dev", reading=reading), parts(venue, key), strict=True):
        monkeypatch.setenv(name, value)


def parts(venue: LiveVenue, key: dict[str, Any]) -> list[str]:
    held = venue.credentials(key)
    return [held.reveal(name) for name in venue.spec.credentials]


def test_doctor_shows_a_live_lane_that_can_be_opened_and_no_secret(sandbox: ExchangeSandbox) -> None:
    file = sandbox.folder / "live.toml"
    file.write_text(
        f'[lanes.{sandbox.name}]\nsimulated = false\nendpoint = "{sandbox.address}"\n'
        f'[accounts.main]\nstrategy = "s1"\nlane = "{sandbox.name}"\n'
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    arguments = ["doctor", "--json", "--config", str(file), "--dir", str(sandbox.folder)]
    said = subprocess.run(
        [sys.executable, "-m", "tightloop.cli", *arguments], capture_output=True, text=True, env=environment, timeout=60
    )
    found = {one["name"]: one for one in json.loads(said.stdout)["checks"]}
    assert [found[f"{sandbox.name}, {whose}"]["state"] for whose in ("executor", "reconciliation")] == ["ok", "ok"]
    assert found[f"{sandbox.name}, executor"]["found"].endswith("withdraws to no address")
    for key in sandbox.keys:
        assert key["secret"] not in said.stdout + said.stderr
        assert key.get("passphrase", key["secret"]) not in said.stdout + said.stderr


def test_doctor_says_which_addresses_a_lane_withdraws_to(
    venue: LiveVenue, sandbox: ExchangeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "0x" + "ab" * 20
    first = looked_at(sandbox, withdraws_to=[address])["executor"]
    assert (first.failure and first.failure.code, "may not withdraw" in first.found) == ("EIF-012", True)
    key = sandbox.control("POST", "/admin/keys", account="main", withdraw="true")[0]
    give(monkeypatch, venue, key, reading=False)
    first = looked_at(sandbox, withdraws_to=[address])["executor"]
    assert first.found.endswith(f"; withdraws to {address}"), first
    refused = looked_at(sandbox)["executor"]
    assert (refused.failure and refused.failure.code, "may withdraw" in refused.found) == ("EIF-012", True)


def test_doctor_names_an_exchange_that_is_away_and_a_clock_that_is_off(sandbox: ExchangeSandbox) -> None:
    assert codes(sandbox) == [None, None]
    sandbox.control("POST", "/admin/clock", {"skew_s": 0.9})
    assert codes(sandbox) == ["EXI-015", "EXI-015"]
    sandbox.kill()
    assert codes(sandbox) == ["EIF-011", "EIF-011"]


def test_doctor_says_what_to_do_about_a_signed_time_that_is_not_taken(sandbox: ExchangeSandbox) -> None:
    """OKX takes what was signed half a minute ago."""
    sandbox.control("POST", "/admin/clock", {"skew_s": 31})
    failure = looked_at(sandbox)["executor"].failure
    assert failure is not None
    assert (failure.code, failure.remedy.startswith(CLOCK_REMEDY)) == ("EIF-011", True), failure


def test_doctor_says_what_to_do_about_a_key_that_is_refused(
    venue: LiveVenue, sandbox: ExchangeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = parts(venue, sandbox.keys[0])
    for number, name in enumerate(venue.spec.variables("dev")):
        monkeypatch.setenv(name, "0" * 64)
        found = looked_at(sandbox)["executor"]
        assert found.failure is not None, name
        assert (found.failure.code, found.failure.remedy.startswith(KEY_REMEDY)) == ("EIF-012", True), found
        monkeypatch.setenv(name, right[number])
    assert codes(sandbox) == [None, None]


def test_doctor_names_a_key_with_too_many_rights_or_too_few(
    venue: LiveVenue, sandbox: ExchangeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    trading, reading = sandbox.keys
    give(monkeypatch, venue, trading, reading=True)
    assert codes(sandbox) == [None, "EIF-012"]
    give(monkeypatch, venue, reading, reading=True)
    give(monkeypatch, venue, reading, reading=False)
    assert codes(sandbox) == ["EIF-012", None]


def test_doctor_finds_hedge_mode(sandbox: ExchangeSandbox) -> None:
    mode = {"lane": sandbox.name, "account": "main", "hedged": True}
    sandbox.control("POST", "/admin/position_mode", mode)
    found = looked_at(sandbox)["executor"]
    assert found.failure is not None
    assert (found.failure.code, "hedge mode" in found.found) == ("EIF-010", True)
    sandbox.control("POST", "/admin/position_mode", {**mode, "hedged": False})
    assert codes(sandbox) == [None, None]


def test_doctor_reaches_no_production_from_dev_and_nothing_else_from_prod(
    venue: LiveVenue, sandbox: ExchangeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in venue.spec.production:
        assert codes(sandbox, endpoint=f"https://{host}") == ["EIF-008", "EIF-008"], host
    for reading, key in zip((False, True), sandbox.keys, strict=True):
        for name, value in zip(venue.spec.variables("prod", reading=reading), parts(venue, key), strict=True):
            monkeypatch.setenv(name, value)
    assert codes(sandbox, environment="prod") == ["EIF-013", "EIF-008"]
    assert sandbox.control("GET", "/admin/documents")["asked"] == {}, "neither asked anything"
