"""The last check before the socket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tightloop.venues.adapter import ClockGate, GateShut

NOW = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW = timedelta(seconds=3)
JUST = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "not_after", "reason"),
    [
        (NOW, NOW, None),
        (NOW + WINDOW, None, None),
        (NOW + WINDOW + JUST, None, "window"),
        (NOW - JUST, None, "window"),  # the clock was set back since: how long ago that was, it can't tell
        (NOW + JUST, NOW, "expired"),
        (NOW + WINDOW + JUST, NOW, "expired"),
    ],
)
def test_a_gate_signs_with_the_time_it_checked_or_says_why_not(
    now: datetime, not_after: datetime | None, reason: str | None
) -> None:
    gate = ClockGate(lambda: now, NOW, WINDOW, not_after)
    if reason is None:
        assert gate.pass_through() == now
    else:
        with pytest.raises(GateShut) as shut:
            gate.pass_through()
        assert shut.value.reason == reason
