"""One Kafka transaction: outputs, state changes and input offsets of some partitions, all together or not at all.

Every transaction names at least one offset of each partition it acts for, with the group metadata of the moment:
without that, or under a stale one, Kafka would let a replica write for a partition it no longer owns.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from msgspec import Struct

from tightloop.records import codec
from tightloop.runners.kafka.restore import INPUTS_HEADER, format_inputs
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.state import changelog_key
from tightloop.runners.worker import PartitionWorker

CALL_S = 10.0


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

    def commit(self, workers: Sequence[PartitionWorker], offsets: dict[tuple[str, int], int]) -> None:
        """``offsets``: the next ones of every input topic of the workers' partitions.

        Raises Undone when it was aborted, MustExit when only a restart helps.
        """
        try:
            self._producer.begin_transaction()
            for worker in workers:
                inputs = {topic: at for (topic, partition), at in offsets.items() if partition == worker.partition}
                self._produce(worker, format_inputs(inputs))
            self._send_offsets(offsets)
            self._call(self._producer.commit_transaction, CALL_S)
        except KafkaException as error:
            self._abort(error)

    def _produce(self, worker: PartitionWorker, inputs: bytes) -> None:
        for output in worker.outputs:
            self._producer.produce(
                self._prefix + output.topic,
                codec.encode(output.record),
                output.key,
                worker.partition,
                headers=_headers(output.record, inputs),
            )
        marks: list[tuple[str, str | bytes | None]] = [(INPUTS_HEADER, inputs)]
        for key, name, record in worker.changes():
            value = None if record is None else codec.encode(record)
            self._producer.produce(self._changelog, value, changelog_key(key, name), worker.partition, headers=marks)

    def _send_offsets(self, offsets: dict[tuple[str, int], int]) -> None:
        group = self._consumer.consumer_group_metadata()
        if not is_member(group):
            raise KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION, "not a member of the group now"))
        places = [TopicPartition(self._prefix + topic, partition, at) for (topic, partition), at in offsets.items()]
        self._call(self._producer.send_offsets_to_transaction, places, group, CALL_S)

    def _call(self, call: Callable[..., None], *arguments: object) -> None:
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


def _headers(record: Struct, inputs: bytes) -> list[tuple[str, str | bytes | None]]:
    headers: list[tuple[str, str | bytes | None]] = [(INPUTS_HEADER, inputs)]
    for name in ("strategy_id", "instruction_id", "trace_id"):
        value = getattr(record, name, None)
        if value:
            headers.append((name, value.encode()))
    return headers
