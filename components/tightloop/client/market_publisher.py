"""Market data onto the topic ``market_data``, each record under ``venue:symbol``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaException, Message, Producer

from tightloop.client.closing import Closing
from tightloop.client.connect import TIMEOUT_S, partition_counts, reaching
from tightloop.client.consumer import bus
from tightloop.client.publisher import producer_settings
from tightloop.errors import ExecutionError
from tightloop.records.types import MarketData
from tightloop.wire import codec

TOPIC = "market_data"


class MarketPublisher(Closing):
    """Not to be shared between threads. Raises ExecutionError EIF-010 without the topic, EIF-011 without a broker."""

    def __init__(
        self, bootstrap: str | None = None, *, prefix: str | None = None, client: Mapping[str, Any] | None = None
    ) -> None:
        self.settings = bus(bootstrap, prefix, client)
        partition_counts(self.settings, [TOPIC])
        self._producer = Producer({**producer_settings(self.settings), "linger.ms": 5})
        self._error: object = None

    def publish(self, records: Iterable[MarketData]) -> int:
        """In their order; how many. Returns once the brokers have them all. Raises ExecutionError EIF-011."""
        self._error, count = None, 0
        with reaching(self.settings.bootstrap):
            for record in records:
                self._produce(record)
                count += 1
            left = self._producer.flush(TIMEOUT_S)
            if self._error is not None:
                raise KafkaException(self._error)
        if left:
            raise ExecutionError(
                "EIF-011", f"no Kafka broker at {self.settings.bootstrap!r} has confirmed {left} records"
            )
        return count

    def _produce(self, record: MarketData) -> None:
        value, key = codec.encode(record), f"{record.venue}:{record.symbol}"
        while True:
            try:
                self._producer.produce(self.settings.prefix + TOPIC, value, key, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(1.0)
        self._producer.poll(0)

    def _delivered(self, error: object, message: Message) -> None:
        if error is not None:
            self._error = error

    def close(self) -> None:
        self._producer.flush(TIMEOUT_S)
