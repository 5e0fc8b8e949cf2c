"""A report that is applied: its deltas onto the expected positions, its place among its loop's reports, its update.

Facts are never held back: a report whose predecessor is missing (PUH-006), or that takes a balance below zero
(PUH-010), is applied, and its error stands on its own update and on its loop's final one. Where a report and the
handler both have an error, ``error`` is the handler's, and its message ends with the report's.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tightloop.domain import money
from tightloop.errors import bounded, info
from tightloop.handlers.content import digest
from tightloop.handlers.numbering import spelled
from tightloop.handlers.positions import balances, reported, update
from tightloop.handlers.positions.checks import check_belongs, check_report
from tightloop.handlers.positions.turn import PositionsTurn
from tightloop.records.types import AccountRef, ErrorInfo, ExecutionReport, Position, ReportedLoop


def apply_report(turn: PositionsTurn, report: ExecutionReport) -> None:
    """Raises ExecutionError PUH-004, PUH-005, PUH-007 (see ``checks``, ``reported``)."""
    directory, head = turn.settings.directory, turn.head
    check_report(report, directory)
    content = digest(report)
    if head.loop is not None and reported.is_duplicate(head.loop, report, content):
        return
    before = reported.recall(turn, report.loop_no)
    if before is not head.loop and reported.is_duplicate(before, report, content):
        return
    check_belongs(before, report)
    deltas = directory.plain_deltas(report.deltas, report.strategy_id)
    expected = balances.apply(turn.context, deltas, head.position_version + 1)
    found = _faults(before, report, expected)
    source = update.source_of(report, before.source)
    loop = reported.place(before, report, content)
    loop = replace(
        loop,
        filled_amount=before.filled_amount if report.kind == "accrual" else before.filled_amount + report.amount,
        source=before.source if report.kind == "correction" else source,
        error=_joined(before.error, *found),
        produced_at=turn.now,
    )
    ends = report.kind == "final" and loop.final_report_no == report.report_no
    made = update.of_report(
        head,
        report,
        loop,
        deltas,
        expected,
        source=source,
        is_final=report.kind in ("final", "correction") or _after_the_end(before, report),
        error=_joined(loop.error if ends else _joined(None, *found), report.error),
        now=turn.now,
    )
    reported.remember(turn, loop)
    turn.publish(made, account=AccountRef(lane=report.lane, venue=report.venue, account=report.account))


def _after_the_end(loop: ReportedLoop, report: ExecutionReport) -> bool:
    """Whether the loop's final report came before this one, which is neither a correction nor a late one with a lower
    number.
    """
    end = loop.final_report_no
    return end is not None and report.kind != "correction" and (report.kind == "final" or report.report_no > end)


def _faults(loop: ReportedLoop, report: ExecutionReport, expected: Sequence[Position]) -> list[ErrorInfo]:
    """What is wrong with a report that is applied all the same. ``loop``: before it; ``expected``: after it."""
    found = []
    place = f"report {report.report_no} of loop {report.loop_no}"
    if report.report_no > loop.last_report_no + 1:
        jumped = spelled((loop.last_report_no + 1, report.report_no - 1))
        found.append(info("PUH-006", f"{place} came, and {jumped} is missing"))
    if _after_the_end(loop, report):
        found.append(info("PUH-006", f"{place} came after the final one, number {loop.final_report_no}"))
    for position in balances.below_zero(expected):
        amount = money.text(position.amount)
        found.append(info("PUH-010", f"{place} takes {position.position_key} to {amount}"))
    return found


def _joined(first: ErrorInfo | None, *others: ErrorInfo | None) -> ErrorInfo | None:
    """The first error; those after it, each code once, are named in its message."""
    for other in others:
        if other is None:
            continue
        if first is None:
            first = other
        elif other.code != first.code and f"{other.code}: " not in first.message:
            first = replace(first, message=bounded(f"{first.message}; {other.code}: {other.message}"))
    return first
