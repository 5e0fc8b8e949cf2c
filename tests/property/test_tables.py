"""Whatever a record holds, an export of it holds, in each format: written and read back it is the same record."""

from __future__ import annotations

import csv
import json
import tempfile
from base64 import b64decode
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from tests.support.received import AT, received
from tests.support.record_strategies import records

from tightloop.client.export import Format, write_table
from tightloop.client.table.columns import KAFKA, Kind, TopicTable, flat
from tightloop.client.table.parquet import load
from tightloop.records.topics import contracts
from tightloop.records.types import RECORDS

TOPICS = {
    contract.name.replace("{lane}", "binance"): contract.value
    for contract in contracts().values()
    if contract.visibility != "state"
}
PLACES = {column.name for column in KAFKA}


def exported(topic: str, written: list[Struct], form: Format, folder: Path) -> Path:
    found = write_table(
        TopicTable(topic),
        [received(topic, record, offset) for offset, record in enumerate(written)],
        form,
        folder.joinpath,
    )
    assert (found.records, found.unreadable) == ({0: len(written)}, 0)
    return folder / f"{topic}.{form}"


def from_parquet(path: Path, kind: type[Struct]) -> list[Struct]:
    _, parquet = load()
    rows = parquet.read_table(path).to_pylist(maps_as_pydicts="strict")
    return [msgspec.convert(without_places(row), kind) for row in rows]


def from_json_lines(path: Path, kind: type[Struct]) -> list[Struct]:
    return [
        msgspec.json.decode(json.dumps(without_places(json.loads(line))), type=kind)
        for line in path.read_text(encoding="utf-8").split("\n")
        if line
    ]


def without_places(row: dict[str, Any]) -> dict[str, Any]:
    assert (row["kafka_partition"], row["kafka_key"]) == (0, "s1")
    assert row["kafka_timestamp"] in (AT, "2026-01-01T12:30:00.250000Z")
    return {name: value for name, value in row.items() if name not in PLACES}


@pytest.mark.parametrize("topic", TOPICS)
@given(data=st.data())
@settings(max_examples=6)
def test_parquet_and_json_lines_give_back_the_records(topic: str, data: st.DataObject) -> None:
    written = data.draw(st.lists(records(TOPICS[topic]), min_size=1, max_size=4))
    kind = RECORDS[TOPICS[topic]]
    with tempfile.TemporaryDirectory() as folder:
        assert from_parquet(exported(topic, written, "parquet", Path(folder)), kind) == written
        assert from_json_lines(exported(topic, written, "jsonl", Path(folder)), kind) == written


@pytest.mark.parametrize("topic", TOPICS)
@given(data=st.data())
@settings(max_examples=4)
def test_csv_gives_back_every_field_but_which_empty_cells_were_texts(topic: str, data: st.DataObject) -> None:
    written = data.draw(st.lists(records(TOPICS[topic]), min_size=1, max_size=4))
    table = TopicTable(topic)
    leaves = [leaf for leaf in flat(table.columns) if leaf.name not in PLACES]
    with tempfile.TemporaryDirectory() as folder:
        path = exported(topic, written, "csv", Path(folder))
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    assert len(rows) == len(written)
    for row, record in zip(rows, written, strict=True):
        for leaf in leaves:
            value, kind = found_at(record, leaf.path)
            assert value_of(row[leaf.name], leaf.kind, kind) == ("" if value in (None, b"") else value)


def found_at(record: Any, path: tuple[str, ...]) -> tuple[Any, Any]:
    """The field's value, None where the record around it is not there, and its type."""
    kind: Any = None
    for name in path:
        if record is None:
            return None, None
        kind = next(field.type for field in msgspec.structs.fields(record) if field.name == name)
        record = getattr(record, name)
    return record, kind


def value_of(cell: str, column: Kind, kind: Any) -> Any:
    """What a reader makes of a cell."""
    if cell == "":
        return ""
    match column:
        case "decimal":
            return Decimal(cell)
        case "time":
            return datetime.fromisoformat(cell)
        case "bytes":
            return b64decode(cell)
        case "text":
            return cell
        case _:
            return msgspec.convert(json.loads(cell), kind)
