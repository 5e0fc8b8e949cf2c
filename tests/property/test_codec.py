"""The codec against fastavro, for every record: the same bytes, the same records, and no bytes that upset it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from msgspec import Struct
from tests.support.record_strategies import records

from tightloop.domain.money import CONTEXT
from tightloop.errors import ExecutionError
from tightloop.records.schemas import expand, read_schemas, schemas_dir
from tightloop.records.types import TOP_LEVEL
from tightloop.wire import codec
from tightloop.wire.avro import read_amount, read_time, write_amount, write_time

relaxed = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
every_record = pytest.mark.parametrize("name", sorted(TOP_LEVEL))


@cache
def parsed(name: str) -> Any:
    return fastavro.parse_schema(expand(name, read_schemas(schemas_dir())))


def plain(record: Struct) -> Any:
    """The record as fastavro takes it."""
    return msgspec.to_builtins(record, builtin_types=(Decimal, datetime, bytes))


@every_record
@relaxed
@given(data=st.data())
def test_a_record_comes_back_equal_and_fastavro_writes_and_reads_the_same_bytes(name: str, data: DataObject) -> None:
    record = data.draw(records(name))
    raw = codec.encode(record)
    assert codec.decode(raw) == record

    body = raw[codec.HEADER_BYTES :]
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed(name), plain(record))
    assert body == out.getvalue()

    read = fastavro.schemaless_reader(io.BytesIO(body), parsed(name), None)
    assert msgspec.convert(read, type(record), builtin_types=(Decimal, datetime, bytes)) == record


@every_record
@relaxed
@given(data=st.data())
def test_bytes_cut_short_or_damaged_are_refused_or_decode_but_never_fail_otherwise(name: str, data: DataObject) -> None:
    raw = bytearray(codec.encode(data.draw(records(name))))
    with pytest.raises(ExecutionError) as caught:
        codec.decode(bytes(raw[: data.draw(st.integers(0, len(raw) - 1))]))
    assert caught.value.code in {"TLC-001", "TLC-003", "TLC-009"}

    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(codec.HEADER_BYTES, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = codec.decode(bytes(raw))
    except ExecutionError as error:
        assert error.code in {"TLC-003", "TLC-009"}
    else:
        assert codec.decode(codec.encode(decoded)) == decoded


@relaxed
@given(garbage=st.binary(max_size=400))
def test_garbage_is_refused_with_a_code(garbage: bytes) -> None:
    try:
        codec.decode(b"\x01" + garbage)
    except ExecutionError as error:
        assert error.code == "TLC-001"
    else:
        pytest.fail("garbage decoded")


@relaxed
@given(units=st.integers(-(10**76) + 1, 10**76 - 1))
def test_every_amount_within_bounds_comes_back_without_trailing_zeros(units: int) -> None:
    amount = Decimal(units).scaleb(-18, CONTEXT)
    raw = write_amount(amount)
    decoded, end = read_amount(raw, 0)
    assert (decoded, end) == (amount, len(raw))
    assert decoded.as_tuple().exponent <= 0  # type: ignore[operator]
    assert "." not in f"{decoded:f}" or not f"{decoded:f}".endswith("0")


@relaxed
@given(time=st.datetimes(timezones=st.just(UTC)))
def test_times_come_back_to_the_microsecond(time: datetime) -> None:
    raw = write_time(time)
    assert read_time(raw, 0) == (time, len(raw))
