"""``demo``: the main job, from nothing."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tightloop.cli import exits
from tightloop.cli.options import DEFAULT_DIR, AsJson, ConfigFile, StateDir
from tightloop.cli.output import note
from tightloop.cli.registration import add

if TYPE_CHECKING:
    from tightloop.cli.system.plan import Plan

BUDGET_S = "2"  # for a mismatch to heal: with the 30 s of an installation the demo would wait a minute for its halt


def demo(
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of market data; without it a market is made from the seed.")
    ] = None,
    strategies: Annotated[int, typer.Option("--strategies", min=1, max=500, help="How many trade at once.")] = 4,
    instructions: Annotated[int, typer.Option("--instructions", min=1, help="How many in all.")] = 120,
    seed: Annotated[int, typer.Option("--seed", help="Of the trades, and of the market if none is given.")] = 1,
    bootstrap: Annotated[
        str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="A Kafka that runs already.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave all of it up, as `tightloop up` does.")] = False,
    picture: Annotated[
        Path, typer.Option("--picture", metavar="DIR", help="Where tightloop-demo.html and .png go.")
    ] = Path(),
    directory: StateDir = DEFAULT_DIR,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """The main job, from nothing: basis trades over several strategies, at every venue that there is.

    Starts a real Kafka (unless --bootstrap names one), the topics, every component as a process of its own and the
    simulated venues as a server; warms them up; publishes the instructions, one of which a venue rejects; makes one
    strategy's balance drift, shows the halt and resumes it; and ends with a picture of it all. Exit code 1 if anything
    was lost, done twice, or does not match the venues' books. Only --keep uses --dir.
    """
    from tightloop.cli.demo.play import play

    plan = _plan(data, seed, bootstrap, keep, directory, config)
    if data is None:
        note(f"No --data: trading on a synthetic market, made from seed {seed}.")
    try:
        found = play(plan, strategies, instructions, keep=keep, as_json=as_json, picture=picture)
    except KeyboardInterrupt:
        _forget(plan, keep)
        raise
    except BaseException:
        note(f"Logs are in {plan.logs}")
        raise
    if keep:
        note(f"All of it is still up: Kafka at {found['bootstrap']}; `tightloop status`, `tightloop down`.")
        for name, value in plan.variables.items():
            note(f"  for commands about it: export {name}={value}")
    if found["bad"]:
        note(f"Logs are in {plan.logs}")
        raise typer.Exit(exits.BAD_NEWS)
    _forget(plan, keep)


def _forget(plan: Plan, keep: bool) -> None:
    """Its directory was a temporary one, unless all is kept."""
    if not keep:
        shutil.rmtree(plan.directory, ignore_errors=True)


def _plan(
    data: Path | None, seed: int, bootstrap: str | None, keep: bool, directory: Path, config: Path | None
) -> Plan:
    """A prefix of its own on a Kafka that others use, too; every lane and short budgets, where none are configured."""
    import uuid

    from tightloop.assembly.config import load
    from tightloop.cli.demo.script import SPAN
    from tightloop.cli.system.plan import Plan
    from tightloop.errors import ExecutionError

    if data is not None and not any(data.glob("*_spot_1h.csv.gz")):
        raise ExecutionError(
            "EIF-010", f"--data: no *_spot_1h.csv.gz in {data}", remedy="Name a folder of market data."
        )
    if keep and (directory / "venues").exists():
        raise ExecutionError(
            "EIF-010",
            f"{directory} holds the books of an earlier system, in which this demo's instructions may have been traded",
            remedy="Name another --dir, or end what runs there (`tightloop down`) and delete it.",
        )
    prefix = f"demo-{uuid.uuid4().hex[:8]}." if bootstrap and not keep else None
    variables = _unsaid(config)
    loaded, _ = load(config, {"bootstrap": bootstrap, "prefix": prefix}, variables)
    return Plan(
        directory=directory.absolute() if keep else Path(tempfile.mkdtemp(prefix="tightloop-demo-")),
        config=loaded,
        config_file=config.absolute() if config else None,
        market=data.absolute() if data else None,
        seed=seed,
        market_origin=datetime.now(UTC) - SPAN,
        until_closed=not keep,
        variables=variables,
    )


def _unsaid(config: Path | None) -> dict[str, str]:
    """What the demo sets where the configuration does not, as variables for every process."""
    from tightloop.assembly.config import load
    from tightloop.venues import registry

    _, origins = load(config)
    lanes = [spec.default_lane for spec in registry.known().venues if spec.kind != "protocol"]
    wanted = {
        "lanes": ",".join(dict.fromkeys(lanes)),
        "reconciliation.budget": BUDGET_S,
        "reconciliation.mismatch_budget": BUDGET_S,
    }
    said = {name.partition(".")[0] if name.startswith("lanes") else name for name in origins}
    return {f"TIGHTLOOP_{name.upper().replace('.', '__')}": value for name, value in wanted.items() if name not in said}


def add_to(app: typer.Typer) -> None:
    add(app, demo, "tightloop demo", "tightloop demo --data data/market --strategies 8 --instructions 400 --json")
