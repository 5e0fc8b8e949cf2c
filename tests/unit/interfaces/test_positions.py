"""Reconciliation and position updates in process: both directions, once, and with the cause of what went wrong."""

from __future__ import annotations

import doctest
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from tightloop import ExecutionError, ExecutionInterfaceManager, PositionUpdateHandler, ReconciliationComponent
from tightloop.interfaces import positions, reconciliation

START = datetime(2024, 5, 12, tzinfo=UTC)
BTC, USDT = "binance:BaseToken:BTC", "binance:BaseToken:USDT"
BUY: dict[str, Any] = {"type": "cex_trade", "venue": "binance", "symbol": "BTC/USDT", "side": "buy", "amount": 0.01}


class Holds:
    def __init__(self, **amounts: Any) -> None:
        self.amounts: Mapping[str, Any] = amounts

    def get_positions(self, timestamp: datetime) -> Mapping[str, Any]:
        return self.amounts


def component(held: Any, **config: Any) -> ReconciliationComponent:
    return ReconciliationComponent(config, held, "backtest")


@pytest.mark.parametrize("module", [positions, reconciliation])
def test_the_docstrings_examples_run_as_they_stand(module: Any) -> None:
    assert doctest.testmod(module).failed == 0 and doctest.testmod(module).attempted > 2


@pytest.mark.parametrize(
    ("expected", "actual", "tolerance", "same"),
    [
        ({"BTC": 1}, {"BTC": 1}, 0, True),
        ({"BTC": 1}, {"BTC": "1.01"}, 0.01, True),
        ({"BTC": 1}, {"BTC": "1.0100001"}, 0.01, False),
        ({"BTC": 1}, {}, 0.01, False),
        ({}, {"BTC": 1}, 0.01, False),
        ({"BTC": 0}, {}, 0, True),
        ({"BTC": -1}, {"BTC": 1}, 0.01, False),
        ({}, {}, 0.01, True),
    ],
)
def test_every_position_of_either_side_is_compared(
    expected: dict[str, Any], actual: dict[str, Any], tolerance: Any, same: bool
) -> None:
    assert component(None).verify_position(expected, actual, tolerance) is same


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), "many", None])
def test_what_is_no_amount_is_an_error_and_equal_to_nothing(amount: Any) -> None:
    for sides in (({"BTC": amount}, {"BTC": amount}), ({"BTC": 1}, {"BTC": amount})):
        with pytest.raises(ExecutionError) as refused:
            component(None).verify_position(*sides)
        assert refused.value.code == "REC-001" and "BTC" in refused.value.message


@pytest.mark.parametrize("tolerance", [-0.01, float("nan"), float("inf"), "wide"])
def test_a_tolerance_that_cannot_be_is_an_error(tolerance: Any) -> None:
    with pytest.raises(ExecutionError) as refused:
        component(None).verify_position({}, {}, tolerance)
    assert refused.value.code == "REC-011"


def test_deltas_are_added_once_to_what_was_expected_before() -> None:
    held = Holds(**{BTC: "0.1"})
    reconciled = component(held)
    assert reconciled.reconcile_position(START, {BTC: 0.1})["verified"]
    held.amounts = {BTC: "0.3"}
    second = reconciled.reconcile_position(START, {BTC: 0.2})
    assert second["verified"] and second["expected_position"] == {BTC: D("0.3")}
    assert (reconciled.reconciliation_successes, len(reconciled.reconciliation_history)) == (2, 2)


def test_a_difference_is_told_by_position_and_sign() -> None:
    found = component(Holds(**{BTC: "0.1", USDT: 5}), initial_positions={BTC: "0.2"}).reconcile_position(START, {})
    assert not found["verified"]
    assert found["differences"] == {BTC: D("-0.1"), USDT: D(5)}
    assert found["error"]["code"] == "REC-002" and BTC in found["error"]["message"]


def test_dust_is_tolerated_as_configured() -> None:
    held = Holds(**{BTC: "0.100001"})
    assert component(held).reconcile_position(START, {BTC: "0.1"})["verified"]
    strict = component(held, reconciliation={"dust": {"BTC": 0}})
    assert not strict.reconcile_position(START, {BTC: "0.1"})["verified"]


class Away:
    def get_positions(self, timestamp: datetime) -> Any:
        raise ConnectionError("away")


@pytest.mark.parametrize("provider", [None, object(), Away()])
def test_where_nobody_can_tell_what_is_held_that_is_an_error(provider: Any) -> None:
    with pytest.raises(ExecutionError) as refused:
        component(provider).reconcile_position(START, {BTC: 1})
    assert refused.value.code == "REC-005"


def test_a_managers_venues_are_what_a_handler_reconciles_with() -> None:
    opening = {USDT: 2000}
    manager = ExecutionInterfaceManager({"initial_positions": opening}, None, "backtest")
    handler = PositionUpdateHandler({"initial_positions": opening}, execution_interface_manager=manager)
    for hour in range(3):
        at = START.replace(hour=hour)
        result = manager.route_instruction(at, {**BUY, "reference_price": 30_000 + hour})
        report = handler.handle_position_update(at, result["execution_deltas"])
        assert report["verified"] and report["actual_position"] == manager.get_positions(at)
    assert (handler.update_successes, handler.update_failures) == (3, 0)
    forgotten = manager.route_instruction(START.replace(hour=4), {**BUY, "reference_price": 30_000})
    assert forgotten["success"]
    with pytest.raises(ExecutionError) as missed:
        handler.handle_position_update(START.replace(hour=5), {})
    assert missed.value.code == "PUH-001" and isinstance(missed.value.__cause__, ExecutionError)
    assert missed.value.__cause__.code == "REC-002" and handler.update_failures == 1


def test_a_monitor_of_ones_own_is_told_first() -> None:
    told: list[tuple[datetime, str, Any]] = []

    class Monitor:
        def update_state(self, timestamp: datetime, trigger: str, deltas: Any) -> None:
            told.append((timestamp, trigger, deltas))

    handler = PositionUpdateHandler({}, Holds(**{BTC: 1}), position_monitor=Monitor())
    assert handler.handle_position_update(START, {BTC: 1.0})["verified"]
    assert told == [(START, "execution", {BTC: D("1.0")})]


def test_the_cause_is_kept_whichever_part_fails() -> None:
    class Broken:
        def update_state(self, timestamp: datetime, trigger: str, deltas: Any) -> None:
            raise RuntimeError("no space")

    handler = PositionUpdateHandler({}, Holds(), position_monitor=Broken())
    with pytest.raises(ExecutionError) as failed:
        handler.handle_position_update(START, {})
    assert failed.value.code == "PUH-001" and isinstance(failed.value.__cause__, RuntimeError)
    assert handler.update_history[-1]["verified"] is False


@pytest.mark.parametrize("deltas", [{BTC: float("nan")}, {BTC: "much"}, [1], {BTC: "1e-19"}])
def test_deltas_that_are_none_change_nothing(deltas: Any) -> None:
    handler = PositionUpdateHandler({}, None)
    with pytest.raises(ExecutionError) as refused:
        handler.handle_position_update(START, deltas)
    assert refused.value.code == "PUH-007"
    assert handler.position_monitor.positions == {} and handler.update_history == []


class Late:
    """A component of one's own whose answer does not come."""

    def update_state(self, timestamp: datetime, trigger: str, deltas: Mapping[str, D]) -> None:
        raise TimeoutError("no answer after 5 s")

    def reconcile_position(self, timestamp: datetime, deltas: Mapping[str, D]) -> dict[str, Any]:
        raise TimeoutError("no answer after 5 s")


class Stale:
    """One that answers with what it found an hour ago."""

    def reconcile_position(self, timestamp: datetime, deltas: Mapping[str, D]) -> dict[str, Any]:
        return {"verified": True, "timestamp": timestamp.replace(hour=timestamp.hour - 1), "error": None}


@pytest.mark.parametrize(
    ("refs", "code", "says"),
    [
        ({"position_monitor": Late()}, "PUH-002", "no answer after 5 s"),
        ({"reconciliation_component": Late()}, "PUH-009", "no answer after 5 s"),
        ({"reconciliation_component": Stale()}, "PUH-011", "11:00"),
    ],
)
def test_a_component_that_is_late_or_answers_for_another_time_is_the_cause(
    refs: dict[str, Any], code: str, says: str
) -> None:
    handler = PositionUpdateHandler({}, None, "backtest", **refs)
    with pytest.raises(ExecutionError, match="PUH-001") as failed:
        handler.handle_position_update(START.replace(hour=12), {BTC: 1})
    cause = failed.value.__cause__
    assert isinstance(cause, ExecutionError)
    assert (cause.code, says in cause.message) == (code, True)
    assert handler.update_failures == 1
