"""The Avro contracts: where they lie, what they say, which id each frozen version has.

A *current* schema is ``schemas/tightloop.<Name>.avsc``, one named type a file, which refers to others by full name.
A *frozen* version is ``schemas/history/<Record>/v<N>.avsc``, self-contained; ``schemas/catalogue.json`` gives each one
its id, the number that stands in the five bytes before every record on a topic. Ids are never given twice.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

Schema = dict[str, Any]
NAMESPACE = "tightloop"


class CatalogueEntry(Struct, frozen=True):
    """One frozen version. ``file`` is relative to the folder of the schemas."""

    id: int
    record: str
    version: int
    file: str


@cache
def contracts_dir() -> Path:
    """The folder that holds ``schemas`` and ``topics``: inside the installed package, or the checkout's root."""
    package = Path(__file__).parents[1]
    packaged = package / "_contracts"
    return packaged if packaged.is_dir() else package.parents[1]


def schemas_dir() -> Path:
    return contracts_dir() / "schemas"


def read_schemas(folder: Path) -> dict[str, Schema]:
    """Every current schema of ``folder``, as written, by its short name."""
    found = {}
    for file in sorted(folder.glob(f"{NAMESPACE}.*.avsc")):
        schema: Schema = json.loads(file.read_text(encoding="utf-8"))
        if file.name != f"{NAMESPACE}.{schema['name']}.avsc" or schema.get("namespace") != NAMESPACE:
            raise ValueError(f"{file}: name and namespace don't fit the file's name")
        found[schema["name"]] = schema
    return found


@cache
def current_schemas() -> dict[str, Schema]:
    """Every current schema by its short name, as written: named types stand as references."""
    return read_schemas(schemas_dir())


def references(schema: Any) -> list[str]:
    """Short names of the named types ``schema`` refers to, in the order of their first use, each once."""
    found: dict[str, None] = {}

    def walk(node: Any) -> None:
        if isinstance(node, str):
            if node.startswith(f"{NAMESPACE}."):
                found[node.removeprefix(f"{NAMESPACE}.")] = None
        elif isinstance(node, list):
            for branch in node:
                walk(branch)
        elif node["type"] == "record":
            for field in node["fields"]:
                walk(field["type"])
        elif node["type"] == "array":
            walk(node["items"])
        elif node["type"] == "map":
            walk(node["values"])
        elif not isinstance(node["type"], str):
            walk(node["type"])

    walk(schema)
    return list(found)


def in_order(schemas: dict[str, Schema]) -> list[str]:
    """Short names such that every type stands after those it refers to, otherwise by name."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        if name not in ordered:
            for reference in sorted(references(schemas[name])):
                add(reference)
            ordered[name] = None

    for name in sorted(schemas):
        add(name)
    return list(ordered)


def top_level(schemas: dict[str, Schema]) -> list[str]:
    """Records that are values of topics or of state: those that say when they were written, by name."""
    return sorted(
        name
        for name, schema in schemas.items()
        if schema["type"] == "record" and any(field["name"] == "produced_at" for field in schema["fields"])
    )


def expand(name: str, schemas: dict[str, Schema]) -> Schema:
    """The schema of ``name`` on its own: every named type written out where it is first used."""
    seen: set[str] = set()

    def walk(node: Any) -> Any:
        if isinstance(node, str):
            if not node.startswith(f"{NAMESPACE}.") or node in seen:
                return node
            return named(node.removeprefix(f"{NAMESPACE}."))
        if isinstance(node, list):
            return [walk(branch) for branch in node]
        if node["type"] == "array":
            return {**node, "items": walk(node["items"])}
        if node["type"] == "map":
            return {**node, "values": walk(node["values"])}
        return node

    def named(short: str) -> Schema:
        schema = schemas[short]
        seen.add(f"{NAMESPACE}.{short}")
        if schema["type"] != "record":
            return schema
        return {**schema, "fields": [{**field, "type": walk(field["type"])} for field in schema["fields"]]}

    return named(name)


@cache
def catalogue() -> dict[int, CatalogueEntry]:
    """Every frozen version by its id."""
    file = schemas_dir() / "catalogue.json"
    entries = json.loads(file.read_text(encoding="utf-8"))["schemas"] if file.exists() else []
    return {entry["id"]: CatalogueEntry(**entry) for entry in entries}


@cache
def latest_ids() -> dict[str, int]:
    """The id of each record's latest frozen version: what is written with."""
    latest: dict[str, CatalogueEntry] = {}
    for entry in catalogue().values():
        if entry.record not in latest or entry.version > latest[entry.record].version:
            latest[entry.record] = entry
    return {record: entry.id for record, entry in latest.items()}


@cache
def frozen_schema(schema_id: int) -> Schema:
    """A frozen version, self-contained. Raises KeyError for an id that the catalogue does not have."""
    file = schemas_dir() / catalogue()[schema_id].file
    schema: Schema = json.loads(file.read_text(encoding="utf-8"))
    return schema
