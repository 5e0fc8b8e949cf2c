"""From a final update to its result: ask for snapshots, compare, try again, publish. One event of one key at a time."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from tightloop.errors import ExecutionError, info
from tightloop.handlers.api import Context
from tightloop.handlers.calls import Answer, Positions, ReadPositions, Unavailable
from tightloop.handlers.reconciliation import attempts, findings, freshness, sums
from tightloop.handlers.reconciliation.compare import compare, failures, tolerance_by
from tightloop.handlers.reconciliation.fold import Folded
from tightloop.handlers.reconciliation.settings import ReconciliationSettings
from tightloop.records.types import (
    AccountRef,
    Check,
    ErrorInfo,
    PendingVerification,
    PositionSnapshot,
    PositionUpdate,
    ReconciliationHead,
    ReconciliationStatus,
)

HEAD = "head"
RESULTS = "reconciliation_results"
SNAPSHOTS = "venue_positions"
UNREADABLE = "EXI-003"
_CALL = "positions"
_PENDING = "pending"
_SNAPSHOT = "snapshot"
_READS_VENUE = ("refresh", "verify", "adopt")
Snapshots = tuple[PositionSnapshot, ...]


class Failure(Struct, frozen=True):
    """Why an attempt came to nothing."""

    code: str
    message: str


class Verification:
    """What one event does to the key's pending verifications."""

    def __init__(self, context: Context, settings: ReconciliationSettings) -> None:
        self.context = context
        self.settings = settings
        self.now: datetime = context.now

    # --- events -------------------------------------------------------------------------------------------------------

    def start(self, update: PositionUpdate, folded: Folded) -> None:
        """A final update came."""
        pending = attempts.begin(update, folded, self.settings, self.now)
        code = update.error.code if update.error else None
        if folded.closes_loop and update.loop_kind in _READS_VENUE and code == UNREADABLE:
            message = f"the executor could not read the venue ({code}): what accrued is not known"
            self._finish(replace(pending, attempt=0), "unavailable", error=info("REC-005", message))
            return
        self._put(pending)
        self._ask(pending)
        self._wake()

    def on_time(self) -> None:
        for pending in self._pendings():
            if pending.due_at > self.now:
                continue
            if pending.reading:
                waited = (self.now - pending.started_at).total_seconds()
                self._fail(pending, Failure("REC-006", f"no answer to attempt {pending.attempt}, {waited:g} s on"))
            else:
                pending = attempts.next_attempt(pending, self.settings, self.now)
                self._put(pending)
                self._ask(pending)
        self._wake()

    def on_answer(self, call_id: str, answer: Answer) -> None:
        version, index = (int(part) for part in call_id.split("|")[1:])
        pending = self.context.get(_name(_PENDING, version), PendingVerification)
        if pending is None or not pending.reading or index in pending.answered:
            return
        seen = self._read(pending, pending.accounts[index], answer)
        if isinstance(seen, Failure):
            self._fail(pending, seen)
        elif len(pending.accounts) == 1:
            self._judge(pending, (seen,))
        else:
            self._collect(pending, index, seen)
        self._wake()

    def on_restore(self) -> None:
        for pending in self._pendings():
            restored = attempts.restored(pending, self.settings, self.now)
            if restored is not pending:
                self._put(restored)
                self._ask(restored)
        self._wake()

    # --- attempts -----------------------------------------------------------------------------------------------------

    def _ask(self, pending: PendingVerification) -> None:
        for index, account in enumerate(pending.accounts):
            if index not in pending.answered:
                call = ReadPositions(pending.strategy_id, account.venue, account.account)
                self.context.call(f"{_CALL}|{pending.position_version}|{index}", call)

    def _read(self, pending: PendingVerification, account: AccountRef, answer: Answer) -> PositionSnapshot | Failure:
        where = f"{account.account} at {account.venue}"
        match answer:
            case Positions(complete=True):
                head = self.context.get(HEAD, ReconciliationHead)
                stale = freshness.staleness(freshness.mark_of(head.accounts if head else (), account), answer)
                if stale is not None:
                    return Failure("REC-007", f"{where}: {stale}")
                try:
                    return findings.snapshot(pending, account, answer, self.now, self.settings.directory)
                except ExecutionError as error:
                    return Failure("REC-005", f"{where}: {error.message}")
            case Positions():
                return Failure("REC-005", f"{where}: the snapshot is not complete")
            case Unavailable(code, message):
                return Failure("REC-005", f"{where}: {code} {message}")
            case _:
                raise TypeError(f"{where}: {type(answer).__name__} is no answer to ReadPositions")

    def _collect(self, pending: PendingVerification, index: int, seen: PositionSnapshot) -> None:
        """One of several accounts: kept until the others have answered, too."""
        pending = replace(pending, answered=(*pending.answered, index), produced_at=self.now)
        self.context.put(_name(_SNAPSHOT, pending.position_version, index), seen)
        if len(pending.answered) < len(pending.accounts):
            self._put(pending)
            return
        names = (_name(_SNAPSHOT, pending.position_version, place) for place in range(len(pending.accounts)))
        kept = (self.context.get(name, PositionSnapshot) for name in names)
        self._judge(pending, tuple(one for one in kept if one is not None))

    def _fail(self, pending: PendingVerification, failure: Failure) -> None:
        again = attempts.failed(pending, failure.code, self.settings, self.now)
        if again is not None:
            self._put(again)
            self._forget_snapshots(pending)
            return
        message = failure.message
        earlier = [code for code in pending.failures if code != failure.code]
        if earlier:
            message += f" (earlier attempts: {', '.join(earlier)})"
        status: ReconciliationStatus = "timeout" if failure.code == "REC-006" else "unavailable"
        self._finish(pending, status, error=info(failure.code, message))

    # --- judgement ----------------------------------------------------------------------------------------------------

    def _judge(self, pending: PendingVerification, seen: Snapshots) -> None:
        """Compare what was seen with what is expected now, which may be more than at the version in question."""
        directory, tolerances = self.settings.directory, self.settings.tolerances
        held: dict[str, Decimal] = {}
        unknown: set[str] = set()
        for one in seen:
            unknown |= findings.strangers(one, directory)
            held.update((position.position_key, position.amount) for position in one.positions)
        expected = sums.expected_of(self.context, pending.accounts, directory)
        checks = compare(expected, held, tolerance_by(tolerances), unknown)
        if _all_passed(checks):
            checks = sums.settle_residuals(self.context, checks, tolerances.residual_factor)
        if _all_passed(checks):
            self._matched(pending, checks, seen)
        else:
            self._mismatched(pending, checks, seen)

    def _matched(self, pending: PendingVerification, checks: tuple[Check, ...], seen: Snapshots) -> None:
        """What is verified here is the sum of all versions so far, so it verifies what stands beside the loops, too."""
        beside = [
            other
            for other in self._pendings()
            if other.position_version != pending.position_version
            and not other.closes_loop
            and freshness.contains(pending.accounts, other.accounts)
        ]
        self._publish(seen)
        self._finish(pending, "matched", checks, seen)
        for other in beside:
            self._finish(other, "matched", checks, seen)
        head = self.context.get(HEAD, ReconciliationHead)
        if pending.closes_loop and head is not None and head.error is not None:
            self.context.put(HEAD, replace(head, error=None, produced_at=self.now))

    def _mismatched(self, pending: PendingVerification, checks: tuple[Check, ...], seen: Snapshots) -> None:
        added_up = any(check.code == "REC-014" for check in checks)
        again = None if added_up else attempts.failed(pending, "REC-002", self.settings, self.now)
        if again is not None:
            self._put(again)
            self._forget_snapshots(pending)
        elif not pending.closes_loop and self._loop_under_way():
            message = f"a difference says nothing while a loop is under way; verify afterwards: {failures(checks)}"
            self._finish(pending, "unavailable", error=info("REC-001", message))
        else:
            code = "REC-014" if added_up else "REC-002"
            self._publish(seen)
            self._finish(pending, "mismatched", checks, seen, info(code, failures(checks)))

    def _loop_under_way(self) -> bool:
        head = self.context.get(HEAD, ReconciliationHead)
        return (head is not None and head.open_loop is not None) or any(one.closes_loop for one in self._pendings())

    # --- what is written ----------------------------------------------------------------------------------------------

    def _publish(self, seen: Snapshots) -> None:
        for one in seen:
            self.context.emit(SNAPSHOTS, one)

    def _finish(
        self,
        pending: PendingVerification,
        status: ReconciliationStatus,
        checks: tuple[Check, ...] = (),
        seen: Snapshots = (),
        error: ErrorInfo | None = None,
    ) -> None:
        """The one result of this version."""
        head = self.context.get(HEAD, ReconciliationHead)
        found = next(
            (one for one in seen if (one.lane, one.account) == (pending.update.lane, pending.update.account)), None
        )
        error = findings.joined(head.error if head else None, error)
        simulated = self.settings.directory.is_simulated(pending.update.lane)
        result = findings.result(
            pending, status, self.now, simulated=simulated, checks=checks, found=found, error=error
        )
        self.context.emit(RESULTS, result)
        self._forget_snapshots(pending)
        self.context.delete(_name(_PENDING, pending.position_version))

    def _put(self, pending: PendingVerification) -> None:
        self.context.put(_name(_PENDING, pending.position_version), pending)

    def _forget_snapshots(self, pending: PendingVerification) -> None:
        for index in pending.answered:
            self.context.delete(_name(_SNAPSHOT, pending.position_version, index))

    def _pendings(self) -> list[PendingVerification]:
        return [pending for _, pending in self.context.scan(_PENDING, PendingVerification)]

    def _wake(self) -> None:
        due = [pending.due_at for pending in self._pendings()]
        self.context.wake_at(min(due) if due else None)


def _all_passed(checks: tuple[Check, ...]) -> bool:
    return all(check.passed for check in checks)


def _name(group: str, version: int, index: int | None = None) -> str:
    """Padded, so that entries sort by version."""
    return f"{group}|{version:019d}" + ("" if index is None else f"|{index}")
