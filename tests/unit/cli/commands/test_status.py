"""Status without a broker."""

from __future__ import annotations

from tests.unit.cli.commands.running import run


def test_status_without_a_system_says_how_to_start_one() -> None:
    done = run("status")
    assert done.exit_code == 3
    assert "`tightloop up`" in done.stderr
    assert done.stdout == ""
