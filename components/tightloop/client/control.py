"""``ControlClient``: what operators order, as records on ``control``."""

from __future__ import annotations

import getpass
import socket
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaException, Producer

from tightloop.client.connect import TIMEOUT_S, Place, partition_counts, reaching
from tightloop.client.publisher import producer_settings
from tightloop.errors import ExecutionError
from tightloop.records.types import ControlCommand
from tightloop.runners.bus import EVERYONE
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.partitioner import partition_of
from tightloop.wire import codec

TOPIC = "control"


class ControlClient:
    """``order`` makes a command and writes it: to its key's partition, or, for a venue or all, to every partition."""

    def __init__(self, settings: KafkaSettings, actor: str | None = None) -> None:
        self.settings = settings
        self.actor = actor or f"{getpass.getuser()}@{socket.gethostname()}"
        self.partitions = partition_counts(settings, [TOPIC])[TOPIC]

    def command(self, command: str, key: str | None, reason: str, **fields: Any) -> ControlCommand:
        """A new command, not yet written. ``key`` None: ``scope`` must say ``venue`` or ``all``."""
        now = datetime.now(UTC)
        whole: dict[str, Any] = {
            "command_id": uuid.uuid4().hex,
            "strategy_id": key,
            "command": command,
            "scope": "key",
            "actor": self.actor,
            "reason": reason,
            "issued_at": now,
            "produced_at": now,
        }
        return ControlCommand(**{**whole, **fields})

    def places(self, command: ControlCommand) -> list[Place]:
        """Where the command is to be written."""
        if command.scope == "key":
            return [(TOPIC, partition_of((command.strategy_id or "").encode(), self.partitions))]
        return [(TOPIC, partition) for partition in range(self.partitions)]

    def send(self, command: ControlCommand) -> None:
        """Returns when the broker has all of it. Raises ExecutionError EIF-011."""
        key = EVERYONE.encode() if command.scope != "key" else (command.strategy_id or "").encode()
        copies = [
            (TOPIC, partition, key, codec.encode(command), _headers(command)) for _, partition in self.places(command)
        ]
        write_raw(self.settings, copies)


def _headers(command: ControlCommand) -> Mapping[str, bytes]:
    headers = {"command_id": command.command_id, "strategy_id": command.strategy_id}
    return {name: value.encode() for name, value in headers.items() if value}


Raw = tuple[str, int, bytes | None, bytes | None, Any]  # topic, partition, key, value, headers


def write_raw(settings: KafkaSettings, records: Sequence[Raw]) -> None:
    """Bytes as they are, each to its own partition. Raises ExecutionError EIF-011 unless the broker took them all."""
    producer = Producer(producer_settings(settings))
    failed: list[object] = []

    def told(error: object, message: object) -> None:
        if error is not None:
            failed.append(error)

    with reaching(settings.bootstrap):
        for topic, partition, key, value, headers in records:
            producer.produce(
                settings.prefix + topic, value, key, partition, on_delivery=told, headers=_plain_headers(headers)
            )
        left = producer.flush(TIMEOUT_S)
        if failed:
            raise KafkaException(failed[0])
    if left:
        raise ExecutionError(
            "EIF-011", f"Kafka at {settings.bootstrap!r} has not confirmed {left} of {len(records)} records"
        )


def _plain_headers(headers: Any) -> list[tuple[str, str | bytes | None]]:
    return list(headers.items() if isinstance(headers, Mapping) else headers)
