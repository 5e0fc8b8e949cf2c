"""What keeps a late request from acting, and so what "not found" proves: one policy for exchanges, one for chains.

A policy decides, and does nothing: what follows from its decisions is done in one place (``intents.py``,
``watching.py``), the same for both. ``window.py`` and ``nonce.py`` have one each.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from tightloop.handlers.calls import CancelOrder, NotFound, OrderFound, Replace
from tightloop.records.types import JournalEntry, Outcome

if TYPE_CHECKING:
    from tightloop.handlers.executor.settings import ExecutorSettings


class Absence(Struct, frozen=True):
    """What it proves that the venue does not show an intent.

    ``verdict``: ``nothing_done``: nothing sent so far has acted, and the same may be sent again; ``taken``: another
    transaction has the nonce for good, so that none of ours can act; ``early``: it counts from ``counts_at`` on;
    ``unclear``: it proves nothing.
    """

    verdict: Literal["nothing_done", "taken", "early", "unclear"]
    why: str
    counts_at: datetime | None = None


class Policy(Protocol):
    def absence(self, settings: ExecutorSettings, entry: JournalEntry, answer: NotFound) -> Absence:
        """What does it prove that the venue does not show it?"""

    def is_over(self, entry: JournalEntry) -> bool:
        """May the loop of what was not found just end, as nothing that was sent can act any more?"""

    def pause_s(self, settings: ExecutorSettings, entry: JournalEntry) -> float:
        """How long to wait before the same is sent once more, in seconds."""

    def asks_after(self, code: str) -> bool:
        """May a refusal with this code mean that an earlier sending has acted?"""

    def cancel(self, entry: JournalEntry) -> CancelOrder | Replace:
        """The call that begins a cancel."""

    def replaces(self, settings: ExecutorSettings, entry: JournalEntry, found: OrderFound, now: datetime) -> bool:
        """Is it time to replace what is still pending by the same with higher fees?"""

    def lost_cancel(self, settings: ExecutorSettings, entry: JournalEntry, found: OrderFound, now: datetime) -> bool:
        """Is what is still open to be cancelled once more, as the cancel sent last can't take effect any more?"""

    def prepares_anew(self, entry: JournalEntry, answer: NotFound) -> bool:
        """Was nothing sent, and can what was prepared never act?"""

    def least_nonce(self, entry: JournalEntry, outcome: Outcome) -> int | None:
        """Below which nonce the wallet's next transaction can't be, as this intent's end shows; None: it shows none."""


def counts_at(settings: ExecutorSettings, entry: JournalEntry) -> datetime:
    """When nothing journalled so far can reach an exchange and act any more."""
    return entry.journalled_at + timedelta(seconds=settings.absence_s)


def may_still_leave(settings: ExecutorSettings, entry: JournalEntry, asked_at: datetime) -> bool:
    """Was the venue asked when the request journalled last might not have left yet?"""
    return asked_at < entry.journalled_at + timedelta(seconds=settings.lane.send_window_s)
