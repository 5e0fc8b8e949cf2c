"""Plain clients for the broker's tests: nothing of the package under test."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic


def create_topic(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    """In one transaction."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"{topic}-producer", "log_level": 2})
    producer.init_transactions(30)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value)
    producer.commit_transaction(30)


def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """The first ``count`` committed values of partition 0."""
    consumer = _consumer(bootstrap, topic)
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return _take(consumer, count)
    finally:
        consumer.close()


def read_in_group(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """The same through a group of the new protocol, which has to be given the partition first."""
    consumer = _consumer(bootstrap, topic, **{"group.protocol": "consumer", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        return _take(consumer, count)
    finally:
        consumer.close()


def answers(bootstrap: str, timeout_s: float) -> bool:
    try:
        return bool(
            AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=timeout_s).brokers
        )
    except KafkaException:
        return False


def await_that(condition: Callable[[], bool], what: str, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"after {timeout_s:g} s still not so: {what}"
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _consumer(bootstrap: str, topic: str, **settings: str) -> Consumer:
    common = {"bootstrap.servers": bootstrap, "group.id": f"{topic}-group", "isolation.level": "read_committed"}
    return Consumer({**common, "enable.auto.commit": False, **settings})


def _take(consumer: Consumer, count: int) -> list[bytes]:
    deadline = time.monotonic() + 30
    values: list[bytes] = []
    while len(values) < count:
        assert time.monotonic() < deadline, f"awaited {count} records, got {values}"
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            values.append(message.value())
    return values
