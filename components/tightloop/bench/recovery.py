"""An idle component's share of the machine, how soon one is ready, and how soon a key goes on after a SIGKILL."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from tightloop.bench.load import Load, WrongResult
from tightloop.bench.programs import Program
from tightloop.bench.speed import Cpu
from tightloop.bench.system import System

_PATIENCE_S = 30.0


class Idle(Struct, frozen=True, kw_only=True):
    """``ready_s``: from the start of its process, beside a running broker, to working on all partitions."""

    component: str
    resident_mb: float
    cpu_percent: float
    ready_s: float


class Recovered(Struct, frozen=True, kw_only=True):
    """``seconds``: the longest time without a result of the one key, around a SIGKILL of ``component``."""

    component: str
    in_transaction: bool
    seconds: float


def idle(system: System, seconds: float) -> list[Idle]:
    system.start()
    try:
        ready = {}
        for one in list(system.components):  # one after the other: together they would wait for the processors
            one.stop()
            again = system.restart(one)
            ready[one.name] = system.await_ready(again)
        time.sleep(1.0)
        cpu = Cpu({one.name: one.pid for one in system.components})
        time.sleep(seconds)
        shares = cpu.shares()
        return [
            Idle(
                component=one.name,
                resident_mb=round(one.resident_mb(), 1),
                cpu_percent=shares[one.name],
                ready_s=round(ready[one.name], 2),
            )
            for one in system.components
        ]
    finally:
        system.stop()


def recoveries(system: System) -> list[Recovered]:
    system.start()
    try:
        load = Load(system.bootstrap, system.prefix, "kill", 1)
        load.start(settle_s=1.0)
        found = [
            Recovered(component=name, in_transaction=inside, seconds=round(_killed(system, load, name, inside), 2))
            for name in [one.name for one in system.components]
            for inside in (False, True)
        ]
        load.finish()
        return found
    finally:
        system.stop()


def _killed(system: System, load: Load, name: str, inside: bool) -> float:
    """Kill it while the load runs, start it again at once, and go on until the key has gone on for a while."""
    watch = _Watch(load, f"{name} was killed")
    with ThreadPoolExecutor(1) as killer:
        again = killer.submit(_kill, system, name, inside)
        while not (again.done() and system.status(again.result()).get("partitions")):
            watch.look()
    enough = load.finished + 10
    while load.finished < enough:
        watch.look()
    return watch.longest


class _Watch:
    """How long there was no result, at most."""

    def __init__(self, load: Load, after: str) -> None:
        self.longest = 0.0
        self._load = load
        self._after = after
        self._finished = load.finished
        self._since = time.monotonic()

    def look(self) -> None:
        self._load.run(0.005)
        waited = time.monotonic() - self._since
        self.longest = max(self.longest, waited)
        if waited > _PATIENCE_S:
            raise WrongResult(f"the key did not go on in {_PATIENCE_S} s after {self._after}")
        if self._load.finished != self._finished:
            self._finished = self._load.finished
            self._since = time.monotonic()


def _kill(system: System, name: str, inside: bool) -> Program:
    program = system.component(name)
    if inside:
        os.kill(program.pid, signal.SIGUSR1)
        program.hear(10)  # it stands in the middle of a transaction
    program.kill()
    return system.restart(program)
