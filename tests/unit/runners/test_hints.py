"""A venue's stream speaks of an order: it is asked about at once. What it says is no evidence, nor is silence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from gc import collect
from typing import Any
from weakref import ref

from tightloop.handlers import calls
from tightloop.records.types import JournalEntry, Recording
from tightloop.runners.hints import GAP_S, Hints
from tightloop.runners.recording.replay import Replay
from tightloop.runners.shapes import Started
from tightloop.runners.worker import PartitionWorker
from tightloop.testing import LoopDriver, trade
from tightloop.venues.sim.commands import FillWorking

D = Decimal
NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)
EXECUTOR = "executor-binance"


class Resting:
    """A loop whose order rests at the exchange, and has been asked for so often that it is polled every two seconds."""

    def __init__(self, record: Callable[[Recording], None] | None = None) -> None:
        self.driver = LoopDriver(record=record)
        order: dict[str, Any] = {"order_type": "limit", "price": D(1), "time_in_force": "GTC", "amount": D(10)}
        self.driver.feed(trade("i1", self.driver.now, **order))
        self.driver.advance(10.1)
        assert not self.driver.results("i1")

    @property
    def worker(self) -> PartitionWorker:
        seats = self.driver.runner._seats[EXECUTOR]
        return next(seat.worker for seat in seats if "s1" in seat.worker.state.strategies())

    @property
    def entry(self) -> JournalEntry:
        name = next(name for key, name, _ in self.worker.state.entries() if name.startswith("intent|"))
        found = self.driver.runner.state(EXECUTOR, "s1", name, JournalEntry)
        assert found is not None
        return found

    def fill(self) -> None:
        command = FillWorking(account="s1", client_order_id=self.entry.client_order_id)
        self.driver.sandbox.act("binance", command, self.driver.now)

    def hint(self, client_order_id: str | None = None) -> None:
        self.driver.runner.hint(self.worker, "s1", client_order_id or self.entry.client_order_id)
        self.driver.run()


def test_a_fill_is_seen_at_the_moment_of_the_hint() -> None:
    loop = Resting()
    loop.fill()
    at = loop.driver.now
    loop.driver.run()
    assert not loop.driver.results("i1"), "nobody asks before the next poll"
    loop.hint()
    assert (loop.driver.result("i1").outcome, loop.driver.now) == ("filled", at)


def test_without_a_hint_it_is_seen_at_the_next_poll() -> None:
    loop = Resting()
    loop.fill()
    loop.driver.advance(2.0)
    assert loop.driver.result("i1").outcome == "filled"


def test_a_hint_that_lies_changes_nothing() -> None:
    loop, quiet = Resting(), Resting()
    for _ in range(5):
        loop.hint()
        loop.hint("an order that nobody knows")
    assert not loop.driver.results("i1")
    told = [[one.report_id for one in each.driver.records("fills")] for each in (loop, quiet)]
    assert told[0] == told[1]
    loop.fill()
    loop.driver.advance(2.5)
    assert loop.driver.result("i1").outcome == "filled"


def test_a_recorded_hint_is_played_again() -> None:
    made: list[Recording] = []
    loop = Resting(made.append)
    loop.fill()
    loop.hint()
    mine = [one for one in made if one.component == EXECUTOR]
    hinted = [event for one in mine for event in one.events if event.kind == "woken" and event.key is not None]
    assert [(event.key, event.at) for event in hinted] == [("s1", loop.driver.now)]
    replay = Replay([loop.worker.handler], loop.driver.runner.partitions)
    played = [output.topic for one in mine for output in replay.play(one).outputs]
    assert played.count("fills") == len(loop.driver.records("fills"))


# --- which hints count ------------------------------------------------------------------------------------------------


class Owner:
    """Stands for a worker, which nothing but its partition is to keep."""


class Watch:
    """Hints about the orders of one owner, by a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.woken = 0
        self._later: list[tuple[float, Callable[[], None]]] = []
        self.owner: Owner | None = Owner()
        self.hints: Hints[Owner] = Hints(self._wake, self._after, lambda: self.now)
        self.hints.listens = True

    def _wake(self) -> None:
        self.woken += 1

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        self._later.append((self.now + seconds, do))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        due = [do for at, do in self._later if at <= self.now]
        self._later = [one for one in self._later if one[0] > self.now]
        for do in due:
            do()

    def ask(self, entry: JournalEntry) -> Started:
        started = Started("s1", "intent", 1, calls.FindOrder(entry))
        self.hints.asking(started)
        return started

    def answer(self, started: Started, status: Any = "open") -> None:
        self.told(started, calls.OrderFound(status, NOW))

    def told(self, started: Started, answer: calls.Answer) -> None:
        assert self.owner is not None
        self.hints.answered(self.owner, started, answer)

    def taken(self) -> list[str]:
        return [one.client_order_id for one in self.hints.take()]


def test_an_order_is_watched_while_it_is_shown_open() -> None:
    entry, watch = Resting().entry, Watch()
    watch.hints.heard(entry.client_order_id)
    assert watch.taken() == [], "nobody has asked about it"
    watch.answer(watch.ask(entry))
    watch.hints.heard(entry.client_order_id)
    assert (watch.taken(), watch.woken) == ([entry.client_order_id], 1)
    watch.answer(watch.ask(entry), "filled")
    watch.hints.heard(entry.client_order_id)
    assert watch.taken() == []


def test_a_hint_while_its_order_is_asked_about_counts_after_the_answer() -> None:
    """The answer may be older than it."""
    entry, watch = Resting().entry, Watch()
    watch.answer(watch.ask(entry))
    started = watch.ask(entry)
    watch.hints.heard(entry.client_order_id)
    assert watch.taken() == []
    watch.answer(started)
    assert watch.taken() == [entry.client_order_id]


def test_a_stream_that_never_stops_costs_one_question_each_tenth_of_a_second() -> None:
    entry, watch = Resting().entry, Watch()
    watch.answer(watch.ask(entry))
    taken = 0
    for _ in range(100):
        watch.hints.heard(entry.client_order_id)
        taken += len(watch.taken())
        watch.pass_time(GAP_S / 10)
    assert 9 <= taken + len(watch.taken()) <= 11


def test_watching_counts_only_where_there_is_a_stream() -> None:
    entry, watch = Resting().entry, Watch()
    watch.hints.listens = False
    watch.answer(watch.ask(entry))
    assert not watch.hints.watches
    watch.hints.listens = True
    assert not watch.hints.watches
    watch.answer(watch.ask(entry))
    assert watch.hints.watches


def test_an_order_that_is_not_there_any_more_is_watched_no_longer() -> None:
    entry, watch = Resting().entry, Watch()
    watch.answer(watch.ask(entry))
    watch.told(watch.ask(entry), calls.NotFound(NOW))
    assert not watch.hints.watches


def test_what_asked_about_an_order_is_not_kept_for_its_hints() -> None:
    """With a partition that was taken away goes its worker, and all its state."""
    entry, watch = Resting().entry, Watch()
    watch.answer(watch.ask(entry))
    assert watch.owner is not None
    gone = ref(watch.owner)
    watch.owner = None
    collect()
    assert gone() is None
    watch.hints.heard(entry.client_order_id)
    assert watch.taken() == []
    assert not watch.hints.watches


def test_an_order_whose_partition_came_back_is_watched_for_its_new_worker() -> None:
    entry, watch = Resting().entry, Watch()
    watch.answer(watch.ask(entry))
    before, watch.owner = watch.owner, Owner()
    watch.answer(watch.ask(entry))
    del before
    collect()
    watch.hints.heard(entry.client_order_id)
    assert [one.owner for one in watch.hints.take()] == [watch.owner]
