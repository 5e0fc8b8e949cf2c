"""Reports, commands and updates for tests of the position update handler and of reconciliation."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.support.handler_context import START

from tightloop.domain import ids
from tightloop.records.types import (
    ControlCommand,
    Delta,
    ErrorInfo,
    ExecutionReport,
    Fee,
    Position,
    PositionUpdate,
)

STRATEGY = "s1"
BTC, USDT, PERP = "binance:BaseToken:BTC", "binance:BaseToken:USDT", "binance:Perp:BTC/USDT:USDT"
MARGIN, AUSDT, DEBT = "binance:MarginBalance:USDT", "aave:aToken:USDT", "aave:debtToken:WETH"
ETH = "wallet:BaseToken:ETH"


def delta(key: str, amount: str | int | Decimal, source: str = "trade") -> Delta:
    return Delta(position_key=key, amount=Decimal(amount), source=source)


def fee(key: str, amount: str | int | Decimal, kind: str = "trading") -> Fee:
    return Fee(position_key=key, amount=Decimal(amount), kind=kind)


def error(code: str, message: str = "as told", severity: Any = "HIGH") -> ErrorInfo:
    return ErrorInfo(code=code, message=message, severity=severity)


def report(loop_no: int = 1, report_no: int = 1, kind: Any = "final", *deltas: Delta, **other: Any) -> ExecutionReport:
    """Of loop 1, by default the only and final one, of an instruction on binance that filled."""
    strategy_id = other.pop("strategy_id", STRATEGY)
    at = START + timedelta(seconds=loop_no, milliseconds=report_no)
    values: dict[str, Any] = {
        "report_id": ids.report_id(strategy_id, loop_no, report_no),
        "report_no": report_no,
        "strategy_id": strategy_id,
        "instruction_id": f"i{loop_no}",
        "loop_no": loop_no,
        "loop_kind": "execute",
        "kind": kind,
        "outcome": "filled",
        "lane": "binance",
        "venue": "binance",
        "account": strategy_id,
        "deltas": deltas,
        "event_time": at,
        "observed_at": at,
        "produced_at": at,
        "trace_id": f"trace-{loop_no}",
    }
    return ExecutionReport(**values | other)


def opening(*deltas: Delta, loop_no: int = 1, **other: Any) -> ExecutionReport:
    """An adopt loop's final report: what the account holds to begin with."""
    initial = tuple(Delta(position_key=one.position_key, amount=one.amount, source="initial") for one in deltas)
    other = {"loop_kind": "adopt", "instruction_id": None, "outcome": "none"} | other
    return report(loop_no, 1, "final", *initial, **other)


def adjustment(command_id: str, version: int | None, *deltas: Delta, **other: Any) -> ControlCommand:
    values: dict[str, Any] = {
        "command_id": command_id,
        "strategy_id": STRATEGY,
        "command": "adjust",
        "expected_position_version": version,
        "deltas": deltas,
        "actor": "operator",
        "reason": "found at the venue",
        "issued_at": START,
    }
    return ControlCommand(**values | other)


class Books:
    """Makes position updates as the handler would: versions without a gap, amounts summed up."""

    def __init__(self, strategy_id: str = STRATEGY) -> None:
        self.strategy_id = strategy_id
        self.version = 0
        self.amounts: dict[str, Decimal] = {}

    def update(self, *deltas: Delta, loop_no: int = 1, kind: Any = "final", **other: Any) -> PositionUpdate:
        """The next version; by default the final one of loop 1. ``kind=None`` makes an adjustment."""
        for one in deltas:
            self.amounts[one.position_key] = self.amounts.get(one.position_key, Decimal(0)) + one.amount
        self.version += 1
        touched = sorted({one.position_key for one in deltas})
        at = START + timedelta(milliseconds=self.version)
        values: dict[str, Any] = {
            "update_id": ids.update_id(self.strategy_id, self.version),
            "strategy_id": self.strategy_id,
            "position_version": self.version,
            "previous_version": self.version - 1,
            "report_id": f"r{self.version}",
            "report_no": 1,
            "report_kind": kind,
            "report_ids": (f"r{self.version}",),
            "instruction_id": f"i{loop_no}",
            "loop_no": loop_no,
            "loop_kind": "execute" if kind else "verify",
            "lane": "binance",
            "venue": "binance",
            "account": self.strategy_id,
            "outcome": "filled",
            "is_final": kind in ("final", "correction", None),
            "source": {"correction": "correction", None: "adjustment"}.get(kind, "trade"),
            "deltas": deltas,
            "expected_positions": tuple(Position(position_key=key, amount=self.amounts[key]) for key in touched),
            "event_time": at,
            "produced_at": at,
            "trace_id": "trace",
        }
        return PositionUpdate(**values | other)

    def held(self) -> dict[str, Decimal]:
        """What an account that agrees with the books holds."""
        return {key: amount for key, amount in self.amounts.items() if amount}
