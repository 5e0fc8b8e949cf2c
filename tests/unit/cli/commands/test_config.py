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


def test_the_flag_for_the_environment_goes_before_file_and_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tightloop.toml").write_text('environment = "prod"')
    for flags, expected in (((), ("prod", "tightloop.toml:1")), (("--env", "dev"), ("dev", "flag --env"))):
        values = {one["name"]: one for one in json.loads(run("config", "--json", *flags).stdout)["values"]}
        assert (values["environment"]["value"], values["environment"]["origin"]) == expected
    monkeypatch.setenv("TIGHTLOOP_ENVIRONMENT", "staging")
    values = {one["name"]: one for one in json.loads(run("config", "--json", "--env", "dev").stdout)["values"]}
    assert values["environment"]["value"] == "dev"


@pytest.mark.parametrize("command", [("config",), ("run", "executor", "binance"), ("up",), ("status",), ("halt", "s1")])
def test_an_environment_that_there_is_not_is_refused_by_each_command(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "--env", "production", *(("--reason", "x") if command[0] == "halt" else ()))
    assert "EIF-010" in done.output
    assert "environment" in done.output and "'dev', 'staging' or 'prod'" in done.output


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
