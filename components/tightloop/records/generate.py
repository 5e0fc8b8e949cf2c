"""Makes ``types.py`` from the schemas: ``python -m tightloop.records.generate`` (``--check``: is it stale?).

To add a record, add its ``.avsc`` (and those of the types it names) to ``schemas/``, run this, then
``python -m tightloop.records.freeze``. Nothing else has to be touched.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import Any

from tightloop.records.schemas import NAMESPACE, Schema, in_order, read_schemas, schemas_dir, top_level

TARGET = Path(__file__).with_name("types.py")
WIDTH = 120
HEADER = '''"""The records, made from ``schemas/`` by ``python -m tightloop.records.generate``: nothing here is edited.

Amounts are ``Decimal``; times are aware, UTC, to the microsecond; lists are tuples. Every enum has ``"UNKNOWN"``.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct, field
'''
PRIMITIVES = {"string": "str", "long": "int", "int": "int", "boolean": "bool", "bytes": "bytes", "double": "float"}
LOGICAL = {"decimal": "Decimal", "timestamp-micros": "datetime"}


def python_type(node: Any) -> str:
    """The annotation for an Avro type."""
    if isinstance(node, str):
        return node.removeprefix(f"{NAMESPACE}.") if node.startswith(f"{NAMESPACE}.") else PRIMITIVES[node]
    if isinstance(node, list):
        (inner,) = [branch for branch in node if branch != "null"]
        return f"{python_type(inner)} | None"
    if "logicalType" in node:
        return LOGICAL[node["logicalType"]]
    if node["type"] == "array":
        return f"tuple[{python_type(node['items'])}, ...]"
    if node["type"] == "map":
        return f"dict[str, {python_type(node['values'])}]"
    raise ValueError(f"no Python type for {node}")


def python_default(field: Schema) -> str | None:
    """The default's source text; ``None``: the field has none."""
    if "default" not in field:
        return None
    value, node = field["default"], field["type"]
    if isinstance(node, dict) and node.get("logicalType") == "decimal":
        unscaled = int.from_bytes(value.encode("iso-8859-1"), "big", signed=True)
        if unscaled % 10 ** node["scale"]:
            raise ValueError(f"{field['name']}: a default amount must be a whole number")
        return f"Decimal({unscaled // 10 ** node['scale']})"
    if isinstance(node, dict) and node["type"] == "array" and value == []:
        return "()"
    if isinstance(node, dict) and node["type"] == "map" and value == {}:
        return "field(default_factory=dict)"
    if value is None or isinstance(value, bool | int):
        return repr(value)
    if isinstance(value, str):
        return f'"{value}"'
    raise ValueError(f"{field['name']}: no Python default for {value!r}")


def _comment(doc: str) -> list[str]:
    return [f"    # {line}" for line in textwrap.wrap(doc, WIDTH - 6, break_on_hyphens=False)]


def _docstring(doc: str) -> list[str]:
    if len(doc) + 10 <= WIDTH:
        return [f'    """{doc}"""']
    # a little narrower than the limit: a formatter puts the closing quotes on a lone line, which must not overflow
    lines = textwrap.wrap(doc, WIDTH - 10, initial_indent='"""', break_on_hyphens=False)
    return [f"    {line}" for line in lines] + ['    """']


def record_source(schema: Schema) -> str:
    lines = [f"class {schema['name']}(Struct, frozen=True, kw_only=True, gc=False):", *_docstring(schema["doc"]), ""]
    for field in schema["fields"]:
        default = python_default(field)
        lines += _comment(field["doc"])
        lines.append(f"    {field['name']}: {python_type(field['type'])}" + (f" = {default}" if default else ""))
    return "\n".join(lines)


def enum_source(schema: Schema) -> str:
    comment = [line.removeprefix("    ") for line in _comment(schema["doc"])]
    symbols = ", ".join(f'"{symbol}"' for symbol in schema["symbols"])
    line = f"{schema['name']} = Literal[{symbols}]"
    if len(line) > WIDTH:  # as a formatter has it: all in one line of their own, or a line each
        inner = [symbols] if len(symbols) <= WIDTH - 4 else [f'"{symbol}",' for symbol in schema["symbols"]]
        line = f"{schema['name']} = Literal[\n" + "\n".join(f"    {part}" for part in inner) + "\n]"
    return "\n".join([*comment, line])


def source(schemas: dict[str, Schema]) -> str:
    """The whole text of ``types.py``."""
    order = in_order(schemas)
    enums = [enum_source(schemas[name]) for name in order if schemas[name]["type"] == "enum"]
    records = [record_source(schemas[name]) for name in order if schemas[name]["type"] == "record"]
    names = [name for name in order if schemas[name]["type"] == "record"]
    every = "RECORDS: dict[str, type[Struct]] = {\n" + "".join(f'    "{name}": {name},\n' for name in names) + "}"
    tops = "\n".join(f'        "{name}",' for name in top_level(schemas))
    top = f"# Values of topics and of state: these have schema ids.\nTOP_LEVEL = frozenset(\n    {{\n{tops}\n    }}\n)"
    return HEADER + "\n" + "\n\n".join(enums) + "\n\n\n" + "\n\n\n".join([*records, f"{every}\n\n{top}"]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Makes the record classes from the Avro schemas.")
    parser.add_argument("--check", action="store_true", help="only say whether types.py is what it would write")
    parser.add_argument("--schemas", type=Path, default=schemas_dir(), help="the folder of the schemas")
    parser.add_argument("--target", type=Path, default=TARGET, help="the file to write")
    options = parser.parse_args(arguments)
    text = source(read_schemas(options.schemas))
    if not options.check:
        options.target.write_text(text, encoding="utf-8")
        return 0
    if options.target.exists() and options.target.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{options.target} is stale: run python -m tightloop.records.generate\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
