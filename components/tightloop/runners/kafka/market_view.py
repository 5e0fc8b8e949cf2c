"""The last prices on the topic ``market_data``: what answers the interface manager's ``ReadPrices`` on Kafka.

A consumer of its own, on a thread of its own, reads every partition from where prices are not too old yet, and keeps
the newest of each market; it belongs to no group and commits nothing. A question waits until everything that was there
at the start has been read, and then is answered from memory. It is a view: what was seen goes back as an answer, which
is recorded with the loop, and nothing else is decided by it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tightloop.domain import money
from tightloop.errors import ExecutionError
from tightloop.handlers.calls import Market
from tightloop.records.types import MarketData, MarketPrice
from tightloop.runners.clock import Clock
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.price_source import price_in, seen, stand_ins
from tightloop.wire import codec

log = structlog.get_logger()
TOPIC = "market_data"
CATCH_UP_S = 10.0  # how long a question waits for what was there at the start
AGAIN_S = 2.0  # what went wrong is tried again after so long
AHEAD = timedelta(seconds=5)  # what is dated further ahead of our clock would hide what comes after it
MOST_MARKETS = 10_000
_BATCH = 500


class MarketView:
    """``max_age_s``: older records are not looked for. Starts to read at once."""

    def __init__(self, settings: KafkaSettings, clock: Clock, max_age_s: float) -> None:
        self._settings = settings
        self._clock = clock
        self._max_age = timedelta(seconds=max_age_s)
        self._newest: dict[Market, MarketData] = {}
        self._places: dict[str, list[Market]] = {}  # by symbol: a market's price may be asked of another venue
        self._caught_up = threading.Event()
        self._stopped = threading.Event()
        self._problem: str | None = None
        self._thread = threading.Thread(target=self._follow, name="market data", daemon=True)
        self._thread.start()

    async def read(self, markets: Sequence[Market]) -> tuple[MarketPrice, ...]:
        """Raises RuntimeError where the topic can't be read."""
        if not self._caught_up.is_set():
            await self._wait()
        return tuple([self._price(market) for market in markets])

    async def _wait(self) -> None:
        until = time.monotonic() + CATCH_UP_S
        while not self._caught_up.is_set():
            if time.monotonic() > until:
                raise RuntimeError(self._problem or f"{TOPIC} was not read to its end within {CATCH_UP_S:g} s")
            await asyncio.sleep(0.02)

    def _price(self, market: Market) -> MarketPrice:
        venue, symbol = market
        names = dict.fromkeys((symbol, symbol.partition(":")[0]))
        known = [place for name in names for place in list(self._places.get(name, ()))]
        oldest = self._clock.now() - self._max_age
        latest: tuple[Market, MarketData] | None = None
        for place in stand_ins(venue, symbol, known):
            record = self._newest.get(place)
            if record is None:
                continue
            if record.event_time >= oldest:
                return seen(market, place, price_in(record), record.event_time)
            latest = latest or (place, record)
        if latest is None:
            return seen(market, None, None, None)
        return seen(market, latest[0], price_in(latest[1]), latest[1].event_time)

    async def close(self) -> None:
        self._stopped.set()
        await asyncio.to_thread(self._thread.join, 5.0)

    # --- on its own thread --------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        money.install()
        while not self._stopped.is_set():
            try:
                self._read_on()
            except Exception as error:  # noqa: BLE001  whatever it is, limits say that there is no price, and why
                self._problem = f"{TOPIC} can't be read: {error}"
                log.warning("market data can't be read", error=str(error))
                self._stopped.wait(AGAIN_S)

    def _read_on(self) -> None:
        """Until it is stopped. Raises KafkaException when the topic can't be read any more."""
        consumer = Consumer(self._settings.restore_consumer("market-view"))
        try:
            places = self._starts(consumer)
            consumer.assign(places)
            unread = {place.partition for place in places}
            while not self._stopped.is_set():
                first = consumer.poll(0.1)
                for message in [] if first is None else [first, *consumer.consume(_BATCH, 0)]:
                    error = message.error()
                    if error is None:
                        self._take(message)
                    elif error.code() == KafkaError._PARTITION_EOF:
                        unread.discard(message.partition() or 0)
                    elif error.fatal() or not error.retriable():
                        raise KafkaException(error)
                if not unread and not self._caught_up.is_set():
                    self._problem = None
                    self._caught_up.set()
        finally:
            consumer.close()

    def _starts(self, consumer: Consumer) -> list[TopicPartition]:
        """Where what is not too old begins, by the broker's times; a topic without such records, at its end."""
        name = self._settings.prefix + TOPIC
        found = consumer.list_topics(name, timeout=10.0).topics[name]
        if found.error is not None:
            raise KafkaException(found.error)
        since = int((self._clock.now() - self._max_age - AHEAD).timestamp() * 1000)
        asked = [TopicPartition(name, partition, since) for partition in found.partitions]
        # Asked for first, so that nothing comes between it and the answer that a partition has nothing so young
        ends = {place.partition: consumer.get_watermark_offsets(place, timeout=10.0)[1] for place in asked}
        places = consumer.offsets_for_times(asked, timeout=10.0)
        for place in places:
            if place.error is not None:
                raise KafkaException(place.error)
            if place.offset < 0:
                place.offset = ends[place.partition]
        return places

    def _take(self, message: Message) -> None:
        value: Any = message.value()
        try:
            record = codec.decode(value or b"")
            if not isinstance(record, MarketData) or price_in(record) is None:
                return
        except (ExecutionError, ArithmeticError) as error:
            log.warning("market data that can't be read", offset=message.offset(), error=str(error))
            return
        if record.event_time > self._clock.now() + AHEAD:
            log.warning("market data is dated ahead", venue=record.venue, symbol=record.symbol, at=record.event_time)
            return
        place = record.venue, record.symbol
        known = self._newest.get(place)
        if known is None:
            if len(self._newest) >= MOST_MARKETS:
                log.warning("more markets than are kept", venue=record.venue, symbol=record.symbol)
                return
            self._places[record.symbol] = [*self._places.get(record.symbol, ()), place]
        if known is None or record.event_time >= known.event_time:
            self._newest[place] = record
