"""The position update handler: applies what happened to what is expected, and says so.

Every report on ``fills`` makes exactly one record on ``position_updates``, with a gapless ``position_version``; so does
every ``adjust`` on ``control``. A report that came before changes nothing. Facts are never held back: a report whose
predecessor is missing (PUH-006), or that takes a balance below zero (PUH-010), is applied, and its error stands on its
own update and on its loop's final one. Where a report and the handler both have an error, ``error`` is the handler's,
and its message ends with the report's.

An update is final for a ``final`` report, a ``correction`` and an ``adjust``; besides for whatever else comes after
its loop's final report (PUH-006), as the error would otherwise reach nobody.

State by key (topic ``positions``), every part bounded: ``head``; ``position|<key>`` for each position that is not zero;
``loop|<nn>`` and ``unsettled|<loop_no>`` (see ``loops``); ``commands`` (see ``adjust``).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tightloop.domain import money
from tightloop.domain.directory import Directory
from tightloop.errors import ExecutionError, bounded, error_info
from tightloop.handlers.api import Context, Inbound
from tightloop.handlers.calls import Answer
from tightloop.handlers.content import digest
from tightloop.handlers.numbering import spelled
from tightloop.handlers.positions import balances, reported, update
from tightloop.handlers.positions.adjust import adjust
from tightloop.handlers.positions.checks import check_belongs, check_report
from tightloop.handlers.positions.settings import PositionSettings
from tightloop.records.types import (
    AccountRef,
    ControlCommand,
    ErrorInfo,
    ExecutionReport,
    Position,
    PositionHead,
    PositionUpdate,
    ReportedLoop,
)

FILLS = "fills"
UPDATES = "position_updates"
HEAD = "head"


class PositionUpdates:
    """The handler; it keeps nothing between events."""

    name = "position-update-handler"
    failure_code = "PUH-003"
    inputs: tuple[str, ...] = (FILLS, "control")
    changelog = "positions"

    def __init__(self, settings: PositionSettings) -> None:
        self._directory = settings.directory

    def on_record(self, context: Context, record: Inbound) -> None:
        """Raises ExecutionError: PUH-004, PUH-005, PUH-007, PUH-012 (see ``checks``, ``loops``, ``adjust``)."""
        value = record.value
        with money.exact():
            if isinstance(value, ExecutionReport):
                _apply_report(context, value, self._directory)
            elif isinstance(value, ControlCommand) and value.command == "adjust":
                _apply_adjustment(context, value, self._directory)

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        """Nothing: the manager halts the key, and the number of a report that is missing shows with the next one."""

    def on_time(self, context: Context) -> None:
        """Nothing is ever waited for."""

    def on_answer(self, context: Context, call_id: str, answer: Answer) -> None:
        """Nothing is ever asked."""

    def on_restore(self, context: Context) -> None:
        """Nothing was under way."""


def _head(context: Context) -> PositionHead:
    return context.get(HEAD, PositionHead) or PositionHead(strategy_id=context.key, produced_at=context.now)


def _publish(context: Context, head: PositionHead, made: PositionUpdate) -> None:
    context.put(HEAD, replace(head, position_version=made.position_version, produced_at=context.now))
    context.emit(UPDATES, made)


def _apply_adjustment(context: Context, command: ControlCommand, directory: Directory) -> None:
    head = _head(context)
    made = adjust(context, head, command, directory)
    if made is not None:
        _publish(context, head, made)


def _apply_report(context: Context, report: ExecutionReport, directory: Directory) -> None:
    check_report(report, directory)
    head = _head(context)
    content = digest(report)
    if head.loop is not None and reported.is_duplicate(head.loop, report, content):
        return
    before = reported.recall(context, head, report.loop_no)
    if before is not head.loop and reported.is_duplicate(before, report, content):
        return
    check_belongs(before, report)
    deltas = directory.plain_deltas(report.deltas, report.strategy_id)
    expected = balances.apply(context, deltas, head.position_version + 1)
    found = _faults(before, report, expected)
    source = update.source_of(report, before.source)
    loop = reported.place(before, report, content)
    loop = replace(
        loop,
        filled_amount=before.filled_amount if report.kind == "accrual" else before.filled_amount + report.amount,
        source=before.source if report.kind == "correction" else source,
        error=_joined(before.error, *found),
        produced_at=context.now,
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
        now=context.now,
    )
    head = reported.remember(context, head, loop)
    account = AccountRef(lane=report.lane, venue=report.venue, account=report.account)
    _publish(context, replace(head, account=account), made)


def _after_the_end(loop: ReportedLoop, report: ExecutionReport) -> bool:
    """Whether the loop had its last word before this report, which is neither a correction nor an earlier one late."""
    end = loop.final_report_no
    return end is not None and report.kind != "correction" and (report.kind == "final" or report.report_no > end)


def _faults(loop: ReportedLoop, report: ExecutionReport, expected: Sequence[Position]) -> list[ErrorInfo]:
    """What is wrong with a report that is applied all the same. ``loop``: before it; ``expected``: after it."""
    found = []
    place = f"report {report.report_no} of loop {report.loop_no}"
    if report.report_no > loop.last_report_no + 1:
        jumped = spelled((loop.last_report_no + 1, report.report_no - 1))
        found.append(error_info(ExecutionError("PUH-006", f"{place} came, and {jumped} is missing")))
    if _after_the_end(loop, report):
        found.append(
            error_info(ExecutionError("PUH-006", f"{place} came after the final one, number {loop.final_report_no}"))
        )
    for position in balances.below_zero(expected):
        amount = money.text(position.amount)
        found.append(error_info(ExecutionError("PUH-010", f"{place} takes {position.position_key} to {amount}")))
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
