"""Are two versions of a schema compatible both ways? Pure functions over self-contained schemas, by Avro's own rules.

FULL: the new version reads what the old one wrote, and the old one reads what the new one writes. FULL_TRANSITIVE: so
it is with every earlier version. What Avro promotes (an ``int`` read as ``long``) works one way only and so is none.
Beyond Avro, a logical type, a precision or a scale must stay what it is: read otherwise, an amount would be another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tightloop.records.schemas import NAMESPACE, Schema

_PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}
_LOGICAL = ("logicalType", "precision", "scale")


def full_transitive(new: Schema, earlier: Iterable[tuple[str, Schema]]) -> list[str]:
    """What stands against ``new`` after the ``earlier`` versions (name and schema): empty when it may follow them all.

    Each text names the version, the direction, the field and the rule that is broken.
    """
    return [
        f"{version}: {problem}"
        for version, old in earlier
        for problem in (
            *(f"cannot read it: {text}" for text in unreadable(new, old)),
            *(f"cannot be read by it: {text}" for text in unreadable(old, new)),
        )
    ]


def unreadable(reader: Schema, writer: Schema) -> list[str]:
    """Why ``reader`` cannot read what ``writer`` wrote: empty when it can."""
    return list(_Comparison(_named(reader), _named(writer)).of(reader, writer, reader["name"]))


def _named(schema: Any) -> dict[str, Schema]:
    """Every named type that is written out in ``schema``, by its full name."""
    found: dict[str, Schema] = {}

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for branch in node:
                walk(branch)
        elif isinstance(node, dict):
            if "name" in node:
                found[f"{node.get('namespace', NAMESPACE)}.{node['name']}"] = node
            for field in node.get("fields", ()):
                walk(field["type"])
            for inner in ("items", "values"):
                walk(node.get(inner))

    walk(schema)
    return found


class _Comparison:
    """One direction. Remembers the pairs it has been through, so that a type that holds itself comes to an end."""

    def __init__(self, readers: dict[str, Schema], writers: dict[str, Schema]) -> None:
        self.readers = readers
        self.writers = writers
        self.seen: set[tuple[str, str]] = set()

    def of(self, reader: Any, writer: Any, path: str) -> Iterator[str]:
        reader = self.readers.get(reader, reader) if isinstance(reader, str) else reader
        writer = self.writers.get(writer, writer) if isinstance(writer, str) else writer
        if isinstance(writer, list):
            for branch in writer:
                yield from self.of(reader, branch, path)
        elif isinstance(reader, list):
            yield from self.branches(reader, writer, path)
        else:
            yield from self.plain(reader, writer, path)

    def branches(self, reader: list[Any], writer: Any, path: str) -> Iterator[str]:
        """One branch of the reader's union must do; the nearest one's problems say why none does."""
        tried = [list(self.of(branch, writer, path)) for branch in reader]
        if all(tried):
            same = [problems for branch, problems in zip(reader, tried, strict=True) if self.alike(branch, writer)]
            yield from same[0] if same else [f"{path}: no branch of the union takes {_called(writer)}"]

    def alike(self, reader: Any, writer: Any) -> bool:
        reader = self.readers.get(reader, reader) if isinstance(reader, str) else reader
        return _type(reader) == _type(writer)

    def plain(self, reader: Any, writer: Any, path: str) -> Iterator[str]:
        kind = _type(reader)
        if kind != _type(writer) and kind not in _PROMOTIONS.get(_type(writer), ()):
            yield f"{path}: {_called(writer)} is not {_called(reader)}"
            return
        for attribute in _LOGICAL:
            old, new = _attribute(writer, attribute), _attribute(reader, attribute)
            if old != new:
                yield f"{path}: {attribute} {old} is not {new}"
        if kind in ("record", "enum", "fixed") and reader["name"] != writer["name"]:
            yield f"{path}: {kind} {writer['name']} is not {reader['name']}"
        elif kind == "record":
            yield from self.records(reader, writer, path)
        elif kind == "enum":
            yield from _enums(reader, writer, path)
        elif kind == "fixed" and reader["size"] != writer["size"]:
            yield f"{path}: size {writer['size']} is not {reader['size']}"
        elif kind == "array":
            yield from self.of(reader["items"], writer["items"], f"{path}[]")
        elif kind == "map":
            yield from self.of(reader["values"], writer["values"], f"{path}{{}}")

    def records(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        if (reader["name"], writer["name"]) in self.seen:
            return
        self.seen.add((reader["name"], writer["name"]))
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            where = f"{path}.{field['name']}"
            if field["name"] in written:
                yield from self.of(field["type"], written[field["name"]]["type"], where)
            elif "default" not in field:
                yield f"{where}: is missing there, and has no default"
            elif not _fits(field["default"], field["type"], self.readers):
                yield f"{where}: its default {field['default']!r} is no value of its type (or first branch)"


def _enums(reader: Schema, writer: Schema, path: str) -> Iterator[str]:
    unknown = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
    if unknown and "default" not in reader:
        yield f"{path}: the symbols {', '.join(unknown)} of {writer['name']} are missing there, and it has no default"


def _type(node: Any) -> str:
    return node if isinstance(node, str) else "union" if isinstance(node, list) else str(node["type"])


def _attribute(node: Any, name: str) -> Any:
    return node.get(name) if isinstance(node, dict) else None


def _called(node: Any) -> str:
    return f"{_type(node)} {node['name']}" if isinstance(node, dict) and "name" in node else _type(node)


_PYTHON: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "string": (str,),
    "bytes": (str,),
    "fixed": (str,),
    "array": (list,),
    "map": (dict,),
    "record": (dict,),
}


def _fits(default: Any, node: Any, named: dict[str, Schema]) -> bool:
    """Whether a default, as JSON has it, is a value of a type."""
    node = named.get(node, node) if isinstance(node, str) else node
    if isinstance(node, list):
        return _fits(default, node[0], named)
    kind = _type(node)
    if kind == "null":
        return default is None
    if kind == "enum":
        return default in node["symbols"]
    return isinstance(default, _PYTHON[kind]) and (kind == "boolean" or not isinstance(default, bool))
