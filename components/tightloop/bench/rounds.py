"""Rounds of keys: how long each took, counted only while they are measured."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence

from msgspec import Struct


class Measured(Struct, frozen=True, kw_only=True):
    """``per_second``: rounds of all keys together; the times of one round in milliseconds."""

    rounds: int
    seconds: float
    per_second: float
    p50_ms: float
    p99_ms: float


class Rounds:
    """A round of a key lasts from one time it is seen at a place to the next."""

    def __init__(self) -> None:
        self._last: dict[bytes, float] = {}
        self._times = array("d")
        self._began = 0.0
        self._measuring = False

    @property
    def keys(self) -> int:
        """How many keys were seen."""
        return len(self._last)

    def seen(self, key: bytes, now: float) -> None:
        """``now``: seconds of ``time.monotonic``."""
        before = self._last.get(key)
        self._last[key] = now
        if self._measuring and before is not None:
            self._times.append(now - before)

    def begin(self) -> None:
        self._times = array("d")
        self._began = time.monotonic()
        self._measuring = True

    def end(self) -> Measured:
        seconds = time.monotonic() - self._began
        self._measuring = False
        return measured(self._times, seconds)


def measured(times: Sequence[float], seconds: float) -> Measured:
    """``times``: seconds each round took; ``seconds``: how long it was measured."""
    ordered = sorted(times)
    return Measured(
        rounds=len(ordered),
        seconds=round(seconds, 3),
        per_second=round(len(ordered) / seconds, 1) if seconds else 0.0,
        p50_ms=_percentile(ordered, 0.50),
        p99_ms=_percentile(ordered, 0.99),
    )


def _percentile(ordered: Sequence[float], share: float) -> float:
    if not ordered:
        return 0.0
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)
