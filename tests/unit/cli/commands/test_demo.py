"""What the demo refuses."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.commands.running import run


def test_a_demo_that_is_kept_does_not_trade_on_old_books(tmp_path: Path) -> None:
    (tmp_path / "old" / "venues").mkdir(parents=True)
    done = run("demo", "--keep", "--dir", "old")
    assert (done.exit_code, "another --dir" in done.stderr) == (2, True)
