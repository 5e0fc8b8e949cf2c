"""The position update handler: reports that are not applied."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.support.handler_context import HandlerDriver
from tests.support.lanes import position_updates
from tests.support.position_desk import apply, refused
from tests.support.position_records import BTC, USDT, delta, fee, report


@pytest.fixture
def driver() -> HandlerDriver:
    return HandlerDriver(position_updates())


@pytest.mark.parametrize("loops_since", [0, 1, 5])
def test_the_same_report_id_with_other_content_is_refused(driver: HandlerDriver, loops_since: int) -> None:
    one = report(1, 1, "final", delta(BTC, 1))
    apply(driver, one)
    for loop_no in range(2, 2 + loops_since):
        apply(driver, report(loop_no, 1, "final"))
    refused(driver, replace(one, deltas=(delta(BTC, 2),)), "PUH-005")


def test_the_same_report_id_in_the_next_loop_is_refused(driver: HandlerDriver) -> None:
    one = report(1, 1, "final", delta(BTC, 1))
    apply(driver, one)
    refused(driver, replace(one, loop_no=2, instruction_id="i2"), "PUH-005")


def test_another_report_with_a_number_that_was_taken_is_refused(driver: HandlerDriver) -> None:
    one = report(1, 1, "working", delta(BTC, 1))
    apply(driver, one)
    refused(driver, replace(one, report_id="another"), "PUH-005")


def test_a_report_of_a_loop_settled_too_long_ago_is_refused_as_it_may_have_been_applied(driver: HandlerDriver) -> None:
    one = report(1, 1, "final", delta(BTC, 1))
    apply(driver, one)
    for loop_no in range(2, 67):
        apply(driver, report(loop_no, 1, "final"))
    refused(driver, one, "PUH-004")


def test_a_correction_of_a_report_its_loop_never_had_is_refused(driver: HandlerDriver) -> None:
    apply(driver, report(1, 1, "final", outcome="unknown"))
    refused(driver, report(1, 2, "correction", delta(BTC, 1), corrects_report_id="never"), "PUH-004")
    refused(driver, report(1, 2, "correction", delta(BTC, 1)), "PUH-007")


def test_a_report_of_another_instruction_than_its_loop_has_is_refused(driver: HandlerDriver) -> None:
    apply(driver, report(1, 1, "working", delta(BTC, 1)))
    refused(driver, report(1, 2, "final", instruction_id="another"), "PUH-004")


@pytest.mark.parametrize("wrong", [{"loop_no": 0}, {"report_no": 0}, {"loop_kind": "cancel"}])
def test_a_report_with_an_impossible_loop_or_number_is_refused(driver: HandlerDriver, wrong: dict[str, object]) -> None:
    refused(driver, replace(report(1, 1), **wrong), "PUH-004")


@pytest.mark.parametrize("name", ["kind", "outcome", "loop_kind"])
def test_nothing_acts_on_an_unknown_enum_symbol(driver: HandlerDriver, name: str) -> None:
    refused(driver, replace(report(1, 1), **{name: "UNKNOWN"}), "TLC-008")


@pytest.mark.parametrize(
    "wrong",
    [
        {"deltas": (delta("BTC", 1),)},
        {"deltas": (delta("mtgox:BaseToken:BTC", 1),)},
        {"deltas": (delta(BTC, 1, "gift"),)},
        {"deltas": (delta(BTC, "NaN"),)},
        {"deltas": (delta(BTC, "1e58"),)},
        {"amount": Decimal(-1)},
        {"cost": Decimal("Infinity")},
        {"remaining": Decimal(-1)},
        {"fees": (fee(BTC, "0.1"),)},
        {"deltas": (delta(BTC, 1), delta(BTC, "-0.1", "fee")), "fees": (fee(BTC, "0.2"),)},
        {"deltas": (delta(BTC, "-0.1", "fee"),), "fees": (fee(USDT, "0.1"),)},
    ],
    ids=["key", "venue", "source", "nan", "huge", "amount", "cost", "remaining", "no fee", "less fee", "other fee"],
)
def test_a_report_that_contradicts_itself_is_refused(driver: HandlerDriver, wrong: dict[str, object]) -> None:
    refused(driver, replace(report(1, 1), **wrong), "PUH-007")
