"""What was handled since the last commit, and whether its transaction may wait a little.

A transaction that only changes state is waited for by nobody: no record to read, no call that may start. It is held
back for a moment, as what comes next is mostly waited for, and then takes it along. So an instruction that is only
queued costs no transaction of its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from tightloop.handlers.effects import Answer
from tightloop.runners.worker import PartitionWorker, Started

LINGER_S = 0.05
MOST_EVENTS = 500  # more than this are not held back
Answered = tuple[PartitionWorker, Started, Answer]


class Batch:
    """``read``: topics and partitions. Nothing of it is durable: what is undone is read, and answered, again."""

    def __init__(self) -> None:
        self.read: set[tuple[str, int]] = set()
        self.answers: list[Answered] = []
        self._until = math.inf  # monotonic: how long it may be held back

    @property
    def is_open(self) -> bool:
        """Was something handled and held back?"""
        return self._until < math.inf

    def lingers_for(self) -> float:
        """Seconds; infinite when nothing is held back."""
        return self._until - time.monotonic()

    def may_linger(self, workers: Sequence[PartitionWorker], now: datetime) -> bool:
        """``workers``: those that had events."""
        if not self.is_open:
            self._until = time.monotonic() + LINGER_S
        soon = now + timedelta(seconds=LINGER_S)
        return (
            self.lingers_for() > 0
            and sum(worker.events for worker in workers) < MOST_EVENTS
            and not any(worker.is_urgent(soon) for worker in workers)
        )
