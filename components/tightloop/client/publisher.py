"""``InstructionPublisher``: validated instructions onto the topic ``instructions``, and their results."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import KafkaException, Message, Producer
from msgspec import Struct
from msgspec.structs import replace

from tightloop.client.blocks import instruction_from
from tightloop.client.closing import Closing
from tightloop.client.connect import TIMEOUT_S, partition_counts, reaching
from tightloop.client.consumer import bus
from tightloop.client.groups import check_groups
from tightloop.client.reader import Start, TopicReader
from tightloop.domain.validate import check_instruction
from tightloop.errors import ExecutionError
from tightloop.records.types import Instruction, InstructionResult
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.partitioner import partition_of
from tightloop.venues import registry
from tightloop.wire import codec

TOPIC, RESULTS = "instructions", "instruction_results"
CLOCK_ALLOWANCE = timedelta(minutes=1)  # at most, between a publisher and the broker; more only costs reading
_REMEMBERED = 10_000


class Published(Struct, frozen=True):
    """Where an instruction now lies."""

    instruction_id: str
    strategy_id: str
    partition: int
    offset: int


class InstructionPublisher(Closing):
    """Idempotent: a retry of the client's own never doubles a record; the same instruction again changes nothing.

    The same has the same ``created_at``, which counts as content: left out, it is the time of publishing (EIM-009).

    ``bootstrap``: by default the configuration's. Not to be shared between threads.

    >>> from tightloop import InstructionPublisher
    >>> order = {
    ...     "instruction_id": "example-1",
    ...     "strategy_id": "strategy-1",
    ...     "type": "cex_trade",
    ...     "venue": "binance",
    ...     "market": "spot",
    ...     "symbol": "BTC/USDT",
    ...     "side": "buy",
    ...     "order_type": "market",
    ...     "amount": "0.1",
    ... }
    >>> with InstructionPublisher() as publisher:
    ...     offset = publisher.publish(order)
    ...     result = publisher.await_result("example-1")
    >>> result.status, result.outcome, result.filled_amount
    ('reconciled', 'filled', Decimal('0.1'))
    """

    def __init__(
        self, bootstrap: str | None = None, *, prefix: str | None = None, client: Mapping[str, Any] | None = None
    ) -> None:
        self.settings = bus(bootstrap, prefix, client)
        self._producer = Producer(producer_settings(self.settings))
        self._known: dict[str, tuple[str, datetime]] = {}

    def publish(self, instruction: Instruction | Mapping[str, Any]) -> int:
        """Returns its offset, once the brokers have it.

        Raises ExecutionError EIM-005 to -008 for one that is not possible, EIM-018 for a leg of a group (see
        :meth:`publish_all`), EIF-011 without a broker.
        """
        return self.publish_all([instruction])[0].offset

    def publish_all(
        self, instructions: Iterable[Instruction | Mapping[str, Any]], *, partial_groups: bool = False
    ) -> list[Published]:
        """All of them, each validated before the first is sent; a group must be whole, unless ``partial_groups`` says
        that its other legs come from elsewhere.

        Raises ExecutionError as :meth:`publish`, and EIM-018 for a group with a leg that is missing or does not fit.
        """
        ready = [self._checked(one) for one in instructions]
        if not partial_groups:
            check_groups(ready)
        sent = {}
        with reaching(self.settings.bootstrap):
            for number, instruction in enumerate(ready):
                sent[number] = _Delivery()
                self._produce(instruction, sent[number])
            self._producer.flush(TIMEOUT_S)
        published = []
        for number, instruction in enumerate(ready):
            partition, offset = sent[number].place(self.settings.bootstrap)
            published.append(Published(instruction.instruction_id, instruction.strategy_id, partition, offset))
            self._remember(instruction)
        return published

    def await_result(
        self, instruction_id: str, timeout: float = 60.0, *, strategy_id: str | None = None
    ) -> InstructionResult:
        """How it ended. ``strategy_id`` is needed for an instruction that this publisher did not publish.

        Raises TimeoutError when it has not ended after ``timeout`` seconds.
        """
        known = self._known.get(instruction_id)
        start: Start = known[1] - CLOCK_ALLOWANCE if known else "beginning"
        strategy = strategy_id or (known[0] if known else None)
        partitions = None
        if strategy is not None:
            count = partition_counts(self.settings, [RESULTS])[RESULTS]
            partitions = [partition_of(strategy.encode(), count)]
        deadline = time.monotonic() + timeout
        with TopicReader(self.settings, [RESULTS], start, partitions) as reader:
            while (left := deadline - time.monotonic()) > 0:
                received = reader.poll(left)
                if received is None or received.header("instruction_id") not in (instruction_id, None):
                    continue
                result = codec.decode_as(received.value or b"", InstructionResult)
                if result.instruction_id == instruction_id and strategy in (None, result.strategy_id):
                    return result
        raise TimeoutError(f"instruction {instruction_id} has no result after {round(timeout, 1):g} s")

    def close(self) -> None:
        self._producer.flush(TIMEOUT_S)

    def _checked(self, given: Instruction | Mapping[str, Any]) -> Instruction:
        instruction = given if isinstance(given, Instruction) else instruction_from(given)
        check_instruction(instruction, registry.known().venues)
        if instruction.produced_at is None:
            instruction = replace(instruction, produced_at=datetime.now(UTC))
        return instruction

    def _produce(self, instruction: Instruction, delivery: _Delivery) -> None:
        headers = [("strategy_id", instruction.strategy_id), ("instruction_id", instruction.instruction_id)]
        if instruction.trace_id:
            headers.append(("trace_id", instruction.trace_id))
        while True:
            try:
                self._producer.produce(
                    self.settings.prefix + TOPIC,
                    codec.encode(instruction),
                    instruction.strategy_id,
                    on_delivery=delivery,
                    headers=[(name, value.encode()) for name, value in headers],
                )
                break
            except BufferError:
                self._producer.poll(1.0)
        self._producer.poll(0)

    def _remember(self, instruction: Instruction) -> None:
        self._known[instruction.instruction_id] = (instruction.strategy_id, instruction.created_at)
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]


class _Delivery:
    """What the broker said to one record."""

    def __init__(self) -> None:
        self._place: tuple[int, int] | None = None
        self._error: object = None

    def __call__(self, error: object, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        self._error = error
        if error is None and partition is not None and offset is not None:
            self._place = (partition, offset)

    def place(self, bootstrap: str) -> tuple[int, int]:
        if self._error is not None:
            with reaching(bootstrap):
                raise KafkaException(self._error)
        if self._place is None:
            raise ExecutionError("EIF-011", f"no Kafka broker at {bootstrap!r} has confirmed the record")
        return self._place


def producer_settings(settings: KafkaSettings) -> dict[str, Any]:
    """Of a plain, idempotent producer that puts each key where the components expect it."""
    return {
        **settings.admin(),
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "linger.ms": 0,
        "message.timeout.ms": int(TIMEOUT_S * 1000),
        "message.max.bytes": 16 * 1024 * 1024,
    }
