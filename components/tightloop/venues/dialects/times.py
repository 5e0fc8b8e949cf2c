"""Times as exchanges write them: milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(at: datetime) -> int:
    """Whole ones, rounded down."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def moment(at_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at_ms)
