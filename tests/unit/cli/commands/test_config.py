"""The configuration as it results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.commands.running import run


def test_config_shows_where_each_value_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tightloop.toml").write_text(
        'bootstrap = "file:1"\nprefix = "a."\n[kafka]\n"sasl.password" = "hunter2"'
    )
    monkeypatch.setenv("TIGHTLOOP_PREFIX", "b.")
    monkeypatch.setenv("TIGHTLOOP_TIMING__EVIDENCE", "90")
    done = run("config", "--json", "--bootstrap", "flag:1")
    values = {one["name"]: (one["value"], one["origin"]) for one in json.loads(done.stdout)["values"]}
    assert values["bootstrap"] == ("flag:1", "flag --bootstrap")
    assert values["prefix"] == ("b.", "variable TIGHTLOOP_PREFIX")
    assert values["timing.evidence"] == (90.0, "variable TIGHTLOOP_TIMING__EVIDENCE")
    assert values["timing.send_window"] == (3.0, "default")
    assert values["kafka.sasl.password"] == ("***", "tightloop.toml:4 [kafka]")
    assert "hunter2" not in done.output


def test_a_files_value_is_found_at_its_line_and_section_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "tightloop.toml").write_text(
        "# a comment\n"
        'lanes = ["binance", "ethereum"]\n'
        "timing.evidence = 70\n"
        "\n"
        "[reconciliation]  # within it\n"
        'dust = { BTC = "0.01" }\n'
        "[reconciliation.relative]\n"
        'Perp = "0.001"\n'
        "[accounts.desk]\n"
        'strategy = "s1"\n'
        'lane = "binance"\n'
    )
    origins = {one["name"]: one["origin"] for one in json.loads(run("config", "--json").stdout)["values"]}
    assert origins["lanes.binance.simulated"] == "tightloop.toml:2"
    assert origins["timing.evidence"] == "tightloop.toml:3"
    assert origins["reconciliation.dust.BTC"] == "tightloop.toml:6 [reconciliation]"
    assert origins["reconciliation.relative.Perp"] == "tightloop.toml:8 [reconciliation.relative]"
    assert origins["accounts.desk.strategy"] == "tightloop.toml:10 [accounts.desk]"
    assert origins["reconciliation.budget"] == "default"


def test_a_secret_in_an_address_is_masked(tmp_path: Path) -> None:
    (tmp_path / "tightloop.toml").write_text('simulator = "http://desk:hunter2@127.0.0.1:8900"')
    done = run("config", "--json")
    assert "hunter2" not in done.output


def test_an_unknown_key_of_the_configuration_is_refused_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "tightloop.toml").write_text('bootstrp = "x:1"')
    done = run("config")
    assert done.exit_code == 2
    assert "did you mean 'bootstrap'" in done.stderr
