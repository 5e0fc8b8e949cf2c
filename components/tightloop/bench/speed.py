"""Loops per second and the time of one, of the ring and of the whole loop in turn, at several numbers of keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import msgspec
import psutil
from confluent_kafka import Producer
from msgspec import Struct

from tightloop.bench.load import Load
from tightloop.bench.programs import cpu_seconds
from tightloop.bench.ring import topic_of
from tightloop.bench.rounds import Measured, measured
from tightloop.bench.system import PARTITIONS, Ring, System

RING, LOOP = "ring", "loop"
ROUNDS = 5  # of each, in turn: the machine has other things to do, too, and one round differs by 10 % from the next
SETTLE_S = 2.0
Say = Callable[[str], None]


class Run(Struct, frozen=True, kw_only=True):
    """One measurement. ``cpu``: share of a core by process, in percent. ``answer``: publish to result, at one key."""

    what: str
    keys: int
    measured: Measured
    cpu: dict[str, float]
    answer: Measured | None = None


class Speed(Struct, frozen=True, kw_only=True):
    """Medians of a number of keys. The ratios are the loop's to that of the ring just before it, then the median."""

    keys: int
    ring_per_second: float
    ring_p50_ms: float
    ring_p99_ms: float
    loop_per_second: float
    loop_p50_ms: float
    loop_p99_ms: float
    rate_ratio: float
    p50_ratio: float
    answer_p50_ms: float | None
    cpu: dict[str, float]


class Cpu:
    """Who uses the processors, from its making to :meth:`shares`."""

    def __init__(self, processes: dict[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in processes.items()}
        self._before = {name: cpu_seconds(one) for name, one in self._processes.items()}
        self._machine = _busy()
        self._since = time.monotonic()

    def shares(self) -> dict[str, float]:
        """Percent of one core each; ``machine`` is everything that ran, ours or not."""
        seconds = time.monotonic() - self._since
        shares = {
            name: round(100 * (cpu_seconds(one) - self._before[name]) / seconds, 1)
            for name, one in self._processes.items()
        }
        return {**shares, "machine": round(100 * (_busy() - self._machine) / seconds, 1)}


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "softirq", 0.0) + getattr(times, "irq", 0.0))


def measure(
    system: System, ring: Ring, keys: int, seconds: float, others: dict[str, int], say: Say, *, rounds: int = ROUNDS
) -> list[Run]:
    """``others``: further processes to watch, by name (the broker, this one)."""
    runs = []
    for number in range(rounds):
        runs.append(ring_run(ring, keys, seconds, others))
        say(_line(runs[-1]))
        runs.append(loop_run(system, keys, seconds, others, f"b{keys}n{number}"))
        say(_line(runs[-1]))
    return runs


def ring_run(ring: Ring, keys: int, seconds: float, others: dict[str, int]) -> Run:
    ring.start()
    try:
        producer = Producer({"bootstrap.servers": ring.bootstrap, "log_level": 3})
        for number in range(keys):
            producer.produce(topic_of(ring.prefix, 0), b"x" * 200, b"k%d" % number, number % PARTITIONS)
        producer.flush(10)
        time.sleep(SETTLE_S)
        first = ring.programs[0]
        first.tell("begin")
        cpu = Cpu({**{one.name: one.pid for one in ring.programs}, **others})
        time.sleep(seconds)
        shares = cpu.shares()
        first.tell("end")
        found = msgspec.convert(first.hear(30), Measured)
        return Run(what=RING, keys=keys, measured=found, cpu=shares)
    finally:
        ring.stop()


def loop_run(system: System, keys: int, seconds: float, others: dict[str, int], name: str) -> Run:
    system.start()
    try:
        load = Load(system.bootstrap, system.prefix, name, keys)
        load.start(settle_s=SETTLE_S)
        cpu = Cpu({**{one.name: one.pid for one in system.programs}, **others})
        found = load.measure(seconds)
        shares = cpu.shares()
        load.finish()
        answer = _answers(system, f"{name}a", min(seconds, 3.0)) if keys == 1 else None
        return Run(what=LOOP, keys=keys, measured=found, cpu=shares, answer=answer)
    finally:
        system.stop()


def _answers(system: System, name: str, seconds: float) -> Measured:
    """One key with nothing queued: the next is published when the result of the one before has come."""
    load = Load(system.bootstrap, system.prefix, name, 1, ahead=1)
    load.start(settle_s=0.5)
    load.measure(seconds)
    found = measured(load.answers, seconds)
    load.finish()
    return found


def summary(keys: int, runs: list[Run]) -> Speed:
    rings = [run for run in runs if run.what == RING]
    loops = [run for run in runs if run.what == LOOP]
    answers = [run.answer.p50_ms for run in loops if run.answer is not None]
    names = loops[-1].cpu if loops else {}
    return Speed(
        keys=keys,
        ring_per_second=_middle(rings, "per_second"),
        ring_p50_ms=_middle(rings, "p50_ms"),
        ring_p99_ms=_middle(rings, "p99_ms"),
        loop_per_second=_middle(loops, "per_second"),
        loop_p50_ms=_middle(loops, "p50_ms"),
        loop_p99_ms=_middle(loops, "p99_ms"),
        rate_ratio=_ratio(rings, loops, "per_second"),
        p50_ratio=_ratio(rings, loops, "p50_ms"),
        answer_p50_ms=round(median(answers), 3) if answers else None,
        cpu={name: round(median(run.cpu.get(name, 0.0) for run in loops), 1) for name in names},
    )


def _middle(runs: list[Run], field: str) -> float:
    values: list[Any] = [getattr(run.measured, field) for run in runs]
    return round(float(median(values)), 3) if values else 0.0


def _ratio(rings: list[Run], loops: list[Run], field: str) -> float:
    """``rings`` and ``loops`` were measured in turn; 0 where no ring was."""
    ratios = [
        getattr(loop.measured, field) / value
        for ring, loop in zip(rings, loops, strict=True)
        if (value := getattr(ring.measured, field))
    ]
    return round(median(ratios), 3) if ratios else 0.0


def _line(run: Run) -> str:
    found = run.measured
    cpu = ", ".join(f"{name} {share:.0f}" for name, share in run.cpu.items())
    answer = f", publish to result p50 {run.answer.p50_ms:.1f} ms" if run.answer else ""
    return (
        f"{run.what} at {run.keys} keys: {found.per_second:.0f} loops/s, p50 {found.p50_ms:.1f} ms, "
        f"p99 {found.p99_ms:.1f} ms{answer} (% of a core: {cpu})"
    )
