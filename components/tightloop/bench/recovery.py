"""An idle component's share of the machine, how soon one is ready, and how soon a key goes on after a SIGKILL."""

from __future__ import annotations

import os
import signal
import threading
import time

from msgspec import Struct

from tightloop.bench.load import Load
from tightloop.bench.programs import Program
from tightloop.bench.speed import Cpu
from tightloop.bench.system import System


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
    done: list[Program] = []
    killer = threading.Thread(target=lambda: done.append(_kill(system, name, inside)))
    killer.start()
    since = before = time.monotonic()
    longest, finished = 0.0, load.finished
    while time.monotonic() < since + 20:
        load.run(0.005)
        now = time.monotonic()
        if load.finished == finished:
            longest = max(longest, now - before)
            continue
        before, finished = now, load.finished
        if done and longest > 0.2 and system.status(done[0]).get("partitions"):
            break
    killer.join()
    load.run(1.0)
    return longest


def _kill(system: System, name: str, inside: bool) -> Program:
    program = system.component(name)
    if inside:
        os.kill(program.pid, signal.SIGUSR1)
        program.hear(10)  # it stands in the middle of a transaction
    program.kill()
    return system.restart(program)
