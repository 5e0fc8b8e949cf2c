"""Writes ``jars.lock``: ``python -m tightloop.broker.pin``, when the version of Kafka changes.

Resolves the coordinates below with all they depend on, downloads every jar, and writes down its SHA-256. Look at the
difference before committing it: from then on these bytes, and no others, are run.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from tightloop.broker.pins import KAFKA_VERSION, LOCK_FILE

_LOG4J_VERSION = "2.25.1"
# kafka-clients by name: left to itself the resolver picks an older one, with which the broker does not start.
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",
    f"org.apache.logging.log4j:log4j-core:{_LOG4J_VERSION}",
    f"org.apache.logging.log4j:log4j-slf4j2-impl:{_LOG4J_VERSION}",
)
_HEADER = """\
# The jars of the embedded broker: SHA-256, size in bytes, Maven coordinate.
# Written by `python -m tightloop.broker.pin`; not edited by hand.
"""


def lock_text() -> str:
    """The lock file's text, from what the repository holds now."""
    import jgo

    with tempfile.TemporaryDirectory() as scratch:
        lines = [_line(artifact, Path(scratch)) for artifact in jgo.resolve("+".join(COORDINATES))]
    return _HEADER + "\n".join(sorted(lines, key=lambda line: line.split()[2])) + "\n"


def _line(artifact: Any, scratch: Path) -> str:
    from jgo.maven import MavenContext, PythonResolver

    resolver: Any = PythonResolver()
    maven: Any = MavenContext(resolver=resolver, repo_cache=scratch)
    fresh = maven.project(artifact.groupId, artifact.artifactId).at_version(artifact.version).artifact()
    body = Path(resolver.download(fresh)).read_bytes()
    return f"{hashlib.sha256(body).hexdigest()} {len(body)} {artifact.groupId}:{artifact.artifactId}:{artifact.version}"


if __name__ == "__main__":
    LOCK_FILE.write_text(lock_text())
