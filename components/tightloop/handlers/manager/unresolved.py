"""Instructions whose outcome is not known: their results are kept until something resolves them.

A correction may come before its loop's own result (the venue answered while positions were still compared): it is kept
then, and told right after the loop's result, so that what resolves always follows what it resolves.
"""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.handlers.latest import put_latest
from tightloop.handlers.manager.turn import ManagerTurn
from tightloop.records.types import InstructionResult, ReconciliationResult, SeenInstruction

LIMIT = 64  # of a key; of more the oldest are forgotten
_KEPT, _EARLY = "unresolved", "corrected"


def ended(turn: ManagerTurn, result: InstructionResult) -> None:
    """An instruction's loop has ended with ``result``, which is published."""
    early = turn.context.get(_name(_EARLY, result.instruction_id), SeenInstruction)
    if early is not None:
        turn.context.delete(_name(_EARLY, result.instruction_id))
    if result.outcome != "unknown":
        return
    if early is not None and early.result is not None:
        turn.publish_result(early.result)
        return
    put_latest(turn.context, _name(_KEPT, result.instruction_id), _seen(turn, result), LIMIT)


def corrected(turn: ManagerTurn, result: ReconciliationResult) -> None:
    """A correction: the venue's evidence, or an operator's decision, of how it ended."""
    if result.instruction_id is None or result.outcome == "unknown":  # it is not over yet
        return
    slot = turn.head.slot
    if slot is not None and slot.result is not None and slot.result.instruction_id == result.instruction_id:
        early = _resolved(slot.result, result)
        turn.context.put(_name(_EARLY, early.instruction_id), _seen(turn, early))
    else:
        _resolve(turn, result.instruction_id, result)


def late(turn: ManagerTurn, result: ReconciliationResult) -> None:
    """The own result of a loop that a resume had ended before."""
    if result.instruction_id is None or result.outcome == "unknown":
        return
    kept = turn.context.get(_name(_KEPT, result.instruction_id), SeenInstruction)
    if kept is not None and kept.ended_loop_no == result.loop_no:
        _resolve(turn, result.instruction_id, result)


def _resolve(turn: ManagerTurn, instruction_id: str, result: ReconciliationResult) -> None:
    kept = turn.context.get(_name(_KEPT, instruction_id), SeenInstruction)
    if kept is None or kept.result is None:
        return
    turn.publish_result(_resolved(kept.result, result))
    turn.context.delete(_name(_KEPT, instruction_id))


def _resolved(known: InstructionResult, result: ReconciliationResult) -> InstructionResult:
    return replace(
        known,
        status="reconciled" if result.status == "matched" else "halted",
        outcome=result.outcome,
        filled_amount=result.filled_amount,
        report_ids=result.report_ids,
        position_version=result.position_version,
        result_id=result.result_id,
        resolves=result.corrects_report_id or (result.report_ids[-1] if result.report_ids else result.result_id),
        error=result.execution_error,
    )


def _seen(turn: ManagerTurn, result: InstructionResult) -> SeenInstruction:
    return SeenInstruction(
        strategy_id=result.strategy_id,
        instruction_id=result.instruction_id,
        content_hash="",
        seen_at=turn.now,
        ended_loop_no=result.loop_no,
        result=result,
        produced_at=turn.now,
    )


def _name(group: str, instruction_id: str) -> str:
    return f"{group}|{instruction_id}"
