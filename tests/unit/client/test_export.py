"""Exports of records in memory: what can't be read, files that appear whole or not at all, bounded memory."""

from __future__ import annotations

import csv
import json
import sys
import tracemalloc
from base64 import b64decode
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.received import AT, received

from tightloop.client import export
from tightloop.client.export import FORMATS, Format, Written, write_table
from tightloop.client.ranges import Bound, spans
from tightloop.client.reader import Received
from tightloop.client.staging import Staging
from tightloop.client.table.columns import TopicTable
from tightloop.client.table.parquet import load
from tightloop.errors import ExecutionError
from tightloop.records.types import Delta, InstructionResult, MarketData, PositionSnapshot
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.testing import trade

_, parquet = load()
NOWHERE = KafkaSettings(bootstrap="127.0.0.1:1")


def price(number: int, last: Decimal = Decimal("0.1"), note: str = "") -> Received:
    data = MarketData(
        venue="binance",
        symbol=f"BTC/USDT{note}",
        kind="ticker",
        event_time=AT,
        observed_at=AT,
        last=last,
    )
    return received("market_data", data, number)


def written(folder: Path, records: Any, form: Format = "jsonl", **options: Any) -> Written:
    return write_table(TopicTable("market_data"), records, form, folder.joinpath, **options)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# --- what can't be read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_what_cannot_be_read_is_counted_and_kept_apart_byte_for_byte(tmp_path: Path, form: Format) -> None:
    truncated = price(2)
    assert truncated.value is not None
    odd = [
        received("market_data", truncated.value[:-1], 2, key=b"\xff", headers=(("trace_id", b"\xfe"),)),
        received("market_data", trade("i1", AT), 3),
        received("market_data", None, 4),
        received("market_data", b"\x00\x00\x00\xff\xff", 5),
    ]
    found = written(tmp_path, [price(1), *odd, price(6)], form)
    assert (found.records, found.unreadable) == ({0: 2}, 4)
    apart = lines(tmp_path / "market_data.unreadable.jsonl")
    assert [(one["kafka_offset"], one["error"]["code"]) for one in apart] == [
        (2, "TLC-003"),
        (3, "TLC-004"),
        (4, "TLC-001"),
        (5, "TLC-002"),
    ]
    assert [one["value"] and b64decode(one["value"]) for one in apart] == [one.value for one in odd]
    assert b64decode(apart[0]["key"]) == b"\xff"
    assert b64decode(apart[0]["headers"][0]["value"]) == b"\xfe"


def test_without_anything_unreadable_there_is_no_file_for_it(tmp_path: Path) -> None:
    written(tmp_path, [price(1)])
    assert [one.name for one in tmp_path.iterdir()] == ["market_data.jsonl"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_topic_without_records_becomes_a_table_without_rows(tmp_path: Path, form: Format) -> None:
    assert written(tmp_path, [], form).records == {}
    if form == "parquet":
        assert parquet.read_table(tmp_path / "market_data.parquet").num_rows == 0
    elif form == "csv":
        assert (tmp_path / "market_data.csv").read_text().startswith("kafka_topic,kafka_partition,kafka_offset")
    else:
        assert (tmp_path / "market_data.jsonl").read_bytes() == b""


def test_of_one_key_the_others_are_counted(tmp_path: Path) -> None:
    found = written(tmp_path, [price(1), received("market_data", b"\x01", 2, key=b"s2"), price(3)], key="s1")
    assert (found.records, found.other_keys, found.unreadable) == ({0: 2}, 1, 0)


def test_a_key_that_is_no_text_is_shown_and_costs_no_record(tmp_path: Path) -> None:
    written(tmp_path, [received("market_data", b"", 1), Received(**{**as_fields(price(2)), "key": b"a\xff"})])
    assert [one["kafka_key"] for one in lines(tmp_path / "market_data.jsonl")] == ["a\\xff"]


def as_fields(one: Received) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


# --- amounts ----------------------------------------------------------------------------------------------------------


def test_amounts_are_decimals_that_others_can_read_until_one_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH_ROWS", 2)
    small = [Decimal("0.000000000000000001"), Decimal(10) ** 20 - 1, Decimal("-99999999999999999999.5")]
    found = written(tmp_path, [price(number, last) for number, last in enumerate(small)], "parquet")
    assert found.amount_digits == 38
    large = [*small, Decimal(10) ** 20, Decimal("1E+57")]
    found = written(tmp_path, [price(number, last) for number, last in enumerate(large)], "parquet")
    assert found.amount_digits == 76
    assert parquet.read_table(tmp_path / "market_data.parquet")["last"].to_pylist() == large
    assert [one.name for one in tmp_path.iterdir()] == ["market_data.parquet"]


def test_nested_amounts_turn_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BATCH_ROWS", 1)
    records = [
        trade(f"i{number}", AT, expected_deltas=(Delta(position_key="a:b:c", amount=amount, source="x"),))
        for number, amount in enumerate([Decimal(1), Decimal(10) ** 30])
    ]
    offered = [received("instructions", one, number) for number, one in enumerate(records)]
    write_table(TopicTable("instructions"), offered, "parquet", tmp_path.joinpath)
    deltas = parquet.read_table(tmp_path / "instructions.parquet")["expected_deltas"].to_pylist()
    assert [one[0]["amount"] for one in deltas] == [1, Decimal(10) ** 30]


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_memory_does_not_grow_with_the_topic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Format) -> None:
    monkeypatch.setattr(export, "BATCH_BYTES", 100_000)

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            written(tmp_path, (price(number, note="x" * 5000 + str(number)) for number in range(count)), form)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # what is imported or compiled at the first use
    assert peak(2000) < 1_000_000  # of 10 MB


def test_many_rows_are_several_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BATCH_ROWS", 10)
    written(tmp_path, [price(number) for number in range(25)], "parquet")
    assert parquet.ParquetFile(tmp_path / "market_data.parquet").num_row_groups == 3


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_export_that_breaks_off_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def broken() -> Iterator[Received]:
        yield price(1)
        raise error

    with pytest.raises(error), Staging(tmp_path, ["market_data.jsonl", "fills.jsonl"]) as staging:
        staging.path("fills.jsonl").write_text("complete")
        write_table(TopicTable("market_data"), broken(), "jsonl", staging.path)
    assert list(tmp_path.iterdir()) == []


def test_files_appear_together_and_leave_nothing_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with Staging(folder, ["a", "b", "c"]) as staging:
        staging.path("a").write_text("1")
        staging.path("b").write_text("2")
        assert not [one for one in folder.iterdir() if not one.name.startswith(".")]
    assert {one.name: one.read_text() for one in folder.iterdir()} == {"a": "1", "b": "2"}


def test_an_earlier_export_is_not_replaced_unless_that_is_wanted(tmp_path: Path) -> None:
    names = ["fills.csv", "fills.unreadable.jsonl"]
    for name in names:
        (tmp_path / name).write_text("earlier")
    with pytest.raises(ExecutionError, match="BUS-002") as refused, Staging(tmp_path, names):
        raise AssertionError("it began")
    assert "fills.csv, fills.unreadable.jsonl" in refused.value.message
    with Staging(tmp_path, names, overwrite=True) as staging:
        staging.path("fills.csv").write_text("later")
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"fills.csv": "later"}


def test_a_file_that_came_meanwhile_is_not_replaced_either(tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match="BUS-002"), Staging(tmp_path, ["a"]) as staging:
        staging.path("a").write_text("mine")
        (tmp_path / "a").write_text("another's")
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"a": "another's"}


def test_a_folder_that_cannot_be_written_to_is_bus_002(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExecutionError, match="BUS-002"), Staging(tmp_path / "file", ["a"]):
        raise AssertionError("it began")
    with pytest.raises(ExecutionError, match=r"BUS-002.*No space left"), Staging(tmp_path, ["a"]):
        raise OSError(28, "No space left on device")


# --- what is refused --------------------------------------------------------------------------------------------------


def test_parquet_without_its_package_is_bus_001_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExecutionError, match=r"BUS-001.*'pyarrow'") as refused:
        export.export(NOWHERE, ["fills"], tmp_path / "out", "parquet")
    assert "tightloop[export]" in refused.value.remedy
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("topic", "words"), [("filsl", "did you mean 'fills'"), ("loop_state", "interface-manager")])
def test_a_topic_that_is_no_table_is_bus_004(tmp_path: Path, topic: str, words: str) -> None:
    with pytest.raises(ExecutionError, match="BUS-004") as refused:
        export.export(NOWHERE, ["fills", topic], tmp_path, "csv")
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("topics", "from_", "to"),
    [
        (["fills", "control"], {0: 1}, None),
        (["fills"], {0: 1}, {1: 2}),
        (["fills"], {0: 3}, {0: 2}),
        (["fills"], AT, AT.replace(year=2025)),
    ],
)
def test_a_range_that_cannot_be_is_bus_003(topics: list[str], from_: Bound | None, to: Bound | None) -> None:
    with pytest.raises(ExecutionError, match="BUS-003"):
        spans(NOWHERE, topics, from_, to)


def test_every_record_a_topic_holds_has_columns() -> None:
    for topic, kind in (("instruction_results", InstructionResult), ("venue_positions", PositionSnapshot)):
        names = [column.name for column in TopicTable(topic).columns]
        assert names[:5] == ["kafka_topic", "kafka_partition", "kafka_offset", "kafka_timestamp", "kafka_key"]
        assert tuple(names[5:]) == kind.__struct_fields__


def test_a_csv_cell_holds_whatever_a_text_holds(tmp_path: Path) -> None:
    texts = ['a,"b"', "two\r\nlines", "a\rb", "=1+1", " x ", "ü€"]
    written(tmp_path, [price(number, note=text) for number, text in enumerate(texts)], "csv")
    with (tmp_path / "market_data.csv").open(encoding="utf-8", newline="") as file:
        assert [row["symbol"].removeprefix("BTC/USDT") for row in csv.DictReader(file)] == texts
