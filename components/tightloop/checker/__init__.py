"""An independent judge of a system's guarantees. It shares no code with what it judges.

It reads the topics with ``read_committed``, decodes them with fastavro and the ``.avsc`` files, asks the venues for
their own books over HTTP, and says what does not hold. :func:`check` judges a run that is over, :class:`Watch` one
that goes on. The rules themselves (``rules``) are pure functions over :class:`Collected`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tightloop.checker.collected import Collected, Seen, Venues
from tightloop.checker.collecting import Reader, read_venues
from tightloop.checker.judge import judge, violations
from tightloop.checker.rules.results import missing
from tightloop.checker.verdict import Cause, Interruption, Skew, Terms, Verdict, Violation

__all__ = [
    "Cause",
    "Collected",
    "Interruption",
    "Seen",
    "Skew",
    "Terms",
    "Venues",
    "Verdict",
    "Violation",
    "Watch",
    "check",
    "judge",
    "violations",
]

Place = tuple[str, int, int]


def check(
    bootstrap: str,
    prefix: str,
    simulator: str,
    *,
    client: Mapping[str, Any] | None = None,
    drifted: Collection[str] = frozenset(),
    standing: Mapping[str, Collection[str]] | None = None,
    dust: Decimal = Decimal("0.000001"),
) -> Verdict:
    """Judge a run that is over. ``simulator``: ``host:port`` of the venues; ``client``: further Kafka settings.

    ``drifted``, ``standing``, ``dust``: see :class:`Terms`. Raises TimeoutError when a topic's end is not reached,
    OSError when the venues can't be asked, KafkaException when the broker can't.
    """
    watch = Watch(bootstrap, prefix, simulator, client=client)
    try:
        return watch.judge(Terms(drifted=frozenset(drifted), standing=standing or {}, dust=dust))
    finally:
        watch.close()


class Watch:
    """A run while it goes on: what has come is kept, what is new is read, and all of it judged as often as asked.

    ``ignored``: ``(topic, partition, offset)`` of records that a test put there, which the system did not write.
    """

    def __init__(
        self,
        bootstrap: str,
        prefix: str,
        simulator: str,
        *,
        client: Mapping[str, Any] | None = None,
        ignored: Collection[Place] = frozenset(),
    ) -> None:
        self._reader = Reader(bootstrap, prefix, client)
        self._simulator = simulator
        self.ignored = set(ignored)
        self.data = Collected()

    def look(self) -> Collected:
        """Read what is stable by now."""
        self._take(self._reader.read(to_the_end=False))
        return self.data

    def without_result(self) -> dict[tuple[str, str], str]:
        """``(strategy, instruction)`` that have no result by now, and where they were published."""
        return missing(self.look())

    def wrong_by_now(self) -> list[Violation]:
        """What is wrong for good, whatever is still to come."""
        self.look()
        self.data.venues = read_venues(self._simulator)
        return violations(self.data, Terms(complete=False))

    def judge(self, terms: Terms | None = None) -> Verdict:
        """The run is over: read everything to its end, then judge it."""
        self._take(self._reader.read(to_the_end=True))
        self.data.ends = self._reader.ends()
        self.data.venues = read_venues(self._simulator)
        return judge(self.data, replace(terms or Terms(), complete=True))

    def close(self) -> None:
        self._reader.close()

    def _take(self, records: list[Seen]) -> None:
        self.data.add(one for one in records if (one.topic, one.partition, one.offset) not in self.ignored)
