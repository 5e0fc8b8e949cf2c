"""Loops of other strategies before the demo's own, until they get no faster.

Just started, each process still makes its codecs, opens its connections and fills its caches, and Kafka's JVM compiles:
the first loops take ten times as long as later ones, and say nothing of a system that has run for a minute.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct

from tightloop.cli.demo.progress import loop_ms
from tightloop.client.publisher import InstructionPublisher
from tightloop.client.reader import TopicReader
from tightloop.errors import ExecutionError
from tightloop.records.types import Instruction, InstructionResult
from tightloop.runners.kafka.settings import KafkaSettings

ROUNDS = 4  # at a time, each with a trade of every warm-up strategy
SETTLED = 0.9  # a batch that takes no less than this of the best before it was no faster
MOST_S = 12.0
RESULT_S = 45.0


class WarmUp(Struct, frozen=True, kw_only=True):
    """``first_ms``, ``last_ms``: medians of the first and the last batch, from dispatch to result."""

    instructions: int
    seconds: float
    first_ms: float
    last_ms: float


def warm_up(settings: KafkaSettings, publisher: InstructionPublisher, rounds: Iterator[list[Instruction]]) -> WarmUp:
    """Batches of ``rounds``, until two in a row were no faster than the best before, or for ``MOST_S``.

    Raises ExecutionError EIM-012 when an instruction gets no result.
    """
    began = time.monotonic()
    medians: list[float] = []
    count = settled = 0
    with TopicReader(settings, ["instruction_results"]) as reader:
        while settled < 2 and time.monotonic() - began < MOST_S:
            batch = [one for few in islice(rounds, ROUNDS) for one in few]
            publisher.publish_all(batch)
            median = _median(reader, batch)
            settled = settled + 1 if medians and median >= SETTLED * min(medians) else 0
            medians.append(median)
            count += len(batch)
    return WarmUp(
        instructions=count,
        seconds=round(time.monotonic() - began, 2),
        first_ms=round(medians[0], 2),
        last_ms=round(medians[-1], 2),
    )


def _median(reader: TopicReader, batch: Sequence[Instruction]) -> float:
    """Returns when each of the batch has its result; the median time from dispatch to result, in milliseconds."""
    open_ones = {one.instruction_id for one in batch}
    took: list[float] = []
    heard = time.monotonic()
    while open_ones:
        received = reader.poll(0.2)
        result = received.record() if received is not None else None
        if isinstance(result, InstructionResult) and result.instruction_id in open_ones:
            open_ones.discard(result.instruction_id)
            took.append(loop_ms(result) or 0.0)
            heard = time.monotonic()
        elif time.monotonic() - heard > RESULT_S:
            raise ExecutionError("EIM-012", f"no result for {RESULT_S:g} s while warming up: {sorted(open_ones)[:3]}")
    return sorted(took)[len(took) // 2]
