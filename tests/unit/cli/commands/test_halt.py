"""A halt of a key that nobody has heard of stands, and is doubted."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from tightloop.cli.main import app
from tightloop.cli.operator import Operator
from tightloop.client import lookup


@pytest.mark.parametrize(("key", "doubted"), [("cary", True), ("carry", False)])
def test_a_key_without_books_is_halted_first_and_then_doubted(
    monkeypatch: pytest.MonkeyPatch, key: str, doubted: bool
) -> None:
    done: list[str] = []

    def order(operator: Operator, command: str, key: str, reason: str, **fields: Any) -> None:
        done.append(f"{command} {key}")

    def check_known(settings: object, key: str, directory: object) -> None:
        done.append("looked up")
        if key != "carry":
            raise lookup.unknown_key(key, ["carry"])

    monkeypatch.setattr(Operator, "order", order)
    monkeypatch.setattr(lookup, "check_known", check_known)
    told = CliRunner().invoke(app, ["halt", key, "--bootstrap", "a:1"])
    assert (told.exit_code, done) == (0, [f"halt {key}", "looked up"])
    assert ("did you mean 'carry'? The halt of 'cary' stands all the same." in told.stderr) is doubted
