"""What runs where: ``system.json`` in the directory of ``tightloop up``, written by the supervisor alone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

FILE = "system.json"
Phase = Literal["starting", "ready", "stopping", "stopped", "failed"]


class ProcessState(Struct, frozen=True, kw_only=True):
    """One supervised process. ``created`` tells it from a later process with the same pid (psutil's create_time)."""

    name: str
    component: str
    lane: str | None = None
    replica: str = "0"
    pid: int | None = None
    created: float | None = None
    port: int | None = None
    log: str = ""
    state: Literal["starting", "ready", "waiting", "stopped"] = "starting"
    restarts: int = 0
    exit_code: int | None = None


class Problem(Struct, frozen=True):
    code: str
    message: str
    remedy: str


class SystemState(Struct, frozen=True, kw_only=True):
    """``pid`` and ``created`` are the supervisor's. ``simulator``: ``host:port``, its own or a configured one."""

    pid: int
    created: float
    phase: Phase = "starting"
    step: str = ""
    started_at: datetime
    bootstrap: str = ""
    prefix: str = ""
    simulator: str = ""
    broker_pid: int | None = None
    broker_created: float | None = None
    processes: tuple[ProcessState, ...] = ()
    problem: Problem | None = None

    @property
    def is_alive(self) -> bool:
        return is_same_process(self.pid, self.created)

    @property
    def survivors(self) -> tuple[ProcessState, ...]:
        """Of its processes those that run, whether or not the supervisor does."""
        return tuple(one for one in self.processes if is_same_process(one.pid, one.created))

    @property
    def is_orphaned(self) -> bool:
        """The supervisor is gone, and what it started is not: nothing of that is watched or started again."""
        return not self.is_alive and (bool(self.survivors) or self._broker_runs)

    @property
    def has_broker(self) -> bool:
        """Whether Kafka may be there: the embedded broker runs; or it is not ours, and something here works with it."""
        return self.is_alive or self._broker_runs or (self.broker_pid is None and bool(self.survivors))

    @property
    def _broker_runs(self) -> bool:
        return is_same_process(self.broker_pid, self.broker_created)


def is_same_process(pid: int | None, created: float | None) -> bool:
    """Whether that very process still runs; a zombie does not."""
    import psutil

    if pid is None or created is None:
        return False
    try:
        process = psutil.Process(pid)
        return bool(abs(process.create_time() - created) < 0.5 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def read_state(directory: Path) -> SystemState | None:
    """What the supervisor of this directory wrote last, whether or not it still runs."""
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=SystemState)
    except (OSError, msgspec.DecodeError):
        return None


def write_state(directory: Path, state: SystemState) -> None:
    fresh = directory / f"{FILE}.new"
    fresh.write_bytes(msgspec.json.encode(state))
    fresh.replace(directory / FILE)
