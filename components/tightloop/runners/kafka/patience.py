"""Waiting for a broker, for a bounded time, with lines in the log."""

from __future__ import annotations

import time

import structlog

log = structlog.get_logger()
SILENT_S = 2.0  # as long as a dead owner's transaction may stay open: nothing to tell of yet
SAY_EVERY_S = 5.0


class Patience:
    """``seconds``: for all the waiting of one operation together."""

    def __init__(self, component: str, seconds: float) -> None:
        self.seconds = seconds
        self._component = component
        self._deadline = time.monotonic() + seconds
        self._say_at = time.monotonic() + SILENT_S

    def wait(self, what: str, error: Exception, pause_s: float) -> None:
        """Before something is tried again: says every few seconds why. Raises ``error`` when the time is over."""
        now = time.monotonic()
        if now >= self._deadline:
            raise error
        if now > self._say_at:
            self._say_at = now + SAY_EVERY_S
            left = round(self._deadline - now, 1)
            log.warning("waiting", component=self._component, what=what, error=str(error), seconds_left=left)
        time.sleep(min(pause_s, self._deadline - now))
