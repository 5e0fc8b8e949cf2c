"""The comparison of what is held with what is expected, and what it tolerates."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.support.lanes import judging
from tests.support.position_records import AUSDT, BTC, DEBT, PERP, USDT

from tightloop.errors import ExecutionError
from tightloop.handlers.reconciliation.compare import compare, flat, tolerance_by
from tightloop.handlers.reconciliation.settings import Tolerances
from tightloop.records.types import Check

D = Decimal
EXACT = flat(D(0))


def failed(checks: tuple[Check, ...]) -> dict[str, str | None]:
    return {check.position_key: check.code for check in checks if not check.passed}


def test_every_position_of_either_side_gets_a_check_by_key() -> None:
    checks = compare({USDT: D(5), BTC: D(1)}, {PERP: D(2), BTC: D(1)}, EXACT)
    assert [check.position_key for check in checks] == [BTC, USDT, PERP] == sorted([BTC, USDT, PERP])
    assert [check.difference for check in checks] == [0, -5, 2]
    assert [(check.expected, check.actual) for check in checks] == [(1, 1), (5, 0), (0, 2)]


def test_what_is_held_and_not_expected_fails_by_a_code_of_its_own() -> None:
    assert failed(compare({USDT: D(5)}, {PERP: D(2)}, EXACT)) == {USDT: "REC-002", PERP: "REC-008"}


def test_nothing_on_either_side_is_no_difference() -> None:
    assert compare({}, {}, EXACT) == ()


def test_a_difference_as_large_as_the_tolerance_passes_either_way() -> None:
    expected = {BTC: D(1), USDT: D(1), PERP: D(1)}
    checks = compare(expected, {BTC: D("1.01"), USDT: D("0.99"), PERP: D("1.010000000000000001")}, flat(D("0.01")))
    assert failed(checks) == {PERP: "REC-002"}


def test_keys_that_cannot_belong_there_never_pass() -> None:
    checks = compare({}, {"x": D("0.0000001")}, flat(D(1)), unknown={"x"})
    assert failed(checks) == {"x": "REC-004"}
    assert checks[0].tolerance == 0
    assert failed(compare({"x": D(1)}, {"x": D(1)}, flat(D(1)), unknown={"x"})) == {"x": "REC-004"}


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_what_is_not_finite_is_an_error_on_either_side(amount: str) -> None:
    for expected, actual in (({BTC: D(amount)}, {}), ({}, {BTC: D(amount)}), ({BTC: D(amount)}, {BTC: D(amount)})):
        with pytest.raises(ExecutionError) as raised:
            compare(expected, actual, EXACT)
        assert raised.value.code == "REC-001"


def test_the_tolerance_is_dust_of_the_asset_plus_a_share_of_what_is_expected() -> None:
    tolerance = tolerance_by(
        Tolerances(dust={"BTC": D("0.00000001")}, default_dust=D("0.01"), relative={"aToken": D("0.000001")})
    )
    assert tolerance(BTC, D(5)) == D("0.00000001")
    assert tolerance(PERP, D(5)) == D("0.00000001")
    assert tolerance(USDT, D(5)) == D("0.01")
    assert tolerance(AUSDT, D(100_000)) == D("0.11")
    assert tolerance(AUSDT, D(-100_000)) == D("0.11")
    assert tolerance(AUSDT, D(0)) == D("0.01")


def test_a_tolerance_has_no_more_places_than_a_record_can_hold() -> None:
    tolerance = tolerance_by(Tolerances(default_dust=D(0), relative={"aToken": D("0.000001")}))
    assert tolerance(AUSDT, D("1.999999999999999999")) == D("0.000001999999999999")
    assert tolerance(AUSDT, D("9" * 58)).as_tuple().exponent == -18


def test_what_grows_by_itself_has_a_share_by_default() -> None:
    relative = Tolerances().relative
    assert all(relative[key.split(":")[1]] > 0 for key in (AUSDT, DEBT))
    assert "Perp" not in relative


@pytest.mark.parametrize(
    "wrong",
    [
        {"default_dust": D(-1)},
        {"default_dust": D("NaN")},
        {"dust": {"BTC": D("Infinity")}},
        {"relative": {"aToken": D(1)}},
        {"relative": {"aToken": D("-0.1")}},
        {"residual_factor": D("NaN")},
    ],
)
def test_a_tolerance_that_cannot_be_one_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ExecutionError) as raised:
        Tolerances(**wrong)  # type: ignore[arg-type]
    assert raised.value.code == "REC-011"


@pytest.mark.parametrize("amount", ["-0.01", "NaN", "Infinity"])
def test_a_flat_tolerance_that_cannot_be_one_is_refused(amount: str) -> None:
    with pytest.raises(ExecutionError) as raised:
        flat(D(amount))
    assert raised.value.code == "REC-011"


@pytest.mark.parametrize(
    "wrong",
    [{"budget_s": 0.0}, {"attempt_s": -1.0}, {"first_pause_s": float("nan")}, {"mismatch_budget_s": 31.0}],
)
def test_a_duration_that_cannot_be_one_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ExecutionError) as raised:
        judging(**wrong)  # type: ignore[arg-type]
    assert raised.value.code == "REC-011"
