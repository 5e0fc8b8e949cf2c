"""``tightloop bench``: our whole loop beside a bare ring of transactions, on one warm broker, in the same run."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import psutil
from msgspec import Struct
from rich.console import Console

from tightloop import is_compiled
from tightloop.bench import codecs, inprocess, live, recovery, speed
from tightloop.bench.system import Ring, System
from tightloop.bench.table import Report, show
from tightloop.broker.embedded import EmbeddedBroker

PARTS = ("speed", "idle", "recovery", "codec", "inprocess", "live")
_UNASKED = tuple(one for one in PARTS if one != "live")  # that one needs the extra ``live``
_NEED_NO_BROKER = {"codec", "inprocess"}
KEYS = (1, 64, 1024)
WARM_S = 25.0  # of the ring, and of the loop: for so long the broker's JVM still compiles what it runs most
_WARM_KEYS = 64
_IDLE_S = 5.0


class Plan(Struct, frozen=True, kw_only=True):
    """What to measure, as :func:`main` is told."""

    seconds: float
    keys: tuple[int, ...]
    parts: tuple[str, ...]
    rounds: int = speed.ROUNDS
    warm_s: float = WARM_S
    profiles: str | None = None
    record: bool = False


def main(
    *,
    bootstrap: str | None = None,
    seconds: float = 8.0,
    keys: Sequence[int] = KEYS,
    json: bool = False,
    only: Sequence[str] | None = None,
    rounds: int = speed.ROUNDS,
    warm_s: float = WARM_S,
    profiles: Path | None = None,
    record: bool = False,
) -> int:
    """Measure and print; 0. Topics of its own are made on a ``bootstrap`` given, else a broker is started.

    ``seconds``: of each measurement, ``warm_s`` before all of them. ``only``: some of :data:`PARTS`. ``profiles``: a
    folder for a profile of each component. ``record``: with everything recorded. Raises ValueError for a part that
    there is not, ExecutionError when no broker can be started.
    """
    unknown = sorted(set(only or ()) - set(PARTS))
    if unknown:
        raise ValueError(f"there is no part {', '.join(unknown)} of the bench; there are {', '.join(PARTS)}")
    console = Console(width=None if sys.stdout.isatty() else 160)
    quiet = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 400)
    plan = Plan(
        seconds=seconds,
        keys=tuple(keys),
        parts=tuple(only or _UNASKED),
        rounds=rounds,
        warm_s=warm_s,
        profiles=str(profiles) if profiles else None,
        record=record,
    )
    report = measure(bootstrap, plan, lambda line: quiet.print(line, style="dim"))
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
    else:
        show(report, console)
    return 0


def measure(bootstrap: str | None, plan: Plan, say: Callable[[str], None]) -> Report:
    """The same without printing; ``say`` is told of each measurement as it ends."""
    report = Report(machine=_machine(), codecs=codecs.measure() if "codec" in plan.parts else [])
    if "inprocess" in plan.parts:
        report.inprocess.extend(inprocess.measure(plan.keys, plan.seconds))
    if not set(plan.parts) - _NEED_NO_BROKER:
        return report
    if bootstrap is not None:
        return _on_broker(report, bootstrap, _listener(bootstrap), plan, say)
    with EmbeddedBroker(fast=True) as broker:
        return _on_broker(report, broker.bootstrap, {"broker": broker.pid}, plan, say)


def _on_broker(
    report: Report, bootstrap: str, others: dict[str, int], plan: Plan, say: Callable[[str], None]
) -> Report:
    prefix = f"bench-{uuid.uuid4().hex[:6]}."
    if "live" in plan.parts:
        with tempfile.TemporaryDirectory(prefix="tightloop-bench-") as folder:
            if plan.warm_s:
                warming = Ring(bootstrap, f"{prefix}warm.", Path(folder))
                speed.ring_run(warming, _WARM_KEYS, plan.warm_s, others)
            report.live.append(live.measure(bootstrap, f"{prefix}live.", Path(folder)))
    if not set(plan.parts) & {"speed", "idle", "recovery"}:
        return report
    with tempfile.TemporaryDirectory(prefix="tightloop-bench-") as folder:
        profiles = Path(plan.profiles) if plan.profiles else None
        system = System(bootstrap, prefix, Path(folder), profiles, record=plan.record)
        try:
            if "speed" in plan.parts:
                ring = Ring(bootstrap, prefix, Path(folder))
                report.speeds.extend(_speeds(system, ring, {"load": os.getpid(), **others}, plan, say))
            if "idle" in plan.parts:
                report.idle.extend(_idle(bootstrap, f"{prefix}idle.", Path(folder) / "idle"))
            if "recovery" in plan.parts:
                report.recoveries.extend(recovery.recoveries(system))
        finally:
            system.close()
    return report


def _idle(bootstrap: str, prefix: str, folder: Path) -> list[recovery.Idle]:
    """Of a system of its own, without the state that the measurements of speed have left."""
    folder.mkdir()
    system = System(bootstrap, prefix, folder)
    try:
        return recovery.idle(system, _IDLE_S)
    finally:
        system.close()


def _speeds(
    system: System, ring: Ring, others: dict[str, int], plan: Plan, say: Callable[[str], None]
) -> list[speed.Speed]:
    if plan.warm_s:
        speed.ring_run(ring, _WARM_KEYS, plan.warm_s, others)
        speed.loop_run(system, _WARM_KEYS, plan.warm_s, others, "warm")
    return [
        speed.summary(count, speed.measure(system, ring, count, plan.seconds, others, say, rounds=plan.rounds))
        for count in plan.keys
    ]


def _listener(bootstrap: str) -> dict[str, int]:
    """The process that listens there, when it is one of this machine that can be seen."""
    port = int(bootstrap.split(",")[0].rpartition(":")[2])
    try:
        found = [one for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == port]
    except psutil.AccessDenied:
        return {}
    return next(({"broker": one.pid} for one in found if one.status == psutil.CONN_LISTEN and one.pid), {})


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    python = f"Python {platform.python_version()}{', compiled' if is_compiled() else ''}"
    return f"{psutil.cpu_count()} processors ({platform.machine()}), {memory:.0f} GiB, {python}"
