"""Times as people give them, to times as records have them: aware, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tightloop.errors import ExecutionError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(at: Any, what: str) -> datetime:
    """A plain datetime in UTC, also of a ``pandas.Timestamp`` or an ISO text. ``what`` names it in the error.

    Raises ExecutionError EIM-007 for what is no time, or names no time zone.
    """
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError as error:
            raise ExecutionError("EIM-007", f"{what}: {at!r} is no time, such as 2024-05-12T00:00:00Z") from error
    if not isinstance(at, datetime):
        raise ExecutionError("EIM-007", f"{what}: {at!r} is no time, but a {type(at).__name__}")
    if at.tzinfo is None:
        raise ExecutionError("EIM-007", f"{what}: {at.isoformat()} names no time zone; end it with Z, for UTC")
    since: timedelta = at - _EPOCH
    return _EPOCH + timedelta(days=since.days, seconds=since.seconds, microseconds=since.microseconds)
