"""``bench``: how fast the loop is, beside the bare ring of Kafka hops on the same broker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tightloop.cli.options import AsJson
from tightloop.cli.registration import add


def bench(
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="Of each measurement.")] = 8.0,
    keys: Annotated[
        list[int] | None, typer.Option("--keys", min=1, help="How many strategies at once (may be repeated).")
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="Only this part (may be repeated).")] = None,
    profiles: Annotated[Path | None, typer.Option("--profiles", help="Folder for a profile of each component.")] = None,
    record: Annotated[
        bool, typer.Option("--record", help="With everything recorded, as `record = true` does.")
    ] = False,
    bootstrap: Annotated[
        str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="A Kafka that runs already.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Loops per second and latency of the whole loop, beside an empty ring of transactions on the same warm broker."""
    from tightloop.bench import main
    from tightloop.cli import logs
    from tightloop.client.connect import reaching

    logs.configure()
    try:
        with reaching(bootstrap or "the embedded broker"):
            code = main.main(
                bootstrap=bootstrap,
                seconds=seconds,
                keys=tuple(keys or main.KEYS),
                json=as_json,
                only=only,
                profiles=profiles,
                record=record,
            )
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise typer.BadParameter(str(error), param_hint="--only") from None
    raise typer.Exit(code)


def add_to(app: typer.Typer) -> None:
    add(app, bench, "tightloop bench --keys 1 --keys 64 --seconds 5")
