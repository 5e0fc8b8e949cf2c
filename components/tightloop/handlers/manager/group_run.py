"""A group under way: one leg after another, each scaled to the first where it asks for that, until all are done or one
fails. Pure.

1. Between its first leg's dispatch and its end nothing else of the key starts; where a halt stops its next leg, only
   the verification that a resume asks for.
2. A leg has succeeded when its loop matched and it was filled whole. A first leg may be filled in part where all legs
   after it scale.
3. After a leg that did not succeed no leg starts. What was filled stays; the legs after it end `cancelled`; the key is
   halted (EIM-019) unless the failed leg says `cancel_rest`.
4. A cancel is no failure: the legs that have not started end `cancelled`, and nothing is halted for it.
"""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.domain import groups as rules
from tightloop.domain import money
from tightloop.errors import info
from tightloop.handlers.manager import groups, waiting
from tightloop.handlers.manager.turn import ManagerTurn, halt_id
from tightloop.records.types import ErrorInfo, GroupLeg, InstructionGroup, InstructionResult, QueuedInstruction


def running(turn: ManagerTurn) -> InstructionGroup | None:
    """The group of the key that has started and is not over."""
    return groups.find(turn, turn.head.group_id) if turn.head.group_id is not None else None


def started(turn: ManagerTurn, group: InstructionGroup) -> None:
    """Its first leg has the slot."""
    if group.queue_name is not None:
        turn.unqueue(group.queue_name)
    groups.take(turn, group, 0)
    groups.put(turn, replace(group, queue_name=None, started_at=turn.now))
    turn.update(group_id=group.group_id)


def next_leg(turn: ManagerTurn, group: InstructionGroup) -> QueuedInstruction:
    """The leg that is next, as it came."""
    return next(queued for _, queued in groups.waiting_legs(turn, group))


def as_due(turn: ManagerTurn, group: InstructionGroup, queued: QueuedInstruction) -> QueuedInstruction:
    """The next leg as it is to be dispatched now.

    It does not expire while it waits for the legs before it: it has as long from now as it had from its `created_at`.
    """
    instruction = queued.instruction
    life = queued.expires_at - instruction.created_at
    first = group.legs[0]
    if instruction.scale_to_filled and first.ordered is not None:
        instruction = rules.scaled(instruction, first.filled_amount or money.ZERO, first.ordered)
    return replace(queued, instruction=instruction, expires_at=max(queued.expires_at, turn.now + life))


def not_started(turn: ManagerTurn, group: InstructionGroup, queued: QueuedInstruction, error: ErrorInfo) -> None:
    """The next leg could not be given the slot: it has failed."""
    groups.take(turn, group, queued.instruction.group_index or 0)
    waiting.end_without_loop(turn, queued, "refused", error)
    failed = turn.result_of(queued.instruction, queued.received_at, status="refused", error=error)
    leg_ended(turn, failed)


def leg_ended(turn: ManagerTurn, result: InstructionResult) -> None:
    """The slot is free again; the result of the instruction that held it is written."""
    group = running(turn)
    if group is None or result.group_id != group.group_id:
        return
    legs = tuple(_ended(leg, result) if leg.index == result.group_index else leg for leg in group.legs)
    group = replace(group, legs=legs)
    leg = next(one for one in legs if one.index == result.group_index)
    if group.cancelled:
        groups.over(turn, group, "it was cancelled")
    elif _succeeded(group, leg):
        if any(one.status is None for one in legs):
            groups.put(turn, group)
        else:
            groups.over(turn, group, "all its legs were executed")
    elif leg.index == 0 and leg.status == "expired":
        why = f"its first leg ({leg.instruction_id}) expired before it was submitted"
        groups.end_waiting(turn, group, "expired", why, info("EIM-010", f"group {group.group_id}: {why}"))
    else:
        _failed(turn, group, leg, result)


def _ended(leg: GroupLeg, result: InstructionResult) -> GroupLeg:
    return replace(leg, status=result.status, outcome=result.outcome, filled_amount=result.filled_amount)


def _succeeded(group: InstructionGroup, leg: GroupLeg) -> bool:
    if leg.status != "reconciled":
        return False
    if leg.outcome == "filled":
        return True
    in_part = leg.index == 0 and leg.outcome == "partially_filled" and bool(leg.filled_amount)
    return in_part and all(one.scales for one in group.legs[1:])


def _failed(turn: ManagerTurn, group: InstructionGroup, leg: GroupLeg, result: InstructionResult) -> None:
    error = info("EIM-019", _told(group, leg, result.error))
    groups.end_legs(turn, group, "cancelled", error)
    if leg.on_failure != "cancel_rest":
        cause = halt_id(turn.head.strategy_id, "group", leg.instruction_id)
        turn.halt(cause, error, result.result_id or result.instruction_id)
    groups.over(turn, group, f"its leg {leg.index} ({leg.instruction_id}) failed")


def _told(group: InstructionGroup, failed: GroupLeg, error: ErrorInfo | None) -> str:
    """Which leg failed, what is done and stays, what was not executed."""
    why = f": {error.code} {error.message}" if error else ""
    done = [_short(leg) for leg in group.legs if _acted(leg)]
    rest = [f"{leg.what} at {leg.venue} ({leg.instruction_id})" for leg in group.legs if leg.status is None]
    return (
        f"group {group.group_id}: leg {failed.index + 1} of {group.size} ({failed.instruction_id}, {failed.what} at "
        f"{failed.venue}) ended {_end(failed)}; "
        f"{'done, and stays: ' + ', '.join(done) if done else 'nothing was filled'}; "
        f"not executed: {', '.join(rest) or 'none'}{why}"
    )


def _end(leg: GroupLeg) -> str:
    outcome = f"{leg.outcome or leg.status}{_filled(leg)}"
    return f"{outcome}, its loop in a halt" if leg.status == "halted" else outcome


def _acted(leg: GroupLeg) -> bool:
    return leg.outcome in ("filled", "partially_filled", "unknown") or bool(_filled(leg))


def _short(leg: GroupLeg) -> str:
    return f"{leg.what} at {leg.venue} ({leg.instruction_id}) {leg.outcome}{_filled(leg)}"


def _filled(leg: GroupLeg) -> str:
    """Of a withdrawal that came back nothing is left, though it had left."""
    return f" {money.text(leg.filled_amount)}" if leg.filled_amount and leg.outcome != "rolled_back" else ""


def cancel(turn: ManagerTurn, group: InstructionGroup) -> None:
    """The legs that have not started end now; one in flight is for its executor to cancel, and ends the group."""
    if group.started_at is None:
        if group.queue_name is not None:
            turn.unqueue(group.queue_name)
        groups.end_legs(turn, group, "cancelled", None)
        groups.over(turn, group, "it was cancelled")
        return
    groups.end_legs(turn, group, "cancelled", None)
    if rules.leg_in_flight(group, turn.head.slot) is None:
        groups.over(turn, group, "it was cancelled")
    else:
        groups.put(turn, replace(group, cancelled=True))
