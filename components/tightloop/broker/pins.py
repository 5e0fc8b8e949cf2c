"""Which jars Apache Kafka needs: ``jars.lock`` names each with its SHA-256, size and Maven coordinate."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tightloop.errors import ExecutionError

KAFKA_VERSION = "4.2.2"
LOCK_FILE = Path(__file__).with_name("jars.lock")


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


def pinned_jars(lock_file: Path = LOCK_FILE) -> list[PinnedJar]:
    """The jars of the lock file, in its order, which is the order of the class path."""
    pins = []
    for line in lock_file.read_text().splitlines():
        if line and not line.startswith("#"):
            sha256, size, coordinate = line.split()
            pins.append(PinnedJar(sha256, int(size), *coordinate.split(":")))
    return pins


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
