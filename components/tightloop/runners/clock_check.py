"""What the answers of a lane's venue tell about this machine's clock."""

from __future__ import annotations

from datetime import datetime, timedelta


class ClockCheck:
    """Holds what the latest answer told: a machine whose clock was set is judged anew by the next one.

    An answer was made after its question left and before it was back, so its time must lie between the two: before
    them our clock is ahead of the venue's, after them it is behind. How long the answer took, or when it is handled,
    does not matter. ``block_time``: the venue tells the time of its latest block, which is always somewhat old, so that
    it cannot show that we are ahead.
    """

    def __init__(self, lane: str, margin: timedelta, *, block_time: bool) -> None:
        self._lane = lane
        self._margin = margin
        self._block_time = block_time
        self._fault: str | None = None

    @property
    def fault(self) -> str | None:
        """Why nothing may be submitted by this clock, with figures; None: the two agree to within the margin."""
        return self._fault

    def heard(self, as_of: datetime, asked_at: datetime, answered_at: datetime) -> None:
        if as_of > answered_at + self._margin:
            self._fault = self._describe("behind", as_of - answered_at, as_of, answered_at)
        elif as_of < asked_at - self._margin and not self._block_time:
            self._fault = self._describe("ahead of", asked_at - as_of, as_of, asked_at)
        else:
            self._fault = None

    def _describe(self, how: str, by: timedelta, theirs: datetime, ours: datetime) -> str:
        return (
            f"this machine's clock is {by.total_seconds():.3f} s {how} the one of {self._lane}, and may be "
            f"{self._margin.total_seconds():g} s: ours said {ours}, the venue's {theirs}: not submitted"
        )
