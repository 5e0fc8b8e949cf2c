"""A loop whose money travels is remembered until it has arrived, however many loops come in between."""

from __future__ import annotations

from decimal import Decimal

from tests.support.handler_context import HandlerDriver
from tests.support.lanes import position_updates
from tests.support.position_desk import apply, expected
from tests.support.position_records import BTC, USDT, delta, opening, report

from tightloop.domain import ids
from tightloop.handlers.positions.reported import LOOPS

UNDER_WAY = "transit:i2:USDT"


def test_an_arrival_is_applied_after_more_loops_than_are_remembered() -> None:
    driver = HandlerDriver(position_updates())
    apply(driver, opening(delta(USDT, 1000), delta(BTC, 100)))
    apply(driver, report(2, 1, "working", delta(USDT, -500, "transfer"), delta(UNDER_WAY, 500, "transfer")))
    apply(driver, report(2, 2, "final"))
    for loop_no in range(3, 3 + LOOPS + 10):
        apply(driver, report(loop_no, 1, "final", delta(BTC, -1)))
    arrival = report(
        2,
        3,
        "correction",
        delta(UNDER_WAY, -500, "transfer"),
        delta("okx:BaseToken:USDT", 500, "transfer"),
        corrects_report_id=ids.report_id("s1", 2, 2),
    )
    assert expected(apply(driver, arrival)) == {UNDER_WAY: Decimal(0), "okx:BaseToken:USDT": Decimal(500)}
