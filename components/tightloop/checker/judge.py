"""All rules over all that was collected, and the run in figures."""

from __future__ import annotations

from datetime import datetime

from tightloop.checker.collected import Collected
from tightloop.checker.rules import (
    audit,
    explained,
    groups,
    holdings,
    journal,
    once,
    outcomes,
    places,
    results,
    slots,
    snapshots,
    spending,
    states,
    taken_back,
    transfers,
    wanted,
)
from tightloop.checker.verdict import Terms, Verdict, Violation

RULES = (
    results.one_result_each,
    results.halts_stand,
    results.halted_results_halt,
    once.ids_once,
    once.reports_applied_once,
    once.loops_gapless,
    once.versions_gapless,
    once.reports_gapless,
    once.finals_reconciled,
    slots.one_in_flight_at_the_broker,
    slots.one_in_flight_at_the_venues,
    slots.acted_once,
    groups.groups_run_as_one,
    groups.groups_stop_at_a_failure,
    groups.legs_are_scaled,
    holdings.fills_reported,
    taken_back.taken_back_as_told,
    holdings.positions_add_up,
    holdings.books_match,
    holdings.transit_is_empty,
    transfers.transfers_arrive_once,
    outcomes.updates_agree,
    outcomes.reconciliations_agree,
    outcomes.results_agree,
    outcomes.results_agree_with_books,
    outcomes.nothing_left_open,
    explained.dead_letters_explained,
    explained.halts_explained,
    explained.unknowns_explained,
    explained.unknowns_resolved,
    wanted.cancels_were_asked_for,
    wanted.results_were_due,
    spending.limits_are_kept,
    journal.journalled_before,
    audit.audit_agrees,
    snapshots.checks_are_right,
    snapshots.snapshots_show_the_books,
    states.position_states_agree,
    states.loop_states_agree,
    states.journals_agree,
    places.keys_and_partitions,
    places.inputs_only_grow,
)
# Rules that hold at every moment of a run, whichever topic was read first.
ALWAYS = (
    once.ids_once,
    once.reports_applied_once,
    once.finals_reconciled,
    slots.acted_once,
    spending.limits_are_kept,
    holdings.fills_reported,
    holdings.positions_add_up,
    outcomes.nothing_left_open,
)


def violations(data: Collected, terms: Terms) -> list[Violation]:
    """``terms.complete`` False: only what is wrong for good, while the run goes on."""
    rules = RULES if terms.complete else ALWAYS
    return [violation for rule in rules for violation in rule(data, terms)]


def judge(data: Collected, terms: Terms) -> Verdict:
    found = violations(data, terms)
    statuses = [seen.value["status"] for seen in data.reconciliations]
    ended = [seen.value for seen in data.results if seen.value["resolves"] is None]
    took = sorted(
        (one["finished_at"] - one["dispatched_at"]).total_seconds() * 1000
        for one in ended
        if one["status"] == "reconciled" and one["dispatched_at"] is not None
    )
    return Verdict(
        instructions=len(results.expected(data)),
        results=len(ended),
        matched=statuses.count("matched"),
        mismatched=statuses.count("mismatched"),
        rejected=sum(1 for one in ended if one["status"] == "refused" or one["outcome"] == "rejected"),
        duplicates=sum(1 for one in found if one.kind.endswith("-twice")),
        lost=len(results.missing(data)),
        violations=tuple(found),
        loop_ms=(took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)]) if took else None,
        loops_per_second=_rate(
            [one["dispatched_at"] for one in ended if one["dispatched_at"]], [one["finished_at"] for one in ended]
        ),
    )


def _rate(began: list[datetime], ended: list[datetime]) -> float | None:
    """Loops a second, from the first dispatch to the last result."""
    if not began:
        return None
    seconds = (max(ended) - min(began)).total_seconds()
    return len(began) / seconds if seconds > 0 else None
