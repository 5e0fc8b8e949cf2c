"""Hypothesis strategies for records, made from their schemas."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from tightloop.domain.money import CONTEXT
from tightloop.records.schemas import NAMESPACE, current_schemas
from tightloop.records.types import RECORDS

LARGEST = 10**76 - 1

texts = st.text(st.characters(codec="utf-8"), max_size=80)
amounts = st.one_of(
    st.integers(-LARGEST, LARGEST),
    st.integers(-(10**24), 10**24),
    st.sampled_from([0, 1, -1, 10**18, -(10**18), LARGEST, -LARGEST, 127, 128, -128, -129, 255, 256]),
).map(lambda units: Decimal(units).scaleb(-18, CONTEXT))
zones = st.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-3, minutes=-30))])
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=zones)  # noqa: DTZ001 the bounds are naive


def values(node: Any) -> st.SearchStrategy[Any]:
    """Values of an Avro type, as the record classes hold them."""
    if isinstance(node, list):
        return st.none() | values(node[1])
    if isinstance(node, str) and node.startswith(f"{NAMESPACE}."):
        name = node.removeprefix(f"{NAMESPACE}.")
        schema = current_schemas()[name]
        return st.sampled_from(schema["symbols"]) if schema["type"] == "enum" else st.deferred(lambda: records(name))
    kind = node if isinstance(node, str) else node.get("logicalType", node["type"])
    if kind == "array":
        return st.lists(values(node["items"]), max_size=4).map(tuple)
    if kind == "map":
        return st.dictionaries(texts, values(node["values"]), max_size=4)
    return _PLAIN[kind]


_PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "string": texts,
    "bytes": st.binary(max_size=80),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "decimal": amounts,
    "timestamp-micros": times,
}


def records(name: str) -> st.SearchStrategy[Struct]:
    """Any record of that name."""
    fields = current_schemas()[name]["fields"]
    return st.builds(RECORDS[name], **{field["name"]: values(field["type"]) for field in fields})
