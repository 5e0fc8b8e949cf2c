"""``PositionUpdateHandler``: what an execution did is added to the positions, and these are reconciled at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tightloop.domain.instants import utc
from tightloop.errors import ExecutionError
from tightloop.interfaces.amounts import Amounts, added, amounts_of
from tightloop.interfaces.reconciliation import ReconciliationComponent
from tightloop.interfaces.settings import check_mode, configured

EXECUTION = "execution"  # why a monitor's state changes


class PositionMonitor:
    """Adds up what it is told. ``positions``: by position key, what is zero left out."""

    def __init__(self, initial: Mapping[str, Decimal] | None = None) -> None:
        self.positions: dict[str, Decimal] = dict(initial or {})

    def update_state(self, timestamp: datetime, trigger: str, deltas: Amounts) -> None:
        """Raises ExecutionError PUH-007 for an amount that is none."""
        self.positions = added(self.positions, amounts_of(deltas, "PUH-007"))

    def get_positions(self, timestamp: datetime) -> dict[str, Decimal]:
        return dict(self.positions)


class PositionUpdateHandler:
    """Update, then reconcile; what went wrong is raised with its cause.

    ``position_monitor``: anything with ``update_state(timestamp, trigger, deltas)``; by default one that adds up.
    ``reconciliation_component``: by default one that asks ``data_provider``, or, where that can't tell positions, the
    venues of ``execution_interface_manager``, or, without one and in a backtest alone, the monitor. Raises
    ExecutionError EIF-005, EIF-007, EIF-010, REC-011.

    >>> from datetime import datetime, timezone
    >>> handler = PositionUpdateHandler({}, None, "backtest")
    >>> at = datetime(2024, 5, 12, tzinfo=timezone.utc)
    >>> report = handler.handle_position_update(at, {"binance:BaseToken:BTC": 1})
    >>> report["verified"], report["expected_position"]
    (True, {'binance:BaseToken:BTC': Decimal('1')})
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        data_provider: Any = None,
        execution_mode: str = "backtest",
        *,
        position_monitor: Any = None,
        reconciliation_component: Any = None,
        execution_interface_manager: Any = None,
    ) -> None:
        self.config = configured(config or {})
        check_mode(execution_mode)
        self.execution_mode = execution_mode
        self.position_monitor = position_monitor or PositionMonitor(self.config.initial_positions)
        self.execution_interface_manager = execution_interface_manager
        tellers = (data_provider, execution_interface_manager, self.position_monitor)
        teller = next((one for one in tellers if hasattr(one, "get_positions")), None)
        if execution_mode == "live" and reconciliation_component is None and teller in (None, self.position_monitor):
            raise ExecutionError(
                "EIF-010",
                "live, nobody tells what the venues hold: what is expected would be compared with itself",
                remedy="Give a data provider with get_positions(), or `execution_interface_manager`.",
            )
        self.reconciliation_component = reconciliation_component or ReconciliationComponent(
            config, teller, execution_mode
        )
        self.update_history: list[dict[str, Any]] = []
        self.update_successes = 0
        self.update_failures = 0

    def handle_position_update(self, timestamp: datetime, execution_deltas: Amounts) -> dict[str, Any]:
        """Returns what ``ReconciliationComponent.reconcile_position`` returns.

        Raises ExecutionError PUH-007 for deltas that are none (nothing was changed), PUH-001 when the positions do not
        match or could not be reconciled; its cause is the error of the part that found it: REC-002, REC-005, PUH-002
        for a monitor and PUH-009 for a reconciliation that timed out, PUH-011 for a report of another time.
        """
        at = utc(timestamp, "timestamp")
        deltas = amounts_of(execution_deltas, "PUH-007")
        try:
            self._update(at, deltas)
            report = self._reconcile(at, deltas)
            if not report["verified"]:
                error = report.get("error") or {"code": "REC-002", "message": "the positions do not match"}
                raise ExecutionError(error["code"], error["message"])
        except Exception as error:
            self.update_failures += 1
            self.update_history.append({"timestamp": at, "deltas": deltas, "verified": False, "error": str(error)})
            raise ExecutionError("PUH-001", f"{at}: update and reconciliation failed: {error}") from error
        self.update_successes += 1
        self.update_history.append({"timestamp": at, "deltas": deltas, "verified": True, "error": None})
        return report

    def _update(self, at: datetime, deltas: dict[str, Decimal]) -> None:
        try:
            self.position_monitor.update_state(at, EXECUTION, deltas)
        except TimeoutError as error:
            raise ExecutionError("PUH-002", f"the position monitor timed out: {error}") from error

    def _reconcile(self, at: datetime, deltas: dict[str, Decimal]) -> dict[str, Any]:
        try:
            report: dict[str, Any] = self.reconciliation_component.reconcile_position(at, deltas)
        except TimeoutError as error:
            raise ExecutionError("PUH-009", f"the reconciliation timed out: {error}") from error
        if report.get("timestamp", at) != at:
            raise ExecutionError("PUH-011", f"{at} was to be reconciled, and the report is of {report['timestamp']}")
        return report
