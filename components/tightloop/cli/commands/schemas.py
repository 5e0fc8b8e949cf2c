"""``schemas``: the Avro contracts, their frozen versions and ids, and whether what they say now may follow."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tightloop.cli import exits
from tightloop.cli.options import AsJson
from tightloop.cli.output import emit, note, table
from tightloop.cli.registration import add, subcommands

schemas = subcommands("The Avro contracts and their versions.")


def list_schemas(as_json: AsJson = False) -> None:
    """Every record with its latest version, its id, and the topics that hold it."""
    from tightloop.records.schemas import catalogue, latest_ids
    from tightloop.records.topics import contracts

    found = []
    for record, number in sorted(latest_ids().items()):
        topics = [one.name for one in contracts().values() if record in one.values]
        found.append({"record": record, "version": catalogue()[number].version, "id": number, "topics": topics})
    if as_json:
        emit({"schemas": found})
    else:
        table(["record", "version", "id", "topics"], [list(one.values()) for one in found])


def ids(as_json: AsJson = False) -> None:
    """Every id that was ever given: the number in the five bytes before each record on a topic."""
    from tightloop.records.schemas import catalogue

    entries = [catalogue()[number] for number in sorted(catalogue())]
    if as_json:
        emit({"ids": entries})
    else:
        table(["id", "record", "version", "file"], [(one.id, one.record, one.version, one.file) for one in entries])


def show(
    record: Annotated[str, typer.Argument(help="The record's name, such as ExecutionReport, or an id.")],
    version: Annotated[int | None, typer.Option("--version", help="A frozen one (default: the latest).")] = None,
) -> None:
    """One schema, self-contained, as Avro's JSON."""
    import json

    from tightloop.records.schemas import catalogue, frozen_schema

    matching = [
        one
        for one in catalogue().values()
        if (one.record == record or str(one.id) == record) and version in (None, one.version)
    ]
    if not matching:
        note(f"there is no {record!r}" + (f" version {version}" if version is not None else "") + "; see schemas list")
        raise typer.Exit(exits.WRONG_USE)
    latest = max(matching, key=lambda one: one.version)
    typer.echo(json.dumps(frozen_schema(latest.id), indent=2, ensure_ascii=False))


def check(as_json: AsJson = False) -> None:
    """Is every schema frozen, and compatible both ways with every earlier version? Exit code 1 if not."""
    found = frozen_and_compatible()
    if as_json:
        emit(found)
    elif not found["problems"] and not found["not_frozen"]:
        note(f"{found['records']} records: all frozen, and compatible with every earlier version")
    for problem in found["problems"] if not as_json else ():
        note(f"not compatible: {problem}")
    for name in found["not_frozen"] if not as_json else ():
        note(f"not frozen yet: {name} (python -m tightloop.records.freeze)")
    if found["problems"] or found["not_frozen"]:
        raise typer.Exit(exits.BAD_NEWS)


def frozen_and_compatible() -> dict[str, Any]:
    """``problems``: why a schema may not follow its earlier versions; ``not_frozen``: what has no version yet."""
    from tightloop.records.freeze import IncompatibleError, pending, read_catalogue
    from tightloop.records.schemas import current_schemas, schemas_dir, top_level

    records = len(top_level(current_schemas()))
    try:
        new = pending(schemas_dir(), read_catalogue(schemas_dir()))
    except IncompatibleError as error:
        return {"records": records, "problems": error.problems, "not_frozen": []}
    return {"records": records, "problems": [], "not_frozen": [entry.record for entry, _ in new]}


def add_to(app: typer.Typer) -> None:
    add(schemas, list_schemas, "tightloop schemas list", name="list")
    add(schemas, ids, "tightloop schemas ids --json")
    add(schemas, show, "tightloop schemas show Instruction")
    add(schemas, check, "tightloop schemas check")
    app.add_typer(schemas, name="schemas")
