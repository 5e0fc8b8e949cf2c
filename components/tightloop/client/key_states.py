"""``LoopStateReader``: where every key stands, from the interface manager's own state.

Only the command line of the same version reads it: the topic is private to its component.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from tightloop.client.connect import partition_counts
from tightloop.client.reader import TopicReader
from tightloop.domain.directory import Directory
from tightloop.errors import ExecutionError
from tightloop.handlers.manager.groups import GROUP
from tightloop.handlers.manager.turn import UNREAD
from tightloop.records.types import Halt, InstructionGroup, LoopHead, QueuedInstruction, SharedHalts
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.partitioner import partition_of
from tightloop.runners.state import parse_changelog_key
from tightloop.wire import codec

TOPIC = "loop_state"


class KeyState(Struct, frozen=True):
    """``queue``: what waits for the slot, first come first; of a group its first leg. ``shared``: halts of a venue or
    of all that concern it. ``groups``: those that wait for a leg or for the slot, or are under way.
    """

    head: LoopHead
    queue: tuple[QueuedInstruction, ...]
    shared: tuple[Halt, ...]
    groups: tuple[InstructionGroup, ...] = ()

    @property
    def strategy_id(self) -> str:
        return self.head.strategy_id

    @property
    def halts(self) -> tuple[Halt, ...]:
        """All that stop it, each once."""
        return tuple({one.halt_id: one for one in (*self.head.halts, *self.shared)}.values())

    @property
    def phase(self) -> str:
        """``halted``, ``idle``, ``suspended``, ``stopped``, or what the slot's loop is for: ``execute``, ``verify``, …

        A halt of one venue does not halt the key, which may still act elsewhere; but it stops a group whose next leg
        is for that venue.
        """
        slot = self.head.slot
        if self.head.halts or any(halt.scope == "all" for halt in self.shared):
            return "halted"
        if slot is None:
            return "idle" if self.head.group_id is None else "stopped"
        return "suspended" if slot.suspended else slot.kind

    @property
    def since(self) -> datetime:
        return self.head.produced_at


class LoopStates(Struct, frozen=True):
    """``shared``: the halts of a venue or of all, each once."""

    keys: dict[str, KeyState]
    shared: tuple[Halt, ...]


class LoopStateReader:
    """Reads ``loop_state`` to its end, committed records alone. ``directory``: which lanes a halted venue is on."""

    def __init__(self, settings: KafkaSettings, directory: Directory) -> None:
        self.settings = settings
        self._directory = directory

    def read(self, key: str | None = None) -> LoopStates:
        """Every key, or one. Raises ExecutionError EIF-010 (no topic) or EIF-011 (no broker)."""
        count = partition_counts(self.settings, [TOPIC])[TOPIC]
        partitions = None if key is None else [partition_of(key.encode(), count)]
        entries: dict[tuple[int, str, str], bytes] = {}
        with TopicReader(self.settings, [TOPIC], "beginning", partitions) as reader:
            for received in reader.to_end():
                try:
                    strategy, name = parse_changelog_key(received.key or b"")
                except ValueError:  # an entry of no key: the manager dead-letters it
                    continue
                if name.partition("|")[0] not in ("head", "queue", GROUP, "halts", UNREAD):
                    continue
                place = (received.partition, strategy, name)
                if received.value is None:
                    entries.pop(place, None)
                else:
                    entries[place] = received.value
        return states_of(entries, count, self._directory, key)


def states_of(
    entries: dict[tuple[int, str, str], bytes], partitions: int, directory: Directory, wanted: str | None = None
) -> LoopStates:
    """``entries``: by partition, key and name. An entry of a key on a partition that is not the key's own is not its
    state, and must not be shown in place of it. Of a key whose head can't be read, what is known is the halt that the
    manager set beside it.
    """
    unread: dict[str, tuple[int, tuple[Halt, ...]]] = {}
    heads: dict[str, tuple[int, LoopHead]] = {}
    queues: dict[str, list[tuple[str, QueuedInstruction]]] = {}
    groups: dict[str, list[InstructionGroup]] = {}
    shared: dict[int, tuple[Halt, ...]] = {}
    for (partition, strategy, name), value in entries.items():
        if strategy and (wanted not in (None, strategy) or partition_of(strategy.encode(), partitions) != partition):
            continue
        try:
            record = codec.decode(value)
        except ExecutionError:
            continue
        if isinstance(record, SharedHalts) and strategy:
            unread[strategy] = (partition, record.halts)
        elif isinstance(record, SharedHalts):
            shared[partition] = record.halts
        elif isinstance(record, LoopHead):
            heads[strategy] = (partition, record)
        elif isinstance(record, InstructionGroup):
            groups.setdefault(strategy, []).append(record)
        elif isinstance(record, QueuedInstruction):
            queues.setdefault(strategy, []).append((name, record))
    for strategy, (partition, halts) in unread.items():
        _, head = heads.get(strategy, (partition, LoopHead(strategy_id=strategy, produced_at=halts[0].since)))
        heads[strategy] = (partition, replace(head, halts=(*head.halts, *halts)))
    keys = {}
    for strategy, (partition, head) in sorted(heads.items()):
        queue = tuple(queued for _, queued in sorted(queues.get(strategy, []), key=lambda one: one[0]))
        own = tuple(sorted(groups.get(strategy, []), key=lambda one: one.group_id))
        keys[strategy] = KeyState(head, queue, _concerning(head, shared.get(partition, ()), directory), own)
    every = {halt.halt_id: halt for halts in shared.values() for halt in halts}
    return LoopStates(keys, tuple(every.values()))


def _concerning(head: LoopHead, halts: tuple[Halt, ...], directory: Directory) -> tuple[Halt, ...]:
    """Those of all, and those of a venue on whose lane the key has an account."""
    lanes = {known.account.lane for known in head.accounts}
    return tuple(
        halt
        for halt in halts
        if halt.scope == "all" or any(directory.has_venue(lane, halt.venue or "") for lane in lanes)
    )
