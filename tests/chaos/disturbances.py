"""Disturbances from outside, beside kills of components: the broker and the venues die, clocks go wrong, old records
are removed, records of the largest size come, funding and interest jump. Each says what it may cause (``causes``) and
when the venues' clock was wrong (``skews``), for the judge.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from tests.chaos import workload
from tests.chaos.harness import System
from tests.chaos.processes import Process

from tightloop.broker import EmbeddedBroker
from tightloop.checker import Cause, Collected, Skew
from tightloop.wire import codec

# With the venues' own together no more than the half second to within which clocks are to agree.
COMPONENT_SKEW_S, VENUE_SKEW_S = 0.3, 0.2
FAR_S = 6.0  # more than the wait until "not found" counts
UNREADABLE = "EXI-003"  # what an instruction ends with that could not be prepared, as its venue did not answer
CLOCK_FAULT = "EXI-015"  # what an instruction ends with, of which nothing was submitted for a wrong clock
LARGE = "chaos-large"
CHAIN = "ethereum"
LARGEST = 4_194_304 - 4096  # bytes of a record on `instructions`, less what its head takes
LARGEST_TAKEN = 262_144  # bytes of an instruction, above which it is refused
SHORT_S = 2.0  # an outage that harms nobody
SLOW_S = 20.0  # how much longer than a fault lasts it may take until everybody has come to the end of it
FUNDING_S = 8 * 3600.0
INPUTS = ("instructions", "fills", "position_updates", "reconciliation_results")


@dataclass
class Disturbances:
    system: System
    broker: EmbeddedBroker
    happened: Counter[str]
    causes: list[Cause] = field(default_factory=list)
    skews: list[Skew] = field(default_factory=list)
    _large: int = 0
    _skewed: list[tuple[float, Process]] = field(default_factory=list)
    _venues_right_at: float | None = None
    _gas_cheap_at: float | None = None

    def tend(self, everything: bool = False) -> None:
        """Clocks are set right again, and gas is cheap again, when their time has come."""
        now = time.monotonic()
        for until, process in list(self._skewed):
            if everything or now >= until:
                process.skew(0.0)
                self._skewed.remove((until, process))
        if self._venues_right_at is not None and (everything or now >= self._venues_right_at):
            self.system.venue("POST", "/clock", skew_s=0.0)
            self._venues_right_at = None
        if self._gas_cheap_at is not None and (everything or now >= self._gas_cheap_at):
            self.system.venue("POST", "/chain", lane=CHAIN, base_fee=None)
            self._gas_cheap_at = None

    # the broker, and the venues' server

    def restart_broker(self, chance: random.Random) -> None:
        with self._outage():
            self.broker.restart()
        self.happened["broker restarted"] += 1

    def kill_broker(self, chance: random.Random) -> None:
        with self._outage():
            self.broker.kill()
            self.broker.start()
        self.happened["broker killed"] += 1

    def kill_venues(self, chance: random.Random) -> None:
        """Faults and clock are as new when it is back; the books are as they were."""
        with self._outage():
            self.system.venues.kill()
            self.system.until(self.system.venues_answer, 60, "the venues are back", 0.05)
        self._venues_right_at = None
        self.happened["venue server killed"] += 1

    @contextmanager
    def _outage(self) -> Iterator[None]:
        """No evidence is to be had, and no loop ends: on a slow machine for longer than either is waited for."""
        since = time.time()
        yield
        if time.time() - since > SHORT_S:
            until = time.time() + self.system.config.timing.evidence + SLOW_S
            between = {"since_ms": int(since * 1000), "until_ms": int(until * 1000)}
            self.causes.append(Cause("unknown", ("EXI-005", "EXI-012"), **between))
            self.causes.append(Cause("halt", ("EIM-012",), **between))
            self.causes.append(Cause("none", (UNREADABLE,), **between))

    # clocks

    def skew_component(self, process: Process, chance: random.Random, by_s: float = COMPONENT_SKEW_S) -> None:
        """An executor whose clock is further off than clocks may be finds it out, and submits nothing meanwhile."""
        if any(process is one for _, one in self._skewed):
            return
        process.skew(chance.choice((-1, 1)) * by_s)
        seconds = chance.uniform(3, 8)
        self._skewed.append((time.monotonic() + seconds, process))
        if by_s > COMPONENT_SKEW_S:
            now = int(time.time() * 1000)
            until = now + int((seconds + by_s + SLOW_S) * 1000)
            lane = process.spec["lane"]
            between = {"lane": lane, "since_ms": now, "until_ms": until}
            self.causes.append(Cause("none", (CLOCK_FAULT,), **between))
            # By a clock that is ahead, what works is over before its time, and is cancelled.
            self.causes += [Cause(effect, **between) for effect in ("cancelled", "partially_filled")]
        self.happened[f"clock skew {by_s} s {process.spec['component']}"] += 1

    def skew_venues(self, chance: random.Random) -> None:
        if self._venues_right_at is not None:
            return
        ahead, seconds = chance.choice((-1, 1)) * VENUE_SKEW_S, chance.uniform(4, 8)
        now = int(time.time() * 1000)
        self.skews.append(Skew(now, now + int((seconds + 2) * 1000), int(ahead * 1000)))
        self.system.venue("POST", "/clock", skew_s=ahead)
        self._venues_right_at = time.monotonic() + seconds
        self.happened["clock skew venues"] += 1

    def jump(self, chance: random.Random) -> None:
        """The market's time goes on by a funding interval and more, in no time: funding is paid, interest accrues."""
        self.system.venue("POST", "/clock", market_advance_s=FUNDING_S * chance.uniform(1, 3))
        self.happened["funding and interest jumped"] += 1

    # the chain

    def reorganise(self, chance: random.Random) -> None:
        """The latest blocks are replaced, never so many that what was final goes away."""
        blocks, lose = chance.choice((1, 2)), chance.random() < 0.5
        self.system.venue("POST", "/chain", lane=CHAIN, reorg=blocks, lose=lose)
        self.happened[f"reorganisation of {blocks}{', transactions lost' if lose else ''}"] += 1

    def forget(self, chance: random.Random) -> None:
        """The mempool forgets whatever waits there of one account."""
        pending = self.system.venue("GET", f"/chain?lane={CHAIN}")["pending"]
        if pending:
            self.system.venue("POST", "/chain", lane=CHAIN, drop_account=chance.choice(pending)["account"])
            self.happened["mempool forgot an account"] += 1

    def dear_gas(self, chance: random.Random) -> None:
        """What was prepared before stays pending, until its fees are raised or gas is cheap again."""
        if self._gas_cheap_at is None:
            base_fee = float(self.system.venue("GET", f"/chain?lane={CHAIN}")["base_fee"])
            self.system.venue("POST", "/chain", lane=CHAIN, base_fee=f"{base_fee * 5:.18f}")
            self._gas_cheap_at = time.monotonic() + chance.uniform(3, 7)
            self.happened["gas five times as dear"] += 1

    # records

    def remove_old(self, chance: random.Random) -> None:
        """What every reader has read, and this storm's judge too, is removed as retention would remove it."""
        data = self.system.watch.look()
        before = [
            TopicPartition(self.system.prefix + topic, partition, offset)
            for (topic, partition), offset in consumed(data).items()
            if topic in INPUTS or topic.startswith("instructions.")
        ]
        if before:
            admin = AdminClient({"bootstrap.servers": self.system.bootstrap})
            for future in admin.delete_records(before, request_timeout=15).values():
                future.result(20)
            self.happened["old records removed"] += 1

    def large(self, chance: random.Random) -> None:
        """An instruction of the largest size, which is executed as any other; and one as large as its topic takes,
        which is refused.
        """
        for size in (LARGEST_TAKEN, LARGEST):
            self._large += 1
            one = workload.instruction(LARGE, f"large-{self._large}", **workload.market())
            notes = {"notes": "n" * (size - len(codec.encode(one)) - 64)}
            self.system.publish(workload.with_notes(one, notes))
        self.causes.append(Cause("refused", ("EIM-007",), LARGE))
        self.happened["record of the largest size"] += 2

    def large_and_unreadable(self, chance: random.Random) -> None:
        """It halts the key it came under, and nobody else."""
        self.causes.append(Cause("dead-letter", strategy_id=LARGE))
        self.system.producer.produce(f"{self.system.prefix}instructions", b"\0" * LARGEST, LARGE)
        self.system.producer.flush(30)
        self.happened["unreadable record of the largest size"] += 1


def consumed(data: Collected) -> dict[tuple[str, int], int]:
    """By topic and partition: up to where each of its readers has read it and written its results, by the header
    ``inputs`` of their records; and no further than what was collected of it.
    """
    readers: defaultdict[tuple[str, int], dict[frozenset[str], int]] = defaultdict(dict)
    for records in data.topics.values():
        for seen in records:
            told = seen.headers.get("inputs", b"").decode()
            if not told or seen.topic == "execution_audit":  # its one partition is nobody's own
                continue
            inputs = {topic: int(at) for topic, _, at in (part.rpartition(":") for part in told.split(","))}
            for topic, at in inputs.items():
                mine = readers[topic, seen.partition]
                mine[frozenset(inputs)] = max(at, mine.get(frozenset(inputs), 0))
    found = {}
    for (topic, partition), ats in readers.items():
        last = max((seen.offset for seen in data.topics[topic] if seen.partition == partition), default=-1)
        found[topic, partition] = min(*ats.values(), last + 1)
    return {place: at for place, at in found.items() if at > 0}
