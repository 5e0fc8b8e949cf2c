"""Topics of a broker that is not named or not there."""

from __future__ import annotations

import pytest
from tests.unit.cli.commands.running import run

from tightloop.client import connect


def test_without_an_address_the_answer_says_how_to_give_one() -> None:
    done = run("tail", "fills")
    assert done.exit_code == 2
    assert "TIGHTLOOP_BOOTSTRAP" in done.stderr
    assert done.stdout == ""


def test_a_broker_that_does_not_answer_is_not_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "TIMEOUT_S", 1.0)
    done = run("tail", "fills", "--bootstrap", "127.0.0.1:1")
    assert done.exit_code == 3
    assert "EIF-011" in done.stderr
