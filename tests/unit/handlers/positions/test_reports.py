"""The position update handler: what a report does."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.support.handler_context import HandlerDriver
from tests.support.lanes import position_updates
from tests.support.position_desk import apply, expected
from tests.support.position_records import BTC, DEBT, ETH, MARGIN, PERP, USDT, delta, error, fee, opening, report

from tightloop.domain import ids


@pytest.fixture
def driver() -> HandlerDriver:
    return HandlerDriver(position_updates())


def test_a_report_makes_one_update_with_the_next_version_and_what_is_expected_after_it(driver: HandlerDriver) -> None:
    apply(driver, opening(delta(USDT, 1000)))
    update = apply(driver, report(2, 1, "final", delta(BTC, "0.01"), delta(USDT, -600), amount=Decimal("0.01")))
    assert (update.previous_version, update.position_version, update.is_final) == (1, 2, True)
    assert update.update_id == ids.update_id("s1", 2)
    assert expected(update) == {BTC: Decimal("0.01"), USDT: Decimal(400)}
    assert (update.source, update.outcome, update.instruction_id, update.loop_no) == ("trade", "filled", "i2", 2)
    assert (update.lane, update.venue, update.account) == ("binance", "binance", "s1")
    assert (update.report_kind, update.report_no) == ("final", 1)
    assert update.filled_amount == Decimal("0.01")
    assert update.trace_id == "trace-2"


def test_updates_name_every_report_of_the_loop_and_what_it_filled_so_far(driver: HandlerDriver) -> None:
    apply(driver, opening(delta(USDT, 1000)))
    first = apply(driver, report(2, 1, "working", delta(BTC, 1), delta(USDT, -100), amount=Decimal(1)))
    accrued = apply(driver, report(2, 2, "accrual", delta(USDT, 3, "reward"), amount=Decimal(9)))
    last = apply(driver, report(2, 3, "final", delta(BTC, 2), delta(USDT, -200), amount=Decimal(2)))
    assert [first.is_final, accrued.is_final, last.is_final] == [False, False, True]
    assert [first.filled_amount, accrued.filled_amount, last.filled_amount] == [1, 1, 3]
    assert last.report_ids == tuple(ids.report_id("s1", 2, number) for number in (1, 2, 3))
    assert [first.source, accrued.source, last.source] == ["trade", "reward", "trade"]
    following = apply(driver, report(3, 1, "final"))
    assert following.report_ids == (ids.report_id("s1", 3, 1),)
    assert following.filled_amount == 0


def test_an_empty_final_report_keeps_the_source_of_its_loop(driver: HandlerDriver) -> None:
    apply(driver, report(1, 1, "accrual", delta(MARGIN, -1, "funding"), loop_kind="refresh", instruction_id=None))
    last = apply(driver, report(1, 2, "final", loop_kind="refresh", instruction_id=None, outcome="none"))
    assert (last.source, last.loop_kind, last.filled_amount, last.deltas) == ("funding", "refresh", None, ())


@pytest.mark.parametrize(
    ("sources", "source"),
    [
        (("trade", "fee"), "trade"),
        (("gas", "trade", "fee"), "trade"),
        (("gas",), "gas"),
        (("fee", "transfer"), "transfer"),
        (("interest", "interest"), "interest"),
        (("initial",), "initial"),
    ],
)
def test_the_source_is_that_of_the_delta_that_matters_most(
    driver: HandlerDriver, sources: tuple[str, ...], source: str
) -> None:
    update = apply(driver, report(1, 1, "final", *(delta(MARGIN, 1, one) for one in sources)))
    assert update.source == source


def test_evidence_travels_on_so_that_a_snapshot_can_be_told_to_be_old(driver: HandlerDriver) -> None:
    one = report(1, 1, "final", delta(ETH, 1), lane="ethereum", venue="wallet", block_number=7, venue_sequence=3)
    update = apply(driver, one)
    assert (update.block_number, update.venue_sequence, update.venue_time) == (7, 3, one.event_time)


def test_the_time_of_a_report_that_changed_nothing_is_no_evidence(driver: HandlerDriver) -> None:
    update = apply(driver, report(1, 1, "final", outcome="rejected", error=error("EXI-006")))
    assert update.venue_time is None
    assert update.error == error("EXI-006")
    assert update.expected_positions == ()


def test_a_position_that_comes_to_zero_is_no_longer_kept(driver: HandlerDriver) -> None:
    apply(driver, report(1, 1, "final", delta(PERP, -2)))
    assert f"position|{PERP}" in driver.state
    update = apply(driver, report(2, 1, "final", delta(PERP, 2)))
    assert expected(update) == {PERP: 0}
    assert f"position|{PERP}" not in driver.state


def test_one_position_spelled_in_two_ways_is_one_position(driver: HandlerDriver) -> None:
    apply(driver, report(1, 1, "final", delta("binance@s1:BaseToken:BTC", 1)))
    update = apply(driver, report(2, 1, "final", delta(BTC, 1)))
    assert expected(update) == {BTC: 2}


def test_deltas_of_one_position_add_up_exactly(driver: HandlerDriver) -> None:
    tiny, large = "0.000000000000000001", "1" + "0" * 57
    update = apply(driver, report(1, 1, "final", delta(BTC, large), delta(BTC, tiny), delta(BTC, tiny)))
    assert expected(update) == {BTC: Decimal("1" + "0" * 57 + ".000000000000000002")}


def test_the_same_report_again_changes_nothing_and_says_nothing(driver: HandlerDriver) -> None:
    one = report(1, 1, "working", delta(BTC, 1))
    apply(driver, one)
    before = dict(driver.state)
    later = replace(one, produced_at=one.produced_at.replace(year=2025), observed_at=one.produced_at, trace_id=None)
    assert driver.feed("fills", later) == []
    assert driver.state == before


def test_the_same_report_of_an_earlier_loop_again_changes_nothing(driver: HandlerDriver) -> None:
    one = report(1, 1, "final", delta(BTC, 1))
    apply(driver, one)
    for loop_no in range(2, 60):
        apply(driver, report(loop_no, 1, "final"))
    assert driver.feed("fills", one) == []


def test_a_report_whose_predecessor_is_missing_is_applied_and_the_final_update_carries_it(
    driver: HandlerDriver,
) -> None:
    apply(driver, report(1, 1, "working", delta(BTC, 1)))
    jumped = apply(driver, report(1, 4, "working", delta(BTC, 4)))
    assert jumped.error is not None
    assert jumped.error.code == "PUH-006"
    assert "2-3 is missing" in jumped.error.message
    assert not jumped.is_final
    late = apply(driver, report(1, 2, "working", delta(BTC, 2)))
    assert late.error is None
    last = apply(driver, report(1, 5, "final", error=error("EXI-012")))
    assert last.is_final
    assert last.error is not None
    assert last.error.code == "PUH-006"
    assert "EXI-012: as told" in last.error.message
    assert expected(late) == {BTC: 7}


def test_a_missing_report_that_comes_after_its_loop_ended_is_applied(driver: HandlerDriver) -> None:
    apply(driver, report(1, 2, "final", delta(BTC, 2)))
    apply(driver, report(2, 1, "final", delta(BTC, 3)))
    late = apply(driver, report(1, 1, "working", delta(BTC, 1)))
    assert expected(late) == {BTC: 6}
    assert (late.is_final, late.error, late.position_version) == (False, None, 3)
    assert driver.feed("fills", report(1, 1, "working", delta(BTC, 1))) == []


def test_a_missing_report_is_waited_for_however_many_loops_there_are(driver: HandlerDriver) -> None:
    apply(driver, report(1, 2, "final", delta(BTC, 2)))
    for loop_no in range(2, 300):
        apply(driver, report(loop_no, 1, "final"))
    assert expected(apply(driver, report(1, 1, "working", delta(BTC, 1)))) == {BTC: 3}


def test_a_loop_of_which_nothing_came_does_not_hold_up_the_next(driver: HandlerDriver) -> None:
    apply(driver, report(1, 1, "final"))
    following = apply(driver, report(4, 1, "final"))
    assert following.error is None
    late = apply(driver, report(3, 1, "final", delta(BTC, 1)))
    assert (late.error, late.loop_no, expected(late)) == (None, 3, {BTC: 1})
    assert driver.feed("fills", report(3, 1, "final", delta(BTC, 1))) == []


def test_what_comes_after_the_final_report_is_applied_and_its_error_reaches_the_manager(driver: HandlerDriver) -> None:
    apply(driver, report(1, 1, "final", delta(BTC, 1)))
    again = apply(driver, report(1, 2, "working", delta(BTC, 1)))
    assert again.error is not None
    assert (again.error.code, again.is_final, expected(again)) == ("PUH-006", True, {BTC: 2})


@pytest.mark.parametrize("key", [BTC, DEBT, "curve:LPToken:3pool", "morpho:Supply:0xabc", "transit:i1:USDT"])
def test_a_balance_below_zero_is_applied_and_carried_to_the_final_update(driver: HandlerDriver, key: str) -> None:
    update = apply(driver, report(1, 1, "working", delta(key, "-0.5")))
    assert expected(update) == {key: Decimal("-0.5")}
    assert update.error is not None
    assert update.error.code == "PUH-010"
    assert key in update.error.message
    last = apply(driver, report(1, 2, "final"))
    assert last.error == update.error


@pytest.mark.parametrize("key", [PERP, MARGIN])
def test_perpetuals_and_margin_balances_may_be_below_zero(driver: HandlerDriver, key: str) -> None:
    assert apply(driver, report(1, 1, "final", delta(key, -5))).error is None


def test_a_correction_is_final_bears_the_number_of_its_loop_and_adds_to_what_that_filled(
    driver: HandlerDriver,
) -> None:
    apply(driver, opening(delta(USDT, 500)))
    unknown = apply(driver, report(2, 1, "final", outcome="unknown", error=error("EXI-005")))
    apply(driver, report(3, 1, "working", loop_kind="verify", instruction_id=None))
    correction = report(
        2, 2, "correction", delta(BTC, 2), delta(USDT, -200), amount=Decimal(2), corrects_report_id=unknown.report_id
    )
    update = apply(driver, correction)
    assert (update.is_final, update.loop_no, update.source, update.outcome) == (True, 2, "correction", "filled")
    assert (update.corrects_report_id, update.filled_amount) == (unknown.report_id, 2)
    assert update.report_ids == (ids.report_id("s1", 2, 1), ids.report_id("s1", 2, 2))
    assert update.error is None
    assert driver.feed("fills", correction) == []


def test_a_correction_of_an_unknown_loop_is_applied_however_many_loops_later(driver: HandlerDriver) -> None:
    unknown = apply(driver, report(1, 1, "final", outcome="unknown"))
    for loop_no in range(2, 300):
        apply(driver, report(loop_no, 1, "final"))
    late = report(1, 2, "correction", delta(BTC, 1), corrects_report_id=unknown.report_id)
    assert expected(apply(driver, late)) == {BTC: 1}
    assert driver.state["head"].unsettled_loops == ()


def test_fees_in_the_deltas_are_not_applied_again(driver: HandlerDriver) -> None:
    apply(driver, opening(delta(BTC, 1), delta(USDT, 10)))
    charged = (delta(BTC, 1), delta(BTC, "-0.1", "fee"), delta(USDT, -2, "fee"), delta(USDT, -1, "gas"))
    fees = (fee(BTC, "0.1"), fee(USDT, 2), fee(USDT, 1, "gas"))
    assert expected(apply(driver, report(2, 1, "final", *charged, fees=fees))) == {BTC: Decimal("1.9"), USDT: 7}


def test_a_correction_may_take_back_what_was_reported(driver: HandlerDriver) -> None:
    first = apply(driver, report(1, 1, "final", delta(BTC, 1), amount=Decimal(1)))
    back = report(1, 2, "correction", delta(BTC, -1), amount=Decimal(-1), corrects_report_id=first.report_id)
    update = apply(driver, replace(back, outcome="rolled_back"))
    assert (expected(update), update.filled_amount) == ({BTC: 0}, 0)


def test_state_stays_bounded_however_many_loops_there_are(driver: HandlerDriver) -> None:
    for loop_no in range(1, 400):
        outcome = "unknown" if loop_no % 2 else "filled"
        apply(driver, report(loop_no, 1, "working", delta(BTC, 1)))
        apply(driver, report(loop_no, 2, "final", delta(BTC, -1), outcome=outcome))
    assert len(driver.state) <= 1 + 64 + 64


def test_a_report_writes_the_head_and_the_positions_it_touches_and_nothing_else(driver: HandlerDriver) -> None:
    apply(driver, opening(delta(USDT, 1000)))
    apply(driver, report(2, 1, "working", delta(BTC, 1), delta(USDT, -1)))
    before = driver.world.writes
    apply(driver, report(2, 2, "final", delta(BTC, 1), delta(USDT, -1)))
    assert driver.world.writes - before == 3


def test_strategies_do_not_see_each_other(driver: HandlerDriver) -> None:
    apply(driver, report(1, 1, "final", delta(BTC, 1)))
    (emitted,) = driver.feed("fills", report(1, 1, "final", delta(BTC, 5), strategy_id="s2"), key="s2")
    assert (emitted.record.position_version, expected(emitted.record)) == (1, {BTC: 5})
