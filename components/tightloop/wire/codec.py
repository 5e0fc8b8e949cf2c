"""Records to bytes and back: Confluent's wire format, byte 0, four bytes of schema id, then Avro's binary form.

``encode`` writes with the latest frozen version of the record's schema; ``decode`` finds the version by the id and
gives the record class as it is now. Both are exact: what cannot be said in the schema is refused, never rounded.

Errors are ``ExecutionError``, with the field or the place in the message:

- TLC-001 not a record of ours, TLC-002 unknown schema id, TLC-003 truncated or corrupt body (decoding)
- TLC-004 another type than asked for (``decode_as``)
- TLC-008 no symbol of the enum, TLC-009 an amount out of range, TLC-011 a value of another type (encoding)
"""

from __future__ import annotations

from decimal import DecimalException
from functools import cache
from typing import TypeVar

from msgspec import Struct

from tightloop.errors import ExecutionError
from tightloop.records.schemas import catalogue, current_schemas, expand, frozen_schema, latest_ids
from tightloop.records.types import RECORDS
from tightloop.wire.avro import AmountError, CorruptError
from tightloop.wire.compiled import Finder, Reader, Writer, compile_finder, compile_reader, compile_writer
from tightloop.wire.explain import find_fault

T = TypeVar("T", bound=Struct)

MAGIC = b"\x00"
HEADER_BYTES = 5

_writers: dict[type[Struct], tuple[bytes, Writer]] = {}
_readers: dict[bytes, Reader] = {}


def encode(record: Struct) -> bytes:
    """The record's bytes on a topic. Raises ExecutionError (TLC-008, TLC-009, TLC-011)."""
    found = _writers.get(type(record)) or _new_writer(type(record))
    try:
        return found[0] + found[1](record)
    except (AttributeError, TypeError, KeyError, ValueError, OverflowError, DecimalException) as error:
        raise _unwritable(record, error) from None


def decode(value: bytes) -> Struct:
    """The record that ``value`` holds, whatever its type. Raises ExecutionError (TLC-001, -002, -003, -009)."""
    read = _readers.get(value[:HEADER_BYTES]) or _new_reader(value)
    try:
        record, end = read(value, HEADER_BYTES)
    except AmountError as error:
        raise ExecutionError("TLC-009", f"{_called(value)}: {error}") from None
    except (CorruptError, IndexError, KeyError, UnicodeDecodeError, OverflowError) as error:
        raise ExecutionError("TLC-003", f"{_called(value)}: {_reason(error)}") from None
    if end != len(value):
        raise ExecutionError("TLC-003", f"{_called(value)}: {_difference(end - len(value))}")
    return record


def decode_as(value: bytes, kind: type[T]) -> T:
    """The record that ``value`` holds, which must be a ``kind``. Raises ExecutionError, TLC-004 for another type."""
    record = decode(value)
    if type(record) is not kind:
        raise ExecutionError("TLC-004", f"holds {_article(type(record).__name__)}, not {_article(kind.__name__)}")
    return record


def has_unknown(record: Struct) -> str | None:
    """Where an enum of the record holds ``UNKNOWN``, as a path such as ``instruction.cex_trade.side``, or ``None``.

    Nothing may act on such a record: its writer knew a symbol that this version does not.
    """
    return _finder(type(record))(record)


def schema_id(kind: type[Struct]) -> int:
    """The id that records of this class are written with. Raises KeyError for one that is only a part of others."""
    return latest_ids()[kind.__name__]


# --- functions, made once ---------------------------------------------------------------------------------------------


def _new_writer(kind: type[Struct]) -> tuple[bytes, Writer]:
    if kind.__name__ not in latest_ids() or RECORDS.get(kind.__name__) is not kind:
        raise TypeError(f"{kind.__name__} is no record of a topic: no frozen schema has its name")
    number = schema_id(kind)
    schema = frozen_schema(number)
    if [field["name"] for field in schema["fields"]] != list(kind.__struct_fields__):
        raise TypeError(f"{kind.__name__} is not what its schema was frozen as: run python -m tightloop.records.freeze")
    found = (MAGIC + number.to_bytes(4, "big"), compile_writer(schema))
    _writers[kind] = found
    return found


def _new_reader(value: bytes) -> Reader:
    if len(value) < HEADER_BYTES:
        raise ExecutionError("TLC-001", f"{len(value)} bytes are too short for a header of {HEADER_BYTES}")
    if value[:1] != MAGIC:
        raise ExecutionError("TLC-001", f"begins with the byte {value[0]}, not with 0")
    number = int.from_bytes(value[1:HEADER_BYTES], "big")
    entry = catalogue().get(number)
    if entry is None or entry.record not in RECORDS:
        raise ExecutionError("TLC-002", f"schema id {number} is not in the catalogue of this version")
    reader = compile_reader(frozen_schema(number), RECORDS, current_schemas())
    _readers[value[:HEADER_BYTES]] = reader
    return reader


@cache
def _finder(kind: type[Struct]) -> Finder:
    return compile_finder(expand(kind.__name__, current_schemas()))


# --- words for what went wrong ----------------------------------------------------------------------------------------


def _unwritable(record: Struct, error: Exception) -> ExecutionError:
    fault = find_fault(record, expand(type(record).__name__, current_schemas()))
    if fault is None:
        return ExecutionError("TLC-011", f"{type(record).__name__}: {error}")
    return ExecutionError(fault.code, f"{type(record).__name__}.{fault.path}: {fault.problem}")


def _called(value: bytes) -> str:
    entry = catalogue()[int.from_bytes(value[1:HEADER_BYTES], "big")]
    return f"{entry.record} v{entry.version} of {len(value)} bytes"


def _reason(error: Exception) -> str:
    if isinstance(error, CorruptError):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "a text is not UTF-8"
    if isinstance(error, IndexError):
        return "ends early"
    if isinstance(error, OverflowError):
        return "a time is out of range"
    return "an enum or a boolean has a value that is not there"


def _difference(missing: int) -> str:
    return f"ends early by {missing} byte(s)" if missing > 0 else f"goes on for {-missing} byte(s) after its end"


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
