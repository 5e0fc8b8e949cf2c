"""The command line as a process, and everything that it started, told by a mark in the environment."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

MARK = "TIGHTLOOP_TEST_MARK"


class CommandLine:
    """``tightloop`` in a directory of its own; ``end`` ends whatever is left of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._mark = uuid.uuid4().hex
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TIGHTLOOP_BOOTSTRAP")},
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "TMPDIR": str(directory),
            MARK: self._mark,
        }

    def run(
        self, *arguments: str, stdin: str | None = None, timeout_s: float = 150
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tightloop.cli", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.directory,
            env=self.environment,
            timeout=timeout_s,
        )

    def json(self, *arguments: str, code: int = 0, stdin: str | None = None) -> Any:
        """The one document on standard output, after checking the exit code and that nothing else is there."""
        done = self.run(*arguments, "--json", stdin=stdin)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        (line,) = done.stdout.splitlines()
        return json.loads(line)

    def left_running(self) -> list[str]:
        """What it started, directly or not, and still runs."""
        return list(self._marked().values())

    def end(self) -> None:
        left = list(self._marked())
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)

    def _marked(self) -> dict[psutil.Process, str]:
        """Its processes, and their command lines."""
        found = {}
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self._mark and process.status() != psutil.STATUS_ZOMBIE:
                    found[process] = " ".join(process.cmdline())
            except psutil.Error:
                continue  # ended meanwhile, or somebody else's
        return found


def eventually(holds: Callable[[], Any], within_s: float = 30.0, what: str = "it") -> Any:
    """The first true answer; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        answer = holds()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not come about within {within_s} s"
        time.sleep(0.1)
