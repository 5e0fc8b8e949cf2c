"""Ends the process when a transaction hangs: after a broker restart a call was seen to ignore its own timeout."""

from __future__ import annotations

import os
import sys
import threading
import time

EXIT_CODE = 70


class Watchdog:
    def __init__(self, limit_s: float, what: str) -> None:
        self._limit_s = limit_s
        self._what = what
        self._since: float | None = None
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def enter(self) -> None:
        self._since = time.monotonic()

    def leave(self) -> None:
        self._since = None

    def _watch(self) -> None:
        while True:
            time.sleep(self._limit_s / 10)
            since = self._since
            if since is not None and time.monotonic() - since > self._limit_s:
                sys.stderr.write(f"{self._what}: a transaction hangs for more than {self._limit_s} s: ending\n")
                sys.stderr.flush()
                os._exit(EXIT_CODE)
