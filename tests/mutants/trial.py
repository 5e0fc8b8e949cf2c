"""A copy of the source tree, in which a mutant lives while tests run against it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
LIMIT_S = 120.0
PASSED, FAILED = 0, 1  # exit codes of pytest; all others say that the tests did not run as they should
_FAILURE = re.compile(r"^FAILED (.+?)(?: - .*)?$", re.MULTILINE)


class NotTried(Exception):
    """The tests could not be run: this says nothing about the mutant."""


@dataclass(frozen=True)
class Trial:
    """``killed_by``: the first test that failed, ``None`` where none did. ``in_time``: the tests came to their end."""

    killed_by: str | None
    seconds: float
    in_time: bool = True


class Copy:
    """The files that git knows or would take in, as they are now, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            source, target = ROOT / name, folder / name
            if source.is_file():  # one that was deleted and not committed is listed, too
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)

    @contextmanager
    def with_mutant(self, mutant: Mutant) -> Iterator[None]:
        path = self.root / mutant.path
        whole = path.read_text()
        self._write(path, mutant.mutated(self.root))
        try:
            yield
        finally:
            self._write(path, whole)

    def _write(self, path: Path, text: str) -> None:
        """Compiled code goes by time and size, and both may be the same after a small change."""
        path.write_text(text)
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()

    def run(self, tests: Sequence[str], limit_s: float = LIMIT_S) -> Trial:
        """Runs them until the first one fails. Raises NotTried."""
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-x", "-q", "-rf", "--tb=short", "-p", "no:cacheprovider", *tests],
            cwd=self.root,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            return Trial(None, time.monotonic() - began, in_time=False)
        finally:
            _end_group(process)
        seconds = time.monotonic() - began
        failure = _FAILURE.search(output)
        if process.returncode == PASSED:
            return Trial(None, seconds)
        if process.returncode == FAILED and failure is not None:
            return Trial(failure[1], seconds)
        raise NotTried(output)

    def _environment(self) -> dict[str, str]:
        """Before the installed package, for processes that tests start as well; words wide enough for a test's name."""
        places = os.pathsep.join([str(self.root / "components"), str(self.root)])
        return {**os.environ, "PYTHONPATH": places, "COLUMNS": "1000"}


def _end_group(process: subprocess.Popen[str]) -> None:
    """pytest, and whatever it left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
