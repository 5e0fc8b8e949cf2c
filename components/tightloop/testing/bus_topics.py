"""The topics of one test: all that a system has, under a prefix that no other test uses."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka.admin import AdminClient

from tightloop.client.connect import TIMEOUT_S, reaching
from tightloop.client.consumer import ResultConsumer
from tightloop.client.publisher import InstructionPublisher
from tightloop.client.reader import Start
from tightloop.records.topics import all_topics
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.topic_admin import TopicAdmin

LANES = ("binance", "ethereum")


class BusTopics:
    """``bootstrap`` and ``prefix`` say where they are; ``settings`` is both, for the classes of the Kafka runner."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self.bootstrap = settings.bootstrap
        self.prefix = settings.prefix

    def name(self, topic: str) -> str:
        """What the broker calls a topic of the contracts."""
        return self.prefix + topic

    def publisher(self) -> InstructionPublisher:
        """Of instructions to these topics; close it, or use it as a context manager."""
        return InstructionPublisher(self.bootstrap, prefix=self.prefix)

    def consumer(
        self, topics: str | Sequence[str], *, from_: Start = "beginning", follow: bool = False
    ) -> ResultConsumer:
        """Of what lies on ``topics`` now; with ``follow`` also of what comes later."""
        return ResultConsumer(topics, self.bootstrap, prefix=self.prefix, from_=from_, follow=follow)


def unique_prefix(name: str) -> str:
    """Begins the names of a test's topics and groups; says whose they are. ``name``: the test's."""
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')[:60]}-{uuid.uuid4().hex[:8]}."


@contextmanager
def bus_topics(
    bootstrap: str, prefix: str, *, lanes: Sequence[str] = LANES, partitions: int = 2, delete: bool = True
) -> Iterator[BusTopics]:
    """Creates them, and deletes them afterwards. ``partitions``: of the topics that share their number of them.

    Raises ExecutionError EIF-010, EIF-011.
    """
    settings = KafkaSettings(bootstrap=bootstrap, prefix=prefix)
    with reaching(bootstrap):
        TopicAdmin(settings).create(all_topics(lanes), partitions)
    try:
        yield BusTopics(settings)
    finally:
        if delete:
            _delete(settings)


def _delete(settings: KafkaSettings) -> None:
    with reaching(settings.bootstrap):
        admin = AdminClient(settings.admin())
        names = [name for name in admin.list_topics(timeout=TIMEOUT_S).topics if name.startswith(settings.prefix)]
        for future in admin.delete_topics(names).values() if names else ():
            future.result(TIMEOUT_S)
