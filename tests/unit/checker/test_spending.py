"""A strategy's limit of a day as the checker judges it: what went beyond it, and what was refused with room left."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from tests.unit.checker.sound import KEY, Run

from tightloop.checker import Terms, violations
from tightloop.checker.rules import spending, wanted

D = Decimal
BREACHED = "EIM-013"


def transfers(amount: str = "10") -> Run:
    """A sound run, as far as these rules look: two transfers of that amount were dispatched."""
    run = Run()
    for seen in run.data.instructions:
        seen.value["wallet_transfer"] = {"amount": D(amount)}
    for seen in run.data.loops[1:]:
        seen.value["instruction"]["wallet_transfer"] = {"amount": D(amount)}
    return run


def kinds(run: Run, most: str | None) -> set[str]:
    terms = Terms(daily_notional={} if most is None else {KEY: D(most)})
    rules = (spending.limits_are_kept, wanted.results_were_due)
    return {one.kind for rule in rules for one in rule(run.data, terms)}


@pytest.mark.parametrize(("most", "wrong"), [("20", set()), ("19.99", {"limit-exceeded"}), (None, set())])
def test_more_than_a_strategy_may_move_in_a_day_is_found(most: str | None, wrong: set[str]) -> None:
    assert kinds(transfers(), most) == wrong


def test_more_than_it_may_move_is_found_while_the_run_goes_on() -> None:
    terms = Terms(complete=False, daily_notional={KEY: D(19)})
    assert "limit-exceeded" in {one.kind for one in violations(transfers().data, terms)}


def test_two_days_are_two_limits() -> None:
    run = transfers()
    run.data.loops[-1].value["dispatched_at"] += timedelta(days=1)
    assert kinds(run, "10") == set()


@pytest.mark.parametrize(("most", "wrong"), [("29.99", set()), ("30", {"result-undue"}), (None, {"result-undue"})])
def test_a_transfer_is_refused_only_beyond_the_limit(most: str | None, wrong: set[str]) -> None:
    run = transfers()
    run.refuse(code=BREACHED)
    assert kinds(run, most) == wrong


def test_what_was_dispatched_after_a_refusal_does_not_excuse_it() -> None:
    run = transfers()
    run.refuse(code=BREACHED)
    run.move("instruction_results", at_ms=run.data.loops[-1].at_ms - 1)
    assert kinds(run, "29.99") == {"result-undue"}


def test_what_was_dispatched_the_day_before_does_not_excuse_a_refusal() -> None:
    run = transfers()
    run.refuse(code=BREACHED, finished_at=run.now + timedelta(days=1))
    assert kinds(run, "29.99") == {"result-undue"}
