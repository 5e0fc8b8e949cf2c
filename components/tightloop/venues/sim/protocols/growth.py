"""What grows by the second, kept at every interest step: a function of time, whoever looks at it when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")
_SECOND = timedelta(seconds=1)


class Steps:
    """The interest steps of a market: at each of them what accrued is entered into the wallets' ledgers."""

    def __init__(self, start: datetime, length: timedelta) -> None:
        self._start = start
        self._length = length
        self.seconds = length // _SECOND

    def step_of(self, at: datetime) -> int:
        return max(0, (at - self._start) // self._length)

    def time_of(self, step: int) -> datetime:
        return self._start + step * self._length


class Grown(Generic[T]):
    """``grow`` makes of a state, the time that it is of, and seconds from then, the state after them."""

    def __init__(self, steps: Steps, first: T, grow: Callable[[T, datetime, int], T]) -> None:
        self._steps = steps
        self._grow = grow
        self._kept = [first]

    def at(self, time: datetime) -> T:
        steps, kept = self._steps, self._kept
        step = steps.step_of(time)
        while len(kept) <= step:
            kept.append(self._grow(kept[-1], steps.time_of(len(kept) - 1), steps.seconds))
        since = steps.time_of(step)
        rest = (time - since) // _SECOND
        return self._grow(kept[step], since, rest) if rest > 0 else kept[step]
