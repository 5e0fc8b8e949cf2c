"""Does a process that runs still answer? Asked in threads beside the supervisor's loop, which a hanging process must
not delay.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

EVERY_S = 2.0
FAILURES = 3  # in a row at least: after a pause of the whole machine the first answers may fail


class Silence:
    """How long no good answer came. Times are seconds of one monotonic clock."""

    def __init__(self, began: float) -> None:
        self._last_good = began
        self._failures = 0

    def heard(self, good: bool, now: float) -> None:
        self._failures = 0 if good else self._failures + 1
        if good:
            self._last_good = now

    def lasts(self, now: float) -> float:
        return now - self._last_good if self._failures >= FAILURES else 0.0


class Pulse:
    """Asks again and again, in a thread of its own, until ``stop``."""

    def __init__(self, asks: Callable[[], bool], every_s: float) -> None:
        self._asks = asks
        self._every_s = every_s
        self._silence = Silence(time.monotonic())
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="pulse", daemon=True).start()

    @property
    def silent_s(self) -> float:
        return self._silence.lasts(time.monotonic())

    def stop(self) -> None:
        """Does not wait for the answer that is asked for just now."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            self._silence.heard(self._asks(), time.monotonic())
