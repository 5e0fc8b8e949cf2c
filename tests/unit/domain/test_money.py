"""Money is exact: what would be rounded fails, what may be rounded says so."""

from __future__ import annotations

import threading
from decimal import Decimal, DivisionByZero, Inexact, InvalidOperation, Rounded, getcontext
from typing import Any

import pytest

from tightloop.domain import money
from tightloop.errors import ExecutionError


def test_the_exact_context_traps_what_would_be_rounded() -> None:
    with money.exact(), pytest.raises(Inexact):
        Decimal(1) / Decimal(3)
    with money.exact(), pytest.raises(Rounded):
        Decimal("1." + "0" * 60) * Decimal("1." + "0" * 60)
    with money.exact(), pytest.raises(InvalidOperation):
        Decimal("NaN") + Decimal("sNaN")
    with money.exact(), pytest.raises(DivisionByZero):
        Decimal(1) / Decimal(0)


def test_sums_and_products_of_the_largest_amounts_are_exact() -> None:
    largest = Decimal("9" * 58 + "." + "9" * 18)
    with money.exact():
        assert largest + largest - largest == largest
        assert (largest * 1000).scaleb(-3) == largest


def test_the_exact_context_is_installed_for_one_thread() -> None:
    seen: list[int] = []

    def work() -> None:
        money.install()
        seen.append(getcontext().prec)

    before = getcontext().prec
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=10)
    assert (seen, getcontext().prec) == ([money.PRECISION], before)


@pytest.mark.parametrize(
    ("cost", "amount", "expected"),
    [
        ("10", "3", "3.333333333333333333"),
        ("20", "3", "6.666666666666666667"),
        ("100", "4", "25"),
        ("0", "4", "0"),
        ("1", "2000000000000000000", "0"),  # half a unit: to the even neighbour
        ("3", "2000000000000000000", "0.000000000000000002"),
    ],
)
def test_a_price_is_derived_half_even_at_18_places(cost: str, amount: str, expected: str) -> None:
    with money.exact():
        assert money.text(money.price(Decimal(cost), Decimal(amount))) == expected


def test_a_price_of_no_amount_raises() -> None:
    with pytest.raises(DivisionByZero):
        money.price(Decimal(1), Decimal(0))


def test_a_total_is_exact_whatever_the_context() -> None:
    assert money.total([Decimal("1e40"), Decimal("1e-18"), Decimal("-1e40")]) == Decimal("1e-18")
    assert money.total([]) == 0


@pytest.mark.parametrize(
    ("value", "expected"), [(0.1, "0.1"), (1, "1"), ("1.50", "1.5"), (1e-7, "0.0000001"), (Decimal("2"), "2")]
)
def test_amounts_from_outside_are_parsed_exactly(value: Any, expected: str) -> None:
    assert money.text(money.parse(value)) == expected


@pytest.mark.parametrize(
    "value", ["", "abc", None, "NaN", float("nan"), float("inf"), "-Infinity", "1e58", 1e60, "1e-19", "1e999999999", []]
)
def test_what_is_no_amount_is_refused(value: Any) -> None:
    with pytest.raises(ExecutionError) as caught:
        money.parse(value)
    assert caught.value.code == "TLC-009"


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("1E+3", "1000"),
        ("0.100", "0.1"),
        ("-0.0", "0"),
        ("-1.50", "-1.5"),
        ("1E-18", "0." + "0" * 17 + "1"),
        ("0E+5", "0"),
    ],
)
def test_equal_amounts_have_equal_texts(amount: str, expected: str) -> None:
    with money.exact():
        assert money.text(Decimal(amount)) == expected
