"""What a worker, its runner and its state pass to each other.

They are apart from the modules that use them, because the optional compiled build compiles no module with a class of
msgspec (``hatch_build.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from tightloop.handlers.calls import Call


class RawRecord(Struct, frozen=True):
    """A record as the bus delivered it; ``topic`` without a prefix. ``headers``: asked for by dead letters alone."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Callable[[], tuple[tuple[str, bytes], ...]] = tuple
    appended_at: datetime | None = None


class Started(Struct, frozen=True, gc=False):
    """A call to perform now that the event that asked for it is durable."""

    key: str
    call_id: str
    serial: int
    call: Call


class Output(Struct, gc=False):
    """A record to publish, to the worker's own partition; of a topic with partitions of its own, to one of those.

    ``value``: its bytes, and ``headers`` that say what it is about; both are made once, as the event ends.
    """

    topic: str
    key: bytes | None
    record: Struct
    value: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()


class Stray(Struct, frozen=True):
    """A record of the changelog with a key that no version of tightloop writes. ``owner``: the strategy it seems to
    belong to.
    """

    offset: int
    key: bytes
    value: bytes
    owner: str | None
