"""The results so far, and the live view of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tightloop.client.reader import TopicReader
from tightloop.errors import ExecutionError
from tightloop.records.types import Instruction, InstructionResult
from tightloop.runners.kafka.settings import KafkaSettings

Seen = Callable[["Progress"], None]
Publish = Callable[[Sequence[Instruction]], object]


class Progress:
    """Results by instruction, and when each was seen (seconds since the first instruction was published)."""

    def __init__(self, script: Sequence[Instruction]) -> None:
        self.script = script
        self.results: dict[str, InstructionResult] = {}
        self.seen_at: dict[str, float] = {}
        self.began = time.monotonic()
        self.began_at = datetime.now(UTC)
        self.last = ""
        self._ids = {one.instruction_id for one in script}

    @property
    def complete(self) -> bool:
        return len(self.results) >= len(self.script)

    def take(self, result: InstructionResult) -> None:
        if result.resolves is None and result.instruction_id in self._ids:
            self.results[result.instruction_id] = result
            self.seen_at[result.instruction_id] = time.monotonic() - self.began
            self.last = result.instruction_id

    def of_key(self, key: str) -> list[InstructionResult]:
        return [one for one in self.results.values() if one.strategy_id == key]

    @property
    def keys(self) -> list[str]:
        return list(dict.fromkeys(one.strategy_id for one in self.script))


def loop_ms(result: InstructionResult) -> float | None:
    """From dispatch to result."""
    if result.dispatched_at is None:
        return None
    return (result.finished_at - result.dispatched_at).total_seconds() * 1000


def follow(
    settings: KafkaSettings,
    progress: Progress,
    at_once: Sequence[Instruction],
    publish: Publish,
    show: Seen,
    *,
    window: int,
    quiet_s: float,
) -> None:
    """Publish ``at_once``, with at most ``window`` instructions under way, as a key's queue has a limit.

    Returns when every instruction of the script has its result, or when none has come for ``quiet_s``.
    """
    published = 0
    with TopicReader(settings, ["instruction_results"]) as reader:
        heard = time.monotonic()
        while not progress.complete and time.monotonic() - heard < quiet_s:
            room = window - (published - len(progress.results))
            if published < len(at_once) and room >= min(window // 2, len(at_once) - published):
                batch = at_once[published : published + room]
                publish(batch)
                published += len(batch)
            received = reader.poll(0.1)
            if received is not None:
                record = received.record()
                if not isinstance(record, InstructionResult):
                    raise ExecutionError("TLC-004", f"instruction_results holds a {type(record).__name__}")
                progress.take(record)
                heard = time.monotonic()
            show(progress)


@contextmanager
def live_view(enabled: bool) -> Iterator[Seen]:
    """A table that changes as loops close, on a terminal; nothing elsewhere."""
    if not enabled or not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), refresh_per_second=10, transient=True) as live:
        yield lambda progress: live.update(_drawn(progress))


def _drawn(progress: Progress) -> Any:
    from rich.table import Table

    title = f"{len(progress.results)} of {len(progress.script)} loops closed"
    drawn = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in ("key", "closed", "", "last", "outcome", "ms"):
        drawn.add_column(column)
    for key in progress.keys:
        results = progress.of_key(key)
        total = sum(1 for one in progress.script if one.strategy_id == key)
        bar = "█" * (20 * len(results) // max(1, total))
        last = results[-1] if results else None
        took = loop_ms(last) if last else None
        drawn.add_row(
            key,
            f"{len(results)}/{total}",
            bar.ljust(20, "░"),
            f"{last.type} {last.venue}" if last else "-",
            f"{last.status} {last.outcome or ''}" if last else "-",
            f"{took:.0f}" if took is not None else "-",
        )
    return drawn
