"""Downloads pinned jars from the repository that the resolver knows; every one is verified before it gets its name."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tightloop.broker.pins import KAFKA_VERSION, LOCK_FILE, PinnedJar, verify
from tightloop.broker.steps import Report, Step
from tightloop.errors import ExecutionError

_ATTEMPTS = 3
_AT_ONCE = 6


def fetch(pins: Sequence[PinnedJar], directory: Path, report: Report) -> None:
    """Puts each of ``pins`` into ``directory``.

    Raises BRK-001 when one cannot be had, BRK-002 when one is not what was pinned; those that came before stay.
    """
    staging = directory / ".staging"
    shutil.rmtree(staging, ignore_errors=True)
    tally = _Tally(f"Downloading Apache Kafka {KAFKA_VERSION}, {len(pins)} jars", pins, report)
    download = _downloader(staging, tally, directory)
    workers = ThreadPoolExecutor(_AT_ONCE)
    try:
        for finished in [workers.submit(_fetch_one, pin, directory, download, tally) for pin in pins]:
            finished.result()
    finally:
        workers.shutdown(cancel_futures=True)
        shutil.rmtree(staging, ignore_errors=True)


def _fetch_one(pin: PinnedJar, directory: Path, download: Callable[[PinnedJar], Path], tally: _Tally) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            path = download(pin)
            break
        except (OSError, RuntimeError) as error:  # the resolver's network errors are OSErrors
            if attempt == _ATTEMPTS:
                raise _unobtainable(pin, directory, error) from error
    verify(path, pin)
    path.replace(directory / pin.filename)
    tally.count(pin.filename, pin.size)


def _unobtainable(pin: PinnedJar, directory: Path, error: Exception) -> ExecutionError:
    return ExecutionError(
        "BRK-001",
        f"{pin.filename} is not in {directory} and cannot be downloaded ({type(error).__name__})",
        context={"cause": str(error)},
        remedy=_how_to_fill(directory),
    )


def _how_to_fill(directory: Path) -> str:
    return (
        "Connect to the network and try again. Or, on a machine with network, run `python -m tightloop.broker "
        f"--prepare` and copy the jars of its cache (`kafka-{KAFKA_VERSION}/jars`) into {directory}; {LOCK_FILE} lists "
        "them with their SHA-256. Or configure the address of a Kafka that runs already."
    )


def _downloader(staging: Path, tally: _Tally, directory: Path) -> Callable[[PinnedJar], Path]:
    """A function that downloads one jar into ``staging``, from the repositories of the resolver's own configuration.

    Only files are asked for, no dependencies resolved: the lock file is complete.
    """
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise ExecutionError(
            "BRK-001",
            f"Apache Kafka's jars are not in {directory}, and the package `jgo`, which downloads them, is missing",
            remedy="Install tightloop with its extra: `pip install 'tightloop[embedded]'`. " + _how_to_fill(directory),
        ) from error
    repositories = {**GlobalSettings.load().repositories, **MavenContext().remote_repos}
    resolver: Any = PythonResolver(progress_callback=tally.file)
    maven: Any = MavenContext(resolver=resolver, repo_cache=staging, remote_repos=repositories)

    def download(pin: PinnedJar) -> Path:
        artifact = maven.project(pin.group, pin.artifact).at_version(pin.version).artifact()
        Path(artifact.cached_path).unlink(missing_ok=True)  # what an attempt that failed left behind
        return Path(resolver.download(artifact))

    return download


class _Tally:
    """Bytes per file, over all threads."""

    def __init__(self, text: str, pins: Sequence[PinnedJar], report: Report) -> None:
        self._text = text
        self._total = sum(pin.size for pin in pins)
        self._report = report
        self._lock = threading.Lock()
        self._bytes: dict[str, int] = {}
        report(Step(text, 0, self._total))

    def count(self, filename: str, size: int) -> None:
        with self._lock:
            self._bytes[filename] = size
            self._report(Step(self._text, sum(self._bytes.values()), self._total))

    @contextmanager
    def file(self, filename: str, size: int) -> Iterator[Callable[[int], None]]:
        """The resolver's progress callback: begins a file, and gives what counts its bytes as they come."""
        seen = 0

        def more(count: int) -> None:
            nonlocal seen
            seen += count
            # The last byte is counted when the jar is verified and in its place.
            self.count(filename, min(seen, size - 1))

        yield more
