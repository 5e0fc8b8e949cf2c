"""What ``doctor`` finds out about live lanes by opening them, as their components do: nothing is sent that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from msgspec import Struct

from tightloop.assembly.build import surroundings
from tightloop.assembly.config import Config
from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.venues import connections
from tightloop.venues.adapter import VenueReader


class Opened(Struct, frozen=True):
    """``failure``: why it can't be opened; None: it can. ``found`` says what was seen then, without a secret."""

    lane: str
    whose: str
    failure: ExecutionError | None
    found: str


def open_live_lanes(config: Config) -> list[Opened]:
    """Each twice: as its executor does, and as reconciliation does."""
    around, margin_s = surroundings(config), config.timing.clock_margin
    found = []
    for lane in config.directory().lanes.values():
        if not lane.simulated:
            found.append(_opened(lane, "executor", partial(connections.adapter, lane, around), margin_s))
            found.append(_opened(lane, "reconciliation", partial(connections.reader, lane, around), margin_s))
    return found


def _opened(lane: LaneSpec, whose: str, build: Callable[[], VenueReader], margin_s: float) -> Opened:
    try:
        apart = asyncio.run(_seconds_apart(build()))
        if abs(apart) > margin_s:
            raise ExecutionError("EXI-015", f"the venue's clock is {apart:+.3f} s from this machine's")
    except ExecutionError as failure:
        return Opened(lane.name, whose, failure, failure.message)
    words = f"reached, keys and account are as they must be, clock {apart * 1000:+.0f} ms"
    if whose == "executor" and lane.kind == "exchange":
        words += f"; withdraws to {', '.join(lane.withdraws_to) or 'no address'}"
    return Opened(lane.name, whose, None, words)


async def _seconds_apart(adapter: VenueReader) -> float:
    """Open it, and how far the venue's clock is from ours. Raises ExecutionError."""
    try:
        as_of = await adapter.open()
        return (as_of - datetime.now(UTC)).total_seconds()
    finally:
        await adapter.close()
