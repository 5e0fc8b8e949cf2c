"""The broker's settings: one node, broker and controller, on loopback, tuned for short loops and quick failover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HOST = "127.0.0.1"
SESSION_TIMEOUT_MS = 1500
NODE_ID = 1
KAFKA_DATA = "kafka"  # the directory of the logs, below the data directory, which is the process's working directory

_FIXED = {
    "process.roles": "broker,controller",
    "node.id": str(NODE_ID),
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": KAFKA_DATA,
    # One node: nothing to replicate to.
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Every partition costs at a start, and at a failover of a coordinator: 50 of each are for large clusters.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    # Topics are made from their contracts; a misspelt name is an error.
    "auto.create.topics.enable": "false",
    # A group whose members are all down keeps its place: a component refuses to start from anywhere else.
    "offsets.retention.minutes": "2147483647",
    # A lost member is noticed within a second or two.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "250",
    # A dead producer's open transaction ends soon after its timeout, not up to 10 s later.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # After SIGKILL the controller takes the broker back only when the dead one's session has ended: 9 s as shipped.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "250",
    # 128 MB as shipped, taken at the start whether needed or not; 16 MB compact 600,000 keys in one pass.
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.cleaner.threads": "1",
}


@dataclass(frozen=True)
class Profile:
    """How the JVM runs: ``heap_mb`` is its largest heap."""

    heap_mb: int
    flags: tuple[str, ...]


# Serial: on few cores the least memory and the shortest start, and no slower than G1 or Parallel once warm.
QUICK = Profile(512, ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"))  # C1 alone: up at once, warm soon
FAST = Profile(1024, ("-XX:+UseSerialGC",))  # the full JIT: slower to start and to warm, faster afterwards


def server_properties(port: int, controller_port: int, session_timeout_ms: int, overrides: Mapping[str, str]) -> str:
    """The text of ``server.properties``; ``overrides`` win."""
    settings = {
        **_FIXED,
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.quorum.voters": f"{NODE_ID}@{HOST}:{controller_port}",
        "group.consumer.session.timeout.ms": str(session_timeout_ms),
        **overrides,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def container_settings() -> dict[str, str]:
    """The same tuning for a broker of one node in a container, which has listeners and folders of its own."""
    own = ("listener.security.protocol.map", "inter.broker.listener.name", "log.dirs")
    tuning = {name: value for name, value in _FIXED.items() if name not in own}
    return {**tuning, "group.consumer.session.timeout.ms": str(SESSION_TIMEOUT_MS)}
