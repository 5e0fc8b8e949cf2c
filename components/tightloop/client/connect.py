"""Where Kafka is, and what its client's errors mean."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tightloop.errors import ExecutionError
from tightloop.errors.nearest import hint
from tightloop.records.topics import contracts
from tightloop.runners.kafka.settings import KafkaSettings

TIMEOUT_S = 10.0
_AWAY = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
    }
)
_MOMENTARY = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._UNKNOWN_TOPIC,
    }
)
_REACHABLE = "See that the broker runs and that its address and the client's settings are right."
T = TypeVar("T")
Place = tuple[str, int]  # the contract's topic name, and a partition
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@contextmanager
def reaching(bootstrap: str) -> Iterator[None]:
    """Turns the client's errors into ExecutionError EIF-011, which says what is to be done."""
    try:
        yield
    except KafkaException as error:
        kafka: Any = error.args[0]
        raise ExecutionError(
            "EIF-011",
            _words(kafka, bootstrap),
            context={"bootstrap": bootstrap},
            remedy=_REACHABLE,
        ) from error
    except TimeoutError as error:
        message = f"no Kafka broker answers at {bootstrap!r}"
        raise ExecutionError("EIF-011", message, context={"bootstrap": bootstrap}, remedy=_REACHABLE) from error


def patiently(ask: Callable[[], T]) -> T:
    """What ``ask`` answers; again while a partition has no leader, as for a moment after a topic was created."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return ask()
        except KafkaException as error:
            kafka: Any = error.args[0]
            if kafka.code() not in _MOMENTARY or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _words(error: Any, bootstrap: str) -> str:
    if isinstance(error, KafkaError) and error.code() in _AWAY:
        return f"no Kafka broker answers at {bootstrap!r} ({error.name()})"
    return f"Kafka at {bootstrap!r} refused: {error}"


def topics_there(settings: KafkaSettings) -> dict[str, int]:
    """The contract's names of this system's topics, and how many partitions each has. Raises ExecutionError EIF-011."""
    with reaching(settings.bootstrap):
        known = AdminClient(settings.admin()).list_topics(timeout=TIMEOUT_S).topics
    return {
        name.removeprefix(settings.prefix): len(found.partitions)
        for name, found in known.items()
        if found.error is None and name.startswith(settings.prefix)
    }


def partition_counts(settings: KafkaSettings, topics: Collection[str]) -> dict[str, int]:
    """How many partitions each topic has. Raises ExecutionError EIF-011, or EIF-010 for a topic that is missing."""
    there = topics_there(settings)
    for topic in topics:
        if topic not in there:
            raise ExecutionError(
                "EIF-010",
                f"there is no topic {settings.prefix + topic!r} on {settings.bootstrap}{_nearest(topic, there)}",
                remedy="Correct the name or the prefix; `tightloop topics create` creates those that are missing.",
            )
    return {topic: there[topic] for topic in topics}


def _nearest(topic: str, there: Collection[str]) -> str:
    """Nothing for a name that is right and whose topic was not created."""
    return "" if topic in contracts() else hint(topic, (name for name in there if not name.startswith("_")))


def end_offsets(settings: KafkaSettings, places: Collection[Place], *, committed: bool = False) -> dict[Place, int]:
    """Where each partition ends now; ``committed``: see :func:`offsets`."""
    return offsets(settings, places, OffsetSpec.latest(), committed=committed)  # type: ignore[no-untyped-call]


def offsets_since(settings: KafkaSettings, ends: Mapping[Place, int], since: datetime) -> dict[Place, int]:
    """Where what the broker took in at ``since`` (aware) or later begins, in each partition of ``ends``. One that has
    nothing so young begins at its end, as ``ends`` tells it, which was asked for before. Raises ExecutionError EIF-011.
    """
    at = OffsetSpec.for_timestamp(-((_EPOCH - since) // _MILLISECOND))  # rounded up, as the broker's times are whole
    found = offsets(settings, list(ends), at, committed=True)
    return {place: offset if offset >= 0 else ends[place] for place, offset in found.items()}


def offsets(
    settings: KafkaSettings, places: Collection[Place], which: OffsetSpec, *, committed: bool = False
) -> dict[Place, int]:
    """The offset that ``which`` means in each partition; -1 for a time after which it has no record.

    ``committed``: nothing of a transaction that is still open counts.
    """
    prefix = settings.prefix
    asked = {TopicPartition(prefix + topic, partition): which for topic, partition in places}
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    if not asked:
        return {}

    def ask() -> dict[Place, int]:
        admin = AdminClient(settings.admin())  # kept: without it no answer ever comes
        answers = admin.list_offsets(asked, isolation_level=level, request_timeout=TIMEOUT_S)
        return {
            (place.topic.removeprefix(prefix), place.partition): future.result(TIMEOUT_S).offset
            for place, future in answers.items()
        }

    with reaching(settings.bootstrap):
        return patiently(ask)
