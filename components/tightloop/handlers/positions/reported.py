"""What the handler remembers of each loop: which reports it applied, so that none is applied twice and none is missed.

Entry points: :func:`recall`, :func:`place` and :func:`remember`. What holds:

1. A report is known by its id, and by its number within its loop; the same id or number with other content is PUH-005.
2. The loop with the highest number stands in the head. Earlier ones that are *settled* (complete, ended, outcome known)
   are kept while they are among the latest ``LOOPS``; the others until they are settled, at most ``UNSETTLED`` of them.
3. A report of a loop that is forgotten is refused (PUH-004): whether it was applied before can't be told any more.
   So state is bounded: ``LOOPS`` + ``UNSETTLED`` + 1 loops, each with the latest ``REPORTS`` report ids.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from tightloop.domain.positions import TRANSIT
from tightloop.errors import ExecutionError
from tightloop.handlers import numbering
from tightloop.handlers.positions.turn import PositionsTurn
from tightloop.records.types import ExecutionReport, ReportedLoop

LOOPS = 64
UNSETTLED = 64
REPORTS = 4096


def recall(turn: PositionsTurn, loop_no: int) -> ReportedLoop:
    """The loop as it is remembered, or a new one. Raises ExecutionError PUH-004 for one that is forgotten."""
    context, head = turn.context, turn.head
    new = ReportedLoop(strategy_id=context.key, loop_no=loop_no, produced_at=context.now)
    if head.loop is None or loop_no > head.loop.loop_no:
        return new
    if loop_no == head.loop.loop_no:
        return head.loop
    if loop_no in head.unsettled_loops:
        return context.get(_unsettled(loop_no), ReportedLoop) or new
    settled = context.get(_settled(loop_no), ReportedLoop)
    if settled is not None and settled.loop_no == loop_no:
        return settled
    if numbering.contains(head.unseen_loops, loop_no):
        return new
    raise ExecutionError(
        "PUH-004",
        f"loop {loop_no} was settled long ago and is no longer remembered (the latest is {head.loop.loop_no}): "
        "whether this report was applied can't be told; look at the venue's history and adjust what is missing",
        context={"loop_no": loop_no},
    )


def is_duplicate(loop: ReportedLoop, report: ExecutionReport, digest: str) -> bool:
    """Whether ``loop`` holds this very report. Raises ExecutionError PUH-005 when it holds another in its place."""
    if report.report_id in loop.report_ids:
        if loop.digests[loop.report_ids.index(report.report_id)] == digest:
            return True
    elif report.loop_no != loop.loop_no or not _applied(loop, report.report_no):
        return False
    raise ExecutionError(
        "PUH-005",
        f"report {report.report_id} (number {report.report_no} of loop {report.loop_no}) came again with other content",
        context={"report_id": report.report_id, "loop_no": report.loop_no, "report_no": report.report_no},
    )


def place(loop: ReportedLoop, report: ExecutionReport, digest: str) -> ReportedLoop:
    """The loop with the report's number, id and outcome taken in; a number that was jumped over is missing from now."""
    number, last = report.report_no, loop.last_report_no
    missing = numbering.without(loop.missing, number)
    if number > last:
        missing = numbering.with_gap(missing, last + 1, number - 1)
    ends = report.kind == "final" and loop.final_report_no is None
    return replace(
        loop,
        instruction_id=loop.instruction_id or report.instruction_id,
        last_report_no=max(last, number),
        missing=missing,
        final_report_no=number if ends else loop.final_report_no,
        in_transit=loop.in_transit + in_transit(report),
        outcome=report.outcome if ends or report.kind == "correction" else loop.outcome,
        report_ids=(*loop.report_ids, report.report_id)[-REPORTS:],
        digests=(*loop.digests, digest)[-REPORTS:],
    )


def in_transit(report: ExecutionReport) -> Decimal:
    """What a report puts under way, or lets arrive."""
    prefix = f"{TRANSIT}:"
    return sum((one.amount for one in report.deltas if one.position_key.startswith(prefix)), Decimal(0))


def remember(turn: PositionsTurn, loop: ReportedLoop) -> None:
    """The latest loop in the head; an earlier one beside it."""
    current = turn.head.loop
    if current is None or loop.loop_no > current.loop_no:
        latest = current.loop_no if current else 0
        if current is not None:
            _set_aside(turn, current)
        turn.update(loop=loop, unseen_loops=numbering.with_gap(turn.head.unseen_loops, latest + 1, loop.loop_no - 1))
    elif loop.loop_no == current.loop_no:
        turn.update(loop=loop)
    else:
        turn.update(unseen_loops=numbering.without(turn.head.unseen_loops, loop.loop_no))
        _set_aside(turn, loop)


def _set_aside(turn: PositionsTurn, loop: ReportedLoop) -> None:
    context, known = turn.context, turn.head.unsettled_loops
    unsettled = tuple(number for number in known if number != loop.loop_no)
    if _is_settled(loop):
        if len(unsettled) != len(known):
            context.delete(_unsettled(loop.loop_no))
        before = context.get(_settled(loop.loop_no), ReportedLoop)
        if before is None or before.loop_no <= loop.loop_no:
            context.put(_settled(loop.loop_no), loop)
    else:
        context.put(_unsettled(loop.loop_no), loop)
        unsettled = tuple(sorted((*unsettled, loop.loop_no)))
        for number in unsettled[:-UNSETTLED]:
            context.delete(_unsettled(number))
        unsettled = unsettled[-UNSETTLED:]
    if unsettled != known:
        turn.update(unsettled_loops=unsettled)


def _applied(loop: ReportedLoop, number: int) -> bool:
    return number <= loop.last_report_no and not numbering.contains(loop.missing, number)


def _is_settled(loop: ReportedLoop) -> bool:
    is_whole = loop.final_report_no is not None and not loop.missing and loop.outcome != "unknown"
    return is_whole and not loop.in_transit  # its arrival is told by one report more


def _settled(loop_no: int) -> str:
    return f"loop|{loop_no % LOOPS:02d}"


def _unsettled(loop_no: int) -> str:
    return f"unsettled|{loop_no}"
