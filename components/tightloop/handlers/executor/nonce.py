"""Chains: all submissions of an intent share one nonce of its wallet, so that one of them acts at most.

A transaction can wait anywhere for any time, until its nonce is used. To end it, an empty transaction that pays more
takes the nonce.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tightloop.handlers.calls import NotFound, OrderFound, Replace
from tightloop.handlers.executor.evidence import Absence
from tightloop.handlers.executor.steps import as_asked
from tightloop.handlers.executor.submissions import held_nonce, times_sent
from tightloop.records.types import JournalEntry, Outcome

if TYPE_CHECKING:
    from tightloop.handlers.executor.settings import ExecutorSettings

CONFLICT = "EXI-009"  # nonce too low: another transaction has it, which may be our own


class NoncePolicy:
    """What the chain does not show may still come, until the nonce is used at the lane's confirmation depth."""

    def absence(self, settings: ExecutorSettings, entry: JournalEntry, answer: NotFound) -> Absence:
        held = held_nonce(entry)
        if held is None or answer.nonce is None or answer.settled_nonce is None:
            return Absence("unclear", "not found, and the wallet's nonce was not told with it")
        if answer.settled_nonce > held:
            return Absence("taken", f"nonce {held} was used by another transaction, by block {answer.block_number}")
        if answer.nonce > held:  # by a block that may still go away, or that came between two looks
            return Absence("unclear", f"nonce {held} is used by a block that is not deep enough yet to show by what")
        return Absence("nothing_done", "the nonce is still free")

    def is_over(self, entry: JournalEntry) -> bool:
        return not entry.may_have_left

    def pause_s(self, settings: ExecutorSettings, entry: JournalEntry) -> float:
        sent = times_sent(entry)
        return settings.poll_pause(sent) if sent > 1 else 0.0

    def asks_after(self, code: str) -> bool:
        return code == CONFLICT

    def cancel(self, entry: JournalEntry) -> Replace:
        return Replace(as_asked(entry), "cancel")

    def replaces(self, settings: ExecutorSettings, entry: JournalEntry, found: OrderFound, now: datetime) -> bool:
        pending = found.status == "open" and found.confirmations is None
        return pending and entry.replace_at is not None and entry.replace_at <= now

    def lost_cancel(self, settings: ExecutorSettings, entry: JournalEntry, found: OrderFound, now: datetime) -> bool:
        if found.confirmations is not None:  # mined: it can be outbid no more
            return False
        return entry.replace_at is not None and entry.replace_at <= now

    def prepares_anew(self, entry: JournalEntry, answer: NotFound) -> bool:
        held = held_nonce(entry)
        too_high = held is not None and answer.nonce is not None and answer.nonce < held
        return too_high and not entry.may_have_left

    def least_nonce(self, entry: JournalEntry, outcome: Outcome) -> int | None:
        held = held_nonce(entry)
        return held + 1 if held is not None and entry.tx_hash is not None and outcome != "unknown" else None
