"""Makes ``docs/contracts.md`` from ``schemas/`` and ``topics/``: ``python -m tightloop.records.contracts_page``.

``--check`` writes nothing, and exits 1 when the page is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tightloop.records.pages import keep
from tightloop.records.schemas import NAMESPACE, Schema, current_schemas, references
from tightloop.records.topics import TopicContract, contracts

TARGET = Path(__file__).parents[3] / "docs" / "contracts.md"
HEADER = """# Contracts

Made from `schemas/` and `topics/`, which are the contracts: change them there, then run
`python -m tightloop.records.contracts_page`. How to read and write the topics from any language stands in
[consumers.md](consumers.md). State topics are their components' own business; their records are not listed here.

In a type, `?` may be null, `[]` is a list, `decimal` has at most 18 places, `time` is UTC in microseconds.
"""
_TOPIC_COLUMNS = ("topic", "holds", "key", "kept", "largest record", "written by", "read by")
_TEXT = {"string": "text", "bytes": "bytes", "boolean": "boolean", "int": "integer", "long": "integer"}
_LOGICAL = {"decimal": "decimal", "timestamp-micros": "time"}


def render() -> str:
    """The whole page."""
    every = sorted(contracts().values(), key=lambda one: (one.visibility != "public", one.name))
    schemas = current_schemas()
    parts = [HEADER, "\n## Topics\n", _topics(every), "\n## Records\n"]
    parts += [_record(schemas[name]) for name in _published(every, schemas)]
    return "".join(parts)


def _topics(every: Iterable[TopicContract]) -> str:
    lines = ["", f"| {' | '.join(_TOPIC_COLUMNS)} |", "|---" * len(_TOPIC_COLUMNS) + "|"]
    for one in every:
        holds = ", ".join(f"[{value}](#{value.lower()})" for value in one.values) or "state"
        kept = f"{one.retention_days} days" if one.retention_days else "compacted"
        size = f"{one.max_message_bytes // 1024**2} MiB"
        writers, readers = ", ".join(one.writers), ", ".join(one.readers)
        lines.append(f"| `{one.name}` | {holds} | {one.key} | {kept} | {size} | {writers} | {readers} |")
    return "\n".join(lines) + "\n"


def _published(every: Iterable[TopicContract], schemas: dict[str, Schema]) -> list[str]:
    """The records that topics hold, and after each of them the types that it is the first to use."""
    names: dict[str, None] = {}

    def add(name: str) -> None:
        if name not in names:
            names[name] = None
            for reference in references(schemas[name]):
                add(reference)

    for one in every:
        for value in one.values:
            add(value)
    return list(names)


def _record(schema: Schema) -> str:
    lines = [f"\n### {schema['name']}\n", schema.get("doc", ""), ""]
    if schema["type"] == "enum":
        lines.append(f"One of {', '.join(f'`{symbol}`' for symbol in schema['symbols'])}.")
    else:
        lines += ["| field | type | meaning |", "|---|---|---|"]
        lines += [_field(field) for field in schema["fields"]]
    return "\n".join(lines) + "\n"


def _field(field: dict[str, Any]) -> str:
    meaning = field.get("doc", "").replace("|", "\\|")
    return f"| `{field['name']}` | {_spelled(field['type'])} | {meaning} |"


def _spelled(kind: Any) -> str:
    """An Avro type in words."""
    if isinstance(kind, list):
        return "".join(_spelled(branch) for branch in kind if branch != "null") + "?"
    if isinstance(kind, str):
        name = kind.removeprefix(f"{NAMESPACE}.")
        return _TEXT.get(kind) or f"[{name}](#{name.lower()})"
    if "logicalType" in kind:
        return _LOGICAL[kind["logicalType"]]
    if kind["type"] == "array":
        return f"{_spelled(kind['items'])}[]"
    if kind["type"] == "map":
        return f"map of {_spelled(kind['values'])}"
    return _spelled(kind["type"])


def main(arguments: list[str]) -> int:
    return keep(arguments, TARGET, render(), "tightloop.records.contracts_page")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
