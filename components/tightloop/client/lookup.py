"""Whose instruction is this? An id is unique within a strategy only. And is there such a key at all?"""

from __future__ import annotations

from collections.abc import Collection
from difflib import SequenceMatcher

from msgspec import Struct

from tightloop.client.key_states import LoopStateReader, LoopStates
from tightloop.client.reader import Received, TopicReader
from tightloop.domain.directory import Directory
from tightloop.errors import ExecutionError
from tightloop.records.types import Instruction
from tightloop.runners.kafka.settings import KafkaSettings


def strategy_of(settings: KafkaSettings, instruction_id: str) -> str:
    """The strategy that published the instruction, or a leg of the group, of that id.

    Raises ExecutionError EIM-016 when none did, or several.
    """
    with TopicReader(settings, ["instructions"]) as reader:
        found = {
            (received.key or b"").decode(errors="replace")
            for received in reader.to_end()
            if instruction_id in _names(_record(received))
        }
    if len(found) == 1:
        return found.pop()
    whose = f"strategies {', '.join(sorted(found))} all" if found else "no strategy"
    raise ExecutionError(
        "EIM-016",
        f"{whose} published an instruction or a group {instruction_id!r}",
        remedy="Name its strategy with --key." if found else "Correct the id, or name its strategy with --key.",
    )


def _names(record: Struct | None) -> tuple[str | None, ...]:
    return (record.instruction_id, record.group_id) if isinstance(record, Instruction) else ()


def check_known(settings: KafkaSettings, key: str, directory: Directory) -> None:
    """Raises ExecutionError EIM-016, with the nearest that there is, for a key that has no books.

    Those begin with the adoption before its first dispatch; a key may have been halted before.
    """
    states = LoopStateReader(settings, directory)
    if key not in _with_books(states.read(key)):
        raise unknown_key(key, _with_books(states.read()))


def _with_books(states: LoopStates) -> list[str]:
    return [key for key, state in states.keys.items() if state.head.position_version > 0]


def unknown_key(key: str, known: Collection[str]) -> ExecutionError:
    near = max(known, key=lambda one: SequenceMatcher(None, one.casefold(), key.casefold()).ratio(), default=None)
    return ExecutionError(
        "EIM-016",
        f"there are no books of a key {key!r}; " + (f"did you mean {near!r}?" if near else "no key has any yet"),
        remedy="Correct the key: `tightloop status` lists them. A new one takes over what its account holds by itself.",
    )


def _record(received: Received) -> Struct | None:
    try:
        return received.record()
    except ExecutionError:
        return None  # not readable: it lies on dead_letters, too
