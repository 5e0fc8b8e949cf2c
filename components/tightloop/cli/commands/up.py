"""``up``: a whole system in the background, supervised."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tightloop.cli import exits
from tightloop.cli.options import DEFAULT_DIR, AsJson, Installation, StateDir
from tightloop.cli.output import emit, note, steps, table
from tightloop.cli.registration import add

if TYPE_CHECKING:
    from tightloop.cli.system.system_state import ProcessState, SystemState


def up(
    installation: Installation,
    directory: StateDir = DEFAULT_DIR,
    replicas: Annotated[int, typer.Option("--replicas", min=1, max=16, help="Of each component.")] = 1,
    market: Annotated[
        Path | None, typer.Option("--market", help="Folder of market data for the simulated venues.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the synthetic market, where no data is given.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Start broker (embedded, if no address is configured), simulated venues, topics and all components.

    They run in the background, supervised: a process that ends or hangs is restarted. Returns once all are ready.
    `tightloop down` ends them. What a supervisor that was killed left running is ended first.
    """
    from tightloop.cli.system.launch import start_system
    from tightloop.cli.system.plan import Plan
    from tightloop.cli.system.system_state import read_state

    loaded, origins = installation.load()
    plan = Plan(
        directory=directory.absolute(),
        config=loaded,
        config_file=installation.config.absolute() if installation.config else None,
        replicas=replicas,
        starts_simulator="simulator" not in origins,
        market=market.absolute() if market else None,
        seed=seed,
    )
    began = time.monotonic()
    with steps() as step:
        start_system(plan, step)
    state = read_state(plan.directory)
    if state is None:
        raise typer.Exit(exits.UNREACHABLE)
    if as_json:
        emit({**_document(state), "seconds": round(time.monotonic() - began, 2)})
    else:
        _tell(state, time.monotonic() - began, directory)


def _document(state: SystemState) -> dict[str, object]:
    return {
        "pid": state.pid,
        "bootstrap": state.bootstrap,
        "broker_pid": state.broker_pid,
        "simulator": state.simulator,
        "prefix": state.prefix,
        "processes": state.processes,
    }


def _tell(state: SystemState, seconds: float, directory: Path) -> None:
    broker = [] if state.broker_pid is None else [("broker", "-", "-", state.broker_pid, state.bootstrap)]
    rows = [(one.component, one.lane, _replica(one), one.pid, f"127.0.0.1:{one.port}") for one in state.processes]
    table(["what", "lane", "replica", "pid", "address"], [*broker, *rows])
    note(f"up in {seconds:.1f} s; Kafka at {state.bootstrap}; logs in {directory / 'logs'}; `tightloop down` ends it")


def _replica(one: ProcessState) -> str:
    return "-" if one.component == "simulator" else one.replica


def add_to(app: typer.Typer) -> None:
    add(app, up, "tightloop up --replicas 2", "tightloop status", "tightloop down")
