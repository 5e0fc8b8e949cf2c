"""``gates``: the quality gates, by section."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tightloop.cli import exits, logs
from tightloop.cli.options import AsJson
from tightloop.cli.output import emit, note, steps, table
from tightloop.cli.registration import add

VARIABLE = "TIGHTLOOP_GATES_MARKET"


def gates(
    section: Annotated[
        list[str] | None, typer.Option("--section", help="Only this section (may be repeated); by default all.")
    ] = None,
    market: Annotated[
        Path | None,
        typer.Option("--market", envvar=VARIABLE, help="Folder of market data for the basis trades; else synthetic."),
    ] = None,
    bootstrap: Annotated[
        str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="A Kafka that runs already.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try everything that is promised, on the thing itself: in process, and two basis trades through Kafka.

    Exit code 1 when a gate fails. Nothing of it touches an installation.
    """
    from tightloop.cli.gates import live
    from tightloop.cli.gates.basis import BasisSystem
    from tightloop.cli.gates.gate import GateResult, tried
    from tightloop.cli.gates.listed import all_gates, chosen
    from tightloop.errors import ExecutionError

    if market is not None and not market.is_dir():
        raise ExecutionError("EIF-010", f"--market: {market} is not a folder", remedy="Name a folder of market data.")
    logs.configure("critical")  # the dead letters and halts that gates bring about are no news
    system = BasisSystem(market, bootstrap)
    found: list[GateResult] = []
    try:
        with steps() as step:
            wanted = chosen(all_gates(system), section or [])
            for one in tried(wanted):
                found.append(one)
                step(f"{len(found)} of {len(wanted)}: {one.section}: {one.gate}")
    finally:
        system.close()
    if not live.can_be_tried():
        note(live.WITHOUT)
    failed = [one for one in found if not one.passed]
    if as_json:
        emit({"passed": len(found) - len(failed), "failed": len(failed), "gates": found})
    else:
        rows = [(one.section, one.gate, "passed" if one.passed else "FAILED", one.seconds, one.detail) for one in found]
        table(["section", "gate", "result", "s", "what was seen"], rows)
        note(f"{len(found) - len(failed)} of {len(found)} gates passed")
    if failed:
        raise typer.Exit(exits.BAD_NEWS)


def add_to(app: typer.Typer) -> None:
    add(app, gates, "tightloop gates", "tightloop gates --section reconciliation --json")
