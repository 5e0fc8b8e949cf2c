"""Records as a reader of the bus receives them, in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from tightloop.client.reader import Received
from tightloop.wire import codec

AT = datetime(2026, 1, 1, 12, 30, 0, 250_000, tzinfo=UTC)


def received(topic: str, record: Struct | bytes | None, offset: int = 0, **changes: Any) -> Received:
    """``record``, or the bytes of something else, on partition 0 under the key ``s1``."""
    value = codec.encode(record) if isinstance(record, Struct) else record
    fields: dict[str, Any] = {"partition": 0, "time": AT, "key": b"s1", "headers": ()}
    return Received(topic=topic, offset=offset, value=value, **{**fields, **changes})
