"""``ResultConsumer``: the records of any topics as they arrive, typed or as pandas frames."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tightloop.client.closing import Closing
from tightloop.client.reader import Received, Start, TopicReader
from tightloop.client.table.columns import Row, TopicTable
from tightloop.client.table.frames import frame_of, load_pandas
from tightloop.errors import ExecutionError
from tightloop.runners.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from pandas import DataFrame

_QUIET_S = 0.2


class ResultConsumer(Closing):
    """Iterate over it for records, over ``frames()`` for pandas frames, over ``received()`` for records with their
    place, time and headers. Only what is committed is read, and no consumer group is joined.

    ``topics``: one name or several, as in the contracts. ``from_``: ``"beginning"``, ``"end"`` (what comes from now
    on), an aware datetime, or offsets by ``(topic, partition)``. ``follow``: go on at the end, or stop there.
    ``idle_s``: with ``follow``, stop when nothing has come for so long. ``bootstrap``: by default the configuration's.

    Raises ExecutionError BUS-003 for a time without a zone, EIF-010 (no address, no such topic), EIF-011 (no broker).

    >>> from tightloop import ResultConsumer
    >>> with ResultConsumer("instruction_results", from_="beginning", follow=False) as consumer:
    ...     for result in consumer:
    ...         if result.strategy_id == "strategy-1":
    ...             print(result.instruction_id, result.status, result.filled_amount)
    example-1 reconciled 0.1
    """

    def __init__(
        self,
        topics: str | Sequence[str],
        bootstrap: str | None = None,
        *,
        from_: Start = "end",
        follow: bool = True,
        idle_s: float | None = None,
        prefix: str | None = None,
        client: Mapping[str, Any] | None = None,
    ) -> None:
        self._topics = [topics] if isinstance(topics, str) else list(topics)
        _refuse_addresses(self._topics)
        self._reader = TopicReader(bus(bootstrap, prefix, client), self._topics, from_)
        self._follow = follow
        self._idle_s = idle_s

    def __iter__(self) -> Iterator[Struct]:
        """Raises ExecutionError TLC-001 to -003 and -009 for a record that can't be read, and says where it lies.

        Iterating again goes on behind it.
        """
        for received in self.received():
            try:
                yield received.record()
            except ExecutionError as error:
                raise _placed(error, received) from error

    def frames(self, rows: int = 10_000, seconds: float = 1.0) -> Iterator[DataFrame]:
        """Frames of one topic each, with at most so many ``rows``: when there are that many, with ``follow`` also every
        so many ``seconds``, and at the end. A topic without records gives one frame without rows.

        The columns are ``kafka_topic``, ``kafka_partition``, ``kafka_offset``, ``kafka_timestamp``, ``kafka_key`` and
        the record's fields; ``tightloop.client.table.frames`` lists their dtypes. Amounts are Decimals, times UTC.

        Raises ExecutionError BUS-001 without pandas, BUS-004 for a topic that is no table; while iterating TLC-001 to
        -004 and -009 for a record that can't be read, after the frame of those before it. ``frames()`` again goes on
        behind it.

        >>> import pandas
        >>> from tightloop import ResultConsumer
        >>> with ResultConsumer("fills", from_="beginning", follow=False) as consumer:
        ...     fills = pandas.concat(consumer.frames())
        >>> fills[fills["strategy_id"] == "strategy-1"].groupby("venue")["amount"].sum().to_dict()
        {'binance': Decimal('0.1')}
        """
        load_pandas()
        return self._frames([TopicTable(topic) for topic in self._topics], rows, seconds)

    def received(self) -> Iterator[Received]:
        return (received for received in self._arriving() if received is not None)

    def _arriving(self) -> Iterator[Received | None]:
        """What comes; None, now and then, while nothing does."""
        if not self._follow:
            yield from self._reader.to_end()
            return
        quiet_since = time.monotonic()
        while self._idle_s is None or time.monotonic() - quiet_since < self._idle_s:
            received = self._reader.poll(_QUIET_S)
            yield received
            if received is not None:
                quiet_since = time.monotonic()

    def _frames(self, tables: list[TopicTable], rows: int, seconds: float) -> Iterator[DataFrame]:
        by_topic = {table.topic: table for table in tables}
        held: dict[str, list[Row]] = {}  # rows that are in no frame yet
        without = set(by_topic)  # topics that gave no frame yet
        due = time.monotonic() + seconds
        for received in self._arriving():
            if received is not None:
                table = by_topic[received.topic]
                try:
                    held.setdefault(table.topic, []).append(table.row(received))
                except ExecutionError as error:
                    yield from (frame_of(by_topic[topic], kept) for topic, kept in held.items() if kept)
                    raise _placed(error, received) from error
                if len(held[table.topic]) >= rows:
                    without.discard(table.topic)
                    yield frame_of(table, held.pop(table.topic))
            if self._follow and time.monotonic() >= due:
                without -= set(held)
                while held:
                    topic, kept = held.popitem()
                    yield frame_of(by_topic[topic], kept)
                due = time.monotonic() + seconds
        for topic in sorted(without | set(held)):
            yield frame_of(by_topic[topic], held.get(topic, []))

    def close(self) -> None:
        self._reader.close()


def _placed(error: ExecutionError, received: Received) -> ExecutionError:
    """The error with the record's place."""
    where = f"{received.topic}/{received.partition}@{received.offset}"
    return ExecutionError(error.code, f"{where}: {error.message}", context=error.context)


def _refuse_addresses(topics: Sequence[str]) -> None:
    """InstructionPublisher takes the address first, a consumer the topics. No topic's name has a colon (Kafka)."""
    for topic in topics:
        if ":" in topic:
            raise ExecutionError(
                "EIF-010",
                f"{topic!r} is no topic; an address goes behind the topics: "
                f'ResultConsumer("instruction_results", bootstrap={topic!r})',
            )


def bus(
    bootstrap: str | None = None, prefix: str | None = None, client: Mapping[str, Any] | None = None
) -> KafkaSettings:
    """Where the bus is: as given, else as configured. Raises ExecutionError EIF-010 when neither says."""
    if bootstrap is None:
        from tightloop.assembly.config import load

        config, _ = load()
        bootstrap, prefix = config.bootstrap, config.prefix if prefix is None else prefix
        client = dict(config.kafka) if client is None else client
    if not bootstrap:
        raise ExecutionError(
            "EIF-010",
            "no Kafka address is configured",
            remedy="Run it where `tightloop up` ran, give --bootstrap HOST:PORT (in Python bootstrap=...; `up` "
            "printed it), set TIGHTLOOP_BOOTSTRAP, or write bootstrap into tightloop.toml.",
        )
    return KafkaSettings(bootstrap=bootstrap, prefix=prefix or "", client=dict(client or {}))
