"""One hop of the bare ring: consumes a topic and passes each record on to the next, one transaction a batch.

It has no state, no schema and no group: five of them in a ring are what the transport alone costs a loop that makes
five transactional steps. ``python -m tightloop.bench.ring`` takes :class:`Hop` as JSON. On standard input, ``begin``
starts measuring, ``end`` answers with :class:`tightloop.bench.rounds.Measured`, and the end of it ends the process.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from msgspec import Struct

from tightloop.bench.rounds import Rounds

BATCH = 500
HOPS = 5


class Hop(Struct, frozen=True, kw_only=True):
    """``number`` counts from 0; it consumes the topic of its number, and the last produces to the first's."""

    bootstrap: str
    prefix: str
    number: int
    partitions: int
    hops: int = HOPS


def topic_of(prefix: str, number: int) -> str:
    return f"{prefix}ring-{number}"


def _consumer(hop: Hop) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": hop.bootstrap,
            "group.id": f"{hop.prefix}ring-{hop.number}",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
            "fetch.queue.backoff.ms": 1,
            "log_level": 3,
        }
    )


def _producer(hop: Hop) -> Producer:
    producer = Producer(
        {
            "bootstrap.servers": hop.bootstrap,
            "transactional.id": f"{hop.prefix}ring-{hop.number}",
            "linger.ms": 0,
            "retry.backoff.ms": 1,
            "retry.backoff.max.ms": 1000,
            "log_level": 3,
        }
    )
    producer.init_transactions(30)
    return producer


class _Ring:
    def __init__(self, hop: Hop) -> None:
        self.rounds = Rounds()
        self.stopped = False
        self._producer = _producer(hop)
        self._consumer = _consumer(hop)
        self._from = topic_of(hop.prefix, hop.number)
        self._to = topic_of(hop.prefix, (hop.number + 1) % hop.hops)
        self._counts = hop.number == 0
        places = [TopicPartition(self._from, number) for number in range(hop.partitions)]
        self._consumer.assign(
            [TopicPartition(self._from, one.partition, end_of(self._consumer, one)) for one in places]
        )

    def run(self) -> None:
        while not self.stopped:
            first = self._consumer.poll(0.1)
            if first is not None:
                self._pass_on([first, *self._consumer.consume(BATCH - 1, 0)])
        self._consumer.close()

    def _pass_on(self, messages: list) -> None:  # type: ignore[type-arg]  # of the client's own message class
        producer, now, touched = self._producer, time.monotonic(), set()
        producer.begin_transaction()
        for message in messages:
            if message.error() is not None:
                raise KafkaException(message.error())
            key, partition = message.key(), message.partition()
            producer.produce(self._to, message.value(), key, partition)
            touched.add(partition)
            if self._counts:
                self.rounds.seen(key, now)
        places = self._consumer.position([TopicPartition(self._from, partition) for partition in touched])
        _again(lambda: producer.send_offsets_to_transaction(places, self._consumer.consumer_group_metadata(), 10))
        _again(lambda: producer.commit_transaction(10))


def end_of(consumer: Consumer, place: TopicPartition) -> int:
    """The offset behind the last record; a topic just made is waited for."""
    deadline = time.monotonic() + 30
    while True:
        try:
            end: int = consumer.get_watermark_offsets(place, timeout=10)[1]
            return end
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            consumer.list_topics(place.topic, timeout=10)


def _again(call) -> None:  # type: ignore[no-untyped-def]
    while True:
        try:
            call()
            return
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            if not error.retriable():
                raise


def _obey(ring: _Ring) -> None:
    """Commands come on standard input."""
    for line in sys.stdin:
        if line.strip() == "begin":
            ring.rounds.begin()
        else:
            sys.stdout.write(msgspec.json.encode(ring.rounds.end()).decode() + "\n")
            sys.stdout.flush()
    ring.stopped = True


def main(argument: str) -> None:
    ring = _Ring(msgspec.json.decode(argument, type=Hop))
    sys.stdout.write(json.dumps({"ready": True}) + "\n")
    sys.stdout.flush()
    threading.Thread(target=_obey, args=(ring,), daemon=True).start()
    ring.run()


if __name__ == "__main__":
    main(sys.argv[1])
