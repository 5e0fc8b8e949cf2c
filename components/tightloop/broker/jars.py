"""Apache Kafka's jars: which ones, where they are kept, and that they are the ones that were pinned.

``jars.lock`` beside this module names every jar with its SHA-256, size and Maven coordinate. A jar is hashed when it
arrives, or when its size or time of change is not what the manifest in the cache says; otherwise a start reads only
names, sizes and times, and imports no resolver.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tightloop.broker.cache import cache_root, locked
from tightloop.broker.progress import Report, silent
from tightloop.records.errors import ExecutionError

KAFKA_VERSION = "4.2.2"
LOCK_FILE = Path(__file__).with_name("jars.lock")
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class PinnedJar:
    """``sha256`` in hex, ``size`` in bytes, and the Maven coordinate."""

    sha256: str
    size: int
    group: str
    artifact: str
    version: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def kafka_cache() -> Path:
    """The directory in the cache for this version of Kafka."""
    return cache_root() / f"kafka-{KAFKA_VERSION}"


def pinned_jars(lock_file: Path = LOCK_FILE) -> list[PinnedJar]:
    """The jars of the lock file, in its order, which is the order of the class path."""
    pins = []
    for line in lock_file.read_text().splitlines():
        if line and not line.startswith("#"):
            sha256, size, coordinate = line.split()
            pins.append(PinnedJar(sha256, int(size), *coordinate.split(":")))
    return pins


def ensure_jars(
    report: Report = silent, *, directory: Path | None = None, pins: Sequence[PinnedJar] | None = None
) -> list[Path]:
    """The paths of all jars, verified; what is missing is downloaded first.

    Raises BRK-001 when something is missing and cannot be downloaded, BRK-002 when a jar is not the pinned one: it is
    named and left as it is.
    """
    wanted = pinned_jars() if pins is None else pins
    place = directory or kafka_cache() / "jars"
    if _known_good(place, wanted):
        return [place / pin.filename for pin in wanted]
    with locked(place):
        missing = _check(place, wanted)
        if missing:
            from tightloop.broker.fetch import fetch  # a complete cache needs no resolver

            fetch(missing, place, report)
        _write_manifest(place, wanted)
    return [place / pin.filename for pin in wanted]


def verify(path: Path, pin: PinnedJar) -> None:
    """Raises BRK-002 unless the file's SHA-256 is the pinned one."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != pin.sha256:
        raise ExecutionError(
            "BRK-002",
            f"{path} has the SHA-256 {found}; pinned is {pin.sha256}",
            remedy=f"Delete {path} and start again: it is then fetched anew. If it comes back the same, the place it "
            "comes from is not to be trusted.",
        )


def _check(directory: Path, pins: Sequence[PinnedJar]) -> list[PinnedJar]:
    """Hashes what is there; gives what is not."""
    missing = []
    for pin in pins:
        path = directory / pin.filename
        if path.is_file():
            verify(path, pin)
        else:
            missing.append(pin)
    return missing


def _known_good(directory: Path, pins: Sequence[PinnedJar]) -> bool:
    try:
        manifest = json.loads((directory / _MANIFEST).read_text())
        return all(manifest.get(pin.filename) == _entry(directory, pin) for pin in pins)
    except (OSError, ValueError):
        return False  # no manifest, or a jar is gone: look closely


def _write_manifest(directory: Path, pins: Sequence[PinnedJar]) -> None:
    fresh = directory / f"{_MANIFEST}.new"
    fresh.write_text(json.dumps({pin.filename: _entry(directory, pin) for pin in pins}, indent=1))
    fresh.replace(directory / _MANIFEST)


def _entry(directory: Path, pin: PinnedJar) -> list[str | int]:
    stat = (directory / pin.filename).stat()
    return [pin.sha256, stat.st_size, int(stat.st_mtime)]
