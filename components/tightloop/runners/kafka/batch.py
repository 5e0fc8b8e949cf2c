"""What was handled since the last commit of each partition, and which of it may wait a little.

Nobody waits for an event that only changes state: it has no record to read and no call that may start. It is held back
until its partition has something that is waited for, or for a moment. So an instruction that is only queued costs no
transaction of its own, and where it is started in the meantime its place in the queue is never written.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from tightloop.handlers.calls import Answer
from tightloop.runners.shapes import Started
from tightloop.runners.worker import PartitionWorker

LINGER_S = 0.25  # longer than a loop takes at a near venue
MOST_EVENTS = 500  # of one partition: more than this are not held back
Answered = tuple[PartitionWorker, Started, Answer]


class Batch:
    """``read``: topics and partitions. Nothing of it is durable: what is undone is read, and answered, again."""

    def __init__(self) -> None:
        self.read: set[tuple[str, int]] = set()
        self.answers: list[Answered] = []
        self._until: dict[int, float] = {}  # by partition, monotonic: how long it may be held back

    @property
    def is_open(self) -> bool:
        """Was something handled and held back?"""
        return bool(self._until)

    def lingers_for(self) -> float:
        """Seconds; infinite when nothing is held back."""
        return min(self._until.values(), default=math.inf) - time.monotonic()

    def due(self, workers: Sequence[PartitionWorker], now: datetime) -> list[PartitionWorker]:
        """Those to commit now. ``workers``: those that had events."""
        moment, soon = time.monotonic(), now + timedelta(seconds=LINGER_S)
        return [
            worker
            for worker in workers
            if self._until.setdefault(worker.partition, moment + LINGER_S) <= moment
            or worker.events >= MOST_EVENTS
            or worker.is_urgent(soon)
        ]

    def read_by(self, workers: Sequence[PartitionWorker]) -> list[tuple[str, int]]:
        """The topics and partitions that were read for these workers."""
        partitions = {worker.partition for worker in workers}
        return sorted(place for place in self.read if place[1] in partitions)

    def committed(self, workers: Sequence[PartitionWorker]) -> None:
        """What was handled for them is durable now."""
        self.read.difference_update(self.read_by(workers))
        self.answers = [answered for answered in self.answers if answered[0] not in workers]
        for worker in workers:
            self._until.pop(worker.partition, None)
