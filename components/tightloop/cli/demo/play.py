"""The demo from its first process to its picture."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from tightloop.checker import Cause, Terms, Verdict, Watch
from tightloop.cli.demo.drift import DriftAct
from tightloop.cli.demo.image import WITHOUT, can_draw, write_image
from tightloop.cli.demo.page import write_page
from tightloop.cli.demo.progress import Progress, follow, live_view
from tightloop.cli.demo.script import SPAN, Script, warm_up_script, write_script
from tightloop.cli.demo.story import read_story
from tightloop.cli.demo.summary import document, tell
from tightloop.cli.demo.warm_up import WarmUp, warm_up
from tightloop.cli.options import quiet
from tightloop.cli.output import emit, note, steps
from tightloop.cli.system.launch import end_supervisor, start_system
from tightloop.cli.system.plan import Plan
from tightloop.cli.system.system_state import SystemState, read_state
from tightloop.client.connect import TIMEOUT_S, reaching
from tightloop.client.publisher import InstructionPublisher
from tightloop.errors import ExecutionError
from tightloop.runners.kafka.settings import KafkaSettings

NAME = "tightloop-demo"  # of the picture's files
WITHOUT_RESULT_S = 45.0  # without a single result: something is wrong, and the checker will say what
WINDOW = 200  # instructions of a strategy under way at once, well below the manager's limit on a queue


class _Traded(Struct, frozen=True):
    script: Script
    progress: Progress
    warm: WarmUp
    act: DriftAct | None


def play(plan: Plan, strategies: int, instructions: int, *, keep: bool, as_json: bool, picture: Path) -> dict[str, Any]:
    """What ``--json`` says. Everything is ended again, unless ``keep``."""
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
        traded = _trade(plan, settings, state, strategies, instructions, not as_json)
        found = _found(plan, settings, state, traded, up_s)
        found["picture"] = _draw(settings, traded, found, picture)
        found["seconds"]["all"] = round(time.monotonic() - began, 2)
        if as_json:
            emit(found)
        else:
            tell(found, traded.progress)
            note("Picture: " + ", ".join(one for one in found["picture"].values() if one))
    except BaseException:
        end_supervisor(supervisor)
        raise
    if not keep:
        end_supervisor(supervisor)
        if plan.config.bootstrap:
            clean_up(settings)
    return found


def _where(plan: Plan) -> tuple[SystemState, KafkaSettings]:
    state = read_state(plan.directory)
    if state is None:
        raise ExecutionError("EIF-010", f"{plan.directory} holds no state of a system")
    client = quiet(plan.config.kafka)
    return state, KafkaSettings(bootstrap=state.bootstrap, prefix=plan.config.prefix, client=client)


def _trade(
    plan: Plan, settings: KafkaSettings, state: SystemState, strategies: int, instructions: int, show: bool
) -> _Traded:
    now = datetime.now(UTC)
    origin = plan.market_origin or now - SPAN
    directory = plan.config.directory()
    script = write_script(plan.seed, strategies, instructions, directory, origin, now)
    with (
        InstructionPublisher(settings.bootstrap, prefix=settings.prefix, client=settings.client) as publisher,
        live_view(show) as view,
    ):
        warm = warm_up(settings, publisher, warm_up_script(plan.seed, directory, origin, now))
        progress = Progress(script.instructions)
        act = None
        if script.drift is not None:
            act = DriftAct(script.drift, settings, state.simulator, directory, progress)
            act.start()
        window = WINDOW * strategies
        follow(
            settings,
            progress,
            script.at_once,
            publisher.publish_all,
            view,
            window=window,
            quiet_s=WITHOUT_RESULT_S,
        )
        if act is not None:
            act.join(WITHOUT_RESULT_S)
    return _Traded(script, progress, warm, act)


def _found(plan: Plan, settings: KafkaSettings, state: SystemState, traded: _Traded, up_s: float) -> dict[str, Any]:
    verdict = _judge(settings, state.simulator, traded)
    trading = max(traded.progress.seen_at.values(), default=0.0)
    found = document(
        verdict,
        traded.progress,
        traded.warm,
        traded.act,
        {
            "market": str(plan.market or f"synthetic, seed {plan.seed}"),
            "bootstrap": state.bootstrap,
            "prefix": settings.prefix,
            "seed": plan.seed,
            "seconds": {"up": round(up_s, 2), "warm_up": traded.warm.seconds, "trading": round(trading, 2)},
        },
    )
    unplanned = _unplanned(found, traded)
    for problem in unplanned:
        note(f"not as planned: {problem}")
    return {
        **found,
        "unplanned": unplanned,
        "bad": bool(found["violations"] or found["lost"] or found["duplicates"] or unplanned),
    }


def _unplanned(found: dict[str, Any], traded: _Traded) -> list[str]:
    """What went wrong that was not meant to, and what was meant to and did not."""
    drifting = traded.script.drift.strategy_id if traded.script.drift else None
    problems = [
        f"{one['strategy_id']}: {one['halted']} halted" for one in found["keys"]
        if one["halted"] != (1 if one["strategy_id"] == drifting else 0)
    ]  # fmt: skip
    rejected = [one["instruction_id"] for one in found["refusals"]]
    if rejected != ([traded.script.rejected] if traded.script.rejected else []):
        problems.append(f"rejected: {', '.join(rejected) or 'none'}")
    if found["mismatched"] and drifting is None:
        problems.append(f"{found['mismatched']} mismatched")
    if traded.act is not None and (traded.act.problem or traded.act.resumed_at is None):
        problems.append(f"{drifting} was not resumed: {traded.act.problem or 'no end was seen'}")
    return problems


def _judge(settings: KafkaSettings, simulator: str, traded: _Traded) -> Verdict:
    """By the independent checker: from the topics, and from the venues' own books."""
    drift = traded.script.drift
    causes = () if drift is None else (Cause("halt", ("REC-002",), drift.strategy_id),)
    with reaching(settings.bootstrap):
        watch = Watch(settings.bootstrap, settings.prefix, simulator, client=settings.client)
        try:
            return watch.judge(Terms(causes=causes))
        finally:
            watch.close()


def _draw(settings: KafkaSettings, traded: _Traded, found: dict[str, Any], folder: Path) -> dict[str, str | None]:
    folder.mkdir(parents=True, exist_ok=True)
    story = read_story(settings, traded.progress, traded.act)
    page, image = folder / f"{NAME}.html", folder / f"{NAME}.png"
    write_page(page, story, found)
    if not can_draw():
        note(WITHOUT)
        return {"html": str(page), "png": None}
    p50 = (found["loop_ms"] or {"p50": 0.0})["p50"]
    title = (
        f"tightloop demo: {found['instructions']} instructions, {found['lost']} lost, {found['duplicates']} twice, "
        f"a loop {p50:.0f} ms"
    )
    write_image(image, story, title)
    return {"html": str(page), "png": str(image)}


def clean_up(settings: KafkaSettings) -> None:
    """A system's own topics and groups, on a Kafka that was there before."""
    from confluent_kafka.admin import AdminClient

    with reaching(settings.bootstrap):
        admin = AdminClient(settings.admin())
        topics = [name for name in admin.list_topics(timeout=TIMEOUT_S).topics if name.startswith(settings.prefix)]
        for future in admin.delete_topics(topics).values():
            future.result(TIMEOUT_S)
        groups = [one.group_id for one in admin.list_consumer_groups().result(TIMEOUT_S).valid]
        own = [name for name in groups if name.startswith(settings.prefix)]
        for future in admin.delete_consumer_groups(own).values() if own else ():
            future.result(TIMEOUT_S)
