"""``errors``: the catalogue of errors."""

from __future__ import annotations

from typing import Annotated

import typer

from tightloop.cli import exits
from tightloop.cli.options import AsJson
from tightloop.cli.output import emit, note, table
from tightloop.cli.registration import add


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
    parts = {"cause": entry.cause, "system": entry.system, "to do": entry.operator, "reserved": entry.reserved}
    for title, text in parts.items():
        if text:
            typer.echo(f"\n{title}:\n  {text}")


def add_to(app: typer.Typer) -> None:
    add(app, errors, "tightloop errors", "tightloop errors EIM-011")
