"""The engine by the real clock, with a journal: it comes back as it was, and acts on nothing that is not durable."""

from __future__ import annotations

import asyncio
import decimal
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tightloop.assembly.config import Config
from tightloop.assembly.live import LiveEngine
from tightloop.errors import ExecutionError
from tightloop.handlers.calls import Answer
from tightloop.records.types import AccountRef, InstructionResult, JournalEntry, JournalFrame, LoopHead
from tightloop.runners.bus import Kept, Stored
from tightloop.runners.clock import SystemClock
from tightloop.runners.journal import framing, journal
from tightloop.runners.price_source import PriceSource
from tightloop.testing import action, swap, trade
from tightloop.venues.sim.faults import FaultRule
from tightloop.venues.sim.inprocess import InProcessChain, InProcessExchange
from tightloop.venues.sim.last_prices import LastPrices
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import SimSettings
from tightloop.wire import codec

D = Decimal
PATIENCE_S = 20.0


class Waiting:
    """A simulated venue that is really waited for. ``seen``: called before each submission."""

    def __init__(self, adapter: Any, seen: Callable[[JournalEntry], None] = lambda entry: None) -> None:
        self._adapter = adapter
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    async def submit(self, entry: JournalEntry, gate: Any) -> Answer:
        self._seen(entry)
        await asyncio.sleep(0.01)
        return await self._adapter.submit(entry, gate)

    async def positions(self, account: AccountRef) -> Any:
        await asyncio.sleep(0.01)
        return await self._adapter.positions(account)


class World:
    """Venues that outlive the engine, and what subscribers were told by all its lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = SystemClock()
        self.sandbox = Sandbox(SimSettings(market_origin=self.clock.now() - timedelta(days=30)), self.clock.now)
        self.told = Kept()
        self.seen: Callable[[JournalEntry], None] = lambda entry: None
        self.engine: LiveEngine | None = None

    def start(self, *, prices: PriceSource | None = None, **config: Any) -> LiveEngine:
        made = Config(**config)
        lanes = made.directory().lanes
        adapters = {
            name: Waiting(
                (InProcessChain if lane.kind == "chain" else InProcessExchange)(lane, self.sandbox),
                lambda entry: self.seen(entry),
            )
            for name, lane in lanes.items()
        }
        self.engine = LiveEngine(made, adapters, self.path, prices=prices)
        self.engine.bus.subscribe(self.told)
        self.engine.restore()
        return self.engine

    def end(self) -> None:
        if self.engine is not None:
            self.engine.close()
            self.engine = None

    def again(self, *, prices: PriceSource | None = None, **config: Any) -> LiveEngine:
        self.end()
        return self.start(prices=prices, **config)

    def stored(self, topic: str) -> list[Stored]:
        """Each record once; told twice it must be the same."""
        found: dict[int, Stored] = {}
        for one in self.told.topics.get(topic, []):
            assert found.setdefault(one.offset, one) == one
        return [found[offset] for offset in sorted(found)]

    def results(self) -> dict[str, InstructionResult]:
        results = [one.record for one in self.stored("instruction_results")]
        by_id = {one.instruction_id: one for one in results if isinstance(one, InstructionResult)}
        assert len(by_id) == len(results)
        return by_id

    def until_ended(self, *ids: str) -> None:
        assert self.engine is not None
        assert self.engine.serve(lambda: set(ids) <= set(self.results()), PATIENCE_S), (ids, self.results())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "engine.journal")
    yield made
    made.end()


def now() -> datetime:
    return datetime.now(UTC)


def test_loops_on_venues_that_are_waited_for_end_as_they_should(world: World) -> None:
    engine = world.start()
    for number in range(3):
        engine.bus.publish(trade(f"i{number}", now()))
    engine.bus.publish(action("w0", now(), swap("USDT", "WETH", D(1000)), strategy_id="s2"))
    world.until_ended("i0", "i1", "i2", "w0")
    assert {one.status for one in world.results().values()} == {"reconciled"}
    offsets = {topic: [one.offset for one in world.stored(topic)] for topic in world.told.topics}
    assert all(found == list(range(len(found))) for found in offsets.values())


def test_the_callers_decimals_stay_as_they_were(world: World) -> None:
    before = decimal.getcontext().copy()
    engine = world.start()
    engine.bus.publish(trade("i1", now()))
    world.until_ended("i1")
    after = decimal.getcontext()
    assert (after.prec, after.traps) == (before.prec, before.traps) and D(1) / 3 < D("0.34")


def test_another_thread_posts_and_ends_it(world: World) -> None:
    engine = world.start()
    serving = threading.Thread(target=engine.serve)
    serving.start()
    try:
        ended = threading.Event()
        engine.bus.subscribe(lambda stored: ended.set(), ["instruction_results"])
        engine.post(trade("i1", now()))
        assert ended.wait(PATIENCE_S)
        with pytest.raises(ExecutionError, match="TLC-011"):
            engine.post(trade("i2", now(), sequence="one"))
    finally:
        engine.stop()
        serving.join(PATIENCE_S)
    assert not serving.is_alive() and set(world.results()) == {"i1"}


def test_it_comes_back_as_it_was_and_goes_on(world: World) -> None:
    engine = world.start()
    for number in range(2):
        engine.bus.publish(trade(f"i{number}", now()))
    world.until_ended("i0", "i1")
    before = engine.state("interface-manager", "s1", "head", LoopHead)
    engine = world.again()
    assert engine.state("interface-manager", "s1", "head", LoopHead) == before
    engine.bus.publish(trade("i2", now()))
    world.until_ended("i2")
    versions = [one.record.position_version for one in world.stored("position_updates")]  # type: ignore[attr-defined]
    assert versions == list(range(1, len(versions) + 1))
    assert not world.stored("dead_letters")


def test_what_was_published_and_not_handled_is_handled_by_the_next(world: World) -> None:
    engine = world.start()
    engine.bus.publish(trade("i1", now()))
    world.again()
    world.until_ended("i1")
    assert world.results()["i1"].status == "reconciled"


def test_what_waits_unread_survives_that_the_file_is_shortened(world: World) -> None:
    engine = world.start()
    engine.bus.publish(trade("i1", now()))
    assert engine._journal is not None
    engine._journal._shorten_at = 0
    engine._journal.shorten()
    world.again()
    world.until_ended("i1")


def test_a_subscriber_is_told_again_what_it_may_not_have_been_told(world: World) -> None:
    engine = world.start()

    def fails(stored: Stored) -> None:
        raise RuntimeError("the subscriber has failed")

    engine.bus.subscribe(fails, ["fills"])
    engine.bus.publish(trade("i1", now()))
    with pytest.raises(RuntimeError, match="the subscriber has failed"):
        engine.serve(timeout_s=PATIENCE_S)
    world.again()
    world.until_ended("i1")
    assert len(world.stored("fills")) == 2  # of the adoption, and of the trade


@pytest.mark.parametrize("lane", ["binance", "ethereum"])
def test_nothing_is_submitted_or_told_before_it_is_durable(
    world: World, monkeypatch: pytest.MonkeyPatch, lane: str
) -> None:
    durable = 0
    whole = os.fsync

    def fsync(file: int) -> None:
        nonlocal durable
        whole(file)
        if os.path.samestat(os.fstat(file), world.path.stat()):
            durable = os.fstat(file).st_size

    monkeypatch.setattr(os, "fsync", fsync)
    found: list[list[str]] = []

    def seen(entry: JournalEntry) -> None:
        frames, _ = framing.scan("x", world.path.read_bytes()[:durable])
        changes = [change for frame in frames for change in codec.decode_as(frame.payload, JournalFrame).changes]
        intents = [codec.decode(one.value) for one in changes if one.name.startswith("intent|") and one.value]
        found.append([one.client_order_id for one in intents if isinstance(one, JournalEntry)])
        assert entry in intents

    def told(stored: Stored) -> None:
        frames, _ = framing.scan("x", world.path.read_bytes()[:durable])
        records = [one for frame in frames for one in codec.decode_as(frame.payload, JournalFrame).records]
        assert stored.value in [one.value for one in records]

    world.seen = seen
    engine = world.start()
    engine.bus.subscribe(told)
    made = trade("i1", now()) if lane == "binance" else action("i1", now(), swap("USDT", "WETH", D(1000)))
    engine.bus.publish(made)
    world.until_ended("i1")
    assert found and found[0] and world.results()["i1"].outcome == "filled"


def test_an_answer_that_its_engine_did_not_live_to_take_is_asked_for(world: World) -> None:
    """The venue acts, and the engine ends before it has the answer. Its successor finds the order, and sends none."""
    engine = world.start()
    engine.bus.publish(trade("i0", now()))
    world.until_ended("i0")
    submitted = threading.Event()
    world.seen = lambda entry: submitted.set()
    engine.bus.publish(trade("i1", now()))
    engine.serve(submitted.is_set, PATIENCE_S)
    acted = lambda: [one.client_order_id for one in world.sandbox.requests.read(0, 100) if one.result == "acted"]  # noqa: E731
    while len(acted()) < 2:
        pass
    world.again()
    world.until_ended("i1")
    assert world.results()["i1"].outcome == "filled" and len(acted()) == len(set(acted())) == 2


def test_an_order_that_the_venue_lost_sight_of_is_watched_over_a_restart(world: World) -> None:
    """No answer, and none to the questions: the loop ends unknown. The next engine hears of it, and tells."""
    hasty = {
        "lanes": {"binance": {"acceptance_window": 0.2}, "ethereum": {}},
        "timing": {"evidence": 2.5, "send_window": 0.2, "clock_margin": 0.1},
        "reconciliation": {"mismatch_budget": 0.2},
    }
    engine = world.start(**hasty)
    world.sandbox.faults.add(FaultRule(kind="lost_after", operations=("order",), count=1), now())
    world.sandbox.faults.add(FaultRule(kind="down", operations=("find",)), now())
    engine.bus.publish(trade("i1", now()))
    world.until_ended("i1")
    assert world.results()["i1"].outcome == "unknown"
    world.sandbox.faults.clear()
    engine = world.again(**hasty)
    assert engine.serve(lambda: any(one.record.kind == "correction" for one in world.stored("fills")), PATIENCE_S)  # type: ignore[attr-defined]


def test_the_file_stays_short_and_holds_what_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal.Journal.__init__, "__kwdefaults__", {"short_bytes": 20_000})
    engine = world.start()
    sizes = []
    for number in range(40):
        engine.bus.publish(trade(f"i{number}", now(), side="sell" if number % 2 else "buy", sequence=number + 1))
        world.until_ended(f"i{number}")
        sizes.append(world.path.stat().st_size)
    assert any(later < sooner for sooner, later in pairwise(sizes)) and max(sizes) < 200_000
    head = engine.state("interface-manager", "s1", "head", LoopHead)
    ends = sorted(engine.bus.ends())
    engine = world.again()
    assert engine.state("interface-manager", "s1", "head", LoopHead) == head
    assert sorted(engine.bus.ends()) == ends
    engine.bus.publish(trade("i40", now(), sequence=41))
    world.until_ended("i40")
    offsets = [one.offset for one in world.stored("instruction_results")]
    assert offsets == list(range(41))


def test_a_journal_of_another_system_is_refused_by_what_differs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.start()
    for config, words in (
        ({"environment": "staging"}, "environment dev"),
        ({"lanes": ("binance",)}, "executor-ethereum"),
    ):
        with pytest.raises(ExecutionError) as raised:
            world.again(**config)
        assert raised.value.code == "TLC-018" and words in raised.value.message
    with pytest.raises(ExecutionError, match="TLC-019"):
        LiveEngine(Config(environment="staging"), {}, world.path)
    world.end()
    data = world.path.read_bytes()
    newer = codec.encode(trade("i1", now())).replace(codec.encode(trade("i1", now()))[:5], b"\x00\x00\x00\xff\xff", 1)
    world.path.write_bytes(data + framing.packed(len(framing.scan("x", data)[0]) + 1, 0, newer))
    with pytest.raises(ExecutionError, match="TLC-002") as raised:
        world.start()
    assert raised.value.code == "TLC-018"


def test_limits_hold_by_the_prices_that_it_is_given_and_what_was_used_outlives_a_restart(world: World) -> None:
    limits = {"default": {"daily_notional": 1000}}
    sandbox = world.sandbox
    prices = LastPrices(sandbox.market, sandbox.market_clock, sandbox.now)
    engine = world.start(limits=limits, prices=prices)
    engine.post(trade("i1", now(), amount=D("0.02")))
    world.until_ended("i1")
    engine = world.again(limits=limits, prices=prices)
    engine.post(trade("i2", now(), amount=D("0.02")))
    world.until_ended("i1", "i2")
    engine = world.again(limits=limits)
    engine.post(trade("i3", now(), amount=D("0.001")))
    world.until_ended("i1", "i2", "i3")
    first, *refused = (world.results()[name] for name in ("i1", "i2", "i3"))
    assert first.status == "reconciled"
    assert [one.error and one.error.code for one in refused] == ["EIM-013", "EIM-013"]
    assert "with what was dispatched today" in str(refused[0].error)
    assert "nothing here follows market data" in str(refused[1].error)
