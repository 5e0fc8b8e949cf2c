"""Freezes what the schemas say now as versions with ids: ``python -m tightloop.records.freeze``.

A version is frozen whenever a top-level record's schema differs (its documentation apart) from its last one. It is
refused when it is not compatible, both ways, with every version before it. ``--check`` writes nothing and exits 1 when
there is something to freeze or to refuse. ``--restart`` forgets the history and begins at version 1 with the ids that
the records have: only before a release, while no topic holds a record of an older version.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from tightloop.records.compat import full_transitive
from tightloop.records.schemas import CatalogueEntry, Schema, expand, read_schemas, schemas_dir, top_level

COMMENT = "Made by `python -m tightloop.records.freeze`. An id is given once and never changes its meaning."


class IncompatibleError(ValueError):
    """A schema may not follow its earlier versions. ``problems`` holds a text for each reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def canonical(schema: Any) -> Any:
    """A schema without its documentation: what two versions are compared by."""
    if isinstance(schema, list):
        return [canonical(part) for part in schema]
    if isinstance(schema, dict):
        return {name: part if name == "default" else canonical(part) for name, part in schema.items() if name != "doc"}
    return schema


def read_catalogue(folder: Path) -> list[CatalogueEntry]:
    file = folder / "catalogue.json"
    if not file.exists():
        return []
    return [CatalogueEntry(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))["schemas"]]


def pending(folder: Path, entries: list[CatalogueEntry]) -> list[tuple[CatalogueEntry, Schema]]:
    """The versions that are to be frozen after ``entries``. Raises IncompatibleError when one may not follow."""
    schemas = read_schemas(folder)
    problems: list[str] = []
    new: list[tuple[CatalogueEntry, Schema]] = []
    next_id = max((entry.id for entry in entries), default=0) + 1
    for name in top_level(schemas):
        schema = expand(name, schemas)
        earlier = [(entry, _frozen(folder, entry)) for entry in entries if entry.record == name]
        if earlier and canonical(earlier[-1][1]) == canonical(schema):
            continue
        problems += full_transitive(schema, [(f"{name} v{entry.version}", old) for entry, old in earlier])
        version = earlier[-1][0].version + 1 if earlier else 1
        new.append((CatalogueEntry(next_id, name, version, f"history/{name}/v{version}.avsc"), schema))
        next_id += 1
    if problems:
        raise IncompatibleError(problems)
    return new


def freeze(folder: Path) -> list[CatalogueEntry]:
    """Writes the versions that are pending, and gives their entries."""
    entries = read_catalogue(folder)
    new = pending(folder, entries)
    for entry, schema in new:
        _write(folder / entry.file, schema)
    _write_catalogue(folder, [*entries, *(entry for entry, _ in new)])
    return [entry for entry, _ in new]


def restart(folder: Path) -> list[CatalogueEntry]:
    """Begins the history anew: one version of each record, under the id of its first one where it had one."""
    schemas = read_schemas(folder)
    ids: dict[str, int] = {}
    highest = 0
    for entry in read_catalogue(folder):
        ids.setdefault(entry.record, entry.id)
        highest = max(highest, entry.id)
    shutil.rmtree(folder / "history", ignore_errors=True)
    entries = []
    for name in top_level(schemas):
        if name not in ids:
            highest += 1
            ids[name] = highest
        entry = CatalogueEntry(ids[name], name, 1, f"history/{name}/v1.avsc")
        _write(folder / entry.file, expand(name, schemas))
        entries.append(entry)
    _write_catalogue(folder, entries)
    return entries


def _frozen(folder: Path, entry: CatalogueEntry) -> Schema:
    schema: Schema = json.loads((folder / entry.file).read_text(encoding="utf-8"))
    return schema


def _write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_catalogue(folder: Path, entries: list[CatalogueEntry]) -> None:
    ordered = sorted(entries, key=lambda entry: entry.id)
    _write(folder / "catalogue.json", {"comment": COMMENT, "schemas": [asdict(entry) for entry in ordered]})


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Freezes what the Avro schemas say now as versions with ids.")
    parser.add_argument("--schemas", type=Path, default=schemas_dir(), help="the folder of the schemas")
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--check", action="store_true", help="write nothing; exit 1 when something is to be frozen")
    doing.add_argument("--restart", action="store_true", help="begin the history anew (before a release only)")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            new = [entry for entry, _ in pending(options.schemas, read_catalogue(options.schemas))]
        else:
            new = (restart if options.restart else freeze)(options.schemas)
    except IncompatibleError as error:
        sys.stderr.write(f"not compatible with earlier versions, nothing frozen:\n{error}\n")
        return 1
    for entry in new:
        sys.stderr.write(f"{'not frozen yet' if options.check else 'frozen'}: {entry.record} v{entry.version}\n")
    return 1 if options.check and new else 0


if __name__ == "__main__":
    sys.exit(main())
