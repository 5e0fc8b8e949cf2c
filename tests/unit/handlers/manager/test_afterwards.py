"""After a loop's end: corrections, late reports, adjustments; and the accounts that are taken over and refreshed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from tests.unit.handlers.manager.desk import D, Desk, error, short

from tightloop.records.types import AccountRef
from tightloop.testing import builders

# --- after the end ----------------------------------------------------------------------------------------------------


def unknown(desk: Desk) -> Any:
    desk.instruct()
    loop = desk.last_loop()
    desk.close(outcome="unknown", execution_error=error("EXI-005"))
    return loop


def correction(desk: Desk, loop: Any, **fields: Any) -> Any:
    return desk.close(loop, kind="verify", corrects_report_id="report-x", source="correction", **fields)


def test_a_correction_resolves_the_unknown_and_is_verified() -> None:
    desk = Desk()
    loop = unknown(desk)
    ended = correction(desk, loop, filled_amount=D("0.7"), outcome="filled")
    first, later = desk.results("i1")
    assert (short(first), first.resolves) == (("halted", "unknown", "EXI-005"), None)
    assert (short(later), later.resolves) == (("reconciled", "filled", None), "report-x")
    assert (later.filled_amount, later.result_id) == (D("0.7"), ended.result_id)
    assert desk.last_loop().kind == "verify"
    desk.close()
    assert desk.halts() == ["EXI-005"]  # it neither frees nor halts


def test_a_correction_that_overtakes_its_loops_own_result_is_told_after_it() -> None:
    desk = Desk()
    desk.instruct()
    loop = desk.last_loop()
    own = desk.result_of(loop, outcome="unknown", execution_error=error("EXI-005"))
    correction(desk, loop, outcome="filled")
    assert not desk.results("i1")
    desk.driver.feed("reconciliation_results", own)
    assert [(short(one), bool(one.resolves)) for one in desk.results("i1")] == [
        (("halted", "unknown", "EXI-005"), False),
        (("reconciled", "filled", None), True),
    ]
    assert desk.halts() == ["EXI-005"]


def test_a_correction_during_the_verify_of_its_loop_is_told_after_it() -> None:
    desk = Desk()
    desk.instruct()
    loop = desk.last_loop()
    desk.close(outcome="unknown", execution_error=error("EXI-005"), status="mismatched")
    verify = desk.last_loop()
    correction(desk, loop, outcome="filled")
    desk.close(verify)
    assert [(one.outcome, bool(one.resolves)) for one in desk.results("i1")] == [("unknown", False), ("filled", True)]


def test_an_unknown_is_resolved_however_much_later() -> None:
    desk = Desk(sequenced_seen_limit=2)
    loop = unknown(desk)
    desk.order("resume", expected_halt_ids=desk.halt_ids(), accept_unverified=True)
    for number in range(20):
        desk.driver.advance(1000)
        desk.instruct(f"n{number}", sequence=number)
        desk.close()
    correction(desk, loop, outcome="filled")
    assert [bool(one.resolves) for one in desk.results("i1")] == [False, True]
    correction(desk, loop, outcome="filled")
    assert len(desk.results("i1")) == 2


def test_a_report_after_the_end_halts_and_frees_nothing() -> None:
    """Its result has the number of a loop that is over, or still under way, and the kind `verify`."""
    desk = Desk()
    desk.instruct()
    loop = desk.last_loop()
    desk.close(loop, kind="verify", execution_error=error("PUH-006"))
    assert desk.head().slot is not None
    assert desk.halts() == ["PUH-006"]
    desk.close(loop)
    assert desk.result().status == "reconciled"


def test_an_adjustment_is_verified_and_one_that_was_refused_is_not() -> None:
    desk = Desk()
    desk.instruct()
    loop = desk.last_loop()
    desk.close()
    told = replace(desk.result_of(loop), kind="verify", source="adjustment", instruction_id=None)
    for code in ("PUH-012", "PUH-013"):
        refused = replace(
            told, result_id=code, execution_error=error(code), error=error("REC-001"), status="unavailable"
        )
        desk.driver.feed("reconciliation_results", refused)
    assert desk.head().slot is None
    desk.driver.feed("reconciliation_results", told)
    assert desk.last_loop().kind == "verify"


def test_checks_that_wait_for_the_slot_are_not_piled_up() -> None:
    desk = Desk()
    desk.instruct()
    loop = desk.last_loop()
    for number in range(50):
        told = replace(desk.result_of(loop), kind="verify", source="adjustment", result_id=str(number))
        desk.driver.feed("reconciliation_results", told)
    assert len(desk.head().checks) == 1


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_an_account_is_taken_over_before_the_first_instruction_that_touches_it() -> None:
    desk = Desk(fresh=True)
    desk.instruct()
    assert desk.dispatched() == ["adopt"]
    desk.close(kind="adopt")
    assert desk.dispatched() == ["adopt", "i1"]


def test_a_second_account_of_the_key_is_taken_over_likewise() -> None:
    desk = Desk()
    desk.driver.feed("instructions", builders.action("i1", desk.now))
    assert [(one.kind, one.lane, one.venue) for one in desk.loops("ethereum")] == [("adopt", "ethereum", "wallet")]
    desk.close(kind="adopt")
    desk.close()
    assert desk.result().status == "reconciled"
    desk.driver.feed("instructions", builders.action("i2", desk.now))
    assert [one.kind for one in desk.loops("ethereum")] == ["adopt", "execute", "execute"]


def test_an_account_that_could_not_be_read_is_asked_again_to_be_taken_over() -> None:
    desk = Desk(fresh=True)
    desk.instruct()
    desk.close(kind="adopt", status="unavailable", execution_error=error("EXI-003"))
    desk.driver.advance(5)
    assert [one.kind for one in desk.loops()] == ["adopt", "adopt"]
    desk.close(kind="adopt")
    assert desk.dispatched()[-1] == "i1"


def test_an_account_that_mismatches_when_taken_over_is_verified_and_never_added_again() -> None:
    desk = Desk(fresh=True)
    desk.instruct()
    desk.close(kind="adopt", status="mismatched")
    assert [one.kind for one in desk.loops()] == ["adopt", "verify"]
    desk.close(status="mismatched")
    assert desk.halts() == ["REC-002"]
    desk.order("resume", expected_halt_ids=desk.halt_ids())
    assert [one.kind for one in desk.loops()] == ["adopt", "verify", "verify"]
    desk.close()
    assert desk.dispatched()[-1] == "i1"


def test_a_live_account_waits_for_the_operator_who_names_the_version() -> None:
    ours = AccountRef(lane="binance", venue="binance", account="sub1")
    desk = Desk(fresh=True, simulated=False, accounts={"s1": (ours,)})
    desk.instruct("x")
    ended = desk.close(kind="adopt")
    assert desk.halts() == ["EIM-014"]
    assert desk.dispatched() == ["adopt"]
    desk.order("adopt", expected_position_version=ended.position_version)
    assert desk.halts() == []
    assert desk.dispatched() == ["adopt", "x"]


def test_idle_keys_are_refreshed_one_account_after_another() -> None:
    desk = Desk(refresh_s=60)
    desk.driver.feed("instructions", builders.action("i1", desk.now))
    desk.close(kind="adopt")
    desk.close()
    desk.driver.advance(59)
    assert "refresh" not in desk.dispatched()
    desk.driver.advance(1)
    assert desk.last_loop().kind == "refresh"
    desk.instruct("i2")
    desk.close()
    assert desk.dispatched()[-2:] == ["refresh", "refresh"]
    assert {one.lane for one in (desk.loops("binance")[-1], desk.loops("ethereum")[-1])} == {"binance", "ethereum"}
    desk.close()
    assert desk.dispatched()[-1] == "i2"


def test_a_mismatch_in_a_refresh_is_verified_and_the_series_goes_on() -> None:
    desk = Desk(refresh_s=60)
    desk.driver.feed("instructions", builders.action("i1", desk.now))
    desk.close(kind="adopt")
    desk.close()
    desk.driver.advance(60)
    desk.close(status="mismatched")
    desk.close()
    assert desk.dispatched()[-3:] == ["refresh", "verify", "refresh"]


def test_a_halted_key_is_not_refreshed() -> None:
    desk = Desk(refresh_s=60)
    desk.order("halt")
    desk.driver.advance(600)
    assert "refresh" not in desk.dispatched()


def test_after_a_restart_deadlines_expiries_and_pauses_are_kept() -> None:
    desk = Desk()
    desk.instruct(expires_at=desk.now + timedelta(seconds=30))
    desk.instruct("i2", expires_at=desk.now + timedelta(seconds=40))
    desk.driver.restart(after=41)
    desk.driver.advance(0)
    assert desk.result("i2").status == "expired"
    desk.driver.restart(after=200)
    desk.driver.advance(0)
    assert desk.halts() == ["EIM-012"]
