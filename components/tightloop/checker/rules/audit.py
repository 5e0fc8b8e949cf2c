"""The audit says of each intent what the public topics say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tightloop.checker.collected import Collected, Record
from tightloop.checker.verdict import Terms, Violation

Intent = tuple[str, int, str]  # strategy, loop_no, client order id
_CORRECTIONS = ("resolved", "corrected")


def audit_agrees(data: Collected, terms: Terms) -> Iterator[Violation]:
    """Each intent that ended, or was given up, or resolved has one audit event that says so, with the outcome that its
    report has; and what a venue was asked to do was audited as journalled.
    """
    if not terms.complete:
        return
    told = Counter(_event(seen.value) for seen in data.audits if seen.value["event"] in ("finished", "unknown"))
    resolved = Counter(_intent(seen.value) for seen in data.audits if seen.value["event"] in _CORRECTIONS)
    reported: Counter[tuple[Intent, str]] = Counter()
    corrected: Counter[Intent] = Counter()
    for seen in data.reports:
        value = seen.value
        if value["client_order_id"] is None:
            continue
        if value["kind"] == "final":
            reported[_intent(value), value["outcome"]] += 1
        elif value["kind"] == "correction":
            corrected[_intent(value)] += 1
    for end in told.keys() | reported.keys():
        if told[end] != reported[end]:
            yield _differs(end[0], f"ended {end[1]}", told[end], reported[end])
    for intent in resolved.keys() | corrected.keys():
        if resolved[intent] != corrected[intent]:
            yield _differs(intent, "was resolved", resolved[intent], corrected[intent])
    journalled = {_intent(seen.value) for seen in data.audits if seen.value["event"] == "journalled"}
    ended = {intent for intent, outcome in reported}
    for request in data.venues.requests:
        intent = _intent(request)
        if intent in ended and intent not in journalled:
            what = f"{intent[2]} of loop {intent[1]}: {request['lane']} had its request {request['number']}"
            yield Violation("audit-missing", intent[0], f"{what}, and it was never audited as journalled")


def _intent(value: Record) -> Intent:
    return value["strategy_id"], value["loop_no"], value["client_order_id"]


def _event(value: Record) -> tuple[Intent, str]:
    return _intent(value), "unknown" if value["event"] == "unknown" else value["detail"] or ""


def _differs(intent: Intent, what: str, audited: int, reported: int) -> Violation:
    message = f"{intent[2]} of loop {intent[1]} {what}: audited {audited} times, reported {reported} times"
    return Violation("audit-otherwise", intent[0], message)
