"""Market data as it happens, onto ``market_data``: for a writer that waits for nobody.

What can't be sent soon is dropped, as something newer comes. Nothing waits for a broker that is away, or for a topic
that is not there yet.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from confluent_kafka import Message, Producer

from tightloop.client.connect import topics_there
from tightloop.client.market_publisher import TOPIC
from tightloop.client.publisher import producer_settings
from tightloop.errors import ExecutionError
from tightloop.records.types import MarketData
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.wire import codec

log = structlog.get_logger()
DROPPED_AFTER_MS = 5000


class MarketStream:
    """Offers records to the topic, each under ``venue:symbol``. Not to be shared between threads."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: Producer | None = None
        self._told = False  # of what is wrong, once until it is right again

    def offer(self, records: Iterable[MarketData]) -> int:
        """How many were handed to the client. May take a moment while no broker answers. Never raises for Kafka."""
        if self._producer is None and not self._is_there():
            return 0
        producer = self._producer or self._made()
        count = 0
        for record in records:
            try:
                producer.produce(
                    self._settings.prefix + TOPIC,
                    codec.encode(record),
                    f"{record.venue}:{record.symbol}",
                    on_delivery=self._delivered,
                )
                count += 1
            except BufferError:
                break
        producer.poll(0)
        return count

    def _is_there(self) -> bool:
        try:
            there = TOPIC in topics_there(self._settings)
        except ExecutionError as error:
            self._complain(error.message)
            return False
        if not there:
            self._complain(f"there is no topic {self._settings.prefix + TOPIC}")
        return there

    def _made(self) -> Producer:
        more = {"message.timeout.ms": DROPPED_AFTER_MS, "linger.ms": 20, "log_level": 0}
        self._producer = Producer({**producer_settings(self._settings), **more})
        return self._producer

    def _delivered(self, error: object, message: Message) -> None:
        if error is None:
            self._told = False
        else:
            self._complain(str(error))

    def _complain(self, why: str) -> None:
        if not self._told:
            log.warning("market data is not published", why=why)
        self._told = True

    def close(self) -> None:
        if self._producer is not None:
            self._producer.flush(1.0)
