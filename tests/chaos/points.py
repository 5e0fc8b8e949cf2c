"""Points at which processes of the system stop or die, one after another until each was reached both ways."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product

from tests.chaos.harness import ZOMBIE_S
from tests.chaos.processes import Process

AFTERWARDS = 3  # how many times as long the pauses are once every point was reached


class Points:
    """One order at a time, to every process of ``reach(point)``: the first that comes to the point obeys.

    ``open``: those of the first round that nobody has come to yet. After it there are further rounds, as long as
    :meth:`tend` is called. ``pause_s``: between two orders, that the system may get on with its work.
    """

    def __init__(
        self,
        points: Sequence[str],
        reach: Callable[[str], list[Process]],
        chance: random.Random,
        happened: Counter[str],
        pause_s: float,
    ) -> None:
        self._all = list(product(points, ("stop", "kill")))
        self._reach = reach
        self._chance = chance
        self._happened = happened
        self._pause_s = pause_s
        self._not_before = 0.0
        self._left: list[tuple[str, str]] = []
        self._armed: tuple[str, str] | None = None
        self._processes: list[Process] = []
        self.open = set(self._all)

    def tend(self) -> None:
        if self._armed is None:
            if time.monotonic() >= self._not_before:
                self._arm_next()
        elif any(process.was_hit(self._armed[0]) for process in self._processes):
            self._happened["point {} {}".format(*self._armed)] += 1
            for process in self._processes:
                process.disarm(self._armed[0])
            self.open.discard(self._armed)
            self._armed = None
            self._not_before = time.monotonic() + (self._pause_s if self.open else AFTERWARDS * self._pause_s)

    def _arm_next(self) -> None:
        if not self._left:
            self._left = list(self._all)
            self._chance.shuffle(self._left)
        processes = self._reach(self._left[-1][0])
        if any(process.is_stopped for process in processes):
            return
        self._armed = point, action = self._left.pop()
        self._processes = processes
        for process in processes:
            process.arm(point, action, seconds=ZOMBIE_S)
