"""Brings a partition's state back from the changelog, in the background, while the partition is paused.

The order matters: the committed input offsets first (asked for as ``read_committed``, which waits for a pending
transactional offset), then the changelog's end, then the changelog up to that end. The end is that of the *log*, not of
what is stable: one open transaction hides everything committed after it, and reading ``read_committed`` up to the
log's end waits a dead owner's transaction out.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Iterator, Sequence

import structlog
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec
from msgspec import Struct

from tightloop.errors import ExecutionError
from tightloop.runners.kafka.messages import headers_of, key_of, place
from tightloop.runners.kafka.patience import Patience
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.state import PartitionState

log = structlog.get_logger()
INPUTS_HEADER = "inputs"
ASK_AGAIN_S = 0.02  # while committed offsets are part of a transaction still open
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
            left = dict(wanted)
            try:
                for restored in self._restore(dict(wanted)):
                    del left[restored.partition]
                    self._results.put(restored)
            except Exception as error:  # noqa: BLE001  handed to the main thread, which ends the process
                for partition, epoch in left.items():
                    self._results.put(Restored(partition, epoch, PartitionState(), {}, error))

    def _restore(self, wanted: dict[int, int]) -> Iterator[Restored]:
        """Each partition as soon as it is done: a dead owner's open transaction holds up only those that it wrote to.

        ``wanted``: epochs by partition.
        """
        patience = Patience(self._component, self._settings.restore_s)
        waiting = set(wanted)
        while waiting:
            committed = self._committed(waiting, patience)
            stable = {partition for _, partition in committed}
            first, ends = self._bounds(stable, patience)
            for partition, state, expected in self._read_changelog(ends, patience):
                yield self._checked(partition, wanted[partition], state, committed, first, expected)
            waiting -= stable

    def _checked(
        self,
        partition: int,
        epoch: int,
        state: PartitionState,
        committed: Offsets,
        first: Offsets,
        expected: dict[str, int],
    ) -> Restored:
        """With an error for this partition alone where state, offsets and inputs do not fit together: if it was revoked
        while it was restored, its new owner may have committed in between, and nobody looks at the result.
        """
        places = [(topic, partition) for topic in self._inputs]
        try:
            for place in places:
                self._check_start(*place, committed[place], expected.get(place[0]), first[place])
        except ExecutionError as error:
            return Restored(partition, epoch, PartitionState(), {}, error)
        return Restored(partition, epoch, state, {place[0]: max(committed[place], first[place]) for place in places})

    def _committed(self, partitions: Collection[int], patience: Patience) -> Offsets:
        """Of those partitions of which no offset is part of a transaction still open; waits until there is one."""
        places = [(topic, partition) for topic in self._inputs for partition in sorted(partitions)]
        while True:
            try:
                known = committed_offsets(self._settings, self._component, places)
            except KafkaException as error:
                patience.wait("the committed offsets are not known", error, ASK_AGAIN_S)
            else:
                pending = {partition for topic, partition in places if (topic, partition) not in known}
                stable = {place: offset for place, offset in known.items() if place[1] not in pending}
                if stable:
                    return stable
                still_open = self._failed(f"a transaction over the offsets of {sorted(pending)} stays open")
                patience.wait("a transaction over the committed offsets is open", still_open, ASK_AGAIN_S)

    def _check_start(self, topic: str, partition: int, committed: int, least: int | None, first: int) -> None:
        """Raises ExecutionError: PUH-008 for a start behind what the state already holds, TLC-012 for one behind the
        log's. A component that never committed anything begins with the first record there is.
        """
        if least and committed < least:
            at = committed if committed >= 0 else "missing"
            raise self._failed(f"{topic}/{partition}: the committed offset is {at}, but the state goes up to {least}")
        if 0 <= committed < first:
            raise ExecutionError(
                "TLC-012",
                f"{self._component}: {topic}/{partition}: the committed offset is {committed}, and the log begins at "
                f"{first}: what was between them was removed before it was read",
            )

    def _failed(self, message: str) -> ExecutionError:
        return ExecutionError("PUH-008", f"{self._component}: {message}")

    def _read_changelog(
        self, ends: dict[int, int], patience: Patience
    ) -> Iterator[tuple[int, PartitionState, dict[str, int]]]:
        """Each partition when its end is reached, with its state and the input offsets that the state goes up to."""
        topic = self._settings.prefix + self._changelog
        states = {partition: PartitionState(f"{self._changelog}/{partition}") for partition in sorted(ends)}
        reading = {partition: state for partition, state in states.items() if ends[partition] > 0}
        for partition in states.keys() - reading.keys():
            yield partition, states[partition], {}
        if not reading:
            return
        latest: dict[int, Message] = {}
        consumer = Consumer(self._settings.restore_consumer(self._component))
        try:
            consumer.list_topics(topic, timeout=10)  # saves half a second of waiting for metadata at the first assign
            consumer.assign([TopicPartition(topic, partition, 0) for partition in reading])
            while reading:
                messages = consumer.consume(1000, 0.1)
                if not messages:
                    unreached = self._failed(f"the changelog's end was not reached in {patience.seconds:g} s: {ends}")
                    patience.wait(f"the end of the changelog is not reached for {sorted(reading)}", unreached, 0.0)
                for message in messages:
                    _, partition, offset = place(message)
                    state, error = reading.get(partition), message.error()
                    if state is None:
                        continue  # handed over already: what comes now was written by its new owner
                    if error is None:
                        state.load_record(key_of(message), message.value(), offset)
                        latest[partition] = message
                    elif error.code() == KafkaError._PARTITION_EOF:
                        if offset >= ends[partition]:
                            consumer.pause([TopicPartition(topic, partition)])
                            del reading[partition]
                            yield partition, state, _inputs(latest.get(partition))
                    elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                        raise self._failed(
                            f"{self._changelog}/{partition}: its beginning was removed, and with it a part of the state"
                        )
                    elif error.fatal():
                        raise KafkaException(error)
                    else:
                        log.warning("restore", component=self._component, partition=partition, error=str(error))
        finally:
            consumer.close()

    def _bounds(self, partitions: Collection[int], patience: Patience) -> tuple[Offsets, dict[int, int]]:
        """Where the logs of the inputs begin, and where those of the changelog end, whether committed or not."""
        earliest, latest = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {(topic, partition): earliest for topic in self._inputs for partition in partitions}
        asked |= {(self._changelog, partition): latest for partition in partitions}
        while True:
            try:
                found = self._offsets(asked)
            except KafkaException as error:  # a broker that has just come back does not lead every partition at once
                patience.wait("the bounds of the logs are not known", error, 0.1)
            else:
                ends = {partition: found.pop((self._changelog, partition)) for partition in partitions}
                return found, ends

    def _offsets(self, asked: dict[tuple[str, int], OffsetSpec]) -> Offsets:
        prefix = self._settings.prefix
        admin = AdminClient(self._settings.admin())  # a new one each time: an old one may answer from a cache
        for topic in {topic for topic, _ in asked}:
            admin.list_topics(
                prefix + topic, timeout=10
            )  # a client that knows no leader yet was seen to wait 3 s for one
        answers = admin.list_offsets(
            {TopicPartition(prefix + topic, partition): spec for (topic, partition), spec in asked.items()},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=10,
        )
        return {
            (place.topic.removeprefix(prefix), place.partition): future.result(15).offset
            for place, future in answers.items()
        }


def committed_offsets(settings: KafkaSettings, component: str, places: Sequence[tuple[str, int]]) -> Offsets:
    """The group's committed offsets by ``(topic, partition)``, -1001 where there is none.

    One that is part of a transaction still open is left out: it is not known yet. Raises KafkaException. Asked through
    an admin client: the consumer's own ``committed`` was seen to wait for half a minute while another thread polled it.
    """
    admin = AdminClient(settings.admin())
    asked = [TopicPartition(settings.prefix + topic, partition) for topic, partition in places]
    group = ConsumerGroupTopicPartitions(settings.group(component), asked)
    (future,) = admin.list_consumer_group_offsets([group], require_stable=True, request_timeout=5).values()
    found: Offsets = {}
    for one in future.result(10).topic_partitions:
        if one.error is None:
            found[one.topic.removeprefix(settings.prefix), one.partition] = one.offset
        elif one.error.code() != KafkaError.UNSTABLE_OFFSET_COMMIT:
            raise KafkaException(one.error)
    return found


def format_inputs(offsets: dict[str, int]) -> bytes:
    """The header ``inputs``: the next offset of each input topic of the partition."""
    return ",".join(f"{topic}:{offset}" for topic, offset in sorted(offsets.items())).encode()


def _inputs(latest: Message | None) -> dict[str, int]:
    """How far the state goes that ends with this record: the offsets in its header only ever grow."""
    found: dict[str, int] = {}
    for name, value in headers_of(latest) if latest is not None else ():
        if name == INPUTS_HEADER:
            for part in value.decode().split(","):
                topic, _, offset = part.rpartition(":")
                found[topic] = int(offset)
    return found
