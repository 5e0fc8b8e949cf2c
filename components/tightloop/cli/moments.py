"""Times as people give them to a command."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

FORMS = "an ISO time (UTC where it names no zone), or how long ago: 30s, 10m, 2h, 7d"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str) -> datetime | None:
    """The time that ``text`` says, in one of ``FORMS``; None when it says none."""
    ago = re.fullmatch(r"(\d{1,9})([smhd])", text)
    try:
        if ago:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
