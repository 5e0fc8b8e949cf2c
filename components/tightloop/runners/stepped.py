"""The in-process runner by a clock that stands still until it is moved: for backtests and tests.

Nothing waits for real time, and the same input gives the same bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

from tightloop.domain import money
from tightloop.handlers.api import Handler
from tightloop.records.types import Recording
from tightloop.runners.clock import ManualClock
from tightloop.runners.inprocess import Answered, Asked, InProcessRunner
from tightloop.runners.performer import Performer, run_now
from tightloop.runners.worker import PartitionWorker


class OnTime(Protocol):
    """Something else that lives by the same clock, such as the simulated venues."""

    def __call__(self, now: datetime) -> None: ...


class AtOnce:
    """Performs each call when its answer is taken, one by one in their order: for venues that never really wait."""

    def __init__(self, performer: Performer) -> None:
        self._performer = performer
        self._asked: deque[Asked] = deque()

    def start(self, calls: Sequence[Asked]) -> None:
        self._asked.extend(calls)

    def look(self, reads: Sequence[Asked]) -> Iterator[Answered]:
        for worker, started in reads:
            yield worker, started, run_now(self._performer.perform(started.call, started.key))

    def take(self, limit: int) -> Iterator[Answered]:
        for _ in range(min(limit, len(self._asked))):
            worker, started = self._asked.popleft()
            yield worker, started, run_now(self._performer.perform(started.call, started.key))

    def drop(self, workers: Collection[PartitionWorker], *, perform: bool) -> None:
        """Forget what these have asked for; ``perform``: do it all the same, and forget the answers alone."""
        for worker, started in self._asked:
            if perform and worker in workers:
                run_now(self._performer.perform(started.call, started.key))
        self._asked = deque(one for one in self._asked if one[0] not in workers)


class SteppedRunner(InProcessRunner):
    """``on_time``: called whenever the clock was moved."""

    def __init__(
        self,
        handlers: Sequence[Handler],
        performer: Performer,
        clock: ManualClock,
        *,
        partitions: int = 1,
        encodes: bool = False,
        on_time: OnTime | None = None,
        record: Callable[[Recording], None] | None = None,
    ) -> None:
        self._at_once = AtOnce(performer)
        super().__init__(handlers, self._at_once, clock, partitions=partitions, encodes=encodes, record=record)
        self.clock = clock
        self._on_time = on_time

    def advance(self, seconds: float) -> None:
        """Move the clock, stopping wherever somebody wants to be woken."""
        target = self.clock.now() + timedelta(seconds=seconds)
        self.run()
        while (at := self.next_wake()) is not None and at <= target:
            self._move_to(at)
            self.run()
        self._move_to(target)
        self.run()

    def advance_to_next(self) -> bool:
        """Move the clock to where the next of them wants to be woken, and run; False: nobody wants to."""
        at = self.next_wake()
        if at is None:
            return False
        self._move_to(max(at, self.clock.now()))
        self.run()
        return True

    def _move_to(self, at: datetime) -> None:
        self.clock.move_to(at)
        if self._on_time is not None:
            self._on_time(self.clock.now())

    def restart(self, component: str, *, calls: Literal["lost", "performed"] = "lost") -> None:
        """As if the component's process had died: its state comes back from what it committed.

        ``calls``: those it had asked for and not made yet are ``lost``; or ``performed``, and only their answers lost.
        """
        dead = self._seats[component]
        workers = {seat.worker for seat in dead}
        self._at_once.start(self._asked)
        self._asked = []
        self._at_once.drop(workers, perform=calls == "performed")
        for seat in dead:
            old = seat.worker
            old.rollback()  # an answer may have been handled, and not been committed yet
            del self._by_worker[old]
            worker = seat.worker = self._worker(old.handler, old.partition)
            self._by_worker[worker] = seat
            with money.exact():
                for key, name, entry in old.state.entries():
                    worker.state.load(key, name, entry)
                worker.restored(self.clock.now())
            seat.wakes_at = None
            seat.arrived()
