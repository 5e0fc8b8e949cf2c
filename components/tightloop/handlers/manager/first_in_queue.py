"""The first of the queue, an instruction or a whole group: what starts with it, what keeps it from starting, and how it
leaves the queue where it never will.
"""

from __future__ import annotations

import structlog

from tightloop.domain.transfers import destination_of
from tightloop.errors import ExecutionError, error_info, info
from tightloop.handlers.manager import groups, waiting
from tightloop.handlers.manager.limits import before_dispatch
from tightloop.handlers.manager.turn import ManagerTurn
from tightloop.records.types import AccountRef, ErrorInfo, InstructionGroup, QueuedInstruction

log = structlog.get_logger()


def starting(
    turn: ManagerTurn, queued: QueuedInstruction
) -> tuple[InstructionGroup | None, tuple[QueuedInstruction, ...]]:
    """What starts together with the first of the queue: itself, or every leg of its group, in order."""
    group_id = queued.instruction.group_id
    group = groups.find(turn, group_id) if group_id is not None else None
    if group is None:
        return None, (queued,)
    return group, tuple(leg for _, leg in groups.waiting_legs(turn, group))


def expire(turn: ManagerTurn, name: str, queued: QueuedInstruction, group: InstructionGroup | None) -> None:
    if group is not None:
        groups.expired(turn, group)
    else:
        waiting.leave_queue(turn, name, queued, "expired", info("EIM-010", f"expired at {queued.expires_at}"))


def refuse(
    turn: ManagerTurn, name: str, queued: QueuedInstruction, group: InstructionGroup | None, error: ErrorInfo
) -> None:
    if group is not None:
        own = error if error.code == before_dispatch.BREACHED else None
        groups.end_waiting(turn, group, "refused", f"it could not start: {error.code} {error.message}", own)
    else:
        waiting.leave_queue(turn, name, queued, "refused", error)


def any_account_changed(turn: ManagerTurn, legs: tuple[QueuedInstruction, ...]) -> ErrorInfo | None:
    return next((changed for leg in legs if (changed := account_changed(turn, leg)) is not None), None)


def account_changed(turn: ManagerTurn, queued: QueuedInstruction) -> ErrorInfo | None:
    """The configuration may have taken the account away since the instruction was queued."""
    try:
        account = turn.settings.directory.account_of(queued.instruction)
        destination_of(queued.instruction, account, turn.settings.directory)
    except ExecutionError as error:
        return error_info(error)
    if account == queued.account:
        return None
    return info("EIM-007", f"it was queued for account {queued.account.account}, and now it would be {account.account}")


def first_unadopted(turn: ManagerTurn, legs: tuple[QueuedInstruction, ...]) -> AccountRef | None:
    return next((strange for leg in legs if (strange := not_adopted(turn, leg)) is not None), None)


def not_adopted(turn: ManagerTurn, queued: QueuedInstruction) -> AccountRef | None:
    """The first account it touches whose positions are not taken over yet: a transfer's destination is one, too."""
    for account in (queued.account, destination(turn, queued)):
        known = None if account is None else turn.known(account)
        if account is not None and (known is None or not known.adopted):
            return account
    return None


def destination(turn: ManagerTurn, queued: QueuedInstruction) -> AccountRef | None:
    """Where a transfer goes to, where that is an account of ours."""
    return destination_of(queued.instruction, queued.account, turn.settings.directory)


def judged(
    turn: ManagerTurn, legs: tuple[QueuedInstruction, ...], prices: before_dispatch.Read | None
) -> before_dispatch.Judged | before_dispatch.Waits | ErrorInfo:
    """What their limits say. A defect of ours refuses them: what can't be judged is not dispatched."""
    try:
        return before_dispatch.judge(turn, legs, prices)
    except Exception as error:  # noqa: BLE001  as in start_instruction
        what = f"instruction {legs[0].instruction.instruction_id} could not be judged by its limits"
        return failed(turn, error, what)


def failed(turn: ManagerTurn, error: Exception, what: str) -> ErrorInfo:
    """A defect of ours that ends one instruction (EIM-001)."""
    log.error(what, key=turn.head.strategy_id, exc_info=error)
    return info("EIM-001", f"{what}: {type(error).__name__}: {error}"[:500])
