"""What the interface manager is told. Seconds, unless a name says otherwise."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from tightloop.domain.directory import Directory
from tightloop.handlers.manager.limits.scopes import Limits


class ManagerSettings(Struct, frozen=True, kw_only=True):
    """``directory``: which lanes have an executor, and who trades which account. ``limits`` None: there are none."""

    directory: Directory
    limits: Limits | None = None
    max_age_s: float = 3600.0  # older instructions without `sequence` are refused; ids are kept for twice that
    clock_margin_s: float = 5.0  # an instruction may be dated this far ahead of our clock
    queue_limit: int = 1000  # queued instructions and waiting legs of groups per key
    groups_limit: int = 100  # groups that wait or are under way per key
    seen_limit: int = 50_000  # remembered ids per key; beyond it what has no `sequence` is refused, at twice it all is
    sequenced_seen_limit: int = 1000  # the same once the strategy numbers its instructions
    ahead_limit: int = 1000  # of those, ids that were refused with a number or a date ahead of all that was taken in
    instruction_bytes: int = 256 * 1024
    refresh_s: float | None = None  # an idle key is refreshed after this; None: never
    evidence_s: float = 60.0  # how long an executor looks for evidence
    reconcile_s: float = 30.0  # how long reconciliation tries
    arrival_s: float = 3600.0  # how long a transfer may be under way
    deadline_margin_s: float = 60.0  # on top of both, before a loop counts as overdue
    expected_bps: Decimal = Decimal(100)  # how far `expected_deltas` may be missed where an instruction sets no bound
    cancels_limit: int = 32  # cancels that may wait for one loop's end
    retry_s: float = 5.0  # a suspended key is verified again after this, doubling up to `retry_max_s`
    retry_max_s: float = 300.0
    suspend_s: float = 3600.0  # after so long a suspension becomes a halt
