"""Times as exchanges write them: milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_ms: Any) -> datetime:
    """Of a number, or a number as text. Raises ValueError, TypeError."""
    return _EPOCH + timedelta(milliseconds=int(at_ms))


def milliseconds(at: datetime) -> int:
    """Whole ones, rounded down."""
    return (at - _EPOCH) // timedelta(milliseconds=1)
