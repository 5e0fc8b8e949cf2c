"""Where downloaded and prepared things are kept between runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tightloop.errors import ExecutionError


def cache_root() -> Path:
    """``TIGHTLOOP_CACHE``; else ``tightloop`` under ``XDG_CACHE_HOME``, or under ``~/.cache``."""
    chosen = os.environ.get("TIGHTLOOP_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "tightloop"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One process at a time fills ``directory`` (made if missing); the others wait, and then find it filled.

    The lock goes with the process that holds it, however that ends. Raises BRK-001 when the directory cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ExecutionError(
            "BRK-001",
            f"the cache directory {directory} cannot be written ({error.strerror})",
            remedy="Make it writable, or name another directory in TIGHTLOOP_CACHE.",
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
