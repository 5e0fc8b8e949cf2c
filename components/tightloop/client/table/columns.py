"""A topic as a table: its columns, from the record's schema, after those that say where the record lies on Kafka."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from msgspec import Struct, to_builtins

from tightloop.client.reader import Received
from tightloop.errors import ExecutionError
from tightloop.records.schemas import NAMESPACE, current_schemas
from tightloop.records.topics import contract_of
from tightloop.records.types import RECORDS
from tightloop.wire import codec

Row = dict[str, Any]
Kind = Literal["text", "bytes", "boolean", "integer", "decimal", "time", "list", "map", "record"]


class Column(Struct, frozen=True):
    """``bits``: of an integer. ``parts``: a record's fields; the one item of a list or a map, whose names are text."""

    name: str
    kind: Kind
    bits: int = 64
    parts: tuple[Column, ...] = ()


class Leaf(Struct, frozen=True):
    """A column of a flat table. A field of a nested record has a dotted name, and a ``path`` that leads to it."""

    name: str
    path: tuple[str, ...]
    kind: Kind


# The names begin so that none is a record's: a dead letter has a topic, a partition, an offset and a key of its own.
KAFKA = (
    Column("kafka_topic", "text"),
    Column("kafka_partition", "integer", 32),
    Column("kafka_offset", "integer"),
    Column("kafka_timestamp", "time"),
    Column("kafka_key", "text"),
)
_KINDS: dict[str, tuple[Kind, int]] = {
    "string": ("text", 0),
    "bytes": ("bytes", 0),
    "boolean": ("boolean", 0),
    "int": ("integer", 32),
    "long": ("integer", 64),
    "decimal": ("decimal", 0),
    "timestamp-micros": ("time", 0),
}


class TopicTable:
    """Raises ExecutionError BUS-004 for a topic that has no contract, or is a component's state."""

    def __init__(self, topic: str) -> None:
        record = _record_of(topic)
        self.topic = topic
        self.record = RECORDS[record]
        self.columns = (*KAFKA, *columns_of(record))

    def row(self, received: Received) -> Row:
        """Names to values: Decimals, aware datetimes, bytes, lists and dicts.

        Raises ExecutionError TLC-001 to -004 and -009 for what is no record of the topic.
        """
        record = codec.decode_as(received.value or b"", self.record)
        fields = to_builtins(record, builtin_types=(bytes, datetime, Decimal))
        return {
            "kafka_topic": received.topic,
            "kafka_partition": received.partition,
            "kafka_offset": received.offset,
            "kafka_timestamp": received.time,
            "kafka_key": None if received.key is None else received.key.decode(errors="backslashreplace"),
            **fields,
        }


def _record_of(topic: str) -> str:
    try:
        contract = contract_of(topic)
    except KeyError as error:
        raise ExecutionError("BUS-004", str(error.args[0])) from None
    if contract.visibility == "state":
        raise ExecutionError("BUS-004", f"{topic} is the state of {' and '.join(contract.writers)}")
    return contract.value


@cache
def columns_of(record: str) -> tuple[Column, ...]:
    """The columns of a record class, in the order of its fields."""
    return tuple(_column(field["name"], field["type"]) for field in current_schemas()[record]["fields"])


def _column(name: str, node: Any) -> Column:
    if isinstance(node, list):
        return _column(name, node[1])  # null and one other: any column may be empty
    if isinstance(node, str) and node.startswith(f"{NAMESPACE}."):
        short = node.removeprefix(f"{NAMESPACE}.")
        if current_schemas()[short]["type"] == "enum":
            return Column(name, "text")
        return Column(name, "record", parts=columns_of(short))
    kind = node if isinstance(node, str) else node.get("logicalType", node["type"])
    if kind == "array":
        return Column(name, "list", parts=(_column("item", node["items"]),))
    if kind == "map":
        return Column(name, "map", parts=(_column("value", node["values"]),))
    found, bits = _KINDS[kind]
    return Column(name, found, bits)


def flat(columns: Iterable[Column], path: tuple[str, ...] = ()) -> list[Leaf]:
    """The columns with nested records taken apart; lists and maps stay whole."""
    leaves: list[Leaf] = []
    for column in columns:
        here = (*path, column.name)
        leaves += flat(column.parts, here) if column.kind == "record" else [Leaf(".".join(here), here, column.kind)]
    return leaves


def value_at(row: Row, path: tuple[str, ...]) -> Any:
    """None, too, for a field of a nested record that is not there."""
    value: Any = row
    for name in path:
        if value is None:
            return None
        value = value[name]
    return value
