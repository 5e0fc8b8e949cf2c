"""Apache Kafka's jars: where they are kept, and that they are the ones that were pinned.

A jar is hashed when it
arrives, or when its size or time of change is not what the manifest in the cache says; otherwise a start reads only
names, sizes and times, and imports no resolver.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tightloop.broker.cache import cache_root, locked
from tightloop.broker.pins import KAFKA_VERSION, PinnedJar, pinned_jars, verify
from tightloop.broker.steps import Report, silent

_MANIFEST = "manifest.json"


def kafka_cache() -> Path:
    """The directory in the cache for this version of Kafka."""
    return cache_root() / f"kafka-{KAFKA_VERSION}"


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
