"""What a run left behind: its topics as a ``read_committed`` reader sees them, and the venues' books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """One record. ``topic`` without the prefix; ``at_ms``: its timestamp; ``kind``: the Avro record, empty if none."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: str | None
    kind: str
    value: Record

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


@dataclass
class Venues:
    """``accounts``: every account's books; ``requests``: all that acted or would have, in the venues' own order."""

    accounts: list[Record] = field(default_factory=list)
    requests: list[Record] = field(default_factory=list)


@dataclass
class Collected:
    """By topic, each partition's records in the order of their offsets."""

    topics: defaultdict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    venues: Venues = field(default_factory=Venues)

    def add(self, records: Iterable[Seen]) -> None:
        for record in records:
            self.topics[record.topic].append(record)

    def of(self, topic: str, kind: str) -> list[Seen]:
        """The records of a topic that could be read."""
        return [seen for seen in self.topics.get(topic, ()) if seen.kind == kind]

    @property
    def routed(self) -> Iterator[Seen]:
        """What was dispatched, on the topics of all lanes."""
        for topic in sorted(self.topics):
            if topic.startswith("instructions."):
                yield from self.of(topic, "RoutedInstruction")

    @property
    def loops(self) -> list[Seen]:
        """What was dispatched and takes the slot: everything but cancels."""
        return [seen for seen in self.routed if seen.value["kind"] != "cancel"]

    @property
    def instructions(self) -> list[Seen]:
        return self.of("instructions", "Instruction")

    @property
    def reports(self) -> list[Seen]:
        return self.of("fills", "ExecutionReport")

    @property
    def updates(self) -> list[Seen]:
        return self.of("position_updates", "PositionUpdate")

    @property
    def reconciliations(self) -> list[Seen]:
        return self.of("reconciliation_results", "ReconciliationResult")

    @property
    def results(self) -> list[Seen]:
        return self.of("instruction_results", "InstructionResult")

    @property
    def dead_letters(self) -> list[Seen]:
        return self.of("dead_letters", "DeadLetter")

    @property
    def commands(self) -> list[Seen]:
        return self.of("control", "ControlCommand")

    def heads(self) -> dict[str, Record]:
        """The manager's latest state of each key."""
        return {seen.value["strategy_id"]: seen.value for seen in self.of("loop_state", "LoopHead")}

    def shared_halts(self) -> list[Record]:
        """The halts of a venue or of all, by partition: the latest of each."""
        latest = {seen.partition: seen.value for seen in self.of("loop_state", "SharedHalts")}
        return [halt for value in latest.values() for halt in value["halts"]]


def by_strategy(records: Iterable[Seen]) -> dict[str, list[Seen]]:
    grouped: defaultdict[str, list[Seen]] = defaultdict(list)
    for seen in records:
        grouped[seen.value["strategy_id"]].append(seen)
    return grouped
