"""What happened to one instruction, from every topic of its loop, in the order in which it was written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from tightloop.cli.output import error_words, shown
from tightloop.client.connect import partition_counts
from tightloop.client.plain import amount, as_data
from tightloop.client.reader import Received, TopicReader
from tightloop.errors import ExecutionError
from tightloop.records.topics import lane_topic
from tightloop.records.types import (
    DeadLetter,
    ExecutionReport,
    Instruction,
    InstructionResult,
    IntentAudit,
    PositionSnapshot,
    PositionUpdate,
    ReconciliationResult,
    RoutedInstruction,
)
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.partitioner import partition_of

_SNAPSHOTS = "venue_positions"
_ORDER = ("instructions", "execution_audit", "fills", "position_updates", _SNAPSHOTS, "reconciliation_results")


class Hop(Struct, frozen=True):
    """``time``: when the broker took it. ``what``: which step it is. ``record``: all of it, as plain data."""

    time: datetime
    topic: str
    partition: int
    offset: int
    what: str
    detail: str
    record: Any


def trace(settings: KafkaSettings, lanes: Sequence[str], instruction_id: str, key: str | None) -> list[Hop]:
    """Every record of the instruction's loop. ``key`` narrows it to a strategy, and reads one partition instead of all.

    The ``verify`` after a mismatch is a loop of its own, which names no instruction: of it there are what it compared
    and how that ended, when the instruction's result says that this decided it.
    """
    topics = ["instructions", *(lane_topic(lane) for lane in lanes), *_ORDER[1:], "instruction_results", "dead_letters"]
    topics.remove(_SNAPSHOTS)
    partitions = None
    if key is not None:
        partitions = [partition_of(key.encode(), partition_counts(settings, ["instructions"])["instructions"])]
    with TopicReader(settings, topics, "beginning", partitions) as reader:
        found = list(_concerning(reader.to_end(), instruction_id, key))
    found += _deciding(settings, found)
    found += _snapshots(settings, found)
    return sorted(found, key=lambda hop: (hop.time, _place(hop.topic), hop.offset))


def _place(topic: str) -> int:
    """Within one millisecond: along the loop."""
    if topic.startswith("instructions."):
        return 1
    return 2 + _ORDER.index(topic) if topic in _ORDER[1:] else 0 if topic == "instructions" else 20


def _concerning(records: Iterator[Received], instruction_id: str, key: str | None) -> Iterator[Hop]:
    for received in records:
        if key is not None and received.key != key.encode():
            continue
        if received.header("instruction_id") not in (instruction_id, None):
            continue
        record = _record(received)
        if record is not None and _names(record, instruction_id):
            yield _hop(received, record)


def _record(received: Received) -> Struct | None:
    try:
        return received.record()
    except ExecutionError:
        return None  # not readable, so not of this instruction's loop; it lies on dead_letters, too


def _deciding(settings: KafkaSettings, hops: Sequence[Hop]) -> list[Hop]:
    """The reconciliation results that the instruction's own results refer to and that are of other loops than its."""
    ends = [hop for hop in hops if hop.topic == "instruction_results" and hop.record["result_id"]]
    wanted = {hop.record["result_id"] for hop in ends}
    wanted -= {hop.record["result_id"] for hop in hops if hop.topic == "reconciliation_results"}
    if not wanted:
        return []
    with TopicReader(settings, ["reconciliation_results"], "beginning", {hop.partition for hop in ends}) as reader:
        return [
            _hop(received, record)
            for received in reader.to_end()
            if isinstance(record := _record(received), ReconciliationResult) and record.result_id in wanted
        ]


def _snapshots(settings: KafkaSettings, hops: Sequence[Hop]) -> list[Hop]:
    """A snapshot names no instruction: it belongs to this one when its reconciliation result names it."""
    results = [hop for hop in hops if hop.topic == "reconciliation_results" and hop.record["snapshot_id"]]
    if not results:
        return []
    wanted = {hop.record["snapshot_id"] for hop in results}
    with TopicReader(settings, [_SNAPSHOTS], "beginning", {hop.partition for hop in results}) as reader:
        return [
            _hop(received, record)
            for received in reader.to_end()
            if isinstance(record := _record(received), PositionSnapshot) and record.snapshot_id in wanted
        ]


def _names(record: Struct, instruction_id: str) -> bool:
    if isinstance(record, RoutedInstruction):
        return record.instruction is not None and record.instruction.instruction_id == instruction_id
    if isinstance(record, DeadLetter):
        return instruction_id.encode() in (record.value or b"")
    return getattr(record, "instruction_id", None) == instruction_id


def _hop(received: Received, record: Struct) -> Hop:
    what, detail = _words(record)
    time = record.event_time if isinstance(record, IntentAudit) else received.time  # it is told of a little later
    return Hop(time, received.topic, received.partition, received.offset, what, detail, as_data(record))


def _words(record: Struct) -> tuple[str, str]:
    match record:
        case Instruction():
            return "published", f"{record.type} at {record.venue}"
        case RoutedInstruction():
            where = f"loop {record.loop_no} on {record.lane}, account {record.account}"
            return f"dispatched: {record.kind}", where + _leg(record.instruction)
        case IntentAudit():
            return record.event, f"attempt {record.attempt}, order {record.client_order_id[:8]}{_error(record)}"
        case ExecutionReport():
            deltas = ", ".join(f"{one.position_key} {amount(one.amount)}" for one in record.deltas)
            return (
                f"{record.kind} report",
                f"{record.outcome}{': ' + deltas if deltas else ''}{_bound(record)}{_error(record)}",
            )
        case PositionUpdate():
            return "applied", f"version {record.position_version}, {record.outcome}{_error(record)}"
        case PositionSnapshot():
            return "venue read", f"{len(record.positions)} positions of {record.venue}, as of {shown(record.as_of)}"
        case ReconciliationResult():
            failed = [one.position_key for one in record.checks if not one.passed]
            problem = f", differing: {', '.join(failed)}" if failed else ""
            verify = f"verify, loop {record.loop_no}: " if record.kind == "verify" else ""
            return record.status, f"{verify}{len(record.checks)} positions compared{problem}{_error(record)}"
        case InstructionResult():
            filled = "" if record.filled_amount is None else f", filled {amount(record.filled_amount)}"
            outcome = "" if record.outcome is None else f"outcome {record.outcome}"
            return record.status, f"{outcome}{filled}{_error(record)}".removeprefix("; ")
        case DeadLetter():
            return "dead letter", error_words(record.error)
    return type(record).__name__, ""


def _bound(record: ExecutionReport) -> str:
    """By what a transfer is found where it goes."""
    mark = record.transfer
    return "" if mark is None else f"; {mark.reference} to {mark.destination.account} on {mark.destination.lane}"


def _leg(instruction: Instruction | None) -> str:
    """Which leg of which group it is, and what it was scaled to."""
    if instruction is None or instruction.group_id is None or instruction.group_index is None:
        return ""
    which = f", leg {instruction.group_index + 1} of {instruction.group_size} of group {instruction.group_id}"
    trade = instruction.cex_trade
    sent = None if trade is None else trade.amount or trade.quote_amount
    return f"{which}, amount {amount(sent)}" if instruction.scale_to_filled and sent is not None else which


def _error(record: Any) -> str:
    return "" if record.error is None else f"; {error_words(record.error)}"
