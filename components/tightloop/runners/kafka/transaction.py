"""One Kafka transaction: outputs, state changes and input offsets of some partitions, all together or not at all.

Every transaction names at least one offset of each partition it acts for, with the group metadata of the moment:
without that, or under a stale one, Kafka would let a replica write for a partition it no longer owns.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Sequence

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from tightloop.records.topics import contract_of
from tightloop.runners.kafka.restore import INPUTS_HEADER, Offsets, format_inputs
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.recording.parts import TOPIC, key_of, parts
from tightloop.runners.state import changelog_key
from tightloop.runners.worker import PartitionWorker

log = structlog.get_logger()
CALL_S = 10.0
RETRY_S = 3.0  # of a call that fails and may be made again: less than the watchdog gives it
RETRY_PAUSE_S = 0.001
SAY_AFTER_S = 0.1
Headers = list[tuple[str, str | bytes | None]]
Produced = tuple[str, bytes | None, bytes | None, int, Headers]


class MustExit(Exception):
    """This process can't go on: another one takes over from what is committed."""


class Undone(Exception):
    """The transaction was aborted; nothing of it happened."""


class Transaction:
    """Made once per process; ``commit`` is one transaction."""

    def __init__(self, producer: Producer, consumer: Consumer, settings: KafkaSettings, changelog: str) -> None:
        self._producer = producer
        self._consumer = consumer
        self._prefix = settings.prefix
        self._changelog = settings.prefix + changelog
        self._committed: dict[tuple[str, int], int] = {}

    def commit(self, workers: Sequence[PartitionWorker], offsets: Offsets) -> None:
        """``offsets``: the next ones of every input topic of the workers' partitions.

        Raises Undone when it was aborted, MustExit when only a restart helps.
        """
        messages = _each_partition_first([one for worker in workers for one in self._messages(worker, offsets)])
        try:
            self._producer.begin_transaction()
            produce = self._producer.produce
            for topic, value, key, partition, headers in messages:
                produce(topic, value, key, partition, headers=headers)
            self._send_offsets(offsets)
            self._call(self._producer.commit_transaction, CALL_S)
        except KafkaException as error:
            self._abort(error)
        self._committed.update(offsets)

    def _messages(self, worker: PartitionWorker, offsets: Offsets) -> Iterator[Produced]:
        """What this partition's part of the transaction writes: its outputs, what changed of its state, and where it
        records, what it was given.
        """
        partition = worker.partition
        inputs = format_inputs({topic: at for (topic, number), at in offsets.items() if number == partition})
        for output in worker.outputs:
            there = contract_of(output.topic).partition_from(partition)
            headers: Headers = [(INPUTS_HEADER, inputs), *output.headers]
            yield self._prefix + output.topic, output.value, output.key, there, headers
        marks: Headers = [(INPUTS_HEADER, inputs)]
        for key, name, value in worker.changes():
            yield self._changelog, value, changelog_key(key, name), partition, marks
        recording = None if worker.recorder is None else worker.recorder.batch()
        if recording is not None:
            there, key_of_it = contract_of(TOPIC).partition_from(partition), key_of(recording)
            for part in parts(recording):
                yield self._prefix + TOPIC, part, key_of_it, there, marks

    def _send_offsets(self, offsets: Offsets) -> None:
        group = self._consumer.consumer_group_metadata()
        if not is_member(group):
            raise KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION, "not a member of the group now"))
        places = [
            TopicPartition(self._prefix + topic, partition, at)
            for (topic, partition), at in self._needed(offsets).items()
        ]
        self._call(self._producer.send_offsets_to_transaction, places, group, CALL_S)

    def _needed(self, offsets: Offsets) -> Offsets:
        """Those that differ from what is committed; of a partition without such, one of them: at least one offset of
        each partition is sent.

        Each offset sent is a record that the broker writes, and most partitions read one of their topics at a time.
        """
        needed = {place: at for place, at in offsets.items() if self._committed.get(place) != at}
        named = {partition for _, partition in needed}
        for (topic, partition), at in offsets.items():
            if partition not in named:
                named.add(partition)
                needed[topic, partition] = at
        return needed

    def _call(self, call: Callable[..., None], *arguments: object) -> None:
        began, said = time.monotonic(), False
        while True:
            try:
                call(*arguments)
                return
            except KafkaException as raised:
                error = raised.args[0]
                if error.code() == KafkaError._TIMED_OUT:
                    raise MustExit(f"{call.__name__} timed out: {error}") from raised
                if not error.retriable():
                    raise
                tried = time.monotonic() - began
                if tried > RETRY_S:
                    raise MustExit(f"{call.__name__} failed for {RETRY_S:g} s: {error}") from raised
                if tried > SAY_AFTER_S and not said:
                    said = True
                    log.warning("a call of the transaction is made again", call=call.__name__, error=str(error))
                time.sleep(RETRY_PAUSE_S)

    def _abort(self, cause: KafkaException) -> None:
        error = cause.args[0]
        if error.fatal() or error.code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED):
            raise MustExit(f"the producer can't go on: {error}") from cause
        if not (error.txn_requires_abort() or error.code() == KafkaError.ILLEGAL_GENERATION):
            raise MustExit(f"the transaction failed: {error}") from cause
        try:
            self._call(self._producer.abort_transaction, CALL_S)
        except KafkaException as raised:
            raise MustExit(f"the abort failed: {raised}") from raised
        raise Undone(str(error)) from cause


def _each_partition_first(messages: list[Produced]) -> list[Produced]:
    """The first message of each partition before all others; within a partition the order stays.

    1 ms after the first of a transaction, librdkafka asks the broker to add the partitions that it has seen by then,
    and asks for further ones only when that is answered. All were encoded before: while it waits the rest is queued,
    and leaves in one request a partition.
    """
    firsts: list[Produced] = []
    others: list[Produced] = []
    seen: set[tuple[str, int]] = set()
    for one in messages:
        place = (one[0], one[3])
        (others if place in seen else firsts).append(one)
        seen.add(place)
    return firsts + others


def is_member(group: bytes) -> bool:
    """Has this consumer a member id and a generation? ``group`` is librdkafka's serialized group metadata.

    Layout (librdkafka, ``rd_kafka_consumer_group_metadata_write``): ``CGMDv2:``, the generation as a native int32, then
    group id, member id and instance id as NUL-terminated strings.
    """
    if not group.startswith(b"CGMDv2:"):
        raise MustExit("the group metadata has an unknown layout: this client version was not tried")
    (generation,) = struct.unpack_from("=i", group, 7)
    member = group[11:].split(b"\0")[1]
    return bool(generation >= 0 and member)
