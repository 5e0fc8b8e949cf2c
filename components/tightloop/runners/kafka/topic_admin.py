"""Topics against their contracts: what is missing, what differs, and bringing it about."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType, TopicMetadata
from msgspec import Struct

from tightloop.errors import ExecutionError
from tightloop.records.topics import TopicContract, contract_of
from tightloop.runners.kafka.settings import KafkaSettings

TIMEOUT_S = 15.0


class Difference(Struct, frozen=True):
    """``wanted`` by the contract, ``found`` on the broker (``None``: the topic is missing). ``setting``: what of it."""

    topic: str
    setting: str
    wanted: str
    found: str | None


class TopicAdmin:
    """Plans, creates and checks the topics of a system."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._admin = AdminClient(settings.admin())
        self._prefix = settings.prefix

    def plan(self, contracts: Sequence[TopicContract]) -> list[Difference]:
        """Everything that is not as the contracts say. Raises KafkaException when the broker can't be reached."""
        cluster = self._admin.list_topics(timeout=TIMEOUT_S)
        brokers = len(cluster.brokers)
        differences = []
        for contract in contracts:
            found = cluster.topics.get(self._prefix + contract.name)
            if found is None or found.error is not None:
                differences.append(Difference(contract.name, "partitions", str(contract.partitions), None))
                continue
            if len(found.partitions) != contract.partitions:
                count = str(len(found.partitions))
                differences.append(Difference(contract.name, "partitions", str(contract.partitions), count))
            differences += self._config_differences(contract, brokers)
        return differences

    def _config_differences(self, contract: TopicContract, brokers: int) -> list[Difference]:
        resource = ConfigResource(ResourceType.TOPIC, self._prefix + contract.name)
        (future,) = self._admin.describe_configs([resource], request_timeout=TIMEOUT_S).values()
        actual = {name: entry.value for name, entry in future.result(TIMEOUT_S).items()}
        return [
            Difference(contract.name, name, wanted, actual.get(name))
            for name, wanted in contract.config(brokers).items()
            if actual.get(name) != wanted
        ]

    def create(self, contracts: Sequence[TopicContract], partitions: int | None = None) -> list[str]:
        """Create what is missing; the names created. ``partitions``: of the co-partitioned, if not the contracts'."""
        cluster = self._admin.list_topics(timeout=TIMEOUT_S)
        brokers = len(cluster.brokers)
        missing = [one for one in contracts if self._prefix + one.name not in cluster.topics]
        if not missing:
            return []
        asked = [
            NewTopic(
                self._prefix + one.name,
                num_partitions=partitions if partitions and one.co_partitioned else one.partitions,
                replication_factor=one.replicas(brokers),
                config=one.config(brokers),
            )
            for one in missing
        ]
        for name, future in self._admin.create_topics(asked, request_timeout=TIMEOUT_S).items():
            try:
                future.result(TIMEOUT_S)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise ExecutionError("EIF-010", f"topic {name} could not be created: {error.args[0]}") from error
        self._await([self._prefix + one.name for one in missing])
        return [one.name for one in missing]

    def _await(self, names: Sequence[str]) -> None:
        """A created topic is not usable at once: until the brokers know it and its leaders, they answer that it is not
        there.
        """
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            known = self._admin.list_topics(timeout=TIMEOUT_S).topics
            waiting = [name for name in names if name not in known or not _is_led(known[name])]
            if not waiting:
                return
            if time.monotonic() > deadline:
                raise ExecutionError("EIF-010", f"created, but not there after {TIMEOUT_S:g} s: {', '.join(waiting)}")
            time.sleep(0.02)


def _is_led(topic: TopicMetadata) -> bool:
    return topic.error is None and all(one.leader >= 0 for one in topic.partitions.values())


def common_partitions(consumer: Consumer, prefix: str, topics: Collection[str]) -> int:
    """How many partitions these topics have: one number for all that must go together.

    Raises ExecutionError EIF-010 where it is not, and for a topic that is missing.
    """
    known = consumer.list_topics(timeout=10).topics
    counts = {topic: len(known[prefix + topic].partitions) for topic in sorted(topics) if prefix + topic in known}
    missing = sorted(set(topics) - set(counts))
    if missing:
        raise ExecutionError(
            "EIF-010", f"topics are missing: {', '.join(missing)}; `tightloop topics create` makes them"
        )
    together = {topic: count for topic, count in counts.items() if contract_of(topic).co_partitioned}
    if len(set(together.values())) != 1:
        raise ExecutionError("EIF-010", f"topics of a loop must have the same number of partitions, not {together}")
    return next(iter(together.values()))
