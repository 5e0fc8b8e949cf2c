"""``ResultConsumer``: the records of any topics, typed, as they arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from tightloop.client.closing import Closing
from tightloop.client.reader import Received, Start, TopicReader
from tightloop.errors import ExecutionError
from tightloop.runners.kafka.settings import KafkaSettings


class ResultConsumer(Closing):
    """Iterate over it for records; over ``received()`` for records with their place, time and headers.

    ``topics``: one name or several, as in the contracts. ``from_``: ``"beginning"``, ``"end"`` (what comes from now
    on), an aware datetime, or offsets by ``(topic, partition)``. ``follow``: go on at the end, or stop there.
    ``idle_s``: with ``follow``, stop when nothing has come for so long. ``bootstrap``: by default the configuration's.
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
        names = [topics] if isinstance(topics, str) else list(topics)
        self._reader = TopicReader(bus(bootstrap, prefix, client), names, from_)
        self._follow = follow
        self._idle_s = idle_s

    def __iter__(self) -> Iterator[Struct]:
        """Raises ExecutionError TLC-001 to -003 for a record that can't be read."""
        for received in self.received():
            yield received.record()

    def received(self) -> Iterator[Received]:
        if not self._follow:
            yield from self._reader.to_end()
            return
        quiet_since = time.monotonic()
        while self._idle_s is None or time.monotonic() - quiet_since < self._idle_s:
            received = self._reader.poll(0.2)
            if received is not None:
                yield received
                quiet_since = time.monotonic()

    def close(self) -> None:
        self._reader.close()


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
            remedy="Give --bootstrap HOST:PORT, set TIGHTLOOP_BOOTSTRAP, or write bootstrap into tightloop.toml.",
        )
    return KafkaSettings(bootstrap=bootstrap, prefix=prefix or "", client=dict(client or {}))
