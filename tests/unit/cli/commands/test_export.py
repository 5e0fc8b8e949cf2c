"""An export that is refused before a broker is asked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.unit.cli.commands.running import run

from tightloop.client import connect

NOWHERE = ("--bootstrap", "127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fills", "--from", "yesterday"), "yesterday"),
        (("fills", "--until", "0:x"), "0:x"),
        (("fills", "--from", "0:1,0:2"), "twice"),
        (("fills", "--from", "2026-01-02", "--until", "2026-01-01"), "BUS-003"),
        (("fills", "--format", "xml"), "xml"),
        (("fils", "--format", "csv"), "BUS-004"),
        (("positions",), "BUS-004"),
    ],
)
def test_what_is_not_possible_is_refused_and_nothing_is_written(arguments: tuple[str, ...], words: str) -> None:
    done = run("export", *arguments, "--to", "data", *NOWHERE)
    assert done.exit_code == 2
    assert words in done.stderr
    assert not list(Path("data").glob("*"))


def test_a_missing_package_is_named_with_its_code_and_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = run("export", "fills", "--to", "data", *NOWHERE)
    assert done.exit_code == 2
    assert "BUS-001" in done.stderr
    assert "tightloop[export]" in done.stderr


def test_files_that_are_there_are_not_replaced() -> None:
    Path("data").mkdir()
    Path("data/fills.csv").write_text("mine")
    done = run("export", "fills", "--to", "data", "--format", "csv", *NOWHERE)
    assert (done.exit_code, "BUS-002" in done.stderr) == (2, True)
    assert Path("data/fills.csv").read_text() == "mine"


def test_a_broker_that_does_not_answer_is_not_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "TIMEOUT_S", 1.0)
    for topics in ("fills", "all"):
        done = run("export", topics, "--to", "data", "--format", "csv", *NOWHERE)
        assert (done.exit_code, "EIF-011" in done.stderr) == (3, True)
