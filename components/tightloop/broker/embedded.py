"""An Apache Kafka broker that this program starts and ends: no Docker, no Java to install."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tightloop.broker.jars import ensure_jars
from tightloop.broker.java import find_java
from tightloop.broker.java_process import (
    LOG_FILE,
    PROPERTIES_FILE,
    await_ready,
    end,
    end_hard,
    find_broker,
    is_alive,
    launch,
    log_tail,
)
from tightloop.broker.owner_watch import Watchdog
from tightloop.broker.pins import KAFKA_VERSION
from tightloop.broker.ports import free_port, is_free
from tightloop.broker.prepare import ensure_prepared, format_data
from tightloop.broker.settings import FAST, HOST, KAFKA_DATA, QUICK, SESSION_TIMEOUT_MS, server_properties
from tightloop.broker.steps import Report, Step, silent
from tightloop.errors import ExecutionError

_STATE_FILE = "broker.json"
_STOP_GRACE_S = 15.0
_PORT_ATTEMPTS = 3


class EmbeddedBroker:
    """One Kafka node on loopback, as a process of its own.

    ``data_dir``: where it works and keeps its data. ``None``: a temporary directory, deleted on ``stop``.
    ``port``: ``0`` takes a free one, and the same again on every later start on the same data.
    ``fast``: the full JIT and a larger heap, for measuring; without it the start is quickest.
    ``heap_mb``: the largest heap, in MiB. ``session_timeout_ms``: how soon a consumer that fell silent is replaced,
    for groups that set none of their own (1000 and more). ``settings``: further broker settings by Kafka's names.
    ``detached``: the broker outlives this program (it needs a ``data_dir``; ``attach`` finds it again). Otherwise it
    ends within a second of this program, also when that is killed.

    Use it as a context manager, or call ``start`` and ``stop``. ``kill``, ``pause``, ``resume`` and ``restart`` are
    for tests of what happens then. Not to be shared between threads. Raises ExecutionError with codes BRK-001…005.
    """

    def __init__(
        self,
        data_dir: Path | str | None = None,
        port: int = 0,
        *,
        fast: bool = False,
        heap_mb: int | None = None,
        detached: bool = False,
        session_timeout_ms: int = SESSION_TIMEOUT_MS,
        settings: Mapping[str, str] | None = None,
        start_timeout_s: float = 60.0,
    ) -> None:
        if detached and data_dir is None:
            raise ValueError("a detached broker needs a data_dir: nobody would delete a temporary one")
        profile = FAST if fast else QUICK
        self._profile = replace(profile, heap_mb=heap_mb) if heap_mb else profile
        self._kept_dir = Path(data_dir).expanduser().absolute() if data_dir is not None else None
        self._data_dir: Path | None = None
        self._fixed_port = port
        self._port = 0
        self._controller_port = 0
        self._detached = detached
        self._session_timeout_ms = session_timeout_ms
        self._settings = dict(settings or {})
        self._start_timeout_s = start_timeout_s
        self._process: psutil.Process | None = None
        self._watchdog: Watchdog | None = None

    @classmethod
    def attach(cls, data_dir: Path | str) -> Self:
        """The broker that runs on ``data_dir``, also one that another program has started. Raises BRK-005 when none
        does.
        """
        broker = cls(data_dir, detached=True)
        broker._data_dir = broker._kept_dir
        process = broker._recorded_process()
        if process is None:
            raise ExecutionError("BRK-005", f"no embedded broker runs on {broker._kept_dir}")
        broker._process = process
        return broker

    # what it is

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients; known from the first start on."""
        if not self._port:
            raise ExecutionError("BRK-005", "the embedded broker was not started yet: it has no address")
        return f"{HOST}:{self._port}"

    @property
    def data_dir(self) -> Path:
        """Where its data, its settings and its logs are; a temporary one exists from ``start`` to ``stop``."""
        if self._data_dir is None:
            raise ExecutionError("BRK-005", "the embedded broker was not started yet: it has no data directory")
        return self._data_dir

    @property
    def log_file(self) -> Path:
        return self.data_dir / LOG_FILE

    @property
    def pid(self) -> int:
        """Raises BRK-005 when it does not run."""
        return int(self._running_process().pid)

    @property
    def is_running(self) -> bool:
        """Whether its process is alive; one that is paused is."""
        return self._process is not None and is_alive(self._process)

    # what one does with it

    def start(self, progress: Report = silent) -> Self:
        """Returns when it takes requests. What is missing in the cache is downloaded and prepared first.

        A broker that runs already is left alone. After ``kill`` it starts on the same data and port.
        """
        if self.is_running:
            return self
        self.kill()
        java = find_java()
        jars = ensure_jars(progress)
        prepared = ensure_prepared(java, jars, progress)
        progress(Step(f"Starting Apache Kafka {KAFKA_VERSION}"))
        self._open_data_dir()
        try:
            format_data(self.data_dir, prepared.checkpoint)
            self._bring_up(partial(launch, java, jars, self.data_dir, flags=prepared.flags, profile=self._profile))
        except BaseException as error:
            self.kill()
            # Of a failed start the logs stay, even where all else is temporary: the error names them.
            self._delete_temporary(keep_logs=isinstance(error, ExecutionError))
            raise
        return self

    def stop(self) -> None:
        """Ends it in order (SIGTERM, after 15 s SIGKILL), and deletes its data if that was temporary."""
        self._shut_down()
        self._delete_temporary()

    def restart(self) -> Self:
        """Ends it in order if it runs, and starts it on the same data and port."""
        self._shut_down()
        return self.start()

    def kill(self) -> None:
        """SIGKILL. Data and port stay: ``start`` or ``restart`` brings it back."""
        if self._process is not None:
            end_hard(self._process)
        self._forget_process()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        self._running_process().suspend()

    def resume(self) -> None:
        """SIGCONT."""
        self._running_process().resume()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait(self) -> None:
        """Returns when its process has ended, for whatever reason. Raises BRK-005 when it does not run."""
        self._running_process().wait()

    # how

    def _bring_up(self, begin: Callable[[], psutil.Popen]) -> None:
        """Launches until it answers: again on another port when another process has taken the chosen one meanwhile."""
        for attempts_left in reversed(range(_PORT_ATTEMPTS)):
            self._choose_ports()
            self._write_properties()
            self._process = begin()
            self._write_state(self._process.pid)
            if not self._detached:
                self._watchdog = Watchdog(self._process.pid, None if self._kept_dir else self._data_dir)
            try:
                await_ready(self._process, self._port, self.data_dir, self._start_timeout_s)
                self._fixed_port = self._port  # clients know it now: no later start may take another
                return
            except ExecutionError:
                if not attempts_left or not self._lost_a_port():
                    raise
                self.kill()

    def _running_process(self) -> psutil.Process:
        if self._process is None or not is_alive(self._process):
            raise ExecutionError("BRK-005", "the embedded broker does not run")
        return self._process

    def _open_data_dir(self) -> None:
        if self._data_dir is None:
            self._data_dir = self._kept_dir or Path(tempfile.mkdtemp(prefix="tightloop-broker-"))
        self._data_dir.mkdir(parents=True, exist_ok=True)
        other = self._recorded_process()
        if other is not None:
            raise ExecutionError("BRK-005", f"another broker (pid {other.pid}) works on {self._data_dir} already")

    def _choose_ports(self) -> None:
        """The fixed port, or the one it had, or a free one. Raises BRK-005 when the fixed one is in use."""
        fixed = self._fixed_port
        if fixed and not is_free(fixed):
            raise ExecutionError("BRK-005", f"port {fixed} on {HOST} is in use by another process")
        if fixed:
            self._port = fixed
        elif not self._port or not is_free(self._port):
            self._port = free_port()
        if not self._controller_port or not is_free(self._controller_port):
            self._controller_port = free_port(frozenset({self._port}))

    def _lost_a_port(self) -> bool:
        """Whether another process took a port between the moment it was found free and the broker's own attempt."""
        return "BindException" in log_tail(self.data_dir, 200)

    def _write_properties(self) -> None:
        text = server_properties(self._port, self._controller_port, self._session_timeout_ms, self._settings)
        (self.data_dir / PROPERTIES_FILE).write_text(text)

    def _write_state(self, pid: int | None) -> None:
        state = {"pid": pid, "port": self._port, "controller_port": self._controller_port}
        fresh = self.data_dir / f"{_STATE_FILE}.new"
        fresh.write_text(json.dumps(state))
        fresh.replace(self.data_dir / _STATE_FILE)

    def _recorded_process(self) -> psutil.Process | None:
        """Takes over the ports of the data directory's last broker, and gives its process if it is alive."""
        file = self.data_dir / _STATE_FILE
        if not file.is_file():
            return None
        state = json.loads(file.read_text())
        self._port, self._controller_port = state["port"], state["controller_port"]
        return find_broker(state["pid"], self.data_dir) if state["pid"] else None

    def _shut_down(self) -> None:
        if self._process is not None:
            end(self._process, _STOP_GRACE_S)
            self._write_state(None)
        self._forget_process()

    def _forget_process(self) -> None:
        if self._watchdog is not None:
            self._watchdog.dismiss()
        self._watchdog = self._process = None

    def _delete_temporary(self, *, keep_logs: bool = False) -> None:
        if self._kept_dir is not None or self._data_dir is None:
            return
        shutil.rmtree(self._data_dir / KAFKA_DATA if keep_logs else self._data_dir, ignore_errors=True)
        if not keep_logs:
            self._data_dir = None
