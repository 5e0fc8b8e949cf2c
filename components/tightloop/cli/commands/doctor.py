"""``doctor``: everything a new installation needs, and how to repair what is missing."""

from __future__ import annotations

import typer

from tightloop.cli import exits
from tightloop.cli.options import DEFAULT_DIR, AsJson, Installation, StateDir
from tightloop.cli.output import emit, note, table
from tightloop.cli.registration import add


def doctor(installation: Installation, directory: StateDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Check Python, packages, Java, Kafka, topics, schemas, venues and clocks; say how to repair what is missing.

    To compare clocks it makes a topic of its own on the broker and deletes it again. Exit code 1 if something needed
    is missing.
    """
    from tightloop.cli.doctor_checks import every_check

    found = every_check(installation, directory)
    if as_json:
        emit({"checks": found})
    else:
        table(["", "check", "found"], [(one.state, one.name, one.found) for one in found])
        for one in found:
            if one.state != "ok" and one.mend:
                note(f"{one.name}: {one.mend}")
    if any(one.state == "missing" for one in found):
        raise typer.Exit(exits.BAD_NEWS)


def add_to(app: typer.Typer) -> None:
    add(app, doctor, "tightloop doctor --bootstrap localhost:9092")
