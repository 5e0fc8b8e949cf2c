"""What takes a free slot: the next leg of the group under way, a verification that waits, an adoption, the next
instruction or group, a refresh. One at a time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tightloop.handlers.manager import expected, first_in_queue, group_run, groups, transfers, unresolved
from tightloop.handlers.manager.limits import before_dispatch
from tightloop.handlers.manager.turn import ManagerTurn, further_venues
from tightloop.records.types import (
    AccountRef,
    ErrorInfo,
    InstructionGroup,
    InstructionResult,
    LoopKind,
    QueuedInstruction,
    RoutedInstruction,
    Slot,
)


def advance(turn: ManagerTurn, prices: before_dispatch.Read | None = None) -> None:
    """Give the slot to whatever is next, if it is free. Halts stop instructions and refreshes, never verifications.

    ``prices``: those that limits have asked for, where this event is their answer.
    """
    if turn.is_busy():
        return
    if (group := group_run.running(turn)) is not None:
        _continue_group(turn, group)
        if turn.is_busy():
            return
    head = turn.head
    if head.checks:
        check = head.checks[0]
        turn.update(checks=head.checks[1:])
        start_series(turn, "verify", check.purpose, check.accounts, check.halt_ids)
        return
    if head.group_id is not None:
        return  # a halt stops its next leg, and nothing else starts before that
    while (first := turn.first_queued()) is not None:
        name, queued = first
        group, legs = first_in_queue.starting(turn, queued)
        if queued.expires_at <= turn.now:
            first_in_queue.expire(turn, name, queued, group)
        elif any(turn.halts_for(leg.instruction) for leg in legs):
            break
        elif (changed := first_in_queue.any_account_changed(turn, legs)) is not None:
            first_in_queue.refuse(turn, name, queued, group, changed)
        elif (fresh := first_in_queue.first_unadopted(turn, legs)) is not None:
            start_series(turn, "adopt", "adopt", (fresh,))
            return
        else:
            judged = first_in_queue.judged(turn, legs, prices)
            if isinstance(judged, before_dispatch.Waits):
                if judged.account is not None:
                    start_series(turn, "refresh", "refresh", (judged.account,))
                return
            failure = start_instruction(turn, legs[0], judged) if isinstance(judged, before_dispatch.Judged) else judged
            if failure is not None:
                first_in_queue.refuse(turn, name, queued, group, failure)
            elif group is not None:
                group_run.started(turn, group)
                return
            else:
                turn.unqueue(name)
                return
    refresh_at = turn.refresh_at()
    if refresh_at is not None and refresh_at <= turn.now:
        start_series(turn, "refresh", "refresh", turn.adopted())


def can_start(turn: ManagerTurn, queued: QueuedInstruction) -> bool:
    """May this instruction take the slot at once, without being queued? (Its halts were looked at when it came in.)
    One that has limits is queued first, as it may have to wait for a price.

    No verification waits while the slot is free: each takes it in the event that asked for it (:func:`advance`).
    """
    head = turn.head
    free = head.slot is None and not head.queued and head.group_id is None
    alone = free and queued.instruction.group_id is None
    return alone and first_in_queue.not_adopted(turn, queued) is None and before_dispatch.is_unlimited(turn, queued)


def _continue_group(turn: ManagerTurn, group: InstructionGroup) -> None:
    """Give the slot to the next leg of the group under way, unless a halt stops it."""
    queued = group_run.next_leg(turn, group)
    if turn.halts_for(queued.instruction):
        return
    failure = first_in_queue.account_changed(turn, queued) or _start_leg(turn, group, queued)
    if failure is None:
        groups.take(turn, group, queued.instruction.group_index or 0)
    else:
        group_run.not_started(turn, group, queued, failure)


def _start_leg(turn: ManagerTurn, group: InstructionGroup, queued: QueuedInstruction) -> ErrorInfo | None:
    try:
        due = group_run.as_due(turn, group, queued)
    except Exception as error:  # noqa: BLE001  as in start_instruction
        what = f"instruction {queued.instruction.instruction_id} could not be scaled"
        return first_in_queue.failed(turn, error, what)
    return start_instruction(turn, due)


# --- taking the slot --------------------------------------------------------------------------------------------------


def start_instruction(
    turn: ManagerTurn, queued: QueuedInstruction, judged: before_dispatch.Judged = before_dispatch.UNLIMITED
) -> ErrorInfo | None:
    """Give it the slot. Where that fails, nothing has changed, and the answer says why: only this instruction is
    refused, and the event that freed the slot, which belongs to another loop, goes on.
    """
    try:
        _start(turn, queued, judged)
    except Exception as error:  # noqa: BLE001  whatever it is, it is about this instruction
        what = f"instruction {queued.instruction.instruction_id} could not be started"
        return first_in_queue.failed(turn, error, what)
    return None


def _start(turn: ManagerTurn, queued: QueuedInstruction, judged: before_dispatch.Judged) -> None:
    instruction = queued.instruction
    result = turn.result_of(
        instruction,
        queued.received_at,
        status="UNKNOWN",  # set when the slot is freed
        account=queued.account.account,
        simulated=turn.settings.directory.is_simulated(queued.account.lane),
        dispatched_at=turn.now,
        loop_no=turn.head.last_loop_no + 1,
    )
    slot = Slot(
        loop_no=turn.head.last_loop_no + 1,
        kind="execute",
        purpose="instruction",
        account=queued.account,
        dispatched_at=turn.now,
        deadline_at=_works_until(turn, queued) + _time_to_end(turn),
        result=result,
        further_venues=further_venues(instruction),
        destination=first_in_queue.destination(turn, queued),
        expected_deltas=instruction.expected_deltas,
        slippage_bps=expected.bound_of(instruction),
    )
    _take(turn, slot, queued, judged.price_of(instruction))
    before_dispatch.book(turn, judged)


def _works_until(turn: ManagerTurn, queued: QueuedInstruction) -> datetime:
    """When the executor cancels what still works of it, or gives a transfer up."""
    trade = queued.instruction.cex_trade
    if queued.instruction.wallet_transfer is not None:  # what has left is waited for
        return queued.expires_at + timedelta(seconds=turn.settings.arrival_s)
    timeout_ms = trade.timeout_ms if trade else None
    if timeout_ms is None:
        return queued.expires_at
    return max(queued.expires_at, turn.now + timedelta(milliseconds=timeout_ms))


def start_series(
    turn: ManagerTurn,
    kind: LoopKind,
    purpose: str,
    accounts: tuple[AccountRef, ...],
    halt_ids: tuple[str, ...] = (),
) -> None:
    """One loop per account, one after another; the slot is kept until all are done."""
    slot = Slot(
        loop_no=turn.head.last_loop_no + 1,
        kind=kind,
        purpose=purpose,
        account=accounts[0],
        remaining=accounts[1:],
        dispatched_at=turn.now,
        deadline_at=turn.now + _time_to_end(turn),
        halt_ids=halt_ids,
    )
    _take(turn, slot)


def next_loop(turn: ManagerTurn, slot: Slot, kind: LoopKind, **changes: Any) -> None:
    """The next loop of the same slot, which executes nothing: ``refresh``, ``verify`` or ``adopt``."""
    following = replace(
        slot,
        loop_no=turn.head.last_loop_no + 1,
        kind=kind,
        dispatched_at=turn.now,
        deadline_at=turn.now + _time_to_end(turn),
        suspended=False,
        retry_at=None,
        overdue=False,
        broken=False,
        **changes,
    )
    _take(turn, following)


def _time_to_end(turn: ManagerTurn) -> timedelta:
    """How long a loop whose order works no longer may take before it is overdue."""
    settings = turn.settings
    return timedelta(seconds=settings.evidence_s + settings.reconcile_s + settings.deadline_margin_s)


def _take(turn: ManagerTurn, slot: Slot, queued: QueuedInstruction | None = None, price: Decimal | None = None) -> None:
    _route(turn, slot, slot.kind, queued, price)
    transfers.are_told(turn, slot.account)
    turn.update(last_loop_no=slot.loop_no, slot=slot)  # last: what fails before it leaves the slot as it was


def _route(
    turn: ManagerTurn,
    slot: Slot,
    kind: LoopKind,
    queued: QueuedInstruction | None = None,
    price: Decimal | None = None,
) -> None:
    """``price``: the one that limits were checked against; without it, the one that the strategy decided on."""
    loop_no = slot.loop_no
    instruction = queued.instruction if queued else None
    trade = instruction.cex_trade if instruction else None
    trace_id = (instruction.trace_id or instruction.instruction_id) if instruction else None
    turn.context.emit(
        f"instructions.{slot.account.lane}",
        RoutedInstruction(
            strategy_id=turn.head.strategy_id,
            loop_no=loop_no,
            kind=kind,
            lane=slot.account.lane,
            venue=instruction.venue if instruction else slot.account.venue,
            account=slot.account.account,
            instruction=instruction,
            reference_price=price or (trade.reference_price if trade else None),
            dispatched_at=turn.now,
            not_after=queued.expires_at if queued else slot.deadline_at,
            target_loop_no=loop_no if kind == "cancel" else None,
            told=() if kind == "cancel" else transfers.to_tell(turn, slot.account),
            produced_at=turn.now,
            trace_id=trace_id or f"{turn.head.strategy_id}/{slot.purpose}/{loop_no}",
            causation_id=instruction.instruction_id if instruction else slot.purpose,
        ),
    )


# --- cancelling what is in flight -------------------------------------------------------------------------------------


def cancel_in_flight(turn: ManagerTurn, instruction_id: str | None) -> bool:
    """Ask the executor to cancel the instruction in flight (``None``: whichever it is). False: there is none."""
    slot = turn.head.slot
    if slot is None or slot.result is None or instruction_id not in (None, slot.result.instruction_id):
        return False
    if slot.kind == "execute":
        _route(turn, slot, "cancel")
    return True


# --- freeing the slot -------------------------------------------------------------------------------------------------


def free(turn: ManagerTurn, result: InstructionResult | None = None) -> None:
    """The slot is free; an instruction's result, and those of the cancels that waited for it, are written."""
    slot = turn.slot()
    if result is not None:
        turn.publish_result(result)
        unresolved.ended(turn, result)
    for cancelled in slot.cancels:
        turn.publish_result(cancelled)
    turn.update(slot=None, idle_since=turn.now)
    if result is not None:
        group_run.leg_ended(turn, result)
