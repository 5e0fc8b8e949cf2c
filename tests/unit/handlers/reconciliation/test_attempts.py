"""Reconciliation: when it tries again, and how a verification ends that never matched."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from tests.support.lanes import judging
from tests.support.position_records import BTC, USDT, delta
from tests.support.reconciliation_desk import Desk

from tightloop.handlers.calls import Positions, Unavailable
from tightloop.records.types import ReconciliationResult

D = Decimal
DOWN = Unavailable("EXI-003", "no connection")


def only(results: list[ReconciliationResult]) -> ReconciliationResult:
    (result,) = results
    return result


def wake(desk: Desk) -> list[ReconciliationResult]:
    """Let the time pass until the wake-up asked for."""
    due = desk.due_in()
    assert due is not None
    return desk.wait(due)


def exhaust(desk: Desk, answer: Positions | Unavailable | None) -> ReconciliationResult:
    """Give every attempt this answer (``None``: none at all) until there is a result."""
    for _ in range(50):
        results = desk.answer(answer) if answer is not None and desk.asked() else wake(desk)
        if results:
            return only(results)
    raise AssertionError("no result after 50 events")


def test_pauses_double_from_a_tenth_of_a_second_to_five(desk: Desk) -> None:
    desk.tell(desk.books.update())
    pauses = []
    for _ in range(8):
        assert desk.answer(DOWN) == []
        assert desk.asked() == []
        pauses.append(desk.due_in())
        wake(desk)
        assert len(desk.asked()) == 1
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_an_attempt_is_given_up_after_ten_seconds_and_its_late_answer_is_not_taken(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    late = desk.asked()[0]
    assert desk.due_in() == 10
    assert wake(desk) == []
    assert desk.due_in() == 0.1
    assert desk.driver.answer(late, desk.holds()) == []
    wake(desk)
    result = only(desk.answer())
    assert (result.status, result.attempts) == ("matched", 2)


def test_a_venue_that_never_answers_ends_as_a_timeout_after_thirty_seconds(desk: Desk) -> None:
    desk.tell(desk.books.update())
    result = exhaust(desk, None)
    assert (result.status, result.verified, result.snapshot_id, result.as_of) == ("timeout", False, None, None)
    assert result.error is not None
    assert result.error.code == "REC-006"
    assert result.finished_at - result.started_at == timedelta(seconds=30)
    assert (desk.due_in(), sorted(desk.driver.state)) == (None, ["head"])


def test_a_venue_that_cannot_say_ends_as_unavailable_within_thirty_seconds(desk: Desk) -> None:
    desk.tell(desk.books.update())
    result = exhaust(desk, DOWN)
    assert result.status == "unavailable"
    assert result.error is not None
    assert (result.error.code, "EXI-003 no connection" in result.error.message) == ("REC-005", True)
    assert timedelta(seconds=20) < result.finished_at - result.started_at < timedelta(seconds=30)
    assert desk.snapshots() == []


def test_a_snapshot_that_is_not_complete_concludes_nothing(desk: Desk) -> None:
    desk.tell(desk.books.update())
    result = exhaust(desk, desk.holds(complete=False))
    assert result.error is not None
    assert (result.status, result.error.code) == ("unavailable", "REC-005")


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "0.0000000000000000001", "1e58"])
def test_a_snapshot_with_an_amount_that_no_record_can_hold_concludes_nothing(desk: Desk, amount: str) -> None:
    desk.tell(desk.books.update())
    result = exhaust(desk, desk.holds({BTC: D(amount)}))
    assert result.error is not None
    assert (result.status, result.error.code) == ("unavailable", "REC-005")


def test_failures_of_several_kinds_are_all_told(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1), venue_sequence=5))
    desk.answer(DOWN)
    wake(desk)
    desk.answer(desk.holds({}, venue_sequence=5))
    wake(desk)
    result = exhaust(desk, desk.holds(venue_sequence=4))
    assert result.error is not None
    assert (result.status, result.error.code) == ("unavailable", "REC-007")
    assert "earlier attempts: REC-005, REC-002" in result.error.message


def test_a_mismatch_may_heal_within_thirty_seconds(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    for _ in range(6):
        assert desk.answer(desk.holds({})) == []
        wake(desk)
    result = only(desk.answer())
    assert (result.status, result.attempts, len(desk.snapshots())) == ("matched", 7, 1)
    assert desk.snapshots()[0].snapshot_id == result.snapshot_id


def test_a_mismatch_that_does_not_heal_is_told_after_thirty_seconds(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    result = exhaust(desk, desk.holds({}))
    assert result.status == "mismatched"
    assert timedelta(seconds=20) < result.finished_at - result.started_at < timedelta(seconds=30)
    assert len(desk.snapshots()) == 1


def test_a_mismatch_has_a_budget_of_its_own() -> None:
    desk = Desk(judging(mismatch_budget_s=1.0))
    desk.tell(desk.books.update(delta(BTC, 1)))
    result = exhaust(desk, desk.holds({}))
    assert result.status == "mismatched"
    assert result.finished_at - result.started_at < timedelta(seconds=1)
    desk.tell(desk.books.update(delta(BTC, 1), loop_no=2))
    assert exhaust(desk, DOWN).status == "unavailable"


@pytest.mark.parametrize(
    ("evidence", "old", "new"),
    [
        ({"venue_sequence": 7}, {"venue_sequence": 6}, {"venue_sequence": 7}),
        ({"block_number": 7}, {"block_number": 6}, {"block_number": 8}),
        ({"venue_sequence": 7, "block_number": 9}, {"venue_sequence": 6, "block_number": 9}, {"venue_sequence": 8}),
    ],
)
def test_a_snapshot_older_than_the_execution_by_sequence_or_block_is_not_compared(
    desk: Desk, evidence: dict[str, int], old: dict[str, int], new: dict[str, int]
) -> None:
    desk.tell(desk.books.update(delta(BTC, 1), **evidence))
    assert desk.answer(desk.holds(**old)) == []
    wake(desk)
    assert only(desk.answer(desk.holds(**new))).status == "matched"


def test_a_snapshot_older_than_the_execution_by_time_is_not_compared(desk: Desk) -> None:
    at = desk.driver.now + timedelta(seconds=5)
    desk.tell(desk.books.update(delta(BTC, 1), venue_time=at))
    assert desk.answer(desk.holds(as_of=at - timedelta(microseconds=1))) == []
    wake(desk)
    assert only(desk.answer(desk.holds(as_of=at))).status == "matched"


def test_the_execution_is_as_new_as_the_newest_report_of_the_account(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1), kind="working", venue_sequence=8))
    desk.tell(desk.books.update())
    assert desk.answer(desk.holds(venue_sequence=7)) == []


def test_evidence_of_one_account_says_nothing_of_another(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1), venue_sequence=8))
    desk.answer(desk.holds(venue_sequence=8))
    desk.tell(desk.books.update(lane="okx", venue="okx", loop_no=2, venue_sequence=1))
    assert only(desk.answer(desk.holds({}, venue_sequence=1))).status == "matched"


def test_snapshots_that_stay_old_end_as_unavailable(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1), venue_sequence=8))
    result = exhaust(desk, desk.holds(venue_sequence=7))
    assert result.error is not None
    assert (result.status, result.error.code) == ("unavailable", "REC-007")


def test_an_answer_of_another_kind_is_a_defect(desk: Desk) -> None:
    from tightloop.handlers.calls import NotFound

    desk.tell(desk.books.update())
    with pytest.raises(TypeError):
        desk.answer(NotFound(as_of=desk.driver.now))


def test_after_a_restart_a_snapshot_is_asked_for_again_and_has_its_whole_time(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    desk.wait(9)
    desk.driver.restart(after=300)
    assert len(desk.asked()) == 1
    assert desk.due_in() == 10
    desk.wait(9.9)
    result = only(desk.answer())
    assert (result.status, result.attempts) == ("matched", 1)


def test_after_a_restart_a_pause_goes_on_and_its_attempt_has_its_whole_time(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    desk.answer(DOWN)
    desk.driver.restart(after=300)
    assert desk.asked() == []
    assert desk.wait(0) == []
    assert (len(desk.asked()), desk.due_in()) == (1, 10)
    assert only(desk.answer()).status == "matched"


def test_after_a_restart_only_the_accounts_that_did_not_answer_are_asked_again(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(USDT, 10), delta("okx:BaseToken:USDT", 4)))
    desk.answer(desk.holds({USDT: D(10)}), call=0)
    before = desk.asked()
    desk.driver.restart(after=1)
    assert desk.asked() == before
    assert only(desk.answer(desk.holds({"okx:BaseToken:USDT": D(4)}))).status == "matched"


def test_when_one_of_several_accounts_fails_all_are_read_again(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(USDT, 10), delta("okx:BaseToken:USDT", 4)))
    desk.answer(desk.holds({USDT: D(10)}), call=0)
    desk.answer(DOWN)
    assert not [name for name in desk.driver.state if name.startswith("snapshot")]
    wake(desk)
    assert len(desk.asked()) == 2


def test_a_restart_with_nothing_pending_asks_for_nothing(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    desk.answer()
    desk.driver.restart()
    assert (desk.asked(), desk.due_in()) == ([], None)
