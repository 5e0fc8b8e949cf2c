"""One supervised process: started, watched, started again when it ends or hangs, and ended."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import structlog
from msgspec import Struct

from tightloop.cli.system.pulse import EVERY_S, Pulse
from tightloop.cli.system.system_state import ProcessState
from tightloop.domain.backoff import backoff

log = structlog.get_logger()
FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S = 0.5, 30.0, 60.0
HUNG_S = 20.0  # without an answer for so long a process is killed, and so started again
HUNG_START_S = 90.0  # before it was ready once: a component waits up to 60 s for its replica's transactions


class Spec(Struct, frozen=True, kw_only=True):
    """``command``: the whole command line. ``health``: the path that answers 200 once it is ready; ``live``: the one
    that does as long as it does not hang.
    """

    name: str
    component: str
    command: tuple[str, ...]
    port: int
    health: str
    live: str
    lane: str | None = None
    replica: str = "0"


class Restarts:
    """When a process that ended is started again. At once the first time: until a dead replica is back under its name,
    its open transaction holds up all who read committed records. Then after 0.5 s, doubling to 30 s; a minute of
    running starts over.
    """

    def __init__(self) -> None:
        self._restarts = 0

    def after_run_of(self, seconds: float) -> float:
        """How long to wait before the next start."""
        if seconds >= STEADY_S:
            self._restarts = 0
        self._restarts += 1
        return 0.0 if self._restarts == 1 else backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S, self._restarts - 2)


class Child:
    """Its output is appended to ``log_file``. Not to be shared between threads."""

    def __init__(self, spec: Spec, log_file: Path, environment: Mapping[str, str]) -> None:
        self.spec = spec
        self._log_file = log_file
        self._environment = dict(environment)
        self._process: psutil.Popen | None = None
        self._created: float | None = None
        self._began = 0.0
        self._due = 0.0
        self._when = Restarts()
        self._ready = False
        self._pulse: Pulse | None = None
        self._restarts = 0
        self._exit_code: int | None = None

    @property
    def ready(self) -> bool:
        return self._ready

    def start(self) -> None:
        with self._log_file.open("ab") as out:
            self._process = psutil.Popen(
                self.spec.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **self._environment},
                start_new_session=True,  # Ctrl-C reaches the owner alone, which then ends all in order
            )
        self._created = self._process.create_time()
        self._began = time.monotonic()
        self._ready = False
        self._pulse = Pulse(lambda: answers(self.spec.port, self.spec.live), EVERY_S)

    def watch(self) -> bool:
        """Starts it again when it has ended and its pause is over; kills it when it hangs; asks whether it is ready.

        True: news.
        """
        if self._process is None:
            if time.monotonic() < self._due:
                return False
            self._restarts += 1
            self.start()
            return True
        code = self._process.poll()
        if code is not None:
            self._ended(code)
            return True
        if not self._ready and answers(self.spec.port, self.spec.health):
            self._ready = True
            return True
        self._kill_if_hung(self._process)
        return False

    def _kill_if_hung(self, process: psutil.Popen) -> None:
        silent_s = self._pulse.silent_s if self._pulse is not None else 0.0
        if silent_s > (HUNG_S if self._ready else HUNG_START_S):
            log.warning("does not answer, and is killed", process=self.spec.name, pid=process.pid, silent_s=silent_s)
            self._stop_pulse()
            process.kill()  # its end is then noticed like any other

    def _stop_pulse(self) -> None:
        if self._pulse is not None:
            self._pulse.stop()
            self._pulse = None

    def _ended(self, code: int) -> None:
        pause = self._when.after_run_of(time.monotonic() - self._began)
        log.warning("ended, and is started again", process=self.spec.name, exit_code=code, pause_s=pause)
        self._exit_code = code
        self._due = time.monotonic() + pause
        self._stop_pulse()
        self._process = self._created = None
        self._ready = False

    def terminate(self) -> None:
        """Asks it to end; `kill` makes sure."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def kill(self, deadline: float) -> None:
        """Returns when it has ended: by itself before ``deadline`` (monotonic), or killed."""
        self._stop_pulse()
        if self._process is None:
            return
        try:
            self._exit_code = self._process.wait(max(0.0, deadline - time.monotonic()))
        except psutil.TimeoutExpired:
            log.warning("did not end in time, and is killed", process=self.spec.name)
            self._process.kill()
            self._exit_code = self._process.wait(10)
        self._process = self._created = None
        self._ready = False

    def describe(self, stopped: bool) -> ProcessState:
        running = self._process is not None
        return ProcessState(
            name=self.spec.name,
            component=self.spec.component,
            lane=self.spec.lane,
            replica=self.spec.replica,
            pid=self._process.pid if self._process is not None else None,
            created=self._created,
            port=self.spec.port,
            log=str(self._log_file),
            state="stopped" if stopped else "ready" if self._ready else "starting" if running else "waiting",
            restarts=self._restarts,
            exit_code=self._exit_code,
        )


def answers(port: int, path: str, host: str = "127.0.0.1", timeout_s: float = 1.0) -> bool:
    """Whether ``GET path`` answers 200."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def tail_of(file: Path, lines: int = 8) -> Sequence[str]:
    """The last lines of a log, for an error message."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []
