"""Keys that always have an instruction in flight and the next one queued, and what becomes of them.

The load runs in the measuring process: it publishes as any strategy would, and reads the results ``read_committed``.
A round of a key is from one of its results to its next; the manager writes a result in the transaction in which it
dispatches what is queued, so that is the loop's own time.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from tightloop.bench.ring import end_of
from tightloop.bench.rounds import Measured, Rounds
from tightloop.records.types import CexTrade, DeadLetter, Instruction, InstructionResult
from tightloop.wire import codec

AHEAD = 2  # one in flight and one queued
_AMOUNT = Decimal("0.001")
_PATIENCE_S = 90.0


class WrongResult(Exception):
    """The system did not do what was asked: a measurement of that is worth nothing."""


class Load:
    """``name`` makes the keys new: every measurement begins with accounts that were never touched."""

    def __init__(self, bootstrap: str, prefix: str, name: str, keys: int, *, ahead: int = AHEAD) -> None:
        self._topic = f"{prefix}instructions"
        self._keys = [f"{name}-{number}" for number in range(keys)]
        self._ahead = ahead
        self._published = dict.fromkeys(self._keys, 0)
        self._finished = dict.fromkeys(self._keys, 0)
        self._stopping = False
        self._published_at = 0.0
        self.rounds = Rounds()
        self.answers: list[float] = []  # seconds from publishing to the result; only where none is queued
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 0, "log_level": 3}
        )
        self._consumer = reader(bootstrap, [f"{prefix}instruction_results", f"{prefix}dead_letters"])
        self._dead = f"{prefix}dead_letters"

    # --- phases -------------------------------------------------------------------------------------------------------

    def start(self, *, settle_s: float) -> None:
        """Publish, wait until every key has had a result, and go on for ``settle_s``."""
        for key in self._keys:
            for _ in range(self._ahead):
                self._publish(key)
        deadline = time.monotonic() + _PATIENCE_S
        while self.rounds.keys < len(self._keys):
            if time.monotonic() > deadline:
                raise WrongResult(f"only {self.rounds.keys} of {len(self._keys)} keys had a result in {_PATIENCE_S} s")
            self._turn()
        self.run(settle_s)

    def run(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._turn()

    def measure(self, seconds: float) -> Measured:
        self.answers.clear()
        self.rounds.begin()
        self.run(seconds)
        return self.rounds.end()

    def finish(self) -> None:
        """Publish nothing more, and wait for the results of everything published."""
        self._stopping = True
        deadline = time.monotonic() + _PATIENCE_S
        while (open_ones := sum(self._published.values()) - sum(self._finished.values())) > 0:
            if time.monotonic() > deadline:
                raise WrongResult(f"{open_ones} instructions have no result {_PATIENCE_S} s after the last")
            self._turn()
        self._consumer.close()

    @property
    def finished(self) -> int:
        return sum(self._finished.values())

    # --- one turn -----------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        first = self._consumer.poll(0.05)
        if first is None:
            return
        now = time.monotonic()
        for message in (first, *self._consumer.consume(2000, 0)):
            self._take(message, now)
        self._producer.poll(0)

    def _take(self, message: Message, now: float) -> None:
        if message.error() is not None:
            raise KafkaException(message.error())
        raw, value = message.key(), message.value()
        if not isinstance(raw, bytes) or not isinstance(value, bytes):
            raise WrongResult("a result without a key or a value")
        key = raw.decode()
        if key not in self._finished:
            return
        if message.topic() == self._dead:
            raise WrongResult(f"a dead letter of {key}: {codec.decode_as(value, DeadLetter).error.message}")
        self._finished[key] += 1
        self._check(value, self._finished[key])
        self.rounds.seen(raw, now)
        if self._ahead == 1:
            self.answers.append(now - self._published_at)
        if not self._stopping:
            self._publish(key)

    def _check(self, value: bytes, count: int) -> None:
        """Every so often: looking at all of them would be a load of its own."""
        if count % 64 and count > 2:
            return
        result = codec.decode_as(value, InstructionResult)
        if result.status != "reconciled" or result.outcome != "filled":
            error = result.error.message if result.error else None
            raise WrongResult(f"{result.instruction_id}: {result.status}, {result.outcome}: {error}")

    def _publish(self, key: str) -> None:
        number = self._published[key] = self._published[key] + 1
        self._published_at = time.monotonic()
        self._producer.produce(self._topic, codec.encode(_instruction(key, number)), key)


def _instruction(key: str, number: int) -> Instruction:
    now = datetime.now(UTC)
    return Instruction(
        instruction_id=f"{key}-{number}",
        strategy_id=key,
        type="cex_trade",
        venue="binance",
        created_at=now,
        expires_at=now + timedelta(hours=1),
        sequence=number,
        cex_trade=_TRADES[number % 2],
    )


_BUY = CexTrade(market="spot", symbol="BTC/USDT", side="buy", order_type="market", amount=_AMOUNT)
_TRADES = (_BUY, msgspec.structs.replace(_BUY, side="sell"))


def reader(bootstrap: str, topics: list[str]) -> Consumer:
    """From the end of each topic on, of all its partitions."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "tightloop-bench",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 50,
            "fetch.queue.backoff.ms": 1,
            "log_level": 3,
        }
    )
    places = []
    for topic in topics:
        for number in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            places.append(TopicPartition(topic, number, end_of(consumer, TopicPartition(topic, number))))
    consumer.assign(places)
    return consumer
