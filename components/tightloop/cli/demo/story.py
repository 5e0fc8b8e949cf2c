"""What the topics tell of the demo, for the picture: positions, loops, reconciliations and halts, over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from tightloop.cli.demo.drift import DriftAct
from tightloop.cli.demo.progress import Progress
from tightloop.client.reader import TopicReader
from tightloop.records.types import InstructionResult, PositionUpdate, ReconciliationResult
from tightloop.runners.kafka.settings import KafkaSettings

LINES = 5  # positions of a strategy that are drawn: those that changed most often


class Line(Struct, frozen=True):
    """One position of a strategy: its change since the start, in units of its asset, at seconds from the start."""

    position_key: str
    points: tuple[tuple[float, Decimal], ...]

    @property
    def largest(self) -> Decimal:
        return max((abs(amount) for _, amount in self.points), default=Decimal(0))


class Loop(Struct, frozen=True):
    """From dispatch to result, in seconds from the start. ``ended``: filled, rejected, halted, or another outcome."""

    instruction_id: str
    what: str
    begin: float
    end: float
    ended: str


class Compared(Struct, frozen=True):
    at: float
    status: str


class Halted(Struct, frozen=True):
    """``until`` None: it still stands."""

    begin: float
    until: float | None
    code: str
    cause: str


class Key(Struct, frozen=True):
    """A strategy. ``held``: what is expected at the end, by position key, where it changed."""

    strategy_id: str
    lines: tuple[Line, ...]
    loops: tuple[Loop, ...]
    compared: tuple[Compared, ...]
    halts: tuple[Halted, ...]
    held: dict[str, Decimal]


class Story(Struct, frozen=True):
    seconds: float
    keys: tuple[Key, ...]


def read_story(settings: KafkaSettings, progress: Progress, act: DriftAct | None) -> Story:
    """From the topics, committed records alone. Raises ExecutionError EIF-011."""
    results, updates, reconciled = _records(settings, set(progress.keys))
    begun = [one.dispatched_at for one in results if one.dispatched_at]
    start = min(begun, default=progress.began_at)

    def at(moment: datetime) -> float:
        return (moment - start).total_seconds()

    keys = []
    for strategy in progress.keys:
        own = [one for one in updates if one.strategy_id == strategy]
        lines = _lines(own, at)
        keys.append(
            Key(
                strategy_id=strategy,
                lines=tuple(lines[:LINES]),
                loops=tuple(_loops([one for one in results if one.strategy_id == strategy], at)),
                compared=tuple(
                    Compared(at(one.finished_at), one.status) for one in reconciled if one.strategy_id == strategy
                ),
                halts=_halts(act, at) if act is not None and act.drift.strategy_id == strategy else (),
                held=_held(own, {line.position_key for line in lines}),
            )
        )
    end = max((loop.end for key in keys for loop in key.loops), default=0.0)
    return Story(seconds=end, keys=tuple(keys))


def _records(
    settings: KafkaSettings, keys: set[str]
) -> tuple[list[InstructionResult], list[PositionUpdate], list[ReconciliationResult]]:
    results: list[InstructionResult] = []
    updates: list[PositionUpdate] = []
    reconciled: list[ReconciliationResult] = []
    with TopicReader(settings, ["instruction_results", "position_updates", "reconciliation_results"]) as reader:
        for received in reader.to_end():
            match record := received.record():
                case InstructionResult() if record.strategy_id in keys and record.resolves is None:
                    results.append(record)
                case PositionUpdate() if record.strategy_id in keys:
                    updates.append(record)
                case ReconciliationResult() if record.strategy_id in keys:
                    reconciled.append(record)
    return results, updates, reconciled


def _lines(updates: Sequence[PositionUpdate], at: _At) -> list[Line]:
    """The positions that changed after the account was taken over, those that changed most often first."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    points: dict[str, list[tuple[float, Decimal]]] = defaultdict(list)
    for update in updates:
        if update.loop_kind == "adopt":
            continue
        for key in dict.fromkeys(delta.position_key for delta in update.deltas):
            sums[key] += sum((one.amount for one in update.deltas if one.position_key == key), Decimal(0))
            points[key].append((at(update.produced_at or update.event_time), sums[key]))
    lines = [Line(key, tuple(found)) for key, found in points.items()]
    return sorted(lines, key=lambda line: (-len(line.points), line.position_key))


def _loops(results: Sequence[InstructionResult], at: _At) -> list[Loop]:
    return [
        Loop(one.instruction_id, f"{one.type} {one.venue}", at(one.dispatched_at), at(one.finished_at), ended(one))
        for one in results
        if one.dispatched_at is not None
    ]


def ended(result: InstructionResult) -> str:
    return result.status if result.status != "reconciled" else result.outcome or result.status


def _halts(act: DriftAct, at: _At) -> tuple[Halted, ...]:
    until = at(act.resumed_at) if act.resumed_at else None
    return tuple(Halted(at(one.since), until, one.code, one.message) for one in act.halts)


def _held(updates: Sequence[PositionUpdate], changed: set[str]) -> dict[str, Decimal]:
    held: dict[str, Decimal] = {}
    for update in updates:
        for one in update.expected_positions:
            held[one.position_key] = one.amount
    return {key: held[key] for key in sorted(changed) if key in held}


_At = Callable[[datetime], float]
