"""Exchanges: a request acts only while its signed time is young, so "not found" counts once none can act any more."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tightloop.handlers.calls import CancelOrder, NotFound, OrderFound
from tightloop.handlers.executor.evidence import Absence, counts_at, may_still_leave
from tightloop.records.types import JournalEntry, Outcome

if TYPE_CHECKING:
    from tightloop.handlers.executor.settings import ExecutorSettings


class WindowPolicy:
    """After send window, acceptance window and clock margin nothing that was journalled can act."""

    def absence(self, settings: ExecutorSettings, entry: JournalEntry, answer: NotFound) -> Absence:
        due = counts_at(settings, entry)
        if answer.holds_at < due:
            lag = (answer.asked_at - answer.as_of).total_seconds()
            told = f"its 'not found' is of {answer.as_of}, and counts from {due} on"
            return Absence("early", f"the venue's clock is {lag:.3f} s behind ours: {told}", due)
        if entry.found:  # that it does not show it any more says nothing of what it did
            return Absence("unclear", "an order that the venue had shown is not found any more")
        return Absence("nothing_done", "after send window, acceptance window and clock margin")

    def is_over(self, entry: JournalEntry) -> bool:
        return True

    def pause_s(self, settings: ExecutorSettings, entry: JournalEntry) -> float:
        return 0.0  # it has been waited for long enough

    def asks_after(self, code: str) -> bool:
        return False

    def cancel(self, entry: JournalEntry) -> CancelOrder:
        return CancelOrder(entry)

    def replaces(self, settings: ExecutorSettings, entry: JournalEntry, found: OrderFound, now: datetime) -> bool:
        return False

    def lost_cancel(self, settings: ExecutorSettings, entry: JournalEntry, found: OrderFound, now: datetime) -> bool:
        return not may_still_leave(settings, entry, found.asked_at)

    def prepares_anew(self, entry: JournalEntry, answer: NotFound) -> bool:
        return False

    def least_nonce(self, entry: JournalEntry, outcome: Outcome) -> int | None:
        return None
