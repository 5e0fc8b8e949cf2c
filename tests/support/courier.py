"""What no network does between two sandboxes: what one has sent is credited at the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread


def carried(sent: Callable[[], str | None], credit: Callable[[str], object]) -> Thread:
    """Credits once, as soon as ``sent`` names a transaction; it waits a minute for that."""

    def carry() -> None:
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            if reference := sent():
                credit(reference)
                return
            time.sleep(0.1)

    thread = Thread(target=carry, daemon=True)
    thread.start()
    return thread
