"""``publish --market``: market data from files onto its topic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tightloop.cli import exits
from tightloop.cli.options import Installation
from tightloop.cli.output import emit, note, table

if TYPE_CHECKING:
    from tightloop.client.market_files import MarketFile

_SHOWN = 20  # complaints of one file


def publish_market(
    installation: Installation, paths: list[Path], *, skip_bad: bool, dry_run: bool, as_json: bool
) -> None:
    """Everything is read and checked before the first record is sent. With one bad line nothing is sent, unless
    ``skip_bad``. Exit code 1: a line was bad.
    """
    from datetime import UTC, datetime

    from tightloop.client.market_files import read_market_file

    now = datetime.now(UTC)
    found = [read_market_file(path, now) for path in paths]
    _complain(found)
    is_bad = any(one.bad for one in found)
    sends = not dry_run and (skip_bad or not is_bad)
    if sends:
        from tightloop.client.market_publisher import MarketPublisher

        settings = installation.kafka()
        with MarketPublisher(settings.bootstrap, prefix=settings.prefix, client=settings.client) as publisher:
            publisher.publish(sorted((one for file in found for one in file.records), key=lambda one: one.event_time))
    rows = [_row(one, sent=sends) for one in found]
    if as_json:
        emit({"files": rows, "bad": _lines(found, "bad"), "gaps": _lines(found, "gaps")})
    else:
        table(list(rows[0]), [list(row.values()) for row in rows])
        if not sends:
            note("nothing was sent" + ("" if dry_run else ": some lines are bad; mend them, or give --skip-bad"))
    if is_bad:
        raise typer.Exit(exits.BAD_NEWS)


def _row(file: MarketFile, *, sent: bool) -> dict[str, Any]:
    return {
        "file": file.path.name,
        "records": len(file.records),
        "sent": len(file.records) if sent else 0,
        "bad lines": len(file.bad),
        "gaps": len(file.gaps),
        "from": file.records[0].event_time if file.records else None,
        "until": file.records[-1].event_time if file.records else None,
    }


def _lines(found: list[MarketFile], which: str) -> list[dict[str, Any]]:
    return [
        {"file": file.path.name, "line": one.line, "code": one.code, "message": one.message}
        for file in found
        for one in getattr(file, which)
    ]


def _complain(found: list[MarketFile]) -> None:
    for file in found:
        for what, lines in (("", file.bad), ("a gap: ", file.gaps)):
            for one in lines[:_SHOWN]:
                note(f"{file.path.name} line {one.line}: {what}{one.code + ' ' if not what else ''}{one.message}")
            if len(lines) > _SHOWN:
                note(f"{file.path.name}: {len(lines) - _SHOWN} more such lines")
