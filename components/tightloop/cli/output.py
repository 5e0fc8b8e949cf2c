"""What commands print: JSON for programs, tables for people. Only this goes to standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

from tightloop.client.plain import amount, as_data

if TYPE_CHECKING:
    from tightloop.records.types import ErrorInfo


def emit(document: Any) -> None:
    """One JSON document on one line. Records become objects, amounts text, bytes base64."""
    typer.echo(json.dumps(as_data(document), ensure_ascii=False, separators=(",", ":")))


def error_words(error: ErrorInfo) -> str:
    """Code and message; a message that begins with its code, as those of comparisons do, does not get it twice."""
    return error.message if error.message.startswith(f"{error.code} ") else f"{error.code} {error.message}"


def shown(value: Any) -> str:
    """A cell of a table."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    if isinstance(value, Decimal):
        return amount(value)
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list | tuple):
        return ", ".join(shown(one) for one in value) or "-"
    return str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    """A table on a terminal; aligned plain text in a pipe."""
    cells = [[shown(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(columns, cells, title)
        return
    if title:
        typer.echo(title)
    widths = [max(len(row[place]) for row in [list(columns), *cells]) for place in range(len(columns))]
    for row in [list(columns), *cells]:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _rich_table(columns: Sequence[str], cells: Sequence[Sequence[str]], title: str | None) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in cells:
        drawn.add_row(*(escape(cell) for cell in row))
    Console().print(drawn)


def note(text: str) -> None:
    """For a person, beside the answer: standard error."""
    typer.echo(text, err=True)


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Shows what is being done: in place on a terminal, not at all in a pipe."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("Starting") as status:
        yield lambda text: status.update(text)
