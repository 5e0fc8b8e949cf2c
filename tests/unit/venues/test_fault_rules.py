"""Which requests a fault rule strikes: by its fields, its count, its time, and its seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tightloop.venues.sim.faults import FaultRule, Faults

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def struck(
    faults: Faults, requests: list[str], account: str = "s", operation: Any = "order", lane: str = "binance"
) -> set[str]:
    return {request for request in requests if faults.strike(lane, account, operation, request, NOW)}


def rules(*given: FaultRule) -> Faults:
    faults = Faults()
    for rule in given:
        faults.add(rule, NOW)
    return faults


def test_the_same_requests_meet_the_same_faults_in_any_order_and_company() -> None:
    requests = [f"r{number}" for number in range(400)]
    rule = FaultRule(kind="lost_after", probability=0.25, seed=11)
    forwards = struck(rules(rule), requests)
    mixed = rules(rule)
    struck(mixed, [f"other{number}" for number in range(50)], account="t")
    assert struck(mixed, requests[::-1]) == forwards
    assert 60 < len(forwards) < 140
    assert struck(rules(FaultRule(kind="lost_after", probability=0.25, seed=12)), requests) != forwards


def test_a_repeated_request_draws_again() -> None:
    faults = rules(FaultRule(kind="lost_before", probability=0.5, seed=3))
    outcomes = [faults.strike("binance", "s", "order", "same", NOW) is not None for _ in range(50)]
    assert 10 < sum(outcomes) < 40


@pytest.mark.parametrize(
    ("rule", "meets", "misses"),
    [
        (FaultRule(kind="reject", lane="okx"), ("okx", "s", "order"), ("binance", "s", "order")),
        (FaultRule(kind="reject", account="s"), ("okx", "s", "order"), ("okx", "t", "order")),
        (FaultRule(kind="reject", operations=("cancel",)), ("okx", "s", "cancel"), ("okx", "s", "order")),
        (FaultRule(kind="lost_after"), ("okx", "s", "transaction"), ("okx", "s", "positions")),
        (FaultRule(kind="timeout_after"), ("okx", "s", "transaction"), ("okx", "s", "positions")),
        (FaultRule(kind="down"), ("okx", "s", "positions"), None),
        (FaultRule(kind="maintenance"), ("okx", "s", "ledger"), None),
        (FaultRule(kind="ban"), ("okx", "s", "find"), None),
    ],
)
def test_a_rule_strikes_what_it_names(rule: FaultRule, meets: Any, misses: Any) -> None:
    faults = rules(rule)
    assert misses is None or faults.strike(*misses, "r", NOW) is None
    strike = faults.strike(*meets, "r", NOW)
    assert strike is not None
    assert strike.name == rule.kind


def test_skip_and_count_bound_a_rule() -> None:
    faults = rules(FaultRule(kind="reject", skip=2, count=3))
    assert sorted(struck(faults, list("abcdefgh"))) == ["c", "d", "e"]


def test_a_rule_ends_with_its_time() -> None:
    faults = rules(FaultRule(kind="down", duration_s=2.0))
    assert faults.strike("okx", "s", "order", "r", NOW + timedelta(seconds=1.9)) is not None
    assert faults.strike("okx", "s", "order", "r", NOW + timedelta(seconds=2)) is None


def test_the_first_rule_that_strikes_is_the_one() -> None:
    faults = rules(FaultRule(kind="reject", count=1), FaultRule(kind="lost_after"))
    strikes = [faults.strike("okx", "s", "order", "r", NOW) for _ in range(2)]
    assert [strike and strike.name for strike in strikes] == ["reject", "lost_after"]


def test_rules_are_cleared_one_by_one_or_all() -> None:
    faults = rules(FaultRule(kind="reject"), FaultRule(kind="down"), FaultRule(kind="slip"))
    assert faults.clear(faults.active[1].rule_id) == 1
    assert [state.rule.kind for state in faults.active] == ["reject", "slip"]
    assert faults.clear() == 2
    assert faults.active == []
