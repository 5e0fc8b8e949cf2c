"""Can a report be applied? Pure checks; each raises ExecutionError, and the record becomes a dead letter."""

from __future__ import annotations

from collections.abc import Iterable

from tightloop.domain import money
from tightloop.domain.deltas import CHARGES, SOURCES, by_position
from tightloop.domain.directory import Directory
from tightloop.errors import ExecutionError
from tightloop.records.types import Delta, ExecutionReport, ReportedLoop


def check_report(report: ExecutionReport, directory: Directory) -> None:
    """What a report says by itself. Raises ExecutionError PUH-004, PUH-007, and TLC-008 for an unknown enum symbol."""
    if "UNKNOWN" in (report.kind, report.loop_kind, report.outcome):
        raise ExecutionError(
            "TLC-008", f"report {report.report_id}: kind, loop_kind or outcome is a symbol this version does not know"
        )
    if report.loop_no < 1 or report.report_no < 1 or report.loop_kind == "cancel":
        raise ExecutionError(
            "PUH-004",
            f"report {report.report_id} is number {report.report_no} of loop {report.loop_no} ({report.loop_kind}): "
            "loops and reports count from 1, and a cancel makes no report",
        )
    if report.kind == "correction" and report.corrects_report_id is None:
        raise _invalid(report, "a correction must name the report it corrects")
    _check_amounts(report)
    check_deltas(report.deltas, report.strategy_id, directory)
    if report.fees:
        _check_fees(report, directory)


def check_deltas(deltas: Iterable[Delta], strategy_id: str, directory: Directory) -> None:
    """Raises ExecutionError PUH-007 for a delta whose position key, source or amount cannot be read."""
    for delta in deltas:
        directory.place_of(delta.position_key, strategy_id)
        if delta.source not in SOURCES:
            raise ExecutionError("PUH-007", f"delta of {delta.position_key}: there is no source {delta.source!r}")
        if not delta.amount.is_finite():
            raise ExecutionError("PUH-007", f"delta of {delta.position_key}: {delta.amount} is no amount")


def check_belongs(loop: ReportedLoop, report: ExecutionReport) -> None:
    """Raises ExecutionError PUH-004 when the report contradicts what its loop is known to be.

    A correction may name only a report that was applied, unless one of the loop's reports is missing: it may be that.
    """
    known = loop.instruction_id
    if known is not None and report.instruction_id is not None and report.instruction_id != known:
        raise ExecutionError(
            "PUH-004",
            f"report {report.report_id} is of instruction {report.instruction_id}, its loop {loop.loop_no} of {known}",
        )
    complete = not loop.missing and loop.last_report_no + 1 == report.report_no
    if report.kind == "correction" and complete and report.corrects_report_id not in loop.report_ids:
        raise ExecutionError(
            "PUH-004",
            f"report {report.report_id} corrects {report.corrects_report_id}, which loop {loop.loop_no} never had",
        )


def _check_amounts(report: ExecutionReport) -> None:
    for name in ("amount", "cost", "remaining"):
        number = getattr(report, name)
        if number is None:
            continue
        if not number.is_finite():
            raise _invalid(report, f"{name} {number} is no amount")
        if number < 0 and (report.kind != "correction" or name == "remaining"):
            raise _invalid(report, f"{name} {number} is below zero")


def _check_fees(report: ExecutionReport, directory: Directory) -> None:
    """Each fee must be in the deltas with the other sign, as a charge: they alone are applied."""
    charges = (one for one in directory.plain_deltas(report.deltas, report.strategy_id) if one.source in CHARGES)
    taken = by_position(charges)
    fees = money.sums((directory.place_of(fee.position_key, report.strategy_id).key, fee.amount) for fee in report.fees)
    for key, amount in fees.items():
        found = taken.get(key, money.ZERO)
        if found != -amount:
            raise _invalid(report, f"fees of {amount} at {key}, but the deltas of source fee or gas come to {found}")


def _invalid(report: ExecutionReport, what: str) -> ExecutionError:
    return ExecutionError(
        "PUH-007",
        f"report {report.report_id} (number {report.report_no} of loop {report.loop_no}): {what}",
        context={"report_id": report.report_id},
    )
