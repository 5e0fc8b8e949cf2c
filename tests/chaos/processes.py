"""One process of the system under test: started from a spec, killed, stopped, woken, and ended whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]


class Process:
    """``folder`` holds its spec, its output and the orders to ``instruments.py``. ``wanted``: a supervisor is to keep
    it up.
    """

    def __init__(self, name: str, folder: Path, spec: dict[str, Any]) -> None:
        self.name = name
        self.folder = folder
        self.spec = spec
        self.wanted = True
        self.starts = 0
        self.exits: list[int] = []
        self._popen: subprocess.Popen[str] | None = None
        self._output: IO[str] | None = None
        self._wake_at: float | None = None
        self._stops: dict[str, float] = {}
        self._ended_at = time.monotonic()
        self._seen_up_at = time.time()
        self.interruptions: list[tuple[float, float]] = []  # since and until when it was stopped or dead, Unix seconds
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self.is_up else None

    @property
    def is_up(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def is_stopped(self) -> bool:
        return self._wake_at is not None

    def start(self) -> None:
        self._note_exit()
        spec = self.folder / "spec.json"
        spec.write_text(json.dumps({**self.spec, "folder": str(self.folder), "parent": os.getpid()}))
        (self.folder / "probe").unlink(missing_ok=True)
        self._output = (self.folder / "output.log").open("a")
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.component", str(spec)],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "components"), str(ROOT)])},
            text=True,
        )
        self._wake_at = None
        if self.starts:
            self.interruptions.append((self._seen_up_at, time.time()))
        self.starts += 1

    # what befalls it

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def stop_for(self, seconds: float) -> None:
        """SIGSTOP; :meth:`tend` wakes it after ``seconds``."""
        if self.is_up:
            self._signal(signal.SIGSTOP)
            self._sleeps(seconds)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)
        self._wake_at = None

    def arm(self, point: str, action: str, *, seconds: float = 0.0, strategy: str = "") -> None:
        """The next time it reaches ``point``, it kills itself, or stops itself to be woken after ``seconds``."""
        (self.folder / f"hit.{point}").unlink(missing_ok=True)
        if action == "stop":
            self._stops[point] = seconds
        order = self.folder / "order.new"
        order.write_text(json.dumps({"action": action, "strategy": strategy}))
        order.rename(self.folder / f"armed.{point}")

    def disarm(self, point: str = "*") -> None:
        """Take an order back, or all of them."""
        for armed in self.folder.glob(f"armed.{point}"):
            armed.unlink(missing_ok=True)

    def skew(self, seconds: float) -> None:
        """Set its clock: so much ahead of this machine's, also after a restart."""
        told = self.folder / "skew.new"
        told.write_text(str(seconds))
        told.rename(self.folder / "skew")

    def was_hit(self, point: str) -> bool:
        """Did it obey the last order for this point?"""
        return (self.folder / f"hit.{point}").exists()

    # what the supervisor does

    def tend(self) -> None:
        """Start it again when it should be up; wake it when its time has come."""
        for point, seconds in list(self._stops.items()):  # a copy: the storm arms points from its own thread
            if self.was_hit(point):
                self._stops.pop(point, None)
                self._sleeps(seconds)
        if self._wake_at is not None and time.monotonic() >= self._wake_at:
            self.wake()
        if self.is_up:
            self._seen_up_at = time.time()
        elif self.wanted:
            self.start()

    def end(self, grace_s: float = 0.0) -> int | None:
        """SIGTERM and, after ``grace_s``, SIGKILL; its exit code."""
        self.wanted = False
        if self._popen is None:
            return None
        if grace_s and self.is_up:
            self.wake()
            self._signal(signal.SIGTERM)
            try:
                self._popen.wait(grace_s)
            except subprocess.TimeoutExpired:
                self.kill()
        elif self.is_up:
            self.kill()
        code = self._popen.wait(10)
        self._note_exit()
        self._ended_at = time.monotonic()
        return code

    def wait(self, seconds: float) -> int:
        """Its exit code when it ends by itself. Raises subprocess.TimeoutExpired."""
        self.wanted = False
        if self._popen is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._popen.wait(seconds)

    def status(self) -> dict[str, Any]:
        """What its probe says. Empty while it does not answer."""
        where = self.folder / "probe"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{where.read_text()}/status", timeout=5) as answer:
                told: dict[str, Any] = json.load(answer)
        except OSError:
            return {"partitions": [], "restoring": 0, "calls_under_way": 0}
        return told

    def gone_for(self) -> float:
        """Seconds since :meth:`end`."""
        return time.monotonic() - self._ended_at

    def output(self) -> str:
        return (self.folder / "output.log").read_text() if (self.folder / "output.log").exists() else ""

    def _sleeps(self, seconds: float) -> None:
        """It is stopped since it was last looked at, or since now."""
        self._wake_at = time.monotonic() + seconds
        self.interruptions.append((self._seen_up_at, time.time() + seconds))

    def _note_exit(self) -> None:
        if self._popen is not None:
            self.exits.append(self._popen.wait(10))
            self._popen = None
        if self._output is not None:
            self._output.close()
            self._output = None

    def _signal(self, number: signal.Signals) -> None:
        if self.is_up and self._popen is not None:
            self._popen.send_signal(number)
