"""The command line without a broker: help, JSON, exit codes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tightloop.cli.main import app
from tightloop.client import connect

COMMANDS = (
    *("demo", "up", "down", "run", "status", "publish", "tail", "show", "halt", "resume", "adjust", "resolve"),
    *("cancel", "adopt", "errors", "config", "doctor", "bench"),
    *("dead-letters list", "dead-letters show", "dead-letters retry", "topics plan", "topics check", "topics create"),
    *("schemas list", "schemas ids", "schemas show", "schemas check", "sandbox sim"),
)
TRADE = {
    "instruction_id": "i1",
    "strategy_id": "s1",
    "type": "cex_trade",
    "venue": "binance",
    "market": "spot",
    "symbol": "BTC/USDT",
    "side": "buy",
    "order_type": "market",
    "amount": 0.1,
}


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


@pytest.fixture(autouse=True)
def plain_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration, no running system."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIGHTLOOP_BOOTSTRAP", raising=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_shows_an_example(command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.exit_code == 0
    assert f"tightloop {command.split()[0]}" in done.stdout.partition("Example:")[2] or command == "config"


def test_an_unknown_option_is_wrong_usage() -> None:
    assert run("status", "--jsno").exit_code == 2


def test_without_an_address_the_answer_says_how_to_give_one() -> None:
    done = run("tail", "fills")
    assert done.exit_code == 2
    assert "TIGHTLOOP_BOOTSTRAP" in done.stderr
    assert done.stdout == ""


def test_status_of_nothing_says_how_to_start_something() -> None:
    done = run("status")
    assert done.exit_code == 3
    assert "`tightloop up`" in done.stderr
    assert done.stdout == ""


def test_a_broker_that_does_not_answer_is_not_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "TIMEOUT_S", 1.0)
    done = run("tail", "fills", "--bootstrap", "127.0.0.1:1")
    assert done.exit_code == 3
    assert "EIF-011" in done.stderr


def test_errors_are_the_whole_catalogue() -> None:
    found = json.loads(run("errors", "--json").stdout)
    assert {"EIM-011", "EIF-004", "REC-002", "PUH-013", "EXI-005", "TLC-001"} <= {one["code"] for one in found}


def test_an_error_is_explained() -> None:
    done = run("errors", "eim-011")
    assert done.exit_code == 0
    assert "to do:" in done.stdout


def test_an_unknown_error_is_refused_with_those_that_come_near() -> None:
    done = run("errors", "EIM-999")
    assert done.exit_code == 2
    assert "EIM-001" in done.stderr


def test_config_shows_where_each_value_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tightloop.toml").write_text(
        'bootstrap = "file:1"\nprefix = "a."\n[kafka]\n"sasl.password" = "hunter2"'
    )
    monkeypatch.setenv("TIGHTLOOP_PREFIX", "b.")
    monkeypatch.setenv("TIGHTLOOP_TIMING__EVIDENCE", "90")
    done = run("config", "--json", "--bootstrap", "flag:1")
    values = {one["name"]: (one["value"], one["origin"]) for one in json.loads(done.stdout)["values"]}
    assert values["bootstrap"] == ("flag:1", "flag")
    assert values["prefix"] == ("b.", "environment")
    assert values["timing.evidence"] == (90.0, "environment")
    assert values["timing.send_window"] == (3.0, "default")
    assert "hunter2" not in done.output


def test_an_unknown_key_of_the_configuration_is_refused_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "tightloop.toml").write_text('bootstrp = "x:1"')
    done = run("config")
    assert done.exit_code == 2
    assert "did you mean 'bootstrap'" in done.stderr


def test_schemas_are_frozen_and_compatible() -> None:
    done = run("schemas", "check", "--json")
    assert json.loads(done.stdout)["problems"] == []
    assert done.exit_code == 0


def test_a_schema_is_shown_self_contained() -> None:
    schema = json.loads(run("schemas", "show", "Instruction").stdout)
    assert schema["name"] == "Instruction"
    assert run("schemas", "show", "Nothing").exit_code == 2


def test_the_ids_of_the_wire_are_listed() -> None:
    ids = json.loads(run("schemas", "ids", "--json").stdout)["ids"]
    assert len({one["id"] for one in ids}) == len(ids) > 20


@pytest.mark.parametrize(
    "arguments",
    [
        ("halt",),
        ("halt", "s1", "--all"),
        ("resume", "s1"),
        ("adjust", "s1", "--reason", "x"),
        ("adjust", "s1", "--expected-version", "1", "--delta", "no amount", "--reason", "x", "--bootstrap", "a:1"),
        ("adjust", "s1", "--expected-version", "1", "--delta", "a:b:c=NaN", "--reason", "x", "--bootstrap", "a:1"),
        ("halt", "--venue", "binanse", "--bootstrap", "a:1"),
        ("dead-letters", "retry"),
        ("run", "executor"),
        ("run", "interface-manager", "binance"),
        ("demo", "--data", "nowhere"),
        ("bench", "--seconds", "0"),
        ("--log-level", "loud", "errors"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_demo_that_is_kept_does_not_trade_on_old_books(tmp_path: Path) -> None:
    (tmp_path / "old" / "venues").mkdir(parents=True)
    done = run("demo", "--keep", "--dir", "old")
    assert (done.exit_code, "another --dir" in done.stderr) == (2, True)


def test_there_is_nothing_to_end_where_nothing_runs() -> None:
    done = run("down", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"ended": 0})


# --- publish ----------------------------------------------------------------------------------------------------------


def test_a_dry_run_validates_and_sends_nothing() -> None:
    done = run("publish", "-", "--dry-run", "--json", stdin=json.dumps(TRADE))
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"published": [], "bad": [], "valid": 1}


def test_with_one_bad_line_nothing_is_sent_and_the_line_is_named() -> None:
    lines = [json.dumps(TRADE), "", "{not json", json.dumps({**TRADE, "venue": "binanse"})]
    done = run("publish", "-", "--json", "--bootstrap", "127.0.0.1:1", stdin="\n".join(lines))
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert found["published"] == []
    assert [(one["line"], one["code"]) for one in found["bad"]] == [(3, "EIM-007"), (4, "EIM-006")]
    assert "line 4: EIM-006" in done.stderr


def test_a_file_of_no_known_kind_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "trades.txt").write_text("x")
    assert run("publish", "trades.txt").exit_code == 2
    assert run("publish", "missing.jsonl").exit_code == 2


def test_doctor_says_how_to_mend_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from tightloop.runners.kafka import admin

    monkeypatch.setattr(admin, "TIMEOUT_S", 1.0)
    done = run("doctor", "--json", "--bootstrap", "127.0.0.1:1")
    checks = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert done.exit_code == 1
    assert checks["Kafka"]["state"] == "missing"
    assert checks["Kafka"]["mend"]
    assert checks["Python"]["state"] == checks["schemas"]["state"] == "ok"
