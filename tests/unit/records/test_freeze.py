"""Freezing: a version whenever something changed, an id for ever, and no for what readers could not follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tightloop.records import freeze


def write(folder: Path, name: str, *fields: dict[str, Any], doc: str = "For a test.") -> None:
    schema = {"type": "record", "name": name, "namespace": "tightloop", "doc": doc, "fields": [PRODUCED_AT, *fields]}
    (folder / f"tightloop.{name}.avsc").write_text(json.dumps(schema))


PRODUCED_AT = {"name": "produced_at", "type": {"type": "long", "logicalType": "timestamp-micros"}, "doc": "When."}
LABEL = {"name": "label", "type": "string", "doc": "What it says."}
NOTE = {"name": "note", "type": ["null", "string"], "default": None, "doc": "More."}
WEIGHT = {"name": "weight", "type": "long", "doc": "In grams."}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "Letter", LABEL)
    write(tmp_path, "Parcel", LABEL)
    freeze.freeze(tmp_path)
    return tmp_path


def versions(folder: Path) -> list[tuple[int, str, int]]:
    return [(entry.id, entry.record, entry.version) for entry in freeze.read_catalogue(folder)]


def test_the_first_freeze_gives_every_record_an_id(folder: Path) -> None:
    assert versions(folder) == [(1, "Letter", 1), (2, "Parcel", 1)]


def test_without_a_change_nothing_is_frozen(folder: Path) -> None:
    write(folder, "Letter", {**LABEL, "doc": "Said better."}, doc="Said better, too.")
    assert freeze.freeze(folder) == []


def test_a_compatible_change_is_a_new_version_with_a_new_id(folder: Path) -> None:
    before = (folder / "history/Letter/v1.avsc").read_text()
    write(folder, "Letter", LABEL, NOTE)
    freeze.freeze(folder)
    assert versions(folder) == [(1, "Letter", 1), (2, "Parcel", 1), (3, "Letter", 2)]
    assert (folder / "history/Letter/v1.avsc").read_text() == before


def test_a_changed_default_is_a_new_version(folder: Path) -> None:
    write(folder, "Letter", {**LABEL, "default": "none"})
    assert [entry.version for entry in freeze.freeze(folder)] == [2]


def test_an_incompatible_change_is_refused_by_name_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, "Letter", LABEL, WEIGHT)
    write(folder, "Parcel", LABEL, NOTE)
    assert freeze.main(["--schemas", str(folder)]) == 1
    assert "Letter v1: cannot read it: Letter.weight: is missing there, and has no default" in capsys.readouterr().err
    assert versions(folder) == [(1, "Letter", 1), (2, "Parcel", 1)]


def test_a_change_must_be_compatible_with_every_version_not_only_the_last(folder: Path) -> None:
    write(folder, "Letter", LABEL, NOTE)
    freeze.freeze(folder)
    write(folder, "Letter", LABEL)
    freeze.freeze(folder)
    write(folder, "Letter", LABEL, {**NOTE, "type": ["null", "long"]})
    with pytest.raises(freeze.IncompatibleError) as caught:
        freeze.freeze(folder)
    assert all(problem.startswith("Letter v2:") for problem in caught.value.problems)


def test_a_change_in_a_type_that_a_record_names_is_a_change_of_the_record(folder: Path) -> None:
    stamp = {"type": "record", "name": "Stamp", "namespace": "tightloop", "doc": "A part.", "fields": [LABEL]}
    (folder / "tightloop.Stamp.avsc").write_text(json.dumps(stamp))
    write(
        folder,
        "Letter",
        LABEL,
        {"name": "stamp", "type": ["null", "tightloop.Stamp"], "default": None, "doc": "On it."},
    )
    freeze.freeze(folder)
    (folder / "tightloop.Stamp.avsc").write_text(json.dumps({**stamp, "fields": [LABEL, NOTE]}))
    assert [(entry.record, entry.version) for entry in freeze.freeze(folder)] == [("Letter", 3)]


def test_check_writes_nothing_and_prints_what_is_pending(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert freeze.main(["--check", "--schemas", str(folder)]) == 0
    write(folder, "Letter", LABEL, NOTE)
    assert freeze.main(["--check", "--schemas", str(folder)]) == 1
    assert "not frozen yet: Letter v2" in capsys.readouterr().err
    assert versions(folder) == [(1, "Letter", 1), (2, "Parcel", 1)]


def test_a_restart_begins_at_version_one_and_keeps_the_ids(folder: Path) -> None:
    write(folder, "Letter", LABEL, NOTE)
    freeze.freeze(folder)
    write(folder, "Letter", LABEL, WEIGHT)
    write(folder, "Card", LABEL)
    assert freeze.main(["--restart", "--schemas", str(folder)]) == 0
    assert versions(folder) == [(1, "Letter", 1), (2, "Parcel", 1), (4, "Card", 1)]
    assert [file.name for file in sorted((folder / "history/Letter").iterdir())] == ["v1.avsc"]
