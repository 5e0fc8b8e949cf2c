"""From a final update to its result: ask for snapshots, compare, try again, publish. One event of one key at a time."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from tightloop.errors import ExecutionError, info
from tightloop.handlers.calls import Answer, Positions, ReadPositions, Unavailable
from tightloop.handlers.reconciliation import attempts, findings, freshness, sums
from tightloop.handlers.reconciliation.compare import compare, failures, tolerance_by
from tightloop.handlers.reconciliation.fold import Folded
from tightloop.handlers.reconciliation.turn import ReconciliationTurn
from tightloop.records.types import (
    AccountRef,
    Check,
    ErrorInfo,
    PendingVerification,
    PositionSnapshot,
    PositionUpdate,
    ReconciliationStatus,
)

RESULTS = "reconciliation_results"
SNAPSHOTS = "venue_positions"
UNREADABLE = "EXI-003"
_CALL = "positions"
_READS_VENUE = ("refresh", "verify", "adopt")
Snapshots = tuple[PositionSnapshot, ...]


class Failure(Struct, frozen=True):
    """Why an attempt came to nothing."""

    code: str
    message: str


def start(turn: ReconciliationTurn, update: PositionUpdate, folded: Folded) -> None:
    """A final update came."""
    pending = attempts.begin(update, folded, turn.settings, turn.now)
    code = update.error.code if update.error else None
    if folded.closes_loop and update.loop_kind in _READS_VENUE and code == UNREADABLE:
        message = f"the executor could not read the venue ({code}): what accrued is not known"
        _finish(turn, replace(pending, attempt=0), "unavailable", error=info("REC-005", message))
        return
    turn.put(pending)
    _ask(turn, pending)


def on_time(turn: ReconciliationTurn) -> None:
    for pending in turn.pendings():
        if pending.due_at > turn.now:
            continue
        if pending.reading:
            waited = (turn.now - pending.started_at).total_seconds()
            _fail(turn, pending, Failure("REC-006", f"no answer to attempt {pending.attempt}, {waited:g} s on"))
        else:
            pending = attempts.next_attempt(pending, turn.settings, turn.now)
            turn.put(pending)
            _ask(turn, pending)


def on_answer(turn: ReconciliationTurn, call_id: str, answer: Answer) -> None:
    _, version_text, index_text = call_id.split("|")
    version, index = int(version_text), int(index_text)
    pending = turn.pending(version)
    if pending is None or not pending.reading or index in pending.answered:
        return
    seen = _read(turn, pending, pending.accounts[index], answer)
    if isinstance(seen, Failure):
        _fail(turn, pending, seen)
    elif len(pending.accounts) == 1:
        _judge(turn, pending, (seen,))
    else:
        _collect(turn, pending, index, seen)


def on_restore(turn: ReconciliationTurn) -> None:
    for pending in turn.pendings():
        restored = attempts.restored(pending, turn.settings, turn.now)
        if restored is not pending:
            turn.put(restored)
            _ask(turn, restored)


# --- attempts ---------------------------------------------------------------------------------------------------------


def _ask(turn: ReconciliationTurn, pending: PendingVerification) -> None:
    for index, account in enumerate(pending.accounts):
        if index not in pending.answered:
            turn.context.call(f"{_CALL}|{pending.position_version}|{index}", ReadPositions(account))


def _read(
    turn: ReconciliationTurn, pending: PendingVerification, account: AccountRef, answer: Answer
) -> PositionSnapshot | Failure:
    where = f"{account.account} at {account.venue}"
    match answer:
        case Positions(complete=True):
            stale = freshness.staleness(freshness.mark_of(turn.head.accounts, account), answer)
            if stale is not None:
                return Failure("REC-007", f"{where}: {stale}")
            try:
                return findings.snapshot(pending, account, answer, turn.now, turn.settings.directory)
            except ExecutionError as error:
                return Failure("REC-005", f"{where}: {error.message}")
        case Positions():
            return Failure("REC-005", f"{where}: the snapshot is not complete")
        case Unavailable(code, message):
            return Failure("REC-005", f"{where}: {code} {message}")
        case _:
            raise TypeError(f"{where}: {type(answer).__name__} is no answer to ReadPositions")


def _collect(turn: ReconciliationTurn, pending: PendingVerification, index: int, seen: PositionSnapshot) -> None:
    """One of several accounts: kept until the others have answered, too."""
    pending = replace(pending, answered=(*pending.answered, index), produced_at=turn.now)
    turn.keep_snapshot(pending.position_version, index, seen)
    if len(pending.answered) < len(pending.accounts):
        turn.put(pending)
        return
    _judge(turn, pending, turn.kept_snapshots(pending))


def _fail(turn: ReconciliationTurn, pending: PendingVerification, failure: Failure) -> None:
    again = attempts.failed(pending, failure.code, turn.settings, turn.now)
    if again is not None:
        turn.put(again)
        turn.forget_snapshots(pending)
        return
    message = failure.message
    earlier = [code for code in pending.failures if code != failure.code]
    if earlier:
        message += f" (earlier attempts: {', '.join(earlier)})"
    status: ReconciliationStatus = "timeout" if failure.code == "REC-006" else "unavailable"
    _finish(turn, pending, status, error=info(failure.code, message))


# --- judgement --------------------------------------------------------------------------------------------------------


def _judge(turn: ReconciliationTurn, pending: PendingVerification, seen: Snapshots) -> None:
    """Compare what was seen with what is expected now, which may be more than at the version in question."""
    directory, tolerances = turn.settings.directory, turn.settings.tolerances
    held: dict[str, Decimal] = {}
    unknown: set[str] = set()
    for one in seen:
        unknown |= findings.misplaced(one, directory)
        for position in one.positions:
            held[position.position_key] = position.amount
    expected = sums.expected_of(turn.context, pending.accounts, directory)
    checks = compare(expected, held, tolerance_by(tolerances), unknown)
    if _all_passed(checks):
        checks = sums.settle_residuals(turn.context, checks, tolerances.residual_factor)
    if _all_passed(checks):
        _matched(turn, pending, checks, seen)
    else:
        _mismatched(turn, pending, checks, seen)


def _matched(
    turn: ReconciliationTurn, pending: PendingVerification, checks: tuple[Check, ...], seen: Snapshots
) -> None:
    """What is verified here is the sum of all versions so far, so it verifies what stands beside the loops, too."""
    beside = [
        other
        for other in turn.pendings()
        if other.position_version != pending.position_version
        and not other.closes_loop
        and freshness.contains(pending.accounts, other.accounts)
    ]
    _publish(turn, seen)
    _finish(turn, pending, "matched", checks, seen)
    for other in beside:
        _finish(turn, other, "matched", checks, seen)
    if pending.closes_loop and turn.head.error is not None:
        turn.update(error=None)


def _mismatched(
    turn: ReconciliationTurn, pending: PendingVerification, checks: tuple[Check, ...], seen: Snapshots
) -> None:
    added_up = any(check.code == "REC-014" for check in checks)
    again = None if added_up else attempts.failed(pending, "REC-002", turn.settings, turn.now)
    if again is not None:
        turn.put(again)
        turn.forget_snapshots(pending)
    elif not pending.closes_loop and _loop_under_way(turn):
        message = f"a difference says nothing while a loop is under way; verify afterwards: {failures(checks)}"
        _finish(turn, pending, "unavailable", error=info("REC-001", message))
    else:
        code = "REC-014" if added_up else "REC-002"
        _publish(turn, seen)
        _finish(turn, pending, "mismatched", checks, seen, info(code, failures(checks)))


def _loop_under_way(turn: ReconciliationTurn) -> bool:
    return turn.head.open_loop is not None or any(one.closes_loop for one in turn.pendings())


# --- what is written --------------------------------------------------------------------------------------------------


def _publish(turn: ReconciliationTurn, seen: Snapshots) -> None:
    for one in seen:
        turn.context.emit(SNAPSHOTS, one)


def _finish(
    turn: ReconciliationTurn,
    pending: PendingVerification,
    status: ReconciliationStatus,
    checks: tuple[Check, ...] = (),
    seen: Snapshots = (),
    error: ErrorInfo | None = None,
) -> None:
    """The one result of this version."""
    of, found = pending.update, None
    for one in seen:
        if one.lane == of.lane and one.account == of.account:
            found = one
            break
    error = findings.joined(turn.head.error, error)
    simulated = turn.settings.directory.is_simulated(pending.update.lane)
    result = findings.result(pending, status, turn.now, simulated=simulated, checks=checks, found=found, error=error)
    turn.context.emit(RESULTS, result)
    turn.forget_snapshots(pending)
    turn.drop(pending)


def _all_passed(checks: tuple[Check, ...]) -> bool:
    return not [check for check in checks if not check.passed]
