"""What the Kafka runner is told, and the client settings that follow. Each was measured (docs/runner.md says how)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from tightloop.errors.redaction import redacted_fields


class KafkaSettings(Struct, frozen=True, kw_only=True):
    """``replica``: a name for this replica that stays the same when it is restarted; no two replicas share one."""

    bootstrap: str
    replica: str = "0"
    prefix: str = ""  # before every topic and group name, so that several systems share a broker
    client: dict[str, Any] = {}  # further librdkafka settings of every client: security, certificates
    transaction_timeout_ms: int = 2000
    max_poll_interval_ms: int = 10_000
    watchdog_s: float = 5.0  # in one transaction; then the process ends and is restarted
    batch_records: int = 500
    max_calls: int = 2000  # venue calls under way before partitions pause
    stop_s: float = 3.0  # how long a stop waits for calls under way
    restore_s: float = 60.0
    record: bool = False  # write what each partition was given to the topic `recordings`

    def __repr__(self) -> str:
        return f"KafkaSettings({redacted_fields(msgspec.structs.asdict(self))})"

    def group(self, component: str) -> str:
        return f"{self.prefix}{component}"

    def producer(self, component: str) -> dict[str, Any]:
        return {
            **self._common(),
            "transactional.id": f"{self.prefix}{component}-{self.replica}",
            "transaction.timeout.ms": self.transaction_timeout_ms,
            "linger.ms": 0,
            # CONCURRENT_TRANSACTIONS is answered while the broker still writes the last markers: ask again at once
            "retry.backoff.ms": 1,
            "retry.backoff.max.ms": 1000,
            "message.max.bytes": 32 * 1024 * 1024,
            # Brokers hold a topic's limit against a whole batch: below every topic's (a larger record is a batch alone)
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
        }

    def consumer(self, component: str) -> dict[str, Any]:
        return {
            **self._common(),
            "group.id": self.group(component),
            "group.protocol": "consumer",
            "group.remote.assignor": "range",  # keeps a partition's number together over several topics
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "max.poll.interval.ms": self.max_poll_interval_ms,
            "fetch.wait.max.ms": 50,
            "fetch.queue.backoff.ms": 1,
            "queued.max.messages.kbytes": 16 * 1024,
        }

    def restore_consumer(self, component: str) -> dict[str, Any]:
        return {
            **self._common(),
            "group.id": f"{self.group(component)}-restore-{self.replica}",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "fetch.queue.backoff.ms": 1,
        }

    def admin(self) -> dict[str, Any]:
        return self._common()

    def _common(self) -> dict[str, Any]:
        return {"bootstrap.servers": self.bootstrap, "log_level": 3, **self.client}
