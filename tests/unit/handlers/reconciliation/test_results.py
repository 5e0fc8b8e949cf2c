"""Reconciliation: what each kind of final update results in."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.support.lanes import account, judging
from tests.support.position_records import AUSDT, BTC, ETH, MARGIN, PERP, USDT, delta, error
from tests.support.reconciliation_desk import Desk

from tightloop.domain import ids
from tightloop.errors import ExecutionError
from tightloop.handlers.calls import ReadPositions
from tightloop.handlers.reconciliation.settings import Tolerances
from tightloop.records.types import ReconciliationResult

D = Decimal
IMPATIENT = judging(mismatch_budget_s=0.0)


def only(results: list[ReconciliationResult]) -> ReconciliationResult:
    (result,) = results
    return result


def test_a_final_update_has_the_account_read_and_a_match_is_published_with_its_snapshot(desk: Desk) -> None:
    assert desk.tell(desk.books.update(delta(USDT, 1000), kind="working")) == []
    assert desk.asked() == []
    assert desk.tell(desk.books.update(delta(BTC, 1), filled_amount=D(1))) == []
    assert list(desk.driver.calls.values()) == [ReadPositions(account("binance", "s1"))]
    result = only(desk.answer(desk.holds(venue_sequence=9, block_number=4)))
    snapshot = desk.snapshots()[0]
    assert (result.status, result.verified, result.error) == ("matched", True, None)
    assert result.result_id == ids.result_id("s1", 2)
    assert snapshot.snapshot_id == result.snapshot_id == ids.snapshot_id("s1", "binance", "s1", 2, 1)
    assert {one.position_key: one.amount for one in snapshot.positions} == {BTC: 1, USDT: 1000}
    assert (snapshot.venue_sequence, snapshot.block_number, snapshot.complete) == (9, 4, True)
    assert (result.position_version, result.kind, result.outcome, result.source) == (2, "loop", "filled", "trade")
    assert (result.filled_amount, result.report_ids, result.instruction_id) == (1, ("r2",), "i1")
    assert (result.as_of, result.block_number, result.attempts) == (snapshot.as_of, 4, 1)
    assert [check.position_key for check in result.checks] == [BTC, USDT]
    assert [one.topic for one in desk.driver.world.emitted] == ["venue_positions", "reconciliation_results"]


def test_what_a_venue_shows_of_one_position_under_two_keys_adds_up(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 3)))
    result = only(desk.answer(desk.holds({BTC: D(1), BTC.replace(":", "@s1:", 1): D(2)})))
    assert result.status == "matched"
    assert [(one.position_key, one.amount) for one in desk.snapshots()[0].positions] == [(BTC, 3)]


def test_after_a_result_nothing_is_pending(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    assert desk.due_in() == 10
    desk.answer()
    assert desk.due_in() is None
    assert sorted(desk.driver.state) == ["head", f"position|{BTC}"]


@pytest.mark.parametrize(
    ("loop_kind", "kind"), [("execute", "loop"), ("refresh", "refresh"), ("verify", "verify"), ("adopt", "adopt")]
)
def test_the_kind_of_a_result_is_that_of_its_loop(desk: Desk, loop_kind: str, kind: str) -> None:
    desk.tell(desk.books.update(loop_kind=loop_kind))
    assert only(desk.answer()).kind == kind


@pytest.mark.parametrize("outcome", ["none", "rejected", "rolled_back", "cancelled", "unknown"])
def test_positions_are_verified_whatever_the_outcome(desk: Desk, outcome: str) -> None:
    desk.tell(desk.books.update(outcome=outcome, error=error("EXI-005")))
    result = only(desk.answer())
    assert (result.status, result.outcome, result.execution_error) == ("matched", outcome, error("EXI-005"))


def test_what_the_handler_found_wrong_travels_as_the_execution_error(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, -1), error=error("PUH-010")))
    result = only(desk.answer())
    assert (result.status, result.execution_error, result.error) == ("matched", error("PUH-010"), None)


def test_a_correction_is_verified_beside_the_loops(desk: Desk) -> None:
    desk.tell(desk.books.update(outcome="unknown"))
    desk.answer()
    desk.tell(desk.books.update(delta(BTC, 1), kind="correction", corrects_report_id="r1"))
    result = only(desk.answer())
    assert (result.kind, result.source, result.corrects_report_id) == ("verify", "correction", "r1")
    assert (result.loop_no, result.outcome, result.status) == (1, "filled", "matched")


def test_an_adjustment_is_verified_beside_the_loops(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1, "adjustment"), kind=None, error=error("PUH-013")))
    result = only(desk.answer())
    assert (result.kind, result.source, result.execution_error) == ("verify", "adjustment", error("PUH-013"))


def test_a_mismatch_names_every_position_that_differs() -> None:
    desk = Desk(IMPATIENT)
    desk.tell(desk.books.update(delta(BTC, 1), delta(USDT, 7), delta(MARGIN, 3)))
    result = only(desk.answer(desk.holds({BTC: D(1), USDT: D(6), PERP: D(2)})))
    assert (result.status, result.verified) == ("mismatched", False)
    codes = {check.position_key: check.code for check in result.checks}
    assert codes == {BTC: None, USDT: "REC-002", MARGIN: "REC-002", PERP: "REC-008"}
    assert result.error is not None
    assert result.error.code == "REC-002"
    assert f"REC-008 {PERP}: expected 0, actual 2" in result.error.message
    assert desk.snapshots()[0].snapshot_id == result.snapshot_id


@pytest.mark.parametrize("key", ["BTC", "mtgox:BaseToken:BTC", "okx:BaseToken:BTC", "binance@other:BaseToken:BTC"])
def test_a_snapshot_with_what_cannot_lie_in_the_account_is_a_mismatch(key: str) -> None:
    desk = Desk(IMPATIENT)
    desk.tell(desk.books.update(delta(BTC, 1)))
    result = only(desk.answer(desk.holds({BTC: D(1), key: D(1)})))
    assert {check.position_key: check.code for check in result.checks} == {BTC: None, key: "REC-004"}
    assert result.status == "mismatched"


def test_a_snapshot_may_spell_the_default_account_out(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(BTC, 1)))
    assert only(desk.answer(desk.holds({"binance@s1:BaseToken:BTC": D(1)}))).status == "matched"


def test_a_wallet_is_one_account_whatever_the_protocol(desk: Desk) -> None:
    wallet = {"lane": "ethereum", "venue": "aave"}
    desk.tell(desk.books.update(delta(ETH, 1), delta(AUSDT, 5), **wallet))
    assert list(desk.driver.calls.values()) == [ReadPositions(replace(account("ethereum", "s1"), venue="aave"))]
    result = only(desk.answer())
    assert (result.status, len(result.checks)) == ("matched", 2)


def test_positions_of_other_accounts_and_in_transit_are_not_compared(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(ETH, 5), lane="ethereum", venue="wallet"))
    desk.answer()
    update = desk.books.update(delta(BTC, 1), delta("transit:i1:USDT", 9), loop_no=2)
    desk.tell(update)
    assert len(desk.asked()) == 1
    result = only(desk.answer(desk.holds({BTC: D(1)})))
    assert [check.position_key for check in result.checks] == [BTC]
    assert result.status == "matched"


def test_every_account_that_the_loop_touched_is_read_and_compared(desk: Desk) -> None:
    desk.tell(desk.books.update(delta(USDT, 10), delta("okx:BaseToken:USDT", 4), kind="working"))
    desk.tell(desk.books.update(delta(BTC, 1)))
    assert list(desk.driver.calls.values()) == [ReadPositions(account(lane, "s1")) for lane in ("binance", "okx")]
    assert desk.answer(desk.holds({"okx:BaseToken:USDT": D(4)}), call=1) == []
    result = only(desk.answer(desk.holds({USDT: D(10), BTC: D(1)})))
    assert (result.status, len(result.checks), len(desk.snapshots())) == ("matched", 3, 2)
    assert result.snapshot_id == ids.snapshot_id("s1", "binance", "s1", 2, 1)
    assert not [name for name in desk.driver.state if name.startswith(("snapshot", "pending"))]
    desk.tell(desk.books.update(delta(BTC, 1), loop_no=2))
    assert len(desk.asked()) == 1


@pytest.mark.parametrize("loop_kind", ["refresh", "verify", "adopt"])
def test_what_the_executor_could_not_read_is_unavailable_at_once(desk: Desk, loop_kind: str) -> None:
    update = desk.books.update(loop_kind=loop_kind, outcome="none", error=error("EXI-003"))
    result = only(desk.tell(update))
    assert (result.status, result.execution_error, result.attempts) == ("unavailable", error("EXI-003"), 0)
    assert result.error is not None
    assert result.error.code == "REC-005"
    assert (desk.asked(), desk.due_in(), sorted(desk.driver.state)) == ([], None, ["head"])


def test_an_instruction_that_met_a_venue_out_of_reach_is_verified(desk: Desk) -> None:
    desk.tell(desk.books.update(outcome="none", error=error("EXI-003")))
    assert only(desk.answer()).status == "matched"


def test_a_difference_within_the_tolerance_matches() -> None:
    desk = Desk(judging(tolerances=Tolerances(default_dust=D("0.01"))))
    desk.tell(desk.books.update(delta(USDT, 5)))
    result = only(desk.answer(desk.holds({USDT: D("5.01"), BTC: D("0.01")})))
    assert result.status == "matched"
    assert [check.tolerance for check in result.checks] == [D("0.01"), D("0.01")]


def test_tolerated_differences_that_add_up_no_longer_pass_until_they_are_adjusted() -> None:
    desk = Desk(judging(tolerances=Tolerances(default_dust=D("0.01"), residual_factor=D(3))))
    drifting = [D("5.01"), D("4.99"), D("5.00"), D("5.01")]  # moves by 0.01, 0.02, 0.01, 0.01
    for loop_no, held in enumerate(drifting, start=1):
        desk.tell(desk.books.update(delta(USDT, 5 if loop_no == 1 else 0), loop_no=loop_no))
        desk.answer(desk.holds({USDT: held}))
    assert [result.status for result in desk.results()] == ["matched", "matched", "mismatched", "mismatched"]
    result = desk.results()[2]
    assert [check.code for check in result.checks] == ["REC-014"]
    assert result.error is not None
    assert result.error.code == "REC-014"
    desk.tell(desk.books.update(delta(USDT, "0.01", "adjustment"), kind=None))
    assert only(desk.answer(desk.holds({USDT: D("5.01")}))).status == "matched"


def test_what_stays_tolerated_does_not_add_up() -> None:
    desk = Desk(judging(tolerances=Tolerances(default_dust=D("0.01"), residual_factor=D(2))))
    for loop_no in range(1, 20):
        desk.tell(desk.books.update(delta(USDT, 1), loop_no=loop_no))
        assert only(desk.answer(desk.holds({USDT: D(loop_no) + D("0.01")}))).status == "matched"


def test_a_closed_position_forgets_what_was_tolerated() -> None:
    desk = Desk(judging(tolerances=Tolerances(default_dust=D("0.01"))))
    desk.tell(desk.books.update(delta(USDT, 5)))
    desk.answer(desk.holds({USDT: D("5.01"), BTC: D("0.001")}))
    assert f"position|{BTC}" in desk.driver.state
    desk.tell(desk.books.update(delta(USDT, -5), loop_no=2))
    desk.answer(desk.holds({}))
    assert [check.passed for check in desk.results()[-1].checks] == [True, True]
    assert desk.driver.state.keys() == {"head"}


@pytest.mark.parametrize("name", ["loop_kind", "outcome", "report_kind"])
def test_nothing_acts_on_an_unknown_enum_symbol(desk: Desk, name: str) -> None:
    with pytest.raises(ExecutionError) as raised:
        desk.tell(replace(desk.books.update(), **{name: "UNKNOWN"}))
    assert raised.value.code == "TLC-008"
    assert desk.driver.state == {}


def test_an_update_with_a_position_key_that_cannot_be_read_is_refused(desk: Desk) -> None:
    with pytest.raises(ExecutionError) as raised:
        desk.tell(desk.books.update(delta("nonsense", 1)))
    assert raised.value.code == "REC-004"


def test_times_of_a_result_say_how_long_verification_took(desk: Desk) -> None:
    desk.tell(desk.books.update())
    desk.wait(2)
    result = only(desk.answer())
    assert result.finished_at - result.started_at == timedelta(seconds=2)
