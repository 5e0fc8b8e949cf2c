"""The catalogue of errors."""

from __future__ import annotations

import json

from tests.unit.cli.commands.running import run


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
