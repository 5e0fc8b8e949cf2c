"""One event at reconciliation: the key's head, and its final versions that have no result yet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from tightloop.handlers.api import Context
from tightloop.handlers.reconciliation.settings import ReconciliationSettings
from tightloop.records.types import PendingVerification, PositionSnapshot, ReconciliationHead

_PENDING = "pending"


class ReconciliationTurn:
    """Collects what one event changes; :meth:`save` writes the head when it did, and asks to be woken."""

    def __init__(self, context: Context, settings: ReconciliationSettings) -> None:
        self.context = context
        self.settings = settings
        self.now: datetime = context.now
        known = context.get("head", ReconciliationHead)
        self._before = known or ReconciliationHead(strategy_id=context.key, produced_at=self.now)
        self.head = self._before
        self._pending = dict(context.scan(_PENDING, PendingVerification))

    def update(self, **changes: Any) -> None:
        self.head = replace(self.head, **changes, produced_at=self.now)

    def save(self) -> None:
        if self.head is not self._before:
            self.context.put("head", self.head)
        due = [pending.due_at for pending in self._pending.values()]
        self.context.wake_at(min(due) if due else None)

    # --- final versions without a result ------------------------------------------------------------------------------

    def pending(self, version: int) -> PendingVerification | None:
        return self._pending.get(_name(version))

    def pendings(self) -> list[PendingVerification]:
        """By version."""
        return [self._pending[name] for name in sorted(self._pending)]

    def put(self, pending: PendingVerification) -> None:
        name = _name(pending.position_version)
        self._pending[name] = pending
        self.context.put(name, pending)

    def drop(self, pending: PendingVerification) -> None:
        name = _name(pending.position_version)
        self._pending.pop(name, None)
        self.context.delete(name)

    # --- what was seen of one of several accounts ---------------------------------------------------------------------

    def keep_snapshot(self, version: int, place: int, seen: PositionSnapshot) -> None:
        self.context.put(_snapshot_name(version, place), seen)

    def kept_snapshots(self, pending: PendingVerification) -> tuple[PositionSnapshot, ...]:
        names = (_snapshot_name(pending.position_version, place) for place in range(len(pending.accounts)))
        kept = (self.context.get(name, PositionSnapshot) for name in names)
        return tuple(one for one in kept if one is not None)

    def forget_snapshots(self, pending: PendingVerification) -> None:
        for place in pending.answered:
            self.context.delete(_snapshot_name(pending.position_version, place))


def _name(version: int) -> str:
    """Padded, so that entries sort by version."""
    return f"{_PENDING}|{version:019d}"


def _snapshot_name(version: int, place: int) -> str:
    return f"snapshot|{version:019d}|{place}"
