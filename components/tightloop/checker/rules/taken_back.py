"""Deposits that were reported and then taken back, as the loop of the transfer that brought them tells of them, too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from tightloop.checker.collected import Collected, Record, Seen
from tightloop.checker.rules.exact import add
from tightloop.checker.verdict import Terms, Violation

ACCRUAL = "accrual"


def takes_back(report: Record) -> bool:
    return report["kind"] == ACCRUAL and report["corrects_report_id"] is not None


def undone(reports: Iterable[Record]) -> set[str]:
    """The ids of those that count no more: what was taken back by one of them, and what takes it back."""
    takings = [one for one in reports if takes_back(one)]
    return {one["report_id"] for one in takings} | {one["corrects_report_id"] for one in takings}


def taken_back_as_told(data: Collected, terms: Terms) -> Iterator[Violation]:
    """What takes a report back names an accrual of its own account, undoes just that, and is the only one to do so."""
    accruals = {
        (seen.value["strategy_id"], seen.value["report_id"]): seen.value
        for seen in data.reports
        if seen.value["kind"] == ACCRUAL and not takes_back(seen.value)
    }
    taken: dict[tuple[str, str], Seen] = {}
    for seen in data.reports:
        if not takes_back(seen.value):
            continue
        name = seen.value["strategy_id"], seen.value["corrects_report_id"]
        if name in taken:
            yield Violation(
                "taken-back-twice", name[0], f"{name[1]} is taken back at {taken[name].place}, {seen.place}"
            )
        taken[name] = seen
        told = accruals.get(name)
        if told is None:
            yield Violation("taken-back-of-none", name[0], f"{seen.place} takes back {name[1]}, which is no accrual")
        elif _place(told) != _place(seen.value) or any(_sum(told, seen.value).values()):
            yield Violation("taken-back-otherwise", name[0], f"{seen.place} does not undo just what {name[1]} told")


def _place(report: Record) -> tuple[str, str, str]:
    return report["lane"], report["account"], report["venue_entry_id"]


def _sum(*reports: Record) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = {}
    for report in reports:
        for delta in report["deltas"]:
            add(sums, (delta["position_key"], delta["source"]), delta["amount"])
    return sums
