"""The data of a run: its topics as a ``read_committed`` reader sees them, and the venues' books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]
DELETED = "(deleted)"
INSTRUCTIONS = "instructions."
JOURNALS = "execution_journal."


@dataclass(frozen=True, slots=True)
class Seen:
    """One record. ``topic`` without the prefix; ``at_ms``: its timestamp; ``kind``: the Avro record, empty if it can't
    be read, :data:`DELETED` if it has no value; ``headers``: of several with one name the last.
    """

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: str | None
    kind: str
    value: Record
    headers: Mapping[str, bytes] = field(default_factory=dict)

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
    """By topic, each partition's records in the order of their offsets. ``ends``: the end of each partition's log."""

    topics: defaultdict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    venues: Venues = field(default_factory=Venues)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)

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
            if topic.startswith(INSTRUCTIONS):
                yield from self.of(topic, "RoutedInstruction")

    @property
    def lanes(self) -> list[str]:
        return sorted(topic.removeprefix(INSTRUCTIONS) for topic in self.topics if topic.startswith(INSTRUCTIONS))

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

    @property
    def snapshots(self) -> list[Seen]:
        return self.of("venue_positions", "PositionSnapshot")

    @property
    def audits(self) -> list[Seen]:
        return self.of("execution_audit", "IntentAudit")

    @property
    def journal(self) -> Iterator[Seen]:
        """What the executors of all lanes wrote down of their intents."""
        for topic in sorted(self.topics):
            if topic.startswith(JOURNALS):
                yield from self.of(topic, "JournalEntry")

    def latest(self, topic: str) -> dict[str, Seen]:
        """A state topic as a restore finds it: by key, without what was deleted."""
        found: dict[str, Seen] = {}
        for seen in self.topics.get(topic, ()):
            if seen.kind == DELETED:
                found.pop(seen.key or "", None)
            else:
                found[seen.key or ""] = seen
        return found

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
