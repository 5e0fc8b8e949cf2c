"""The whole loop on the simulated venue's real books, which decide: what was journalled acts once, however late each
part is.

The owner of an intent is stopped with its request in hand, which leaves within its send window; meanwhile somebody is
told "not found". However late that answer is handled, and whichever clock is wrong, the order must not act again, and
the loop must not end without it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import pytest
from tests.support.lanes import REGISTRY

from tightloop.assembly.config import Config
from tightloop.handlers import calls
from tightloop.handlers.executor.deadline import submit_by
from tightloop.records.types import JournalEntry
from tightloop.runners.clock import ManualClock
from tightloop.runners.worker import PartitionWorker
from tightloop.testing import LoopDriver, trade
from tightloop.testing.driver import START
from tightloop.venues.adapter import ClockGate, Gate
from tightloop.venues.sim.inprocess import InProcessExchange
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import SimSettings

D = Decimal
LATE_S = 6.0
Late = Literal["the process was stopped", "the transaction was undone"]
LATE: list[Late] = ["the process was stopped", "the transaction was undone"]


class StoppedOwner:
    """The exchange as an executor meets it whose first request after :meth:`stop` stays in its hands."""

    def __init__(self, clock: ManualClock) -> None:
        self.sandbox = Sandbox(SimSettings(market_origin=START - timedelta(days=30)), clock.now)
        self._venue = InProcessExchange(REGISTRY.lane("binance"), self.sandbox)
        self._stopped = False
        self.held: JournalEntry | None = None
        self.after_find: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)

    def stop(self) -> None:
        self._stopped = True

    async def submit(self, entry: JournalEntry, gate: Gate) -> Any:
        if self._stopped:
            self._stopped, self.held = False, entry
            return calls.Ambiguous("its process was stopped")
        return await self._venue.submit(entry, gate)

    async def find(self, entry: JournalEntry) -> Any:
        answer = await self._venue.find(entry)
        if self.after_find is not None:
            then, self.after_find = self.after_find, None
            then()
        return answer

    def wakes(self, owners_clock: Callable[[], datetime]) -> Any:
        """The owner goes on: the gate judges by its own clock, the venue by the venue's."""
        entry = self.held
        assert entry is not None
        gate = ClockGate(owners_clock, entry.journalled_at, timedelta(seconds=3), submit_by(entry.routed))
        coroutine = self._venue.submit(entry, gate)
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("an in-process venue waited")

    def orders(self) -> list[str]:
        """The status of every order that the exchange has taken."""
        account = self.sandbox.exchanges["binance"].accounts["s1"]
        return [order.status for orders in account.orders.values() for order in orders]


class Scene:
    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.venue = StoppedOwner(self.clock)
        self.driver = LoopDriver(Config(lanes=("binance",)), venues={"binance": self.venue}, clock=self.clock)  # type: ignore[dict-item]
        self.driver.feed(trade("first", self.clock.now()))
        assert self.driver.result("first").outcome == "filled"
        self.venue.stop()

    def instruct(self, **fields: Any) -> None:
        self.driver.feed(trade("i1", self.clock.now(), **fields))

    def books_agree(self) -> bool:
        held = dict(self.venue.sandbox.positions("binance", "s1").amounts)
        return self.driver.expected() == {key: amount for key, amount in held.items() if amount}


@pytest.fixture(params=LATE)
def late(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The first answer to "what became of it?" is handled so late that it would count by then; the request acts first.

    Stopped, or busy with a slow commit, the runner has the answer and handles it later; or it handled the answer, its
    transaction was undone, and the answer is handled once more.
    """
    scene = Scene()
    how: Late = request.param

    def meanwhile() -> None:
        assert scene.venue.wakes(scene.clock.now).status in ("filled", "open")
        scene.clock.advance(LATE_S)

    if how == "the process was stopped":
        scene.venue.after_find = meanwhile
        return scene
    whole, undone = PartitionWorker.answer, []

    def answer(worker: Any, key: str, call_id: str, serial: int, told: calls.Answer, now: datetime) -> bool:
        if isinstance(told, calls.NotFound) and not undone:
            assert whole(worker, key, call_id, serial, told, now)
            worker.rollback()
            undone.append(told)
            meanwhile()
        return whole(worker, key, call_id, serial, told, scene.clock.now())

    monkeypatch.setattr(PartitionWorker, "answer", answer)
    return scene


def test_a_market_order_that_was_not_found_too_early_acts_once(late: Scene) -> None:
    late.instruct(amount=D("0.1"))
    late.driver.advance(10)
    result = late.driver.result("i1")
    assert (result.status, result.outcome, result.filled_amount) == ("reconciled", "filled", D("0.1"))
    assert late.venue.orders() == ["filled", "filled"]
    assert late.books_agree()


def test_a_resting_order_that_was_not_found_too_early_does_not_expire_while_it_works(late: Scene) -> None:
    expires_at = late.clock.now() + timedelta(seconds=5)
    late.instruct(order_type="limit", price=D(1000), amount=D("0.1"), expires_at=expires_at)
    late.driver.advance(10)
    result = late.driver.result("i1")
    assert (result.status, result.outcome) == ("reconciled", "cancelled")
    assert late.venue.orders() == ["filled", "cancelled"]


@pytest.mark.parametrize("wakes_after_s", [0.5, 2.9])
def test_a_successor_whose_clock_is_fast_waits_until_the_stopped_owner_can_act_no_more(wakes_after_s: float) -> None:
    scene = Scene()
    started = scene.clock.now()
    scene.instruct()
    scene.clock.advance(LATE_S)  # from here on this is the successor's clock, and the venue's is where it was
    scene.venue.sandbox.skew = timedelta(seconds=-LATE_S)
    scene.driver.restart("executor-binance")
    scene.driver.advance(wakes_after_s)
    assert not scene.driver.results("i1")
    assert scene.venue.wakes(lambda: started + timedelta(seconds=wakes_after_s)).status == "filled"
    scene.driver.advance(10)
    assert scene.driver.result("i1").outcome == "filled"
    assert scene.venue.orders() == ["filled", "filled"]
    assert scene.books_agree()


def test_a_successor_whose_clock_is_fast_submits_nothing_by_it() -> None:
    scene = Scene()
    scene.instruct()
    scene.clock.advance(LATE_S)
    scene.venue.sandbox.skew = timedelta(seconds=-LATE_S)
    scene.driver.restart("executor-binance")
    scene.driver.advance(LATE_S + 6)
    error = scene.driver.result("i1").error
    assert error is not None
    assert (scene.driver.result("i1").outcome, error.code) == ("none", "EXI-015")
    assert scene.venue.orders() == ["filled"]


@pytest.mark.parametrize(("skew_s", "how"), [(-2.0, "ahead of"), (2.0, "behind")])
def test_an_instruction_that_comes_while_the_venues_clock_differs_is_not_submitted(skew_s: float, how: str) -> None:
    clock = ManualClock(START)
    driver = LoopDriver(Config(lanes=("binance",)), clock=clock)
    driver.sandbox.skew = timedelta(seconds=skew_s)
    driver.feed(trade("i1", clock.now()))
    error = driver.result("i1").error
    assert error is not None
    assert (driver.result("i1").outcome, error.code, how in error.message) == ("none", "EXI-015", True)
    assert not driver.sandbox.requests.read(0, 10)
    driver.sandbox.skew = timedelta(0)
    driver.advance(5)
    driver.feed(trade("i2", clock.now()))
    driver.feed(trade("i3", clock.now()))
    assert driver.result("i3").outcome == "filled"
