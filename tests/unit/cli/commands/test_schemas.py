"""Schemas, as they are frozen."""

from __future__ import annotations

import json

from tests.unit.cli.commands.running import run


def test_schemas_are_frozen_and_compatible() -> None:
    done = run("schemas", "check", "--json")
    assert json.loads(done.stdout)["problems"] == []
    assert done.exit_code == 0


def test_a_schema_is_shown_self_contained() -> None:
    schema = json.loads(run("schemas", "show", "Instruction").stdout)
    assert schema["name"] == "Instruction"
    assert run("schemas", "show", "Nothing").exit_code == 2


def test_the_ids_of_the_wire_are_listed() -> None:
    ids = json.loads(run("schemas", "ids", "--json").stdout)["ids"]
    assert len({one["id"] for one in ids}) == len(ids) > 20
