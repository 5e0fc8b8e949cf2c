"""Transactions that are undone again and again: an error in the log, then not ready, then the end of the process."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

import structlog

from tightloop.runners.kafka.transaction import MustExit

log = structlog.get_logger()
A_FEW = 3  # in a row: a rebalance or a broker's hiccup undoes one or two
MOST = 10
PAUSE_S = 0.5  # before each further try, from the third on


class Undoing:
    """Counts, by partition, how often its work was undone since it was last committed: other partitions' commits must
    not hide one that never commits.
    """

    def __init__(self, component: str) -> None:
        self._component = component
        self._times: Counter[int] = Counter()

    @property
    def is_stuck(self) -> bool:
        return any(times >= A_FEW for times in self._times.values())

    def committed(self, partitions: Iterable[int]) -> None:
        for partition in partitions if self._times else ():
            self._times.pop(partition, None)

    def undone(self, partitions: Iterable[int], why: str) -> None:
        """Raises MustExit when it was too often."""
        self._times.update(partitions)
        times = max(self._times.values())
        if times < A_FEW:
            log.warning("transaction undone", component=self._component, why=why)
            return
        often = {partition: count for partition, count in self._times.items() if count >= A_FEW}
        log.error("transaction undone again and again", component=self._component, why=why, times_by_partition=often)
        if times >= MOST:
            raise MustExit(f"the work of partitions {sorted(often)} was undone {times} times in a row: {why}")
        time.sleep(PAUSE_S)
