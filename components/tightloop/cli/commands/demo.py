"""``demo``: the main job, from nothing."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tightloop.cli import exits
from tightloop.cli.options import DEFAULT_DIR, AsJson, ConfigFile, StateDir, quiet
from tightloop.cli.output import emit, note, steps
from tightloop.cli.registration import add

if TYPE_CHECKING:
    from tightloop.checker import Verdict
    from tightloop.cli.demo.progress import Progress
    from tightloop.cli.system.plan import Plan
    from tightloop.cli.system.system_state import SystemState
    from tightloop.runners.kafka.settings import KafkaSettings

WITHOUT_RESULT_S = 45.0  # without a single result: something is wrong, and the checker will say what

WINDOW = 200  # instructions of a strategy under way at once, well below the manager's limit on a queue


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
    directory: StateDir = DEFAULT_DIR,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """The main job, from nothing: a basis trade over several strategies, on an exchange and on a chain.

    Starts a real Kafka (unless --bootstrap names one), the topics, every component as a process of its own and the
    simulated venues as a server; publishes the instructions; shows the loops as they close. Exit code 1 if anything
    was lost, done twice, or does not match the venues' books. Only --keep uses --dir.
    """
    plan = _plan(data, seed, bootstrap, keep, directory, config)
    if data is None:
        note(f"No --data: trading on a synthetic market, made from seed {seed}.")
    try:
        found = _run(plan, strategies, instructions, keep, as_json)
    except KeyboardInterrupt:
        _forget(plan, keep)
        raise
    except BaseException:
        note(f"Logs are in {plan.logs}")
        raise
    if keep:
        note(f"All of it is still up: Kafka at {found['bootstrap']}; `tightloop status`, `tightloop down`.")
    bad = bool(found["violations"] or found["lost"] or found["duplicates"] or found["mismatched"])
    if bad:
        note(f"Logs are in {plan.logs}")
    else:
        _forget(plan, keep)
    if bad:
        raise typer.Exit(exits.BAD_NEWS)


def _forget(plan: Plan, keep: bool) -> None:
    """Its directory was a temporary one, unless all is kept."""
    if not keep:
        shutil.rmtree(plan.directory, ignore_errors=True)


def _plan(
    data: Path | None, seed: int, bootstrap: str | None, keep: bool, directory: Path, config: Path | None
) -> Plan:
    """A prefix of its own on a Kafka that others use, too."""
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
    loaded, _ = load(config, {"bootstrap": bootstrap, "prefix": prefix})
    return Plan(
        directory=directory.absolute() if keep else Path(tempfile.mkdtemp(prefix="tightloop-demo-")),
        config=loaded,
        config_file=config.absolute() if config else None,
        market=data.absolute() if data else None,
        seed=seed,
        market_origin=datetime.now(UTC) - SPAN,
        until_closed=not keep,
    )


def _run(plan: Plan, strategies: int, instructions: int, keep: bool, as_json: bool) -> dict[str, Any]:
    from tightloop.cli.demo.summary import document, tell
    from tightloop.cli.system.launch import end_supervisor, start_system

    began = time.monotonic()
    with steps() as step:
        supervisor = start_system(plan, step)
    try:
        up_s = time.monotonic() - began
        state, settings = _where(plan)
        if sys.stderr.isatty() and not as_json:
            note(
                f"Up in {up_s:.1f} s: Kafka at {state.bootstrap}, {len(state.processes)} processes, logs in {plan.logs}"
            )
        progress = _trade(plan, settings, strategies, instructions, not as_json)
        verdict = _judge(settings, state.simulator)
        seconds = {"up": round(up_s, 2), "trading": round(max(progress.seen_at.values(), default=0.0), 2)}
        more = {"market": str(plan.market or f"synthetic, seed {plan.seed}"), "bootstrap": state.bootstrap}
        found = document(verdict, progress, {**more, "prefix": settings.prefix, "seed": plan.seed, "seconds": seconds})
        if as_json:
            emit(found)
        else:
            tell(found, progress)
    except BaseException:
        end_supervisor(supervisor)
        raise
    if not keep:
        end_supervisor(supervisor)
        if plan.config.bootstrap:
            _clean_up(settings)
    return found


def _where(plan: Plan) -> tuple[SystemState, KafkaSettings]:
    from tightloop.cli.system.system_state import read_state
    from tightloop.errors import ExecutionError
    from tightloop.runners.kafka.settings import KafkaSettings

    state = read_state(plan.directory)
    if state is None:
        raise ExecutionError("EIF-010", f"{plan.directory} holds no state of a system")
    client = quiet(plan.config.kafka)
    return state, KafkaSettings(bootstrap=state.bootstrap, prefix=plan.config.prefix, client=client)


def _trade(plan: Plan, settings: KafkaSettings, strategies: int, instructions: int, show: bool) -> Progress:
    from tightloop.cli.demo.progress import Progress, follow, live_view
    from tightloop.cli.demo.script import SPAN, write_script
    from tightloop.client.publisher import InstructionPublisher

    now = datetime.now(UTC)
    origin = plan.market_origin or now - SPAN
    script = write_script(plan.seed, strategies, instructions, plan.config.directory(), origin, now)
    progress = Progress(script)
    with (
        InstructionPublisher(settings.bootstrap, prefix=settings.prefix, client=settings.client) as publisher,
        live_view(show) as view,
    ):
        window = WINDOW * strategies
        follow(settings, progress, publisher.publish_all, view, window=window, quiet_s=WITHOUT_RESULT_S)
    return progress


def _judge(settings: KafkaSettings, simulator: str) -> Verdict:
    """By the independent checker: from the topics, and from the venues' own books."""
    from tightloop.checker import check
    from tightloop.client.connect import reaching

    with reaching(settings.bootstrap):
        return check(settings.bootstrap, settings.prefix, simulator, client=settings.client)


def _clean_up(settings: KafkaSettings) -> None:
    """The demo's own topics and groups, on a Kafka that was there before."""
    from confluent_kafka.admin import AdminClient

    from tightloop.client.connect import TIMEOUT_S, reaching

    with reaching(settings.bootstrap):
        admin = AdminClient(settings.admin())
        topics = [name for name in admin.list_topics(timeout=TIMEOUT_S).topics if name.startswith(settings.prefix)]
        for future in admin.delete_topics(topics).values():
            future.result(TIMEOUT_S)
        groups = [one.group_id for one in admin.list_consumer_groups().result(TIMEOUT_S).valid]
        own = [name for name in groups if name.startswith(settings.prefix)]
        for future in admin.delete_consumer_groups(own).values() if own else ():
            future.result(TIMEOUT_S)


def add_to(app: typer.Typer) -> None:
    add(app, demo, "tightloop demo", "tightloop demo --data data/market --strategies 8 --instructions 400 --json")
