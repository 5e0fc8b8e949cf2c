"""A system that does not run is ended."""

from __future__ import annotations

import json

from tests.unit.cli.commands.running import run


def test_down_without_a_system_ends_nothing() -> None:
    done = run("down", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"ended": 0})
