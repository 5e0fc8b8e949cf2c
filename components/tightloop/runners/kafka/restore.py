"""Brings a partition's state back from the changelog, in the background, while the partition is paused.

The order matters: the committed input offsets first (asked for as ``read_committed``, which waits for a pending
transactional offset), then the changelog's end, then the changelog up to that end. The end is that of the *log*, not of
what is stable: one open transaction hides everything committed after it, and reading ``read_committed`` up to the
log's end waits a dead owner's transaction out.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence

import structlog
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec
from msgspec import Struct

from tightloop.records.errors import ExecutionError
from tightloop.runners.kafka.messages import Headers, headers_of, key_of, place
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.state import PartitionState, parse_changelog_key

log = structlog.get_logger()
INPUTS_HEADER = "inputs"
Offsets = dict[tuple[str, int], int]


class Restored(Struct, frozen=True):
    """``offsets``: where to go on, by input topic. ``error``: why it could not be done; the process must end."""

    partition: int
    epoch: int
    state: PartitionState
    offsets: dict[str, int]
    error: BaseException | None = None


class Restorer:
    """One background thread. ``request`` asks for partitions, ``results`` gives them back."""

    def __init__(self, settings: KafkaSettings, component: str, inputs: Sequence[str], changelog: str) -> None:
        self._settings = settings
        self._component = component
        self._inputs = tuple(inputs)
        self._changelog = changelog
        self._requests: queue.SimpleQueue[list[tuple[int, int]] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Restored] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="restore", daemon=True)
        self._thread.start()

    def request(self, partitions: list[tuple[int, int]]) -> None:
        """``(partition, epoch)`` pairs; the epoch comes back with the result, so that a stale one is noticed."""
        self._requests.put(partitions)

    def results(self) -> list[Restored]:
        restored = []
        while not self._results.empty():
            restored.append(self._results.get())
        return restored

    def stop(self, timeout_s: float) -> None:
        self._requests.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (wanted := self._requests.get()) is not None:
            try:
                for restored in self._restore(wanted):
                    self._results.put(restored)
            except Exception as error:  # noqa: BLE001  handed to the main thread, which ends the process
                for partition, epoch in wanted:
                    self._results.put(Restored(partition, epoch, PartitionState(), {}, error))

    def _restore(self, wanted: list[tuple[int, int]]) -> list[Restored]:
        deadline = time.monotonic() + self._settings.restore_s
        partitions = [partition for partition, _ in wanted]
        committed = self._committed(partitions, deadline)
        states = {partition: PartitionState() for partition in partitions}
        expected = self._read_changelog(states, deadline)
        never = [place for place, offset in committed.items() if offset < 0]
        earliest = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
        first = self._offsets(never, earliest, deadline) if never else {}
        return [
            self._checked(partition, epoch, states[partition], committed, first, expected.get(partition, {}))
            for partition, epoch in wanted
        ]

    def _checked(
        self,
        partition: int,
        epoch: int,
        state: PartitionState,
        committed: Offsets,
        first: Offsets,
        expected: dict[str, int],
    ) -> Restored:
        """With an error for this partition alone where the state is ahead of the offsets: if it was revoked while it
        was restored, its new owner may have committed in between, and nobody looks at the result.
        """
        places = [(topic, partition) for topic in self._inputs]
        try:
            for place in places:
                self._check_start(*place, committed[place], expected.get(place[0]))
        except ExecutionError as error:
            return Restored(partition, epoch, PartitionState(), {}, error)
        return Restored(partition, epoch, state, {place[0]: first.get(place, committed[place]) for place in places})

    def _committed(self, partitions: list[int], deadline: float) -> Offsets:
        places = [(topic, partition) for topic in self._inputs for partition in partitions]
        while True:
            try:
                return committed_offsets(self._settings, self._component, places)
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise
                log.debug("committed offsets not stable yet", component=self._component, error=str(error))
                time.sleep(0.02)

    def _check_start(self, topic: str, partition: int, committed: int, least: int | None) -> None:
        """Raises ExecutionError PUH-008 for a start behind what the state already holds."""
        if least and committed < least:
            at = committed if committed >= 0 else "missing"
            raise self._failed(f"{topic}/{partition}: the committed offset is {at}, but the state goes up to {least}")

    def _failed(self, message: str) -> ExecutionError:
        return ExecutionError("PUH-008", f"{self._component}: {message}")

    def _read_changelog(self, states: dict[int, PartitionState], deadline: float) -> dict[int, dict[str, int]]:
        topic = self._settings.prefix + self._changelog
        ends = self._ends(list(states), deadline)
        expected: dict[int, dict[str, int]] = {}
        reading = {partition for partition, end in ends.items() if end > 0}
        if not reading:
            return expected
        consumer = Consumer(self._settings.restore_consumer(self._component))
        try:
            consumer.list_topics(topic, timeout=10)  # saves half a second of waiting for metadata at the first assign
            consumer.assign([TopicPartition(topic, partition, 0) for partition in sorted(reading)])
            while reading:
                if time.monotonic() > deadline:
                    raise self._failed(f"the changelog's end was not reached in {self._settings.restore_s} s: {ends}")
                for message in consumer.consume(1000, 0.1):
                    _, partition, offset = place(message)
                    error = message.error()
                    if error is None:
                        key, name = parse_changelog_key(key_of(message))
                        states[partition].load(key, name, message.value())
                        _note_inputs(expected.setdefault(partition, {}), headers_of(message))
                    elif error.code() == KafkaError._PARTITION_EOF:
                        if offset >= ends[partition]:
                            reading.discard(partition)
                    elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                        low, _ = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
                        consumer.seek(TopicPartition(topic, partition, low))
                    elif not error.retriable() and error.fatal():
                        raise KafkaException(error)
        finally:
            consumer.close()
        return expected

    def _ends(self, partitions: list[int], deadline: float) -> dict[int, int]:
        places = [(self._changelog, partition) for partition in partitions]
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        return {partition: offset for (_, partition), offset in self._offsets(places, latest, deadline).items()}

    def _offsets(self, places: list[tuple[str, int]], spec: OffsetSpec, deadline: float) -> Offsets:
        while True:
            try:
                return self._offsets_now(places, spec)
            except KafkaException as error:  # a broker that has just come back does not lead every partition at once
                if time.monotonic() > deadline:
                    raise
                log.debug("offsets not known yet", component=self._component, error=str(error))
                time.sleep(0.1)

    def _offsets_now(self, places: list[tuple[str, int]], spec: OffsetSpec) -> Offsets:
        """By ``(topic, partition)``, whether committed or not."""
        prefix = self._settings.prefix
        admin = AdminClient(self._settings.admin())  # a new one each time: an old one may answer from a cache
        for topic in {topic for topic, _ in places}:
            admin.list_topics(
                prefix + topic, timeout=10
            )  # a client that knows no leader yet was seen to wait 3 s for one
        asked = {TopicPartition(prefix + topic, partition): spec for topic, partition in places}
        answers = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=10)
        return {
            (place.topic.removeprefix(prefix), place.partition): future.result(15).offset
            for place, future in answers.items()
        }


def committed_offsets(settings: KafkaSettings, component: str, places: Sequence[tuple[str, int]]) -> Offsets:
    """The group's committed offsets by ``(topic, partition)``, -1001 where there is none.

    Raises KafkaException while one is part of a transaction that is still open: it is not known then. Asked through an
    admin client: the consumer's own ``committed`` was seen to wait for half a minute while another thread polled it.
    """
    admin = AdminClient(settings.admin())
    asked = [TopicPartition(settings.prefix + topic, partition) for topic, partition in places]
    group = ConsumerGroupTopicPartitions(settings.group(component), asked)
    (future,) = admin.list_consumer_group_offsets([group], require_stable=True, request_timeout=5).values()
    found: Offsets = {}
    for one in future.result(10).topic_partitions:
        if one.error is not None:
            raise KafkaException(one.error)
        found[one.topic.removeprefix(settings.prefix), one.partition] = one.offset
    return found


def format_inputs(offsets: dict[str, int]) -> bytes:
    """The header ``inputs``: the next offset of each input topic of the partition."""
    return ",".join(f"{topic}:{offset}" for topic, offset in sorted(offsets.items())).encode()


def _note_inputs(expected: dict[str, int], headers: Headers) -> None:
    for name, value in headers:
        if name == INPUTS_HEADER:
            for part in value.decode().split(","):
                topic, _, offset = part.rpartition(":")
                expected[topic] = max(expected.get(topic, 0), int(offset))
