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
