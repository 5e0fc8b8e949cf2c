"""Whose instruction is this? An id is unique within a strategy only."""

from __future__ import annotations

from msgspec import Struct

from tightloop.client.reader import Received, TopicReader
from tightloop.records.errors import ExecutionError
from tightloop.runners.kafka.settings import KafkaSettings


def strategy_of(settings: KafkaSettings, instruction_id: str) -> str:
    """The strategy that published it. Raises ExecutionError EIM-016 when none did, or several."""
    with TopicReader(settings, ["instructions"]) as reader:
        found = {
            (received.key or b"").decode(errors="replace")
            for received in reader.to_end()
            if getattr(_record(received), "instruction_id", None) == instruction_id
        }
    if len(found) == 1:
        return found.pop()
    whose = f"strategies {', '.join(sorted(found))} all" if found else "no strategy"
    raise ExecutionError(
        "EIM-016",
        f"{whose} published an instruction {instruction_id!r}",
        remedy="Name its strategy with --key." if found else "Correct the id, or name its strategy with --key.",
    )


def _record(received: Received) -> Struct | None:
    try:
        return received.record()
    except ExecutionError:
        return None  # not readable: it lies on dead_letters, too
