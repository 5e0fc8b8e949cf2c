"""The generator: a new record takes a new file in ``schemas`` and nothing else."""

from __future__ import annotations

import importlib.util
import json
import shutil
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tightloop.records import generate
from tightloop.records.schemas import schemas_dir


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(schemas_dir(), tmp_path / "schemas")
    return tmp_path / "schemas"


def add(folder: Path, name: str, fields: list[dict[str, Any]]) -> None:
    schema = {"type": "record", "name": name, "namespace": "tightloop", "doc": "For a test.", "fields": fields}
    (folder / f"tightloop.{name}.avsc").write_text(json.dumps(schema))


def generated(folder: Path, target: Path) -> ModuleType:
    assert generate.main(["--schemas", str(folder), "--target", str(target)]) == 0
    spec = importlib.util.spec_from_file_location("generated_types", target)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_new_record_becomes_a_class(folder: Path, tmp_path: Path) -> None:
    add(
        folder,
        "Parcel",
        [
            {"name": "produced_at", "type": {"type": "long", "logicalType": "timestamp-micros"}, "doc": "When."},
            {"name": "delta", "type": ["null", "tightloop.Delta"], "default": None, "doc": "What."},
            {"name": "sides", "type": {"type": "array", "items": "tightloop.Side"}, "default": [], "doc": "Which."},
            {"name": "notes", "type": {"type": "map", "values": "string"}, "default": {}, "doc": "Notes."},
        ],
    )
    module = generated(folder, tmp_path / "types.py")
    hints = typing.get_type_hints(module.Parcel, vars(module))
    assert hints["delta"] == module.Delta | None
    assert hints["sides"] == tuple[module.Side, ...]
    assert "Parcel" in module.TOP_LEVEL
    first = module.Parcel(produced_at=None)
    assert (first.delta, first.sides, first.notes) == (None, (), {})
    assert first.notes is not module.Parcel(produced_at=None).notes


def test_a_stale_file_is_reported(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "types.py"
    generated(folder, target)
    assert generate.main(["--check", "--schemas", str(folder), "--target", str(target)]) == 0
    add(folder, "Parcel", [{"name": "label", "type": "string", "doc": "What it says."}])
    assert generate.main(["--check", "--schemas", str(folder), "--target", str(target)]) == 1
    assert "run python -m tightloop.records.generate" in capsys.readouterr().err


def test_a_file_whose_name_is_not_its_record_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "tightloop.Fee.avsc", folder / "tightloop.Toll.avsc")
    with pytest.raises(ValueError, match=r"tightloop\.Toll\.avsc"):
        generate.main(["--schemas", str(folder), "--target", str(tmp_path / "types.py")])


def test_a_type_without_a_python_counterpart_is_refused(folder: Path, tmp_path: Path) -> None:
    fixed = {"type": "fixed", "name": "Hash", "size": 32}
    add(folder, "Parcel", [{"name": "hash", "type": fixed, "doc": "A hash."}])
    with pytest.raises(ValueError, match="no Python type"):
        generate.main(["--schemas", str(folder), "--target", str(tmp_path / "types.py")])
