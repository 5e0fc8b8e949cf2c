"""Every component of a loop in this process, by the real clock, with a journal in a local file instead of a broker."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from tightloop.assembly import build
from tightloop.assembly.config import Config
from tightloop.domain import money
from tightloop.errors import ExecutionError
from tightloop.runners.bus import Address
from tightloop.runners.clock import Clock, SystemClock
from tightloop.runners.inprocess import InProcessRunner
from tightloop.runners.journal.journal import Journal
from tightloop.runners.performer import CallLoop, Performer
from tightloop.runners.price_source import PriceSource
from tightloop.runners.worker import PartitionWorker
from tightloop.venues.adapter import VenueAdapter

MOST_WAIT_S = 1.0


class LiveEngine(InProcessRunner):
    """``adapters``: one a lane; they may wait, and live in an event loop on a thread of their own.

    Subscribe on ``bus``, then :meth:`restore`, then :meth:`serve`, all in one thread; other threads :meth:`post`.
    Subscribers are told what is durable: each record at least once, in the order in which they were published, also
    over a restart. ``prices``: what limits are checked against; None: what needs a price is refused (EIM-013). Raises
    ExecutionError TLC-017 to TLC-020 for the journal, and EIF-008 to EIF-012 for a venue that is not the one meant; one
    that can't be reached is tried again before each call.
    """

    def __init__(
        self,
        config: Config,
        adapters: Mapping[str, VenueAdapter],
        journal: Path,
        *,
        clock: Clock | None = None,
        prices: PriceSource | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._file = Journal(journal, config.environment, clock)
        self._loop: CallLoop[PartitionWorker] = CallLoop(Performer(adapters, clock, config.timing.clock_margin, prices))
        self._posted: deque[Address] = deque()
        self._stopped = False
        handlers = [build.make_handler(component, lane, config) for component, lane in build.every_component(config)]
        with money.exact():  # and not for the caller's thread: a notebook divides as it did before
            super().__init__(handlers, self._loop, clock, journal=self._file)
            try:
                self._loop.open()
            except ExecutionError:
                self.close()
                raise

    def post(self, record: Struct, topic: str | None = None, key: str | None = None) -> None:
        """Publish from any thread. Raises ExecutionError as :meth:`~tightloop.runners.bus.Topics.publish`."""
        self._posted.extend(self.bus.addressed(record, topic, key))
        self._loop.nudge()

    def serve(self, until: Callable[[], bool] | None = None, timeout_s: float | None = None) -> bool:
        """Run until ``until`` holds (then True), the time is up, or :meth:`stop`. Raises ExecutionError TLC-020."""
        with money.exact():
            return self._serve_until(until, timeout_s)

    def _serve_until(self, until: Callable[[], bool] | None, timeout_s: float | None) -> bool:
        ends = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._stopped:
            while self._posted:
                self.bus.put(*self._posted.popleft())
            hints = self._loop.take_hints()
            self.run()
            for hint in hints:
                self.hint(hint.owner, hint.key, hint.client_order_id)
            if hints:
                self.run()
            if until is not None and until():
                return True
            left = MOST_WAIT_S if ends is None else ends - time.monotonic()
            if left <= 0:
                break
            self._loop.wait(min(left, self._until_next_wake()))
        return False

    def _until_next_wake(self) -> float:
        at = self.next_wake()
        if at is None:
            return MOST_WAIT_S
        return max(0.0, min(MOST_WAIT_S, (at - self._clock.now()).total_seconds()))

    def stop(self) -> None:
        """End :meth:`serve`. From any thread, or a signal's handler."""
        self._stopped = True
        self._loop.nudge()

    def close(self) -> None:
        """Cancel what is under way, close the adapters, and let go of the journal: what it holds is taken up again."""
        try:
            self._loop.stop()
        finally:
            self._file.close()
