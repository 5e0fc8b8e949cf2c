"""``export``: topics to files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tightloop.cli import exits
from tightloop.cli.moments import FORMS, moment
from tightloop.cli.options import AsJson, Installation
from tightloop.cli.output import emit, note, steps, table
from tightloop.cli.registration import add

if TYPE_CHECKING:
    from tightloop.client.export import ExportedTopic
    from tightloop.client.ranges import Bound

_OFFSETS = re.compile(r"\d{1,9}:\d{1,18}(,\d{1,9}:\d{1,18})*")


def export(
    installation: Installation,
    topics: Annotated[
        list[str],
        typer.Argument(metavar="TOPIC...", help="Names as in the contracts, such as fills; or all: every public one."),
    ],
    out: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder of the files; one a topic.")],
    form: Annotated[
        Literal["parquet", "csv", "jsonl"],
        typer.Option("--format", help="parquet needs the extra tightloop[export]; jsonl and parquet hold everything."),
    ] = "parquet",
    start: Annotated[
        str,
        typer.Option("--from", help=f"beginning; {FORMS}; or offsets of one topic: PARTITION:OFFSET,..."),
    ] = "beginning",
    end: Annotated[
        str, typer.Option("--until", help="end (as it is now), or the same forms; the record there is left out.")
    ] = "end",
    key: Annotated[str | None, typer.Option("--key", help="Only the records with this key, mostly a strategy.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files of an earlier export.")] = False,
    as_json: AsJson = False,
) -> None:
    """Topics to Parquet, CSV or JSON lines, committed records alone. Files appear once all of them are complete.

    What can't be read lies in TOPIC.unreadable.jsonl. Exit code 1: there was some, or retention has removed offsets
    that were asked for.
    """
    from tightloop.client.export import export as write
    from tightloop.client.export import public_topics

    from_, to = _bound(start, "beginning", "--from"), _bound(end, "end", "--until")
    settings = installation.kafka()
    names = public_topics(settings) if topics == ["all"] else list(dict.fromkeys(topics))
    with steps() as told:
        exported = write(settings, names, out, form, from_=from_, to=to, key=key, overwrite=overwrite, told=told)
    if as_json:
        emit({"directory": str(out), "format": form, "topics": exported})
    else:
        columns = ["topic", "records", "unreadable", "file", "bytes", "next --from"]
        rows = [(one.topic, one.records, one.unreadable, one.file, one.bytes, one.next_from) for one in exported]
        table(columns, rows)
    _warn(exported, out)
    if any(one.unreadable or one.gone for one in exported):
        raise typer.Exit(exits.BAD_NEWS)


def _warn(exported: list[ExportedTopic], out: Path) -> None:
    for one in exported:
        if one.unreadable_file:
            note(f"{one.topic}: {one.unreadable} records can't be read: they lie in {out / one.unreadable_file}")
        if one.gone:
            gone = ", ".join(f"{part.gone} of partition {part.partition}" for part in one.partitions if part.gone)
            note(f"{one.topic}: retention has removed offsets that were asked for: {gone}")
        if one.amount_digits is not None and one.amount_digits > 38:
            note(f"{one.topic}: an amount is 10^20 or more, so the file's have 76 digits; what reads 38 at most rounds")


def _bound(text: str, word: str, option: str) -> Bound | None:
    """None for ``word``, which says that the range is open there."""
    if text == word:
        return None
    if _OFFSETS.fullmatch(text):
        pairs = [pair.split(":") for pair in text.split(",")]
        offsets = {int(partition): int(offset) for partition, offset in pairs}
        if len(offsets) == len(pairs):
            return offsets
        raise typer.BadParameter(f"{text!r} names a partition twice", param_hint=option)
    at = moment(text)
    if at is None:
        raise typer.BadParameter(f"{text!r}: give {word}, {FORMS}; or offsets such as 0:1200,1:980", param_hint=option)
    return at


def add_to(app: typer.Typer) -> None:
    add(
        app,
        export,
        "tightloop export fills instruction_results --to data",
        "tightloop export all --to data --from 2026-01-01 --until 2026-02-01 --format jsonl",
        "tightloop export fills --to data/next --from 0:1200,1:980",
    )
