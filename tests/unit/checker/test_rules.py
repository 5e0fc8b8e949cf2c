"""A judge that never objects is none: each rule finds what breaks it, and only that."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.unit.checker.sound import BTC, KEY, LANE, ORIGIN, ROUTED, USDT, Run

from tightloop.checker import Terms, judge, violations

HALT = {"halt_id": "h-1", "code": "EIM-011", "message": "by hand", "since": ORIGIN}


def publish(run: Run, name: str) -> None:
    run.again("instructions", instruction_id=name)


def report_of_another_loop(run: Run) -> None:
    run.again("fills", report_id="other", report_no=2)


def dispatched_too_early(run: Run) -> None:
    early = run.again(f"instructions.{LANE}", loop_no=4)
    run.data.topics[f"instructions.{LANE}"][-1] = replace(early, at_ms=0)


def dispatched_before_the_last_one_ended(run: Run) -> None:
    run.again(f"instructions.{LANE}", loop_no=4)
    run.drop("reconciliation_results")


def position_of_nobody(run: Run) -> None:
    run.account["balances"][BTC] = "17"


def unreported_fill(run: Run) -> None:
    run.account["ledger"].append({**run.account["ledger"][-1], "entry_id": "unseen", "sequence": 99})


def under_way(run: Run, amount: int) -> None:
    """The last report, and its update, move something that goes nowhere."""
    delta = {"position_key": "transit:i-3:USDT", "amount": Decimal(amount), "source": "transfer"}
    for topic in ("fills", "position_updates"):
        last = run.data.topics[topic][-1].value
        run.change(topic, deltas=[*last["deltas"], delta])


BREAKS: list[tuple[str, Callable[[Run], object]]] = [
    ("lost", lambda run: publish(run, "forgotten")),
    ("result-of-none", lambda run: run.again("instruction_results", instruction_id="never-published")),
    ("resolves-none", lambda run: run.again("instruction_results", instruction_id="i-9", resolves="report-3")),
    ("result-twice", lambda run: run.again("instruction_results")),
    ("report-twice", lambda run: run.again("fills")),
    ("update-twice", lambda run: run.again("position_updates")),
    ("version-twice", lambda run: run.again("position_updates", update_id="other")),
    ("reconciled-twice", lambda run: run.again("reconciliation_results")),
    ("reconciled-unknown", lambda run: run.again("reconciliation_results", result_id="other", position_version=9)),
    ("not-reconciled", lambda run: run.drop("reconciliation_results")),
    ("loop-twice", lambda run: run.again(f"instructions.{LANE}")),
    ("loop-gap", lambda run: run.again(f"instructions.{LANE}", loop_no=7)),
    ("applied-twice", lambda run: run.again("position_updates", update_id="other", position_version=4)),
    ("not-applied", lambda run: run.drop("position_updates")),
    ("applied-unknown", lambda run: run.drop("fills")),
    ("applied-otherwise", lambda run: run.change("position_updates", deltas=[])),
    ("version-gap", lambda run: run.again("position_updates", update_id="x", position_version=9, previous_version=8)),
    ("version-order", lambda run: run.data.topics["position_updates"].reverse()),
    ("report-gap", lambda run: run.change("fills", report_no=3)),
    ("final-twice", report_of_another_loop),
    ("after-final", lambda run: run.again("fills", report_id="other", report_no=2, kind="working")),
    ("two-in-flight", dispatched_too_early),
    ("two-in-flight", dispatched_before_the_last_one_ended),
    ("acted-twice", lambda run: run.request()),
    ("acted-twice", lambda run: run.request(client_order_id="other")),
    ("acted-late", lambda run: run.request(loop_no=2, client_order_id="x", instruction_id="y")),
    ("acted-late", lambda run: run.data.venues.requests[-1].update(at=(run.now + timedelta(seconds=9)).isoformat())),
    ("acted-early", lambda run: run.data.venues.requests[-1].update(at=ORIGIN.isoformat())),
    ("acted-undispatched", lambda run: run.request(loop_no=8, client_order_id="x", instruction_id="y")),
    ("fill-twice", lambda run: run.again("fills", report_id="other", report_no=2)),
    ("fill-of-none", lambda run: run.account["ledger"].pop()),
    ("fill-otherwise", lambda run: run.account["ledger"][-1]["deltas"].pop()),
    ("fill-unreported", unreported_fill),
    (
        "sum-differs",
        lambda run: run.change("position_updates", expected_positions=[{"position_key": BTC, "amount": 9}]),
    ),
    ("books-differ", position_of_nobody),
    ("never-arrived", lambda run: under_way(run, 5)),
    ("arrived-more", lambda run: under_way(run, -5)),
]


def kinds(run: Run, terms: Terms | None = None) -> set[str]:
    return {one.kind for one in violations(run.data, terms or Terms())}


def test_a_sound_run_passes_with_its_figures() -> None:
    verdict = judge(Run(loops=5).data, Terms())
    assert verdict.passed, str(verdict)
    assert (verdict.instructions, verdict.results, verdict.matched, verdict.lost) == (4, 4, 5, 0)
    assert verdict.loop_ms is not None
    assert verdict.loop_ms[0] == pytest.approx(85, abs=15)


@pytest.mark.parametrize(
    ("kind", "broken"), BREAKS, ids=[f"{number}-{kind}" for number, (kind, _) in enumerate(BREAKS)]
)
def test_a_rule_finds_what_breaks_it(kind: str, broken: Callable[[Run], object]) -> None:
    run = Run()
    broken(run)
    assert kind in kinds(run)


def test_an_instruction_published_twice_needs_one_result() -> None:
    run = Run()
    publish(run, "i-3")
    assert kinds(run) == set()


def test_a_resolution_is_no_second_result() -> None:
    run = Run()
    run.again("instruction_results", resolves="report-3")
    assert "result-twice" not in kinds(run)


def test_a_cancel_belongs_to_the_loop_it_cancels() -> None:
    run = Run()
    run.again(ROUTED, kind="cancel", target_loop_no=3)
    run.journal(3, cancel_requested=True)
    at = run.now.isoformat()
    run.request(operation="cancel", at=at, arrived_at=at, signed_at=at)
    assert kinds(run) == set()


def test_a_loop_that_ended_unknown_may_act_late() -> None:
    run = Run()
    run.change("fills", outcome="unknown")
    late = (run.now + timedelta(seconds=9)).isoformat()
    run.data.venues.requests[-1].update(at=late)
    assert "acted-late" not in kinds(run)


def test_interest_that_nobody_has_looked_at_yet_is_no_difference() -> None:
    run = Run()
    interest = {"position_key": USDT, "amount": "0.5", "source": "interest"}
    entry = {"entry_id": "interest-1", "sequence": 3, "kind": "interest", "client_order_id": None, "deltas": [interest]}
    run.account["ledger"].append(entry)
    run.account["balances"][USDT] = str(Decimal(run.account["balances"][USDT]) + Decimal("0.5"))
    assert kinds(run) == set()
    run.account["ledger"].pop()
    assert kinds(run) == {"books-differ"}


def test_a_key_that_was_made_to_drift_must_be_halted_and_need_not_match() -> None:
    run = Run()
    position_of_nobody(run)
    terms = Terms(drifted=frozenset({KEY}))
    assert kinds(run, terms) == {"drift-unnoticed"}
    run.change("loop_state", halts=[{**HALT, "cause_id": "result-3"}])
    run.change("reconciliation_results", status="mismatched")
    assert kinds(run, terms).isdisjoint({"drift-unnoticed", "halt-unexplained", "books-differ"})


def test_halts_that_were_set_must_stand() -> None:
    run = Run()
    terms = Terms(standing={KEY: ["command-1"]})
    assert kinds(run, terms) == {"halt-gone"}
    halt = {"command": "halt", "command_id": "command-1", "cancel_working": False}
    run.put("control", "ControlCommand", strategy_id=KEY, **halt)
    run.change("loop_state", halts=[{**HALT, "cause_id": "command-1"}])
    assert kinds(run, terms) == set()


def test_while_a_run_goes_on_only_what_is_wrong_for_good_counts() -> None:
    going_on = Terms(complete=False)
    run = Run()
    for topic in ("instruction_results", "reconciliation_results", "position_updates", "fills"):
        run.drop(topic)
    assert kinds(run, going_on) == set()
    run.request()
    assert kinds(run, going_on) == {"acted-twice"}


def test_a_hundred_thousand_records_are_judged_within_seconds() -> None:
    run = Run(loops=6_000)
    records = sum(len(one) for one in run.data.topics.values())
    assert records > 100_000
    began = time.process_time()
    verdict = judge(run.data, Terms())
    assert verdict.passed, str(verdict)
    assert time.process_time() - began < 10
