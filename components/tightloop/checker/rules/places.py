"""Where records lie: under their strategy's key, on that key's partition everywhere; and what their writer had read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from urllib.parse import unquote

from tightloop.checker.collected import DELETED, INSTRUCTIONS, JOURNALS, Collected, Seen
from tightloop.checker.verdict import Terms, Violation

INPUTS = "inputs"
STATES = frozenset({"loop_state", "positions", "reconciliation_state"})
BY_OTHERS = frozenset({"instructions", "control"})  # written by strategies and operators
ONE_PARTITION = "execution_audit"
_SHARED = "@shared"  # the halts of a venue or of all are of a partition, not of a key
_M, _MASK = 0x5BD1E995, 0xFFFFFFFF


def keys_and_partitions(data: Collected, terms: Terms) -> Iterator[Violation]:
    """The key is the record's strategy, the partition the key's, the same on every topic of the loop.

    A record that another program put on a wrong partition is a dead letter; one whose record's own key was wrong keeps
    that key.
    """
    partitions = _partitions(data)
    if partitions is None:
        return
    buried = {(seen.value["topic"], seen.value["partition"], seen.value["offset"]): seen for seen in data.dead_letters}
    for topic, records in data.topics.items():
        for seen in records:
            if topic == "dead_letters" or (topic, seen.partition, seen.offset) in buried:
                continue
            key = _key(seen)
            owner = seen.value.get("strategy_id", key)
            if key is None or owner is None or key.startswith(_SHARED):
                continue
            if owner != key:
                yield Violation("key-otherwise", owner, f"{seen.place}: it has the key {seen.key!r}")
            wanted = 0 if topic == ONE_PARTITION else partition_of(key, partitions)
            if seen.partition != wanted:
                yield Violation("partition-otherwise", owner, f"{seen.place}: the key {key} belongs to {wanted}")
    for (topic, partition, _), letter in buried.items():
        if letter.partition != partition:
            what = f"{letter.place}: of {topic}/{partition}, on another partition"
            yield Violation("partition-otherwise", letter.value["strategy_id"] or "", what)


def inputs_only_grow(data: Collected, terms: Terms) -> Iterator[Violation]:
    """The header ``inputs`` names offsets that exist, and per partition and writer never goes back."""
    before: dict[tuple[str, int, str | None, frozenset[str]], tuple[dict[str, int], Seen]] = {}
    for topic, records in data.topics.items():
        if topic in BY_OTHERS:
            continue
        for seen in records:
            owner = seen.value.get("strategy_id") or ""
            held = seen.headers.get(INPUTS, b"")
            inputs = _inputs(held)
            if not inputs:
                yield Violation("inputs-unreadable", owner, f"{seen.place}: the header `{INPUTS}` is {held!r}")
                continue
            # several components may write to one topic: they are told apart by what they read; and several partitions
            # to a topic that has only one: they by their keys
            writer = (topic, seen.partition, seen.key if topic == ONE_PARTITION else None, frozenset(inputs))
            known, where = before.get(writer, ({}, seen))
            back = [name for name, at in inputs.items() if at < known.get(name, 0)]
            if back:
                what = f"{seen.place}: {_shown(inputs)} after {_shown(known)} at {where.place}"
                yield Violation("inputs-went-back", owner, what)
            before[writer] = inputs, seen
            if terms.complete and topic != ONE_PARTITION:
                beyond = [name for name, at in inputs.items() if at > data.ends.get((name, seen.partition), at)]
                if beyond:
                    what = f"{seen.place}: {_shown(inputs)} is more than there is of {', '.join(beyond)}"
                    yield Violation("inputs-beyond", owner, what)


def partition_of(key: str, partitions: int) -> int:
    """As the Java client's default partitioner has it."""
    return (_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def _partitions(data: Collected) -> int | None:
    """How many partitions every topic of the loop has; None: that was not collected."""
    counted = [partition for topic, partition in data.ends if topic == "instructions"]
    return max(counted) + 1 if counted else None


def _key(seen: Seen) -> str | None:
    """The strategy a record is keyed by; of a state entry the part of its key that names it."""
    if seen.key is None or not (seen.topic in STATES or seen.topic.startswith(JOURNALS)):
        return seen.key
    owner = unquote(seen.key.partition("|")[0])
    return owner if seen.kind == DELETED or "strategy_id" in seen.value else _SHARED


@lru_cache(maxsize=4096)  # a transaction's records have the same
def _inputs(header: bytes) -> dict[str, int]:
    """Empty when the header is missing or says something else."""
    found: dict[str, int] = {}
    for part in header.decode(errors="replace").split(","):
        topic, _, offset = part.rpartition(":")
        if not topic or not offset.isdecimal():
            return {}
        found[topic] = int(offset)
    return found


def _shown(inputs: dict[str, int]) -> str:
    return ", ".join(f"{topic.removeprefix(INSTRUCTIONS)}:{at}" for topic, at in sorted(inputs.items()))


@cache
def _murmur2(data: bytes) -> int:
    """``org.apache.kafka.common.utils.Utils.murmur2``, unsigned."""
    length = len(data)
    h = (0x9747B28C ^ length) & _MASK
    whole = length - length % 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k = (k ^ (k >> 24)) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return h ^ (h >> 15)
