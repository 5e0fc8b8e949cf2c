"""Gates of the position update handler: what an execution did is applied, once, and reconciled."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from tightloop.cli.gates.gate import GateFailed, expect, only, refused, section
from tightloop.cli.gates.manager import NOON, manager
from tightloop.errors import ExecutionError
from tightloop.interfaces.positions import PositionMonitor, PositionUpdateHandler
from tightloop.testing import LoopDriver, builders

SECTION = "position update handler"
GATES, gate = section(SECTION)
BTC = "binance:BaseToken:BTC"


class Nothing:
    """A provider that holds nothing, whatever was traded."""

    def get_positions(self, timestamp: datetime) -> dict[str, Any]:
        return {}


@gate
def an_update_is_applied_and_verified() -> str:
    handler = PositionUpdateHandler({}, None, "backtest")
    handler.handle_position_update(NOON, {BTC: "1"})
    report = handler.handle_position_update(NOON, {BTC: "-0.25"})
    expect("verified", report["verified"], True)
    only("expected", report["expected_position"], {BTC: "0.75"})
    expect("successes and failures", (handler.update_successes, handler.update_failures), (2, 0))
    return "1 and -0.25 make 0.75"


@gate
def a_failed_reconciliation_is_raised_with_its_cause() -> str:
    handler = PositionUpdateHandler({}, Nothing(), "backtest")
    try:
        handler.handle_position_update(NOON, {BTC: "1"})
    except ExecutionError as error:
        expect("code", error.code, "PUH-001")
        cause = error.__cause__
        expect("cause", getattr(cause, "code", cause), "REC-002")
        expect("failures", (handler.update_failures, handler.update_history[-1]["verified"]), (1, False))
        return "PUH-001, because of REC-002"
    raise GateFailed("nothing was raised, though nothing is held")


@gate
def a_delta_that_is_none_changes_nothing() -> str:
    monitor = PositionMonitor({BTC: Decimal(1)})
    handler = PositionUpdateHandler({}, None, "backtest", position_monitor=monitor)
    refused("PUH-007", lambda: handler.handle_position_update(NOON, {BTC: "NaN"}))
    only("positions", monitor.positions, {BTC: "1"})
    return "PUH-007"


@gate
def a_monitor_of_ones_own_is_told_of_each_update() -> str:
    told: list[tuple[datetime, str, dict[str, Decimal]]] = []

    class Monitor:
        def update_state(self, timestamp: datetime, trigger: str, deltas: dict[str, Decimal]) -> None:
            told.append((timestamp, trigger, dict(deltas)))

    venues = Nothing()
    handler = PositionUpdateHandler({}, venues, "backtest", position_monitor=Monitor())
    handler.handle_position_update(NOON, {})
    expect("told", [(at, trigger) for at, trigger, _ in told], [(NOON, "execution")])
    return "update_state"


@gate
def executions_of_a_manager_are_reconciled_with_its_venues() -> str:
    routing = manager(initial_positions={"binance:BaseToken:USDT": "100000"})
    handler = PositionUpdateHandler(
        {"initial_positions": {"binance:BaseToken:USDT": "100000"}},
        None,
        "backtest",
        execution_interface_manager=routing,
    )
    buy = {"type": "cex_trade", "venue": "binance", "symbol": "BTC/USDT", "side": "buy", "amount": "0.5"}
    found = routing.route_instruction(NOON, buy)
    expect("verified", handler.handle_position_update(NOON, found["execution_deltas"])["verified"], True)
    return "0.5 BTC"


@gate
def versions_have_no_gap_and_a_repeated_report_is_applied_once() -> str:
    loop = LoopDriver()
    for number in range(3):
        loop.feed(builders.trade(f"i{number}", loop.now))
    before = loop.expected()
    for stored in loop.stored("fills"):
        loop.feed_bytes("fills", stored.key, stored.value, stored.partition)
    expect("expected, after every report came twice", loop.expected(), before)
    versions = [one.position_version for one in loop.records("position_updates", "s1")]
    expect("versions", versions, list(range(1, len(versions) + 1)))
    expect("halts", loop.halts(), ())
    return f"{len(versions)} versions"
