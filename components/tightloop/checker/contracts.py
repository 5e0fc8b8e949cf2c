"""The Avro contracts as files: a record's bytes to a plain dict, by the schema id before them. Nothing but fastavro."""

from __future__ import annotations

import json
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro

_HEAD = 5  # a zero byte and the schema id, four bytes, big-endian


class Unreadable(ValueError):
    """The bytes are no record of the catalogue."""


@cache
def schemas_dir() -> Path:
    """Inside the installed package, or at the root of a checkout."""
    package = Path(__file__).parents[1]
    packaged = package / "_contracts" / "schemas"
    return packaged if packaged.is_dir() else package.parents[1] / "schemas"


@cache
def _catalogue() -> dict[int, dict[str, Any]]:
    listed = json.loads((schemas_dir() / "catalogue.json").read_text(encoding="utf-8"))["schemas"]
    return {entry["id"]: entry for entry in listed}


@cache
def _schema(schema_id: int) -> tuple[str, Any]:
    entry = _catalogue().get(schema_id)
    if entry is None:
        raise Unreadable(f"schema id {schema_id} is not in the catalogue")
    text = (schemas_dir() / entry["file"]).read_text(encoding="utf-8")
    return entry["record"], fastavro.parse_schema(json.loads(text))


def decode(value: bytes) -> tuple[str, dict[str, Any]]:
    """The record's name, and its fields. Raises Unreadable."""
    if len(value) < _HEAD or value[0] != 0:
        raise Unreadable("no magic byte and schema id")
    name, schema = _schema(int.from_bytes(value[1:_HEAD], "big"))
    stream = BytesIO(value)
    stream.seek(_HEAD)
    try:
        record: Any = fastavro.schemaless_reader(stream, schema, None)
    except (ValueError, IndexError, EOFError, TypeError, KeyError, OverflowError, UnicodeDecodeError) as error:
        raise Unreadable(f"{name}: {type(error).__name__}: {error}") from error
    if stream.tell() != len(value):
        raise Unreadable(f"{name}: {len(value) - stream.tell()} bytes are left over")
    return name, record
