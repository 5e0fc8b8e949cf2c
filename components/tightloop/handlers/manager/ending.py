"""Reconciliation results: they end loops. Matched frees, mismatched verifies once and then halts, what could not be
verified suspends.
"""

from __future__ import annotations

from typing import Any

import structlog
from msgspec.structs import replace

from tightloop.domain.backoff import backoff
from tightloop.errors import info
from tightloop.handlers.manager import dispatch, expected, transfers, unresolved
from tightloop.handlers.manager.limits import before_dispatch
from tightloop.handlers.manager.turn import ManagerTurn, halt_id
from tightloop.records.types import (
    AccountRef,
    ErrorInfo,
    InstructionResult,
    KnownAccount,
    LoopKind,
    PendingCheck,
    ReconciliationResult,
    Slot,
)

log = structlog.get_logger()

UNREADABLE = "EXI-003"
# Errors in the key's own records, or in what its strategy expects: they halt it even when positions match. (A balance
# below zero, PUH-010, does not: what pays for it may come later in the loop, and the comparison judges it.)
HALTING = frozenset({"EIM-003", "EXI-017", "PUH-004", "PUH-006", "PUH-007", "REC-004", "REC-009", "REC-010", "REC-014"})
_RESULT_OF = {"execute": "loop"}  # the kind of the result that ends a loop; of all others: the loop's own kind


def on_result(turn: ManagerTurn, result: ReconciliationResult) -> None:
    turn.update(position_version=max(turn.head.position_version, result.position_version))
    before_dispatch.learn(turn, result)
    transfers.learn(turn, result)
    wrong = _books_wrong(result)
    if wrong is not None:  # whichever loop it belongs to, and whether its positions match or not
        _halt_key(turn, result, wrong)
    if result.corrects_report_id is not None:
        _corrected(turn, result)
    elif result.source == "adjustment":
        _adjusted(turn, result)
    elif (slot := turn.head.slot) is not None and _ends(slot, result):
        _of_slot(turn, slot, result, wrong)
    else:
        _late(turn, result)
    dispatch.advance(turn)


def _ends(slot: Slot, result: ReconciliationResult) -> bool:
    return slot.loop_no == result.loop_no and result.kind == _RESULT_OF.get(slot.kind, slot.kind)


def _of_slot(turn: ManagerTurn, slot: Slot, result: ReconciliationResult, wrong: ErrorInfo | None) -> None:
    if wrong is None and (wrong := _surprise(turn, slot, result)) is not None:
        _halt_key(turn, result, wrong)
    slot = _learn(slot, result, wrong)
    turn.update(slot=slot)
    unreadable = slot.kind != "execute" and _code(result.execution_error) == UNREADABLE
    if slot.kind == "adopt" and not unreadable:  # what is held is expected now: it must never be added again
        version = result.position_version
        turn.put_account(KnownAccount(account=slot.account, adopted=True, adopted_version=version))
    if unreadable or result.status in ("unavailable", "timeout"):
        _suspend(turn, slot, result)
    elif result.status == "mismatched":
        if slot.kind == "verify":
            _halt(turn, slot, result, wrong or info("REC-002", _mismatch(result)))
        else:
            dispatch.next_loop(turn, slot, "verify", remaining=_both_ends(slot))
    elif result.status == "matched":
        _matched(turn, slot, result, wrong)
    else:
        raise ValueError(f"reconciliation result {result.result_id} has status {result.status}")


def _both_ends(slot: Slot) -> tuple[AccountRef, ...]:
    """What accrued at a transfer's destination is taken in, too, before its positions are judged once more."""
    if slot.destination is None or transfers.is_unlocated(slot):
        return slot.remaining
    return (*slot.remaining, slot.destination)


def _surprise(turn: ManagerTurn, slot: Slot, result: ReconciliationResult) -> ErrorInfo | None:
    """What happened is not what the strategy expected. What was not carried out whole is told by its outcome."""
    if not slot.expected_deltas or result.kind != "loop" or result.outcome != "filled":
        return None
    settings = turn.settings
    what = expected.missed(slot, result.deltas, turn.head.strategy_id, settings.expected_bps, settings.directory)
    return info("EIM-003", what) if what else None


def _learn(slot: Slot, result: ReconciliationResult, wrong: ErrorInfo | None) -> Slot:
    """An instruction's result takes over what its own loop, or the verify after it, came to."""
    if slot.result is None:
        return slot
    known: dict[str, Any] = {"position_version": result.position_version, "result_id": result.result_id}
    if result.kind == "loop":
        known["outcome"] = result.outcome
        known["filled_amount"] = result.filled_amount
        known["report_ids"] = result.report_ids
        known["error"] = wrong or result.execution_error  # what else was found is settled by how the slot ends
    return replace(slot, result=replace(slot.result, **known))


def _matched(turn: ManagerTurn, slot: Slot, result: ReconciliationResult, wrong: ErrorInfo | None) -> None:
    if wrong is None and slot.result is not None and _code(slot.result.error) in HALTING:
        wrong = slot.result.error  # of its own loop; the verify after it has matched
    if wrong is not None:
        _halt(turn, slot, result, wrong)
    elif slot.result is not None and slot.result.outcome == "unknown":
        _halt(turn, slot, result, _unknown(slot.result))
    elif slot.purpose == "adopt":
        _adopted(turn, slot, result)
    elif slot.remaining:
        account, *rest = slot.remaining
        kind: LoopKind = "refresh" if slot.purpose == "refresh" else "verify"
        dispatch.next_loop(turn, slot, kind, account=account, remaining=tuple(rest), suspended_since=None, retries=0)
    else:
        _free(turn, slot)


def _free(turn: ManagerTurn, slot: Slot) -> None:
    if slot.purpose == "resume":
        turn.update(halts=tuple(one for one in turn.head.halts if one.halt_id not in slot.halt_ids))
    if slot.result is None:
        dispatch.free(turn)
        return
    expired = slot.result.outcome == "none" and _code(slot.result.error) == "EIM-010"
    dispatch.free(turn, replace(slot.result, status="expired" if expired else "reconciled"))


def _adopted(turn: ManagerTurn, slot: Slot, result: ReconciliationResult) -> None:
    """A simulated account is free at once; a live one waits for the operator, who names this version."""
    if not turn.settings.directory.is_simulated(slot.account.lane):
        version = result.position_version
        message = f"{slot.account.account} at {slot.account.venue} was taken over at position version {version}"
        turn.halt(halt_id(turn.head.strategy_id, "adopt", version), info("EIM-014", message), result.result_id)
    dispatch.free(turn)


def clears_nothing(turn: ManagerTurn, slot: Slot) -> bool:
    """Was it to verify what an operator has accepted unverified meanwhile?"""
    return slot.purpose == "resume" and not any(one.halt_id in slot.halt_ids for one in turn.head.halts)


def _suspend(turn: ManagerTurn, slot: Slot, result: ReconciliationResult) -> None:
    if clears_nothing(turn, slot):
        dispatch.free(turn)
        return
    since = slot.suspended_since or turn.now
    if (turn.now - since).total_seconds() >= turn.settings.suspend_s:
        message = f"positions could not be verified since {since}: {_why(result)}"
        _halt(turn, slot, result, info("REC-003", message))
        return
    pause = backoff(turn.settings.retry_s, turn.settings.retry_max_s, slot.retries)
    remaining = _both_ends(slot) if slot.kind == "execute" else slot.remaining
    suspended = replace(
        slot,
        remaining=remaining,
        suspended=True,
        suspended_since=since,
        retry_at=turn.after(pause),
        retries=slot.retries + 1,
    )
    turn.update(slot=suspended)


def retry_suspended(turn: ManagerTurn) -> None:
    """The pause is over: verify again, in the same slot."""
    slot = turn.head.slot
    if slot and slot.suspended and slot.retry_at and slot.retry_at <= turn.now:
        adopts = slot.purpose == "adopt" and slot.account not in turn.adopted()
        dispatch.next_loop(turn, slot, "adopt" if adopts else "verify")


def _halt(turn: ManagerTurn, slot: Slot, result: ReconciliationResult, error: ErrorInfo) -> None:
    """The loop is over and the key is halted."""
    if not any(one.code == error.code and one.message == error.message for one in turn.head.halts):
        _halt_key(turn, result, error)
    transfers.ended(turn, slot)
    if slot.result is None:
        dispatch.free(turn)
    else:
        if slot.result.outcome == "unknown" and error.code == "REC-002":
            # an operator would adjust a mismatch, and a correction would then add the same amount again
            cause = halt_id(turn.head.strategy_id, "unknown", slot.result.instruction_id)
            turn.halt(cause, _unknown(slot.result), result.result_id)
        dispatch.free(turn, replace(slot.result, status="halted", error=error))


def _unknown(known: InstructionResult) -> ErrorInfo:
    return known.error or info("EXI-005", f"the venue gave no evidence of {known.instruction_id} in time")


def _halt_key(turn: ManagerTurn, result: ReconciliationResult, error: ErrorInfo) -> None:
    turn.halt(halt_id(turn.head.strategy_id, "result", result.result_id), error, result.result_id)


# --- results that free nothing ----------------------------------------------------------------------------------------


def _corrected(turn: ManagerTurn, result: ReconciliationResult) -> None:
    """An ``unknown`` is known now: its instruction gets a further result, and the account is verified."""
    unresolved.corrected(turn, result)
    _check_later(turn, "correction", result)


def _adjusted(turn: ManagerTurn, result: ReconciliationResult) -> None:
    if _code(result.execution_error) in ("PUH-012", "PUH-013"):
        log.warning("adjustment refused", key=turn.head.strategy_id, error=str(result.execution_error))
        return
    _check_later(turn, "adjustment", result)


def _check_later(turn: ManagerTurn, purpose: str, result: ReconciliationResult) -> None:
    accounts = tuple(one for one in turn.adopted() if _is_concerned(turn, one, result)) or turn.adopted()
    check = PendingCheck(purpose=purpose, accounts=accounts)
    if accounts and check not in turn.head.checks:  # one that still waits will see this, too
        turn.update(checks=(*turn.head.checks, check))


def _is_concerned(turn: ManagerTurn, account: AccountRef, result: ReconciliationResult) -> bool:
    """Its own account; and the destination of a transfer that is known only now to have left, whose executor is told so
    with the verification: it may have counted the arrival as a deposit.
    """
    if account.account == result.account and account.lane == result.lane:
        return True
    goes_there = result.transfer is not None and account == result.transfer.destination
    return goes_there and result.outcome == "unknown" and not turn.head.unlocated


def _late(turn: ManagerTurn, result: ReconciliationResult) -> None:
    """No loop waits for it: it is of a loop that a resume ended, or of a report that came after its loop's end."""
    log.info("late result", key=turn.head.strategy_id, loop_no=result.loop_no, status=result.status)
    unresolved.late(turn, result)


def _books_wrong(result: ReconciliationResult) -> ErrorInfo | None:
    return next((one for one in (result.error, result.execution_error) if _code(one) in HALTING), None)


def _code(error: ErrorInfo | None) -> str | None:
    return error.code if error else None


def _mismatch(result: ReconciliationResult) -> str:
    failed = [check for check in result.checks if not check.passed]
    shown = "; ".join(
        f"{check.position_key}: expected {check.expected.normalize():f}, actual {check.actual.normalize():f}"
        for check in failed[:5]
    )
    return f"version {result.position_version} of {result.account} at {result.venue}: {shown or _why(result)}"


def _why(result: ReconciliationResult) -> str:
    error = result.error or result.execution_error
    return f"{error.code} {error.message}" if error else result.status
