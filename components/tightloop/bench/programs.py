"""The processes of a measurement: started by module name, spoken to in lines, ended by id."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

import tightloop

STOP_S = 10.0


class Program:
    """``python -m module argument``. Its standard output is read line by line, its errors go to a file."""

    def __init__(
        self, name: str, module: str, *arguments: str, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": _path(), **(env or {})},
            )
        self.started = time.monotonic()
        self._seen = psutil.Process(self._process.pid)
        self._buffer = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def tell(self, line: str) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise RuntimeError(f"{self.name} has no standard input")
        stdin.write(line.encode() + b"\n")
        stdin.flush()

    def hear(self, timeout_s: float) -> dict[str, Any]:
        """The next line of JSON on its standard output. Raises RuntimeError when none comes in time."""
        deadline = time.monotonic() + timeout_s
        stdout = self._process.stdout
        if stdout is None:
            raise RuntimeError(f"{self.name} has no standard output")
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            ready = select.select([stdout], [], [], max(0.0, left))[0]
            data = os.read(stdout.fileno(), 65536) if ready else b""
            if not data:
                raise RuntimeError(self.trouble(f"said nothing for {timeout_s} s" if self.is_running else "has ended"))
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        heard: dict[str, Any] = json.loads(line)
        return heard

    def trouble(self, what: str) -> str:
        """What went wrong, with the end of its log."""
        tail = self.log.read_text(errors="replace")[-2000:]
        return f"{self.name} {what}\n{tail}"

    def resident_mb(self) -> float:
        return float(self._seen.memory_info().rss) / 2**20

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._close()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that does not help."""
        if self.is_running:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._close()

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def cpu_seconds(process: psutil.Process) -> float:
    """Processor time it has used; 0 when it is gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def stop_all(programs: list[Program]) -> None:
    """All at once: each is told to end before any is waited for."""
    for one in programs:
        if one.is_running:
            psutil.Process(one.pid).terminate()
    for one in programs:
        one.stop()


def _path() -> str:
    """The package is found by the processes wherever it was imported from."""
    here = str(Path(tightloop.__file__).resolve().parent.parent)
    before = os.environ.get("PYTHONPATH")
    return f"{here}{os.pathsep}{before}" if before else here
