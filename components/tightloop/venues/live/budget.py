"""How often an exchange may be asked: weights that come back with time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

UNITS_PER_S = 10.0  # as ccxt counts the weights of endpoints
BURST = 600.0


class Budget:
    """``burst`` units at once, and ``per_second`` afterwards. Who asks beyond that waits, in the order of asking.

    ccxt's own spacing lets nobody save up: an expensive question would hold up the next one after any pause.
    """

    def __init__(
        self, per_second: float = UNITS_PER_S, burst: float = BURST, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._now = now
        self._left = burst
        self._as_of = now()
        self._quiet_until = self._as_of

    def take(self, cost: float) -> float:
        """Take ``cost`` units; returns the seconds to wait before the question they are for."""
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._as_of) * self._per_second) - cost
        self._as_of = now
        return max(0.0, -self._left / self._per_second)

    def keep_quiet(self, seconds: float) -> None:
        """The exchange wants no questions for so long."""
        self._quiet_until = max(self._quiet_until, self._now() + seconds)

    def quiet_for(self) -> float:
        """Seconds for which nothing is to be asked."""
        return max(0.0, self._quiet_until - self._now())

    async def spend(self, cost: float) -> None:
        """Take ``cost`` units, and wait until they are there."""
        wait = self.take(cost)
        if wait:
            await asyncio.sleep(wait)
