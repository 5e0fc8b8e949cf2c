"""How loops end: what frees the slot, what keeps it, what halts the key, and what the instruction's result says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.handlers.manager.desk import D, Desk, error, short

from tightloop.records.types import Delta, ErrorInfo

BTC, USDT = "binance:BaseToken:BTC", "binance:BaseToken:USDT"


# --- endings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "told", "expected"),
    [
        ("filled", None, ("reconciled", "filled", None)),
        ("partially_filled", None, ("reconciled", "partially_filled", None)),
        ("rejected", "EXI-006", ("reconciled", "rejected", "EXI-006")),
        ("cancelled", None, ("reconciled", "cancelled", None)),
        ("rolled_back", "EXI-008", ("reconciled", "rolled_back", "EXI-008")),
        ("none", "EIM-010", ("expired", "none", "EIM-010")),
        ("none", "EXI-003", ("reconciled", "none", "EXI-003")),
    ],
)
def test_matched_frees_whatever_the_outcome(outcome: str, told: str | None, expected: Any) -> None:
    desk = Desk()
    desk.instruct()
    desk.instruct("i2")
    desk.close(outcome=outcome, execution_error=error(told) if told else None)
    assert short(desk.result()) == expected
    assert desk.halts() == []
    assert desk.dispatched() == ["i1", "i2"]


def test_the_result_tells_of_the_loop() -> None:
    desk = Desk()
    made = desk.instruct(sequence=9)
    loop = desk.last_loop()
    desk.driver.world.now += timedelta(seconds=2)
    ended = desk.close(filled_amount=D("0.4"), outcome="partially_filled")
    result = desk.result()
    assert (result.sequence, result.loop_no, result.account, result.venue) == (9, 3, "s1", "binance")
    assert (result.received_at, result.dispatched_at) == (made.created_at, loop.dispatched_at)
    assert result.finished_at == desk.now
    assert (result.result_id, result.position_version) == (ended.result_id, ended.position_version)
    assert (result.report_ids, result.filled_amount) == (ended.report_ids, D("0.4"))


def test_a_mismatch_is_verified_once_and_may_heal() -> None:
    desk = Desk()
    desk.instruct()
    own = desk.close(status="mismatched", error=error("REC-002"))
    assert desk.last_loop().kind == "verify"
    assert not desk.results("i1")
    desk.close()
    assert short(desk.result()) == ("reconciled", "filled", None)
    assert desk.result().report_ids == own.report_ids
    assert desk.halts() == []


def test_a_second_mismatch_halts() -> None:
    desk = Desk()
    desk.instruct()
    desk.close(status="mismatched")
    desk.close(status="mismatched")
    assert short(desk.result()) == ("halted", "filled", "REC-002")
    assert desk.halts() == ["REC-002"]
    assert desk.head().slot is None


@pytest.mark.parametrize("status", ["unavailable", "timeout"])
def test_what_could_not_be_verified_suspends_and_is_verified_again_with_growing_pauses(status: str) -> None:
    desk = Desk()
    desk.instruct()
    desk.close(status=status)
    pauses = []
    for _ in range(9):
        began = desk.now
        loops = len(desk.loops())
        while len(desk.loops()) == loops:
            desk.driver.advance(1)
        pauses.append((desk.now - began).total_seconds())
        assert desk.last_loop().kind == "verify"
        desk.close(status=status)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert desk.halts() == []
    desk.driver.advance(300)
    desk.close()
    assert short(desk.result()) == ("reconciled", "filled", None)


def test_a_suspension_of_an_hour_becomes_a_halt() -> None:
    desk = Desk()
    desk.instruct()
    desk.close(status="unavailable")
    began = desk.now
    while not desk.results("i1"):
        loops = len(desk.loops())
        while len(desk.loops()) == loops:
            desk.driver.advance(5)
        desk.close(status="unavailable")
    assert 3600 <= (desk.now - began).total_seconds() < 3600 + 300
    assert short(desk.result()) == ("halted", "filled", "REC-003")
    assert desk.halts() == ["REC-003"]


def test_a_verify_that_could_not_read_the_venue_counts_as_unavailable_though_positions_match() -> None:
    desk = Desk()
    desk.instruct()
    desk.close(status="mismatched")
    desk.close(execution_error=error("EXI-003"))
    assert not desk.results("i1")
    slot = desk.head().slot
    assert slot is not None
    assert slot.suspended


def test_an_unknown_outcome_halts_even_when_positions_match() -> None:
    desk = Desk()
    desk.instruct()
    desk.close(outcome="unknown", execution_error=error("EXI-005"))
    assert short(desk.result()) == ("halted", "unknown", "EXI-005")
    assert desk.halts() == ["EXI-005"]


@pytest.mark.parametrize("code", ["PUH-006", "REC-009", "REC-010"])
@pytest.mark.parametrize("status", ["matched", "mismatched", "unavailable"])
def test_errors_in_the_keys_own_records_halt_also_when_positions_match(code: str, status: str) -> None:
    desk = Desk()
    desk.instruct()
    told: dict[str, ErrorInfo] = {"execution_error" if code.startswith("PUH") else "error": error(code)}
    desk.close(status=status, **told)
    assert desk.halts() == [code]
    if status == "unavailable":
        desk.driver.advance(6)
    if status != "matched":
        assert not desk.results("i1")
        desk.close()
    assert short(desk.result()) == ("halted", "filled", code)
    assert desk.halts() == [code]


def test_a_balance_below_zero_on_the_way_is_judged_by_the_comparison() -> None:
    desk = Desk()
    desk.instruct()
    desk.close(execution_error=error("PUH-010"))
    assert desk.result().status == "reconciled"
    assert desk.halts() == []


def test_residuals_that_add_up_halt_under_their_own_code() -> None:
    desk = Desk()
    desk.instruct()
    desk.close(status="mismatched", error=error("REC-014"))
    desk.close(status="mismatched", error=error("REC-014"))
    assert desk.halts()[0] == "REC-014"
    assert short(desk.result()) == ("halted", "filled", "REC-014")


# --- what was expected ------------------------------------------------------------------------------------------------


def delta(key: str, amount: str, source: str = "trade") -> Delta:
    return Delta(position_key=key, amount=D(amount), source=source)


EXPECTED = (delta(BTC, "1"), delta(USDT, "-60000"))


@pytest.mark.parametrize(
    ("name", "happened", "halts"),
    [
        ("as expected", [delta(BTC, "1"), delta(USDT, "-60000")], []),
        ("within the bound", [delta(BTC, "1"), delta(USDT, "-60060")], []),
        ("at the bound, and a fee", [delta(BTC, "1"), delta(BTC, "-0.01", "fee"), delta(USDT, "-60060")], []),
        ("interest beside it", [delta(BTC, "1"), delta(USDT, "-60000"), delta(USDT, "500", "interest")], []),
        ("beyond the bound", [delta(BTC, "1"), delta(USDT, "-60061")], ["EIM-003"]),
        ("nothing of it", [], ["EIM-003"]),
        ("the other way round", [delta(BTC, "-1"), delta(USDT, "60000")], ["EIM-003"]),
    ],
)
def test_what_happens_is_held_against_what_was_expected(name: str, happened: Any, halts: list[str]) -> None:
    desk = Desk()
    desk.instruct(expected_deltas=EXPECTED, max_slippage_bps=D(10), order_type="market", price=None)
    desk.close(deltas=tuple(happened))
    assert desk.halts() == halts, name
    assert short(desk.result())[0] == ("halted" if halts else "reconciled"), name


@pytest.mark.parametrize("outcome", ["rejected", "partially_filled", "cancelled", "none"])
def test_what_was_not_carried_out_whole_is_told_by_its_outcome(outcome: str) -> None:
    desk = Desk()
    desk.instruct(expected_deltas=EXPECTED)
    desk.close(outcome=outcome)
    assert desk.halts() == []


def test_without_a_bound_of_its_own_an_instruction_has_the_managers() -> None:
    for cost, halts in (("-60500", []), ("-60700", ["EIM-003"])):
        desk = Desk()
        desk.instruct(expected_deltas=EXPECTED)
        desk.close(deltas=(delta(BTC, "1"), delta(USDT, cost)))
        assert desk.halts() == halts


# --- deadlines --------------------------------------------------------------------------------------------------------


def test_a_loop_that_does_not_come_back_halts_and_is_still_waited_for() -> None:
    desk = Desk()
    desk.instruct(expires_at=desk.now + timedelta(seconds=30))
    desk.driver.advance(30 + 150)
    assert desk.halts() == ["EIM-012"]
    assert not desk.results("i1")
    desk.driver.advance(10_000)
    assert desk.halts() == ["EIM-012"]
    desk.close()
    assert short(desk.result()) == ("reconciled", "filled", None)
    assert desk.halts() == ["EIM-012"]
    desk.instruct("i2")
    assert short(desk.result("i2"))[2] == "EIM-011"


def test_an_order_that_works_longer_than_it_may_be_submitted_is_not_overdue() -> None:
    desk = Desk()
    desk.instruct(expires_at=desk.now + timedelta(seconds=30), timeout_ms=3_600_000)
    desk.driver.advance(3600)
    assert desk.halts() == []
    desk.driver.advance(151)
    assert desk.halts() == ["EIM-012"]
