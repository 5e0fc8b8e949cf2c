"""The position update that tells of a report or of an adjustment. Pure."""

from __future__ import annotations

from datetime import datetime

from tightloop.domain import ids
from tightloop.records.types import (
    AccountRef,
    ControlCommand,
    Delta,
    ErrorInfo,
    ExecutionReport,
    Position,
    PositionHead,
    PositionUpdate,
    ReportedLoop,
)

# What an update with deltas of several sources is about: the first of these that is among them.
_RANK = ("initial", "adjustment", "correction", "trade", "transfer", "funding", "interest", "reward", "gas", "fee")
_BY_LOOP = {"adopt": "initial", "refresh": "interest", "verify": "interest"}


def source_of(report: ExecutionReport, so_far: str | None) -> str:
    """Why the update was made. One without deltas has the source of its loop so far, or what such a loop is after."""
    if report.kind == "correction":
        return "correction"
    sources = {delta.source for delta in report.deltas}
    for source in _RANK:
        if source in sources:
            return source
    return so_far or _BY_LOOP.get(report.loop_kind, "trade")


def of_report(
    head: PositionHead,
    report: ExecutionReport,
    loop: ReportedLoop,
    deltas: tuple[Delta, ...],
    expected: tuple[Position, ...],
    *,
    source: str,
    is_final: bool,
    error: ErrorInfo | None,
    now: datetime,
) -> PositionUpdate:
    """``head``: before the update. ``loop``: with the report in it. ``expected``: the positions touched, afterwards."""
    version = head.position_version + 1
    return PositionUpdate(
        update_id=ids.update_id(report.strategy_id, version),
        strategy_id=report.strategy_id,
        position_version=version,
        previous_version=head.position_version,
        report_id=report.report_id,
        report_no=report.report_no,
        report_kind=report.kind,
        report_ids=loop.report_ids,
        filled_amount=loop.filled_amount if report.loop_kind == "execute" else None,
        corrects_report_id=report.corrects_report_id,
        instruction_id=report.instruction_id or loop.instruction_id,
        loop_no=report.loop_no,
        loop_kind=report.loop_kind,
        lane=report.lane,
        venue=report.venue,
        account=report.account,
        block_number=report.block_number,
        venue_sequence=report.venue_sequence,
        # where nothing changed the time may be the executor's own clock, which no snapshot has to catch up with
        venue_time=report.event_time if deltas else None,
        outcome=report.outcome,
        is_final=is_final,
        transfer=report.transfer,
        source=source,
        deltas=deltas,
        expected_positions=expected,
        event_time=report.event_time,
        error=error,
        produced_at=now,
        trace_id=report.trace_id,
        causation_id=report.report_id,
    )


def of_command(
    head: PositionHead,
    command: ControlCommand,
    account: AccountRef,
    deltas: tuple[Delta, ...],
    expected: tuple[Position, ...],
    error: ErrorInfo | None,
    now: datetime,
) -> PositionUpdate:
    """An adjustment is final and made by no report; it bears the number of the latest loop, 0 before the first."""
    version = head.position_version + 1
    return PositionUpdate(
        update_id=ids.update_id(head.strategy_id, version),
        strategy_id=head.strategy_id,
        position_version=version,
        previous_version=head.position_version,
        loop_no=head.loop.loop_no if head.loop else 0,
        loop_kind="verify",
        lane=account.lane,
        venue=account.venue,
        account=account.account,
        outcome="none",
        is_final=True,
        source="adjustment",
        deltas=deltas,
        expected_positions=expected,
        event_time=command.issued_at,
        error=error,
        produced_at=now,
        trace_id=command.trace_id,
        causation_id=command.command_id,
    )
