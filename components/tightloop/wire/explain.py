"""What is wrong with a record that could not be written: the slow way, for the message of an error."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from tightloop.records.schemas import NAMESPACE, Schema
from tightloop.wire.avro import DIGITS, PLACES


class Fault(Struct, frozen=True):
    """``path``: the field, as ``deltas[0].amount``. ``code``: TLC-008, TLC-009 or TLC-011."""

    path: str
    problem: str
    code: str = "TLC-011"


_BITS = {"int": 32, "long": 64}
_PYTHON: dict[str, type] = {"string": str, "bytes": bytes, "boolean": bool, "timestamp-micros": datetime}


def find_fault(record: Any, schema: Schema) -> Fault | None:
    """The first field that its schema does not allow; ``None`` when every one fits."""
    return next(_faults(record, schema, "", {}), None)


def _faults(value: Any, node: Any, path: str, named: dict[str, Schema]) -> Iterator[Fault]:
    node = named.get(node, node) if isinstance(node, str) else node
    if isinstance(node, list):
        # walked even for None: a type written out here is referred to later
        yield from _faults(value, node[1], path, named) if value is not None else _learn(node[1], named)
        return
    kind = node if isinstance(node, str) else node.get("logicalType", node["type"])
    if isinstance(node, dict) and "name" in node:
        named[f"{NAMESPACE}.{node['name']}"] = node
    if kind == "record":
        for field in node["fields"]:
            where = f"{path}.{field['name']}" if path else field["name"]
            if not hasattr(value, field["name"]):
                yield Fault(where, f"{type(value).__name__} has no such field")
                _learn(field["type"], named)
            else:
                yield from _faults(getattr(value, field["name"]), field["type"], where, named)
    elif kind == "array":
        yield from _items(value, node["items"], path, named)
    elif kind == "map":
        yield from _entries(value, node["values"], path, named)
    elif kind == "decimal":
        yield from _amount(value, path)
    elif kind == "enum":
        if value not in node["symbols"]:
            yield Fault(path, f"{value!r} is none of {', '.join(node['symbols'])}", "TLC-008")
    else:
        yield from _plain(value, kind, path)


def _learn(node: Any, named: dict[str, Schema]) -> Iterator[Fault]:
    if isinstance(node, list):
        for branch in node:
            _learn(branch, named)
    elif isinstance(node, dict):
        if "name" in node:
            named[f"{NAMESPACE}.{node['name']}"] = node
        for field in node.get("fields", ()):
            _learn(field["type"], named)
        for inner in ("items", "values"):
            _learn(node.get(inner), named)
    return iter(())


def _items(value: Any, node: Any, path: str, named: dict[str, Schema]) -> Iterator[Fault]:
    _learn(node, named)
    if not isinstance(value, tuple | list):
        yield Fault(path, f"{value!r} is not a tuple")
        return
    for number, item in enumerate(value):
        yield from _faults(item, node, f"{path}[{number}]", named)


def _entries(value: Any, node: Any, path: str, named: dict[str, Schema]) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(path, f"{value!r} is not a dict")
        return
    for name, item in value.items():
        yield from _plain(name, "string", f"{path} (a name in it)")
        yield from _faults(item, node, f"{path}[{name!r}]", named)


def _amount(value: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, Decimal):
        yield Fault(path, f"{value!r} is not a Decimal")
    elif not value.is_finite():
        yield Fault(path, f"{value} is not an amount", "TLC-009")
    elif value and value.adjusted() >= DIGITS - PLACES:
        yield Fault(path, f"{value} is 10^{DIGITS - PLACES} or more", "TLC-009")
    elif _places(value) > PLACES:
        yield Fault(path, f"{value} has more than {PLACES} places", "TLC-009")


def _places(value: Decimal) -> int:
    """Places that are not trailing zeros."""
    _, digits, exponent = value.as_tuple()
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -(int(exponent) + zeros) if value else 0


def _plain(value: Any, kind: str, path: str) -> Iterator[Fault]:
    if kind in _BITS:
        if not isinstance(value, int) or isinstance(value, bool):
            yield Fault(path, f"{value!r} is not an int")
        elif value >> (_BITS[kind] - 1) not in (0, -1):
            yield Fault(path, f"{value} does not fit into {_BITS[kind]} bits")
    elif not isinstance(value, _PYTHON[kind]):
        yield Fault(path, f"{value!r} is not a {_PYTHON[kind].__name__}")
    elif isinstance(value, datetime) and value.tzinfo is None:
        yield Fault(path, f"{value} has no time zone")
    elif isinstance(value, str) and not value.isprintable() and not _encodable(value):
        yield Fault(path, "has characters that no UTF-8 can say")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
