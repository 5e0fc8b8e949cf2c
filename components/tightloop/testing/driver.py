"""``LoopDriver``: every component of a loop in this process, one clock, venues in memory; nothing waits for real time.

    driver = LoopDriver()
    driver.feed(trade("i1", driver.now))
    assert driver.result("i1").status == "reconciled"

A record that is fed is handled at once, with everything that follows from it at this moment; what waits for time
happens in :meth:`LoopDriver.advance`. The same input gives the same bytes on every topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Literal

from msgspec import Struct

from tightloop.assembly.config import Config
from tightloop.assembly.engine import Engine
from tightloop.domain.deltas import by_position
from tightloop.handlers.api import Handler
from tightloop.records.types import (
    DeadLetter,
    Halt,
    InstructionResult,
    LoopHead,
    PositionUpdate,
    Recording,
)
from tightloop.runners.bus import Kept, Stored
from tightloop.runners.clock import ManualClock
from tightloop.runners.partitioner import partition_of
from tightloop.venues.adapter import VenueAdapter
from tightloop.venues.sim.faults import FaultRule
from tightloop.venues.sim.settings import SimSettings

START = datetime(2024, 5, 12, 12, 0, tzinfo=UTC)


class LoopDriver:
    """``config``: as for the components. ``venues``: adapters by lane, instead of the simulated ones.

    ``clock``: the one that scripted venues were built with. ``sandbox`` holds the simulated venues' books; its time is
    the driver's, and its market is synthetic unless ``sim`` says otherwise. ``handlers``: by component name, those that
    replace the configured ones, for settings that the configuration does not have. ``encodes``: records are bytes on
    the way, as on Kafka.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        venues: Mapping[str, VenueAdapter] | None = None,
        clock: ManualClock | None = None,
        start: datetime = START,
        partitions: int = 8,
        sim: SimSettings | None = None,
        handlers: Mapping[str, Handler] | None = None,
        encodes: bool = True,
        record: Callable[[Recording], None] | None = None,
    ) -> None:
        self.config = config or Config()
        self.clock = clock or ManualClock(start)
        self.runner = Engine(
            self.config,
            self.clock,
            venues=venues,
            sim=sim,
            handlers=handlers,
            partitions=partitions,
            encodes=encodes,
            record=record,
        )
        self._kept = Kept()
        self.runner.bus.subscribe(self._kept)
        self.sandbox = self.runner.sandbox

    # --- in -----------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def feed(self, record: Struct, topic: str | None = None, key: str | None = None, *, run: bool = True) -> None:
        """Publish a record as its writer would, under its strategy's key; ``run=False``: it is not handled yet.

        A command for a venue or for all goes to every partition.
        """
        self.runner.bus.publish(record, topic, key)
        if run:
            self.runner.run()

    def feed_bytes(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None, *, run: bool = True
    ) -> None:
        """Any bytes at all; ``partition`` None: where the key belongs."""
        chosen = partition_of(key or b"", self.runner.partitions) if partition is None else partition
        self.runner.bus.put(topic, chosen, key, value)
        if run:
            self.runner.run()

    def advance(self, seconds: float) -> None:
        """Let time pass: whatever falls due on the way happens at its own moment."""
        self.runner.advance(seconds)

    def run(self, steps: int | None = None) -> int:
        """What is left to do at this moment, or ``steps`` transactions of it; returns how many were done."""
        return self.runner.run(steps)

    def restart(self, component: str, *, calls: Literal["lost", "performed"] = "lost", run: bool = True) -> None:
        """Kill a component (``executor-binance``, ``interface-manager``, ...) and start it on what it had committed.

        ``calls``: those that it had asked for were ``lost`` with it, or ``performed`` and only the answers lost.
        """
        self.runner.restart(component, calls=calls)
        if run:
            self.runner.run()

    def fault(self, kind: Any, **fields: Any) -> None:
        """Let the simulated venues misbehave from now on, by a rule of ``venues.sim.faults``."""
        self.sandbox.faults.add(FaultRule(kind=kind, **fields), self.now)

    # --- out ----------------------------------------------------------------------------------------------------------

    def records(self, topic: str, strategy_id: str | None = None) -> list[Any]:
        """Every record of a topic so far, decoded; of one strategy, when it is given."""
        found = [stored.record for stored in self.stored(topic)]
        return [one for one in found if strategy_id is None or getattr(one, "strategy_id", None) == strategy_id]

    def stored(self, topic: str) -> list[Stored]:
        """The same as bytes, with key, partition and offset."""
        return list(self._kept.topics.get(topic, []))

    def results(self, instruction_id: str) -> list[InstructionResult]:
        return [one for one in self.records("instruction_results") if one.instruction_id == instruction_id]

    def result(self, instruction_id: str) -> InstructionResult:
        """The one result of an instruction. Raises AssertionError when there is none or more than one."""
        found = [one for one in self.results(instruction_id) if one.resolves is None]
        if len(found) != 1:
            raise AssertionError(f"{instruction_id} has {len(found)} results: {found}")
        return found[0]

    def dead_letters(self) -> list[DeadLetter]:
        return self.records("dead_letters")

    def head(self, strategy_id: str = "s1") -> LoopHead | None:
        """Where the key stands at the interface manager."""
        return self.runner.state("interface-manager", strategy_id, "head", LoopHead)

    def halts(self, strategy_id: str = "s1") -> tuple[Halt, ...]:
        """The halts of the key itself."""
        head = self.head(strategy_id)
        return head.halts if head else ()

    def expected(self, strategy_id: str = "s1") -> dict[str, Decimal]:
        """The expected positions, added up from the published deltas alone; what is zero is left out."""
        return added_up(self.records("position_updates", strategy_id))

    def held(self, lane: str, account: str = "s1") -> dict[str, Decimal]:
        """What the simulated venue's books say."""
        return dict(self.sandbox.positions(lane, account).amounts)

    def digest(self) -> str:
        """A hash over every byte on every topic."""
        hashed = blake2b(digest_size=16)
        for topic, kept in sorted(self._kept.topics.items()):
            for one in kept:
                for part in (
                    topic.encode(),
                    str((one.partition, one.offset)).encode(),
                    one.key or b"",
                    one.value or b"",
                ):
                    hashed.update(len(part).to_bytes(8, "big") + part)
        return hashed.hexdigest()


def added_up(updates: Iterable[PositionUpdate]) -> dict[str, Decimal]:
    """The positions after these updates, by their deltas alone; what is zero is left out."""
    sums = by_position(delta for update in updates for delta in update.deltas)
    return {key: amount for key, amount in sums.items() if amount}
