"""When a verification tries, pauses and gives up. Pure functions over ``PendingVerification``.

An attempt is under way (``reading``) until ``due_at``; after it failed the next one waits for ``due_at``. The pause
doubles from ``first_pause_s`` to ``longest_pause_s``; nothing begins at or after ``ends_at``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from tightloop.domain.backoff import backoff
from tightloop.handlers.reconciliation.fold import Folded
from tightloop.handlers.reconciliation.settings import ReconciliationSettings
from tightloop.records.types import PendingVerification, PositionUpdate, ReconciliationKind

_OF_LOOP: dict[str, ReconciliationKind] = {
    "execute": "loop",
    "refresh": "refresh",
    "verify": "verify",
    "adopt": "adopt",
}


def begin(
    update: PositionUpdate, folded: Folded, settings: ReconciliationSettings, now: datetime
) -> PendingVerification:
    """The first attempt at a final update. What closes no loop is verified as ``verify``."""
    ends_at = now + timedelta(seconds=settings.budget_s)
    return PendingVerification(
        strategy_id=update.strategy_id,
        position_version=update.position_version,
        update=replace(update, deltas=folded.deltas, expected_positions=()),
        kind=_OF_LOOP.get(update.loop_kind, "verify") if folded.closes_loop else "verify",
        closes_loop=folded.closes_loop,
        accounts=folded.accounts,
        due_at=min(now + timedelta(seconds=settings.attempt_s), ends_at),
        started_at=now,
        ends_at=ends_at,
        mismatch_ends_at=now + timedelta(seconds=settings.mismatch_budget_s),
        produced_at=now,
    )


def failed(
    pending: PendingVerification, code: str, settings: ReconciliationSettings, now: datetime
) -> PendingVerification | None:
    """The pause after an attempt that failed for ``code``; ``None`` when there is no time for another attempt."""
    pause = backoff(settings.first_pause_s, settings.longest_pause_s, pending.attempt - 1)
    next_at = now + timedelta(seconds=pause)
    if next_at >= (pending.mismatch_ends_at if code == "REC-002" else pending.ends_at):
        return None
    return replace(
        pending,
        reading=False,
        answered=(),
        due_at=next_at,
        failures=(*(one for one in pending.failures if one != code), code),
        produced_at=now,
    )


def next_attempt(pending: PendingVerification, settings: ReconciliationSettings, now: datetime) -> PendingVerification:
    """One that begins late, as the process stood still, gets its whole time."""
    whole = now + timedelta(seconds=settings.attempt_s)
    ends_at = pending.ends_at if now < pending.ends_at else whole
    return replace(
        pending,
        attempt=pending.attempt + 1,
        reading=True,
        answered=(),
        due_at=min(whole, ends_at),
        ends_at=ends_at,
        produced_at=now,
    )


def restored(pending: PendingVerification, settings: ReconciliationSettings, now: datetime) -> PendingVerification:
    """After a restart: an attempt under way is made again, and gets its whole time, though that was up before."""
    if not pending.reading:
        return pending
    whole = now + timedelta(seconds=settings.attempt_s)
    return replace(pending, due_at=whole, ends_at=max(pending.ends_at, whole), produced_at=now)
