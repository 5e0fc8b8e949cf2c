"""Instructions from a file, before any is sent."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.instruction_blocks import MARKET_BUY
from tests.unit.cli.commands.running import run


def test_a_dry_run_validates_and_sends_nothing() -> None:
    done = run("publish", "-", "--dry-run", "--json", stdin=json.dumps(MARKET_BUY))
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"published": [], "bad": [], "valid": 1}


def test_with_one_bad_line_nothing_is_sent_and_the_line_is_named() -> None:
    lines = [json.dumps(MARKET_BUY), "", "{not json", json.dumps({**MARKET_BUY, "venue": "binanse"})]
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
