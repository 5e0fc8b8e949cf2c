"""The bytes on a broker, as they are: whatever topic, whatever transaction, keys and headers too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

QUIET_S = 10.0


def records(bootstrap: str, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Each record of the topics that begin so, in one piece: its place, and key, value and headers."""
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": f"{prefix}topic-bytes",
        "enable.auto.commit": False,
        "isolation.level": "read_uncommitted",
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    }
    consumer = Consumer(settings)
    try:
        known = consumer.list_topics(timeout=QUIET_S).topics
        places = [
            TopicPartition(name, number, 0)
            for name, topic in known.items()
            if name.startswith(prefix)
            for number in topic.partitions
        ]
        consumer.assign(places)
        ended = 0
        while ended < len(places):
            message = consumer.poll(QUIET_S)
            assert message is not None, f"nothing came for {QUIET_S:g} s, and {len(places) - ended} ends are missing"
            if message.error() is not None:
                ended += 1
                continue
            headers = b"".join(value or b"" for _, value in message.headers() or [])
            whole = (message.key() or b"") + (message.value() or b"") + headers
            yield f"{message.topic()}/{message.partition()}@{message.offset()}", whole
    finally:
        consumer.close()


def files_with(folder: Path, text: bytes, names: str = "*") -> list[Path]:
    """Files below ``folder`` of such ``names``, of any size, that hold it.

    Of a broker's folder ``*.log`` are its topics as they lie on the disk, and its own logs; its indexes are of 10 MB
    each, nearly all of it empty.
    """
    found = []
    for parent, _, files in os.walk(folder):  # what is deleted meanwhile, as old topics are, is passed over
        for path in (Path(parent) / name for name in files if fnmatch(name, names)):
            with suppress(FileNotFoundError):
                if _holds(path, text):
                    found.append(path)
    return found


def _holds(path: Path, text: bytes) -> bool:
    before = b""
    with path.open("rb") as file:
        while part := file.read(1 << 22):
            if text in before + part:
                return True
            before = part[-len(text) :]
    return False
