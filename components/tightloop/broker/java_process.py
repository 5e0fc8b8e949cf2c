"""The broker's process: its start, the check that it is ready, and the end of its log when it is not."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tightloop.broker.java import Java
from tightloop.broker.settings import HOST, QUICK, Profile
from tightloop.errors import ExecutionError

PROPERTIES_FILE = "server.properties"
LOG_FILE = "broker.log"  # what Kafka logs
OUT_FILE = "broker.out"  # what the JVM itself prints
_LOG_CONFIG = Path(__file__).with_name("log4j2.properties")
_MARK = "-Dtightloop.broker="
_KILL_GRACE_S = 30.0  # a process in the middle of a long write dies only after it


def launch(
    java: Java, jars: Sequence[Path], data_dir: Path, *, flags: Sequence[str] = (), profile: Profile = QUICK
) -> psutil.Popen:
    """Begins a broker that works in ``data_dir``, where ``server.properties`` lies already.

    It gets a session of its own: Ctrl-C in the terminal reaches the program that owns the broker, which then stops it
    in order. Raises BRK-003 when Java cannot be executed.
    """
    shutil.copyfile(_LOG_CONFIG, data_dir / _LOG_CONFIG.name)
    command = [
        str(java.path),
        f"-Xmx{profile.heap_mb}m",
        *profile.flags,
        *flags,
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={_LOG_CONFIG.name}",
        f"{_MARK}{data_dir}",
        "-cp",
        os.pathsep.join(map(str, jars)),
        "kafka.Kafka",
        PROPERTIES_FILE,
    ]
    with (data_dir / OUT_FILE).open("wb") as out:
        try:
            return psutil.Popen(
                command,
                cwd=data_dir,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ExecutionError("BRK-003", f"{java.path} cannot be executed: {error}") from error


def find_broker(pid: int, data_dir: Path) -> psutil.Process | None:
    """The process ``pid``, if it is alive and is the broker of ``data_dir``; a pid that was given anew is not."""
    try:
        process = psutil.Process(pid)
        return process if is_alive(process) and f"{_MARK}{data_dir}" in process.cmdline() else None
    except psutil.Error:
        return None


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end(process: psutil.Process, grace_s: float) -> None:
    """SIGTERM, and SIGKILL when it still runs after ``grace_s`` seconds; returns when it is gone."""
    with suppress(psutil.NoSuchProcess):
        process.resume()  # one that is paused would not see the SIGTERM
        process.terminate()
    if not _gone(process, grace_s):
        end_hard(process)


def end_hard(process: psutil.Process) -> None:
    """SIGKILL; returns when it is gone."""
    with suppress(psutil.NoSuchProcess):
        process.kill()
    _gone(process, _KILL_GRACE_S)


def _gone(process: psutil.Process, within_s: float) -> bool:
    """Waits until it holds nothing any more: a zombie's other threads may still keep its port.

    A child is reaped. Of a process that is no child a zombie counts as gone after a second, as its parent may never
    reap it.
    """
    deadline = time.monotonic() + within_s
    child = isinstance(process, psutil.Popen)
    while True:
        left = max(0.0, deadline - time.monotonic())
        try:
            process.wait(left if child else min(left, 1.0))
            return True
        except psutil.TimeoutExpired:
            if not child and not is_alive(process):
                return True
            if left == 0:
                return False


def await_ready(process: psutil.Process, port: int, data_dir: Path, timeout_s: float) -> None:
    """Returns when the broker answers and counts itself among the brokers that take requests.

    Raises BRK-004, with what the log says, when the process ends first or the time is over.
    """
    deadline = time.monotonic() + timeout_s
    while not _listens(port):
        _check(process, deadline, data_dir, timeout_s)
        time.sleep(0.02)
    admin = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 0, "reconnect.backoff.max.ms": 100})
    while not _answers(admin):
        _check(process, deadline, data_dir, timeout_s)


def _check(process: psutil.Process, deadline: float, data_dir: Path, timeout_s: float) -> None:
    if not is_alive(process):
        raise _did_not_come_up(f"its process ended with {process.wait(5)}", data_dir)
    if time.monotonic() > deadline:
        raise _did_not_come_up(f"it did not answer within {timeout_s:g} s", data_dir)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def _answers(admin: AdminClient) -> bool:
    try:
        return bool(admin.list_topics(timeout=1).brokers)
    except KafkaException:
        return False


def _did_not_come_up(why: str, data_dir: Path) -> ExecutionError:
    said = log_tail(data_dir)
    return ExecutionError(
        "BRK-004",
        f"{why}. Its log is {data_dir / LOG_FILE}; it ends:\n{said}" if said else f"{why}, and it said nothing",
    )


def log_tail(data_dir: Path, lines: int = 15) -> str:
    """The last lines of what the JVM and Kafka said, with Kafka's first error before them."""
    printed = _lines(data_dir / OUT_FILE)[-lines:]
    logged = _lines(data_dir / LOG_FILE)
    first_error = next((line for line in logged if " ERROR " in line or " FATAL " in line), None)
    tail = logged[-lines:]
    if first_error is not None and first_error not in tail:
        tail = [first_error, "[...]", *tail]
    return "\n".join([*printed, *tail])


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines() if path.is_file() else []
