"""Reconciliation: gaps, duplicates and disagreements between versions, and verifications beside one another."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.support.lanes import judging
from tests.support.position_records import AUSDT, BTC, USDT, delta, error
from tests.support.reconciliation_desk import Desk

from tightloop.errors import ExecutionError
from tightloop.records.types import Position, ReconciliationResult

D = Decimal


def only(results: list[ReconciliationResult]) -> ReconciliationResult:
    (result,) = results
    return result


def code(result: ReconciliationResult) -> str | None:
    return result.error.code if result.error else None


def test_the_same_update_again_changes_nothing(desk: Desk) -> None:
    update = desk.books.update(delta(BTC, 1))
    desk.tell(update)
    before = dict(desk.driver.state)
    assert desk.tell(replace(update, produced_at=update.produced_at.replace(year=2025), trace_id=None)) == []
    assert desk.driver.state == before
    desk.answer()
    assert desk.tell(update) == []
    assert (len(desk.results()), desk.asked()) == (1, [])


def test_the_same_version_with_other_content_is_refused(desk: Desk) -> None:
    update = desk.books.update(delta(BTC, 1))
    desk.tell(update)
    for loop_no in range(2, 12):
        desk.tell(desk.books.update(loop_no=loop_no))
    with pytest.raises(ExecutionError) as raised:
        desk.tell(replace(update, outcome="rejected"))
    assert (raised.value.code, raised.value.halts) == ("REC-012", True)


def test_a_version_gap_is_applied_and_told_by_the_result_though_the_positions_match(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    desk.answer()
    desk.books.update(delta(BTC, 1), loop_no=2, kind="working")
    desk.tell(desk.books.update(delta(BTC, 1), loop_no=2))
    result = only(desk.answer())
    assert (result.status, code(result)) == ("matched", "REC-009")
    assert result.checks[0].expected == 3
    desk.tell(desk.books.update(delta(BTC, 1), loop_no=3))
    assert code(only(desk.answer())) is None


def test_a_gap_found_before_the_loop_ends_is_told_when_it_ends(desk: Desk) -> None:
    desk.books.update(delta(BTC, 1), kind="working")
    desk.tell(desk.books.update(delta(BTC, 1), kind="working"))
    desk.tell(desk.books.update())
    assert code(only(desk.answer())) == "REC-009"


def test_a_gap_is_told_until_a_result_that_ends_a_loop_matches() -> None:
    desk = Desk(judging(mismatch_budget_s=0.0))
    desk.books.update(delta(BTC, 1), kind="working")
    desk.tell(desk.books.update())
    mismatched = only(desk.answer(desk.holds({USDT: D(1)})))
    assert (mismatched.status, code(mismatched)) == ("mismatched", "REC-009")
    assert mismatched.error is not None
    assert "REC-002" in mismatched.error.message
    desk.tell(desk.books.update(delta(USDT, 1, "adjustment"), kind=None))
    assert code(only(desk.answer(desk.holds({BTC: D(1), USDT: D(1)})))) == "REC-009"
    for loop_no, expected in ((2, "REC-009"), (3, None)):
        desk.tell(desk.books.update(loop_no=loop_no, loop_kind="verify"))
        found = only(desk.answer(desk.holds({USDT: D(1)})))
        assert code(found) == expected


def test_a_missing_version_that_comes_late_is_folded_where_it_was_not_taken_over_already(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    desk.answer()
    missing = desk.books.update(delta(BTC, 1), delta(USDT, 5), loop_no=2, kind="working")
    desk.tell(desk.books.update(delta(BTC, 1), loop_no=2))
    desk.tell(missing)
    assert desk.tell(missing) == []
    result = only(desk.answer())
    assert {check.position_key: check.expected for check in result.checks} == {BTC: 3, USDT: 5}
    assert result.status == "matched"


def test_a_missing_final_version_that_comes_late_has_its_result(desk: Desk) -> None:
    missing = desk.books.update(delta(BTC, 1))
    desk.tell(desk.books.update(delta(BTC, 1), loop_no=2))
    desk.answer()
    desk.tell(missing)
    desk.answer()
    assert [result.position_version for result in desk.results()] == [2, 1]
    assert [result.kind for result in desk.results()] == ["loop", "loop"]


def test_a_disagreement_about_what_is_expected_is_told_once_and_the_update_believed(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    desk.answer()
    desk.books.amounts[BTC] = D(5)
    desk.tell(desk.books.update(delta(BTC, 1), loop_no=2))
    result = only(desk.answer())
    assert (result.status, code(result)) == ("matched", "REC-010")
    assert result.error is not None
    assert f"{BTC} is 6 by the update and 2 by its deltas" in result.error.message
    desk.tell(desk.books.update(delta(BTC, 1), loop_no=3))
    assert code(only(desk.answer())) is None


def test_a_version_that_does_not_follow_the_one_before_it_is_told(desk: Desk) -> None:
    desk.tell(replace(desk.books.update(delta(BTC, 1)), previous_version=7))
    assert code(only(desk.answer())) == "REC-010"


def test_an_update_may_spell_a_position_out(desk: Desk) -> None:
    update = desk.books.update(delta("binance@s1:BaseToken:BTC", 1))
    told = (Position(position_key="binance@s1:BaseToken:BTC", amount=D(1)),)
    desk.tell(replace(update, expected_positions=told))
    result = only(desk.answer(desk.holds({BTC: D(1)})))
    assert (result.status, code(result)) == ("matched", None)


def test_a_correction_beside_a_loop_that_matches_is_verified_by_it(desk: Desk) -> None:
    desk.tell(desk.books.update(outcome="unknown"))
    desk.answer()
    desk.tell(desk.books.update(delta(BTC, 1), kind="correction"))
    desk.tell(desk.books.update(delta(USDT, 1), loop_no=2))
    assert len(desk.asked()) == 2
    results = desk.answer(call=1)
    assert [(one.position_version, one.kind, one.status) for one in results] == [
        (3, "loop", "matched"),
        (2, "verify", "matched"),
    ]
    assert results[0].snapshot_id == results[1].snapshot_id
    assert len(desk.snapshots()) == 2
    assert desk.answer() == []
    assert sorted(desk.driver.state) == ["head", f"position|{BTC}", f"position|{USDT}"]


def test_a_correction_of_another_account_is_not_verified_by_a_loop(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(AUSDT, 1), kind="correction", lane="ethereum", venue="aave"))
    desk.tell(desk.books.update(delta(USDT, 1), loop_no=2))
    assert [one.position_version for one in desk.answer(desk.holds({USDT: D(1)}))] == [2]
    assert [one.position_version for one in desk.answer(desk.holds({AUSDT: D(1)}), call=0)] == [1]


def test_a_correction_does_not_verify_a_loop(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(USDT, 1), loop_no=2))
    desk.tell(desk.books.update(delta(BTC, 1), kind="correction"))
    assert [one.position_version for one in desk.answer(call=1)] == [2]
    assert [one.position_version for one in desk.answer()] == [1]


@pytest.mark.parametrize("stage", ["working", "final"])
def test_a_difference_beside_a_loop_under_way_is_no_mismatch(stage: str) -> None:
    desk = Desk(judging(mismatch_budget_s=0.0))
    desk.tell(desk.books.update(delta(USDT, 1), loop_no=2, kind=stage))
    desk.tell(desk.books.update(delta(BTC, 1), kind="correction"))
    result = only(desk.answer(desk.holds({})))
    assert (result.position_version, result.status, code(result)) == (2, "unavailable", "REC-001")
    assert desk.snapshots() == []


def test_a_difference_after_a_correction_with_no_loop_under_way_is_a_mismatch() -> None:
    desk = Desk(judging(mismatch_budget_s=0.0))
    desk.tell(desk.books.update(delta(USDT, 1), loop_no=2, kind="working"))
    desk.tell(desk.books.update(loop_no=2))
    desk.answer()
    desk.tell(desk.books.update(delta(BTC, 1), kind="correction"))
    assert only(desk.answer(desk.holds({}))).status == "mismatched"


def test_a_correction_that_comes_while_a_loop_is_verified_counts_in_its_comparison(desk: Desk) -> None:
    desk.tell(desk.books.update(outcome="unknown", error=error("EXI-005")))
    assert desk.answer(desk.holds({BTC: D(1)})) == []
    desk.tell(desk.books.update(delta(BTC, 1), kind="correction"))
    desk.wait(0.1)
    assert [one.status for one in desk.answer()] == ["matched", "matched"]


def test_a_second_final_update_of_a_loop_has_a_result_that_stands_beside_the_loops(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    desk.answer()
    desk.tell(desk.books.update(delta(BTC, 1), error=error("PUH-006")))
    result = only(desk.answer())
    assert (result.kind, result.execution_error) == ("verify", error("PUH-006"))


def test_state_stays_bounded_however_many_versions_there_are(desk: Desk) -> None:
    for loop_no in range(1, 200):
        if loop_no % 3 == 0:
            desk.books.version += 2
        desk.tell(desk.books.update(delta(BTC, 1), loop_no=loop_no, kind="working"))
        desk.tell(desk.books.update(delta(BTC, -1), loop_no=loop_no))
        desk.answer()
    head = desk.driver.state["head"]
    assert len(desk.driver.state) == 1
    assert (len(head.digests), len(head.missing), len(head.accounts)) == (16 * 16, 128, 1)
