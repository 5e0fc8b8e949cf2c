"""``ReconciliationComponent``: is what the venues hold what was expected? By the comparison that runs on the bus."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from tightloop.assembly.build import tolerances_of
from tightloop.domain.instants import utc
from tightloop.errors import ExecutionError
from tightloop.handlers.reconciliation.compare import Tolerance, compare, failures, flat, tolerance_by
from tightloop.interfaces.amounts import Amounts, added, amount_of, amounts_of
from tightloop.interfaces.settings import check_mode, configured
from tightloop.records.types import Check


class PositionsProvider(Protocol):
    def get_positions(self, timestamp: datetime) -> Amounts:
        """What is really held at ``timestamp``, by position key: all of it. A manager is one, too."""


class ReconciliationComponent:
    """Compares expected with actual positions, every position of either side.

    ``config``: as for ``ExecutionInterfaceManager``; at first its ``initial_positions`` are expected, or nothing.
    ``data_provider``: anything with ``get_positions(timestamp)``. Raises ExecutionError EIF-005, EIF-007, EIF-010,
    REC-011.

    >>> reconciliation = ReconciliationComponent({}, None, "backtest")
    >>> reconciliation.verify_position({"BTC": 1}, {"BTC": 1.005})
    True
    >>> reconciliation.verify_position({"BTC": 1}, {"BTC": 1, "ETH": 5})
    False
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        data_provider: Any = None,
        execution_mode: str = "backtest",
    ) -> None:
        self.config = configured(config or {})
        check_mode(execution_mode)
        self.execution_mode = execution_mode
        self._provider = data_provider
        self._tolerance = lenient(tolerance_by(tolerances_of(self.config)), self.config.reconciliation.default_dust)
        self._expected: dict[str, Decimal] = dict(self.config.initial_positions or {})
        self.reconciliation_history: list[dict[str, Any]] = []
        self.reconciliation_successes = 0
        self.reconciliation_failures = 0

    def verify_position(self, expected: Amounts, actual: Amounts, tolerance: Any = 0.01) -> bool:
        """Does every position of either side differ by no more than ``tolerance``, in units of its asset?

        Raises ExecutionError REC-001 for an amount that is none (NaN, infinity), REC-011 for a tolerance that can't be.
        """
        checks = compare(
            amounts_of(expected, "REC-001"),
            amounts_of(actual, "REC-001"),
            flat(amount_of("tolerance", tolerance, "REC-011")),
        )
        return all(check.passed for check in checks)

    def reconcile_position(self, timestamp: datetime, execution_deltas: Amounts) -> dict[str, Any]:
        """Add what an execution did to what was expected before it, once, and compare that with what is held now.

        Within dust of the asset and a share of the amount, as the configuration says. Returns ``verified``,
        ``expected_position``, ``actual_position``, ``differences`` (actual less expected, where they differ by more),
        ``timestamp`` and ``error`` (code and message, or None). Raises ExecutionError REC-001 for an amount that is
        none, REC-005 when nobody can tell what is held; the deltas count then, too.
        """
        at = utc(timestamp, "timestamp")
        self._expected = added(self._expected, amounts_of(execution_deltas, "REC-001"))
        actual = self._held(at)
        checks = compare(self._expected, actual, self._tolerance)
        failed = [check for check in checks if not check.passed]
        found = {
            "verified": not failed,
            "expected_position": dict(self._expected),
            "actual_position": actual,
            "differences": {check.position_key: check.difference for check in failed},
            "timestamp": at,
            "error": _error(failed),
        }
        self.reconciliation_history.append(found)
        self.reconciliation_successes += not failed
        self.reconciliation_failures += bool(failed)
        return found

    def _held(self, at: datetime) -> dict[str, Decimal]:
        if not hasattr(self._provider, "get_positions"):
            raise ExecutionError("REC-005", "nobody can tell what is held: give a data provider with get_positions()")
        try:
            told = self._provider.get_positions(at)
        except ExecutionError:
            raise
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise ExecutionError("REC-005", f"what is held could not be read: {what}") from error
        return {key: amount for key, amount in amounts_of(told, "REC-001").items() if amount}


def lenient(by_key: Tolerance, dust: Decimal) -> Tolerance:
    """Of a name that is no position key, such as a bare asset, dust is tolerated."""

    def tolerance(key: str, expected: Decimal) -> Decimal:
        try:
            return by_key(key, expected)
        except ExecutionError:
            return dust

    return tolerance


def _error(failed: list[Check]) -> dict[str, str] | None:
    return {"code": failed[0].code or "REC-002", "message": failures(failed)} if failed else None
