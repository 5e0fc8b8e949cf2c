"""``errors`` and ``config``: what the system knows of itself, without a broker."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tightloop.cli import exits
from tightloop.cli.options import AsJson, Bootstrap, ConfigFile, Prefix
from tightloop.cli.output import as_data, emit, note, table


def errors(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="Such as EIM-011; without it all are listed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The catalogue of errors: cause, what the system does by itself, what an operator does."""
    from tightloop.errors import CATALOGUE, error_entry

    if code is None:
        entries = [CATALOGUE[one] for one in sorted(CATALOGUE)]
        if as_json:
            emit(entries)
        else:
            rows = [(one.code, one.severity, "yes" if one.halts else "no", one.component, one.title) for one in entries]
            table(["code", "severity", "halts", "component", "title"], rows)
        return
    try:
        entry = error_entry(code)
    except KeyError as error:
        note(str(error.args[0]))
        raise typer.Exit(exits.WRONG_USE) from None
    if as_json:
        emit(entry)
        return
    typer.echo(f"{entry.code}  {entry.title}  ({entry.severity}, {entry.component})")
    told = {"cause": entry.cause, "system": entry.system, "to do": entry.operator, "reserved": entry.reserved}
    for title, text in told.items():
        if text:
            typer.echo(f"\n{title}:\n  {text}")


def config(
    config_file: ConfigFile = None, bootstrap: Bootstrap = None, prefix: Prefix = None, as_json: AsJson = False
) -> None:
    """The configuration as it results, with the origin of each value; secrets are masked."""
    from tightloop.assembly.config import load
    from tightloop.errors.redaction import redacted_fields

    loaded, origins = load(config_file, {"bootstrap": bootstrap, "prefix": prefix})
    shown = loaded.model_dump(mode="json")
    values = [
        {"name": name, "value": value, "origin": origins.get(name, "default")}
        for name, value in _flat({**shown, "kafka": redacted_fields(loaded.kafka)})
    ]
    if as_json:
        emit({"values": values})
    else:
        table(["name", "value", "origin"], [(one["name"], _word(one["value"]), one["origin"]) for one in values])


def _flat(found: dict[str, Any], at: str = "") -> list[tuple[str, Any]]:
    values: list[tuple[str, Any]] = []
    for name, value in found.items():
        if isinstance(value, dict) and value:
            values += _flat(value, f"{at}{name}.")
        else:
            values.append((f"{at}{name}", as_data(value)))
    return values


def _word(value: Any) -> str:
    return (
        '""'
        if value == ""
        else "-"
        if value is None or value in ({}, [])
        else value
        if isinstance(value, str)
        else str(value)
    )


def add_to(app: typer.Typer) -> None:
    app.command("errors", epilog="Example:\n\n\b\n  tightloop errors\n  tightloop errors EIM-011")(errors)
    app.command("config", epilog="Example:\n\n\b\n  TIGHTLOOP_TIMING__EVIDENCE=90 tightloop config")(config)
