"""The records reconciliation publishes: the snapshot it compared with, and the result. Pure.

``error`` on a result is reconciliation's own finding (``REC-…``): always there when ``status`` is not ``matched``; with
``matched`` only for REC-009 and REC-010, which say that the books are wrong although the positions match.
``execution_error`` is what the position update carried: the executor's error (``EXI-…``, ``EIM-010``), or the position
update handler's (``PUH-…``), which takes precedence there.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from tightloop.domain import ids, money
from tightloop.domain.directory import Directory
from tightloop.errors import ExecutionError, bounded
from tightloop.handlers.calls import Positions
from tightloop.records.types import (
    AccountRef,
    Check,
    ErrorInfo,
    PendingVerification,
    Position,
    PositionSnapshot,
    ReconciliationResult,
    ReconciliationStatus,
)


def snapshot(
    pending: PendingVerification, account: AccountRef, seen: Positions, now: datetime, directory: Directory
) -> PositionSnapshot:
    """What an attempt saw, keys in the strategy's own spelling. Raises ExecutionError TLC-009 for an amount that no
    record can carry.
    """
    held: dict[str, Decimal] = {}
    for key, amount in seen.amounts.items():
        plain, shown = _plain(key, pending.strategy_id, directory), money.check(amount)
        held[plain] = money.check(held[plain] + shown) if plain in held else shown
    return PositionSnapshot(
        snapshot_id=ids.snapshot_id(
            pending.strategy_id, account.venue, account.account, pending.position_version, pending.attempt
        ),
        strategy_id=pending.strategy_id,
        lane=account.lane,
        venue=account.venue,
        account=account.account,
        position_version=pending.position_version,
        as_of=seen.as_of,
        observed_at=now,
        venue_sequence=seen.venue_sequence,
        block_number=seen.block_number,
        account_cursor=seen.cursor,
        positions=tuple(Position(position_key=key, amount=held[key]) for key in sorted(held) if held[key]),
        complete=seen.complete,
        simulated=directory.is_simulated(account.lane),
        produced_at=now,
        trace_id=pending.update.trace_id,
        causation_id=pending.update.update_id,
    )


def misplaced(found: PositionSnapshot, directory: Directory) -> frozenset[str]:
    """Keys of a snapshot that can't be read, or lie in another account than the one asked about."""
    strange = set()
    for position in found.positions:
        try:
            place = directory.place_of(position.position_key, found.strategy_id).account
        except ExecutionError:
            place = None
        if place is None or place.lane != found.lane or place.account != found.account:
            strange.add(position.position_key)
    return frozenset(strange)


def result(
    pending: PendingVerification,
    status: ReconciliationStatus,
    now: datetime,
    *,
    simulated: bool,
    checks: tuple[Check, ...] = (),
    found: PositionSnapshot | None = None,
    error: ErrorInfo | None = None,
) -> ReconciliationResult:
    """``found``: the snapshot of the update's own account, of the attempt that decided."""
    update = pending.update
    return ReconciliationResult(
        result_id=ids.result_id(pending.strategy_id, pending.position_version),
        strategy_id=pending.strategy_id,
        position_version=pending.position_version,
        instruction_id=update.instruction_id,
        loop_no=update.loop_no,
        kind=pending.kind,
        lane=update.lane,
        venue=update.venue,
        account=update.account,
        outcome=update.outcome,
        status=status,
        simulated=simulated,
        verified=status == "matched",
        snapshot_id=found.snapshot_id if found else None,
        as_of=found.as_of if found else None,
        block_number=found.block_number if found else None,
        checks=checks,
        source=update.source,
        report_ids=update.report_ids,
        filled_amount=update.filled_amount,
        deltas=update.deltas,
        transfer=update.transfer,
        corrects_report_id=update.corrects_report_id,
        execution_error=update.error,
        attempts=pending.attempt,
        started_at=pending.started_at,
        finished_at=now,
        error=error,
        produced_at=now,
        trace_id=update.trace_id,
        causation_id=update.update_id,
    )


def joined(first: ErrorInfo | None, second: ErrorInfo | None) -> ErrorInfo | None:
    """One error for two: the first, with the second named in its message."""
    if first is None or second is None:
        return first or second
    return replace(first, message=bounded(f"{first.message}; {second.code}: {second.message}"))


def _plain(key: str, strategy_id: str, directory: Directory) -> str:
    try:
        return directory.place_of(key, strategy_id).key
    except ExecutionError:  # a key that can't be read is told as it is: it fails its check (REC-004)
        return key
