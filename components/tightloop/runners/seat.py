"""One partition of one component, as the in-process runner sees it."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from tightloop.runners.bus import Stored
from tightloop.runners.worker import PartitionWorker


class Seat:
    """Its worker, what that has not read yet, and when it wants to be woken.

    ``ready``: the queue in which it stands, once, while there is something to do. ``read``: the next offset by topic.
    """

    __slots__ = ("_ready", "inbox", "is_ready", "read", "wakes_at", "worker")

    def __init__(self, worker: PartitionWorker, ready: deque[Seat]) -> None:
        self.worker = worker
        self.inbox: list[Stored] = []
        self.read: dict[str, int] = {}
        self.wakes_at: datetime | None = None
        self.is_ready = False
        self._ready = ready

    def arrived(self) -> None:
        """There is something to do."""
        if not self.is_ready:
            self.is_ready = True
            self._ready.append(self)
