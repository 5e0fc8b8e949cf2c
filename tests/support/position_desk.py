"""A position update handler under a driver."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.support.handler_context import HandlerDriver

from tightloop.errors import ExecutionError
from tightloop.records.types import ExecutionReport, PositionUpdate


def apply(driver: HandlerDriver, one: ExecutionReport) -> PositionUpdate:
    """Feed a report; it must make exactly one update."""
    (emitted,) = driver.feed("fills", one)
    assert emitted.topic == "position_updates"
    update = emitted.record
    assert isinstance(update, PositionUpdate)
    return update


def expected(update: PositionUpdate) -> dict[str, Decimal]:
    return {position.position_key: position.amount for position in update.expected_positions}


def refused(driver: HandlerDriver, one: ExecutionReport, code: str) -> None:
    """The report raises, and changes nothing."""
    before = dict(driver.state)
    with pytest.raises(ExecutionError) as raised:
        driver.feed("fills", one)
    assert raised.value.code == code
    assert driver.state == before
