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


SHORT = {**MARKET_BUY, "symbol": "BTC/USDT:USDT", "market": "perp", "side": "sell", "instruction_id": "i2"}
LEG_0 = {**MARKET_BUY, "group_id": "basis", "group_index": 0, "group_size": 2}
LEG_1 = {**SHORT, "group_id": "basis", "group_index": 1, "group_size": 2, "scale_to_filled": True}


def test_a_group_with_a_missing_leg_is_bad_and_nothing_is_sent() -> None:
    lines = [json.dumps({**MARKET_BUY, "instruction_id": "alone"}), json.dumps(LEG_1)]
    done = run("publish", "-", "--json", "--bootstrap", "127.0.0.1:1", stdin="\n".join(lines))
    found = json.loads(done.stdout)
    assert (done.exit_code, found["published"]) == (1, [])
    assert [(one["line"], one["code"]) for one in found["bad"]] == [(2, "EIM-018")]
    assert "line 2: EIM-018 group basis: group_index 0 is missing, of 2 legs" in done.stderr


def test_a_leg_that_is_bad_makes_its_whole_group_bad() -> None:
    lines = [json.dumps(LEG_0), json.dumps({**LEG_1, "amount": -1}), json.dumps({**SHORT, "instruction_id": "i3"})]
    done = run("publish", "-", "--dry-run", "--json", stdin="\n".join(lines))
    found = json.loads(done.stdout)
    assert [(one["line"], one["code"]) for one in found["bad"]] == [(1, "EIM-018"), (2, "EIM-007")]
    assert (done.exit_code, found["valid"]) == (1, 1)


def test_a_whole_group_is_valid_and_a_part_of_one_where_that_is_said() -> None:
    whole = "\n".join(json.dumps(leg) for leg in (LEG_1, LEG_0, LEG_0))
    assert run("publish", "-", "--dry-run", stdin=whole).exit_code == 0
    part = run("publish", "-", "--dry-run", "--partial-groups", "--json", stdin=json.dumps(LEG_1))
    assert json.loads(part.stdout) == {"published": [], "bad": [], "valid": 1}


def test_a_file_of_no_known_kind_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "trades.txt").write_text("x")
    assert run("publish", "trades.txt").exit_code == 2
    assert run("publish", "missing.jsonl").exit_code == 2


# --- market data ------------------------------------------------------------------------------------------------------

HEAD = "timestamp,open,close"
LINES = ["2024-01-01T00:00:00Z,100,101", "2024-01-01T01:00:00Z,101,102"]


def bars(folder: Path, name: str, *lines: str) -> str:
    (folder / name).write_text("\n".join([HEAD, *lines]))
    return name


def test_market_data_is_read_and_checked_as_a_whole_before_any_is_sent(tmp_path: Path) -> None:
    good = bars(tmp_path, "binance_BTCUSDT_spot_1h.csv", *LINES)
    poor = bars(
        tmp_path, "okx_BTCUSDT_spot_1h.csv", LINES[0], LINES[0], "2024-01-01T01:00:00,1,2", "2024-01-01T09:00:00Z,x,2"
    )
    done = run("publish", "--market", good, poor, "--json", "--bootstrap", "127.0.0.1:1")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert [(one["file"], one["records"], one["sent"]) for one in found["files"]] == [(good, 2, 0), (poor, 1, 0)]
    assert [(one["file"], one["line"], one["code"]) for one in found["bad"]] == [
        (poor, 3, "EIM-007"),
        (poor, 4, "EIM-007"),
        (poor, 5, "EIM-007"),
    ]
    assert "okx_BTCUSDT_spot_1h.csv line 3: EIM-007 bar of BTC/USDT at okx" in done.stderr


def test_a_gap_is_named_and_no_mistake(tmp_path: Path) -> None:
    lines = [*LINES, "2024-01-01T02:00:00Z,102,103", "2024-01-01T05:00:00Z,102,103"]
    name = bars(tmp_path, "binance_BTCUSDT_spot_1h.csv", *lines)
    done = run("publish", "--market", name, "--dry-run")
    assert done.exit_code == 0
    assert "line 5: a gap: bar of BTC/USDT at binance: 2 missing" in done.stderr
    assert "nothing was sent" in done.stderr


def test_instructions_come_from_one_file_at_a_time() -> None:
    done = run("publish", "a.jsonl", "b.jsonl")
    assert done.exit_code == 2
    assert "one file after another" in done.stderr
