"""The codec's wire format, its refusals, and how it reads what other versions wrote."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pytest
from msgspec import Struct
from msgspec.structs import replace

import tightloop
from tightloop.errors import ExecutionError
from tightloop.records import schemas
from tightloop.records.types import (
    RECORDS,
    CexTrade,
    DeadLetter,
    Delta,
    ErrorInfo,
    ExecutionReport,
    ExecutorHead,
    Fee,
    Header,
    Instruction,
    RoutedInstruction,
)
from tightloop.wire import avro, codec
from tightloop.wire.compiled import compile_reader, compile_writer

NOW = datetime(2024, 5, 12, 12, 0, 0, 123456, tzinfo=UTC)
INSTRUCTION = Instruction(
    instruction_id="s1:1",
    strategy_id="s1",
    type="cex_trade",
    venue="binance",
    created_at=NOW,
    metadata={"leg": "spot"},
    cex_trade=CexTrade(market="spot", symbol="BTC/USDT", side="buy", order_type="market", amount=Decimal("0.1")),
)
ROUTED = RoutedInstruction(
    strategy_id="s1",
    loop_no=1,
    kind="execute",
    lane="binance",
    venue="binance",
    account="s1",
    instruction=INSTRUCTION,
    dispatched_at=NOW,
    not_after=NOW + timedelta(seconds=30),
    produced_at=NOW,
)
REPORT = ExecutionReport(
    report_id="r",
    report_no=1,
    strategy_id="s1",
    loop_no=1,
    loop_kind="execute",
    kind="final",
    outcome="filled",
    lane="binance",
    venue="binance",
    account="s1",
    amount=Decimal("0.1"),
    deltas=(Delta(position_key="binance:BaseToken:BTC", amount=Decimal("0.1"), source="trade"),),
    fees=(Fee(position_key="binance:BaseToken:USDT", amount=Decimal("0.01"), kind="trading"),),
    event_time=NOW,
    observed_at=NOW,
    produced_at=NOW,
)


def refused(call: Callable[[], Any]) -> ExecutionError:
    with pytest.raises(ExecutionError) as caught:
        call()
    return caught.value


# --- wire format


def test_a_record_begins_with_the_magic_byte_and_the_id_of_its_latest_version() -> None:
    raw = codec.encode(ROUTED)
    assert raw[0] == 0
    entry = schemas.catalogue()[int.from_bytes(raw[1:5], "big")]
    assert entry.record == "RoutedInstruction"
    assert entry.version == max(
        known.version for known in schemas.catalogue().values() if known.record == "RoutedInstruction"
    )


def test_lists_come_back_as_tuples_maps_as_dicts_and_times_in_utc() -> None:
    east = NOW.astimezone(tz=datetime.now().astimezone().tzinfo)
    decoded = codec.decode_as(codec.encode(replace(ROUTED, dispatched_at=east)), RoutedInstruction)
    assert decoded.instruction is not None
    assert decoded.instruction.metadata == {"leg": "spot"}
    assert decoded.dispatched_at == NOW and decoded.dispatched_at.tzinfo is UTC
    assert isinstance(codec.decode_as(codec.encode(REPORT), ExecutionReport).deltas, tuple)


@pytest.mark.parametrize(
    ("text", "expected"), [("100", "100"), ("1E+2", "100"), ("0.10", "0.1"), ("-0", "0"), ("5.000", "5")]
)
def test_amounts_come_back_in_their_plainest_form(text: str, expected: str) -> None:
    decoded = codec.decode_as(codec.encode(replace(REPORT, amount=Decimal(text))), ExecutionReport)
    assert str(decoded.amount) == expected


def test_bytes_of_a_dead_letter_come_back_as_they_were() -> None:
    letter = DeadLetter(
        topic="fills",
        partition=3,
        offset=7,
        key=b"\xff",
        value=b"\x00" * 2_000_000,
        headers=(Header(name="a", value=b"1"), Header(name="a", value=None)),
        error=ErrorInfo(code="TLC-003", message="ends early", severity="HIGH"),
        component="reconciliation",
        halts=True,
        failed_at=NOW,
        produced_at=NOW,
    )
    assert codec.decode(codec.encode(letter)) == letter


# --- refusals


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x00\x00\x00\x01"])
def test_bytes_too_short_for_a_header_are_refused(value: bytes) -> None:
    error = refused(lambda: codec.decode(value))
    assert error.code == "TLC-001" and "too short" in error.message


def test_another_magic_byte_is_refused() -> None:
    error = refused(lambda: codec.decode(b'{"instruction_id": 1}'))
    assert error.code == "TLC-001" and "byte 123" in error.message


def test_an_unknown_schema_id_is_refused() -> None:
    error = refused(lambda: codec.decode(b"\x00\x00\x0f\x42\x3f" + codec.encode(ROUTED)[5:]))
    assert error.code == "TLC-002" and "999999" in error.message


def test_a_truncated_body_says_which_record_ends_early() -> None:
    error = refused(lambda: codec.decode(codec.encode(ROUTED)[:-3]))
    assert error.code == "TLC-003" and "RoutedInstruction" in error.message and "early" in error.message


def test_trailing_bytes_are_refused() -> None:
    error = refused(lambda: codec.decode(codec.encode(ROUTED) + b"xyz"))
    assert error.code == "TLC-003" and "3 byte(s) after its end" in error.message


def test_text_that_is_not_utf8_is_refused() -> None:
    raw = codec.encode(ROUTED)
    assert raw[5:8] == b"\x04s1"
    error = refused(lambda: codec.decode(raw[:6] + b"\xff\xff" + raw[8:]))
    assert error.code == "TLC-003" and "UTF-8" in error.message


def test_an_amount_of_10_to_the_60_on_the_wire_is_refused() -> None:
    units = (10**78).to_bytes(33, "big")
    raw = codec.encode(replace(REPORT, amount=Decimal(3)))
    three = avro.write_amount(Decimal(3))
    error = refused(lambda: codec.decode(raw.replace(three, bytes([66]) + units, 1)))
    assert error.code == "TLC-009" and "10^58" in error.message


def test_another_type_than_asked_for_is_refused() -> None:
    error = refused(lambda: codec.decode_as(codec.encode(ROUTED), ExecutionReport))
    assert error.code == "TLC-004"
    assert error.message == "holds a RoutedInstruction, not an ExecutionReport"


BAD_VALUES: dict[str, tuple[dict[str, Any], str, str]] = {
    "not a number": ({"amount": Decimal("NaN")}, "TLC-009", "ExecutionReport.amount: NaN"),
    "a signalling not-a-number": ({"amount": Decimal("sNaN")}, "TLC-009", "ExecutionReport.amount"),
    "infinite": ({"cost": Decimal("-Infinity")}, "TLC-009", "ExecutionReport.cost"),
    "19 places": ({"cost": Decimal("1E-19")}, "TLC-009", "more than 18 places"),
    "10^58": ({"remaining": Decimal("1E+58")}, "TLC-009", "10^58 or more"),
    "10^60": ({"remaining": Decimal("1E+60")}, "TLC-009", "10^58 or more"),
    "a float": ({"amount": 0.1}, "TLC-011", "ExecutionReport.amount: 0.1 is not a Decimal"),
    "an int for an amount": ({"amount": 1}, "TLC-011", "is not a Decimal"),
    "no amount": ({"amount": None}, "TLC-011", "ExecutionReport.amount"),
    "deep inside": (
        {"deltas": (Delta(position_key="a:b:c", amount=Decimal("NaN"), source="x"),)},
        "TLC-009",
        "deltas[0]",
    ),
    "no symbol": ({"side": "long"}, "TLC-008", "'long' is none of buy, sell, UNKNOWN"),
    "a text for a number": ({"report_no": "1"}, "TLC-011", "ExecutionReport.report_no: '1' is not an int"),
    "33 bits": ({"report_no": 2**31}, "TLC-011", "32 bits"),
    "65 bits": ({"loop_no": 2**63}, "TLC-011", "64 bits"),
    "a number for a text": ({"venue": 5}, "TLC-011", "ExecutionReport.venue: 5 is not a str"),
    "a lone surrogate": ({"venue": "\ud800"}, "TLC-011", "ExecutionReport.venue"),
    "a text for a truth": ({"simulated": "yes"}, "TLC-011", "ExecutionReport.simulated"),
    "a time without zone": ({"event_time": NOW.replace(tzinfo=None)}, "TLC-011", "has no time zone"),
    "nothing for a list": ({"deltas": None}, "TLC-011", "ExecutionReport.deltas"),
    "another record in a list": ({"fees": (NOW,)}, "TLC-011", "ExecutionReport.fees[0]"),
}


@pytest.mark.parametrize("what", BAD_VALUES)
def test_what_the_schema_does_not_allow_is_not_written(what: str) -> None:
    codec.encode(replace(REPORT, amount=Decimal(1), cost=Decimal("0.1")))  # met before: remembering must not let it by
    changes, code, text = BAD_VALUES[what]
    error = refused(lambda: codec.encode(replace(REPORT, **changes)))
    assert error.code == code
    assert text in error.message


@pytest.mark.parametrize("text", ["9" * 58 + "." + "9" * 18, "-" + "9" * 58 + "." + "9" * 18, "1E-18", "1E+57"])
def test_the_largest_and_the_finest_amounts_are_written(text: str) -> None:
    amount = Decimal(text)
    assert codec.decode_as(codec.encode(replace(REPORT, amount=amount)), ExecutionReport).amount == amount


def test_trailing_zeros_are_not_places() -> None:
    amount = Decimal("1.50000000000000000000000")
    assert codec.decode_as(codec.encode(replace(REPORT, amount=amount)), ExecutionReport).amount == amount


def test_a_part_of_records_is_no_record_of_a_topic() -> None:
    with pytest.raises(TypeError, match="Delta is no record of a topic"):
        codec.encode(REPORT.deltas[0])


def test_a_class_that_is_not_what_was_frozen_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Instruction(Struct):
        other: str

    monkeypatch.setitem(RECORDS, "Instruction", Instruction)
    with pytest.raises(TypeError, match="was frozen as: run python -m"):
        codec.encode(Instruction("x"))


# --- other versions


def current(name: str) -> dict[str, Any]:
    return schemas.expand(name, schemas.current_schemas())


def written_with(schema: dict[str, Any], value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(deepcopy(schema)), value)
    return out.getvalue()


def read(schema: dict[str, Any], raw: bytes) -> Struct:
    record, end = compile_reader(schema, RECORDS, schemas.current_schemas())(raw, 0)
    assert end == len(raw)
    return record


def test_a_field_that_an_older_version_had_not_gets_its_default() -> None:
    trade = current("CexTrade")
    later = ("timeout_ms", "reduce_only", "time_in_force")
    older = {**trade, "fields": [field for field in trade["fields"] if field["name"] not in later]}
    raw = written_with(older, {"market": "spot", "symbol": "A/B", "side": "buy", "order_type": "market"})
    assert read(older, raw) == CexTrade(market="spot", symbol="A/B", side="buy", order_type="market")


def test_a_field_that_this_version_has_no_more_is_passed_over() -> None:
    fee = current("Fee")
    inner = {
        "type": "record",
        "name": "Gone",
        "fields": [{"name": "texts", "type": {"type": "array", "items": "string"}}],
    }
    wider = {**fee, "fields": [{"name": "gone", "type": inner}, *fee["fields"]]}
    raw = written_with(
        wider, {"gone": {"texts": ["a", "b"]}, "position_key": "a:b:c", "amount": Decimal(2), "kind": "gas"}
    )
    assert read(wider, raw) == Fee(position_key="a:b:c", amount=Decimal(2), kind="gas")


def test_a_symbol_that_this_version_has_not_becomes_unknown() -> None:
    info = current("ErrorInfo")
    severity = {**info["fields"][2]["type"], "symbols": ["CRITICAL", "HIGH", "MEDIUM", "LOW", "FATAL", "UNKNOWN"]}
    newer = {**info, "fields": [*info["fields"][:2], {"name": "severity", "type": severity}]}
    raw = written_with(newer, {"code": "X", "message": "", "severity": "FATAL"})
    record = read(newer, raw)
    assert record == ErrorInfo(code="X", message="", severity="UNKNOWN")
    assert codec.has_unknown(record) == "severity"


def test_a_list_in_blocks_with_their_sizes_is_read() -> None:
    schema = current("DeadLetter")
    header = avro.SMALL[1] + b"a" + b"\x00"
    blocks = avro.varint(-1) + avro.varint(len(header)) + header + avro.varint(-1) + avro.varint(len(header)) + header
    letter = DeadLetter(
        topic="t",
        partition=0,
        offset=0,
        headers=(Header(name="a"), Header(name="a")),
        error=ErrorInfo(code="X", message="", severity="LOW"),
        component="c",
        halts=False,
        failed_at=NOW,
        produced_at=NOW,
    )
    raw = compile_writer(schema)(letter)
    plain = avro.varint(2) + header + header + b"\x00"
    assert raw.count(plain) == 1
    assert read(schema, raw.replace(plain, blocks + b"\x00")) == letter


# --- unknown symbols


def test_no_unknown_in_a_record_of_this_version() -> None:
    assert codec.has_unknown(ROUTED) is None
    assert codec.has_unknown(REPORT) is None


def test_an_unknown_symbol_is_found_however_deep() -> None:
    assert INSTRUCTION.cex_trade is not None
    trade = replace(INSTRUCTION.cex_trade, side="UNKNOWN")
    deep = replace(ROUTED, instruction=replace(INSTRUCTION, cex_trade=trade))
    assert codec.has_unknown(codec.decode(codec.encode(deep))) == "instruction.cex_trade.side"
    assert codec.has_unknown(replace(REPORT, outcome="UNKNOWN")) == "outcome"
    assert codec.has_unknown(replace(REPORT, outcome="unknown")) is None


# --- weight


def test_the_codec_loads_nothing_heavy() -> None:
    code = "import sys, tightloop.wire.codec, tightloop.domain.validate; print(*sys.modules)"
    root = str(Path(tightloop.__file__).parents[1])
    output = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": root},
    )
    loaded = {name.partition(".")[0] for name in output.stdout.split()}
    assert loaded.isdisjoint({"pydantic", "pandas", "numpy", "fastavro", "confluent_kafka", "aiohttp", "typer", "rich"})


@pytest.mark.parametrize("power", [6, 7, 13, 14, 20, 21, 31, 62])
@pytest.mark.parametrize("beside", [-1, 0, 1])
def test_numbers_beside_each_length_of_a_varint_are_written_as_avro_does_and_read_back(power: int, beside: int) -> None:
    number = 2**power + beside
    for value in (number, -number):
        expected = io.BytesIO()
        fastavro.schemaless_writer(expected, {"type": "long"}, value)
        assert avro.varint(value) == expected.getvalue()
        assert avro.read_varint(expected.getvalue(), 0) == (value, len(expected.getvalue()))
    head = ExecutorHead(strategy_id="s", last_loop_no=number, produced_at=NOW)
    assert codec.decode(codec.encode(head)) == head
