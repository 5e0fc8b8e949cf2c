"""A reconciliation handler under a driver, and what its venue answers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.support.handler_context import HandlerDriver
from tests.support.lanes import judging
from tests.support.position_records import Books

from tightloop.handlers.calls import Positions, ReadPositions
from tightloop.handlers.reconciliation.handler import Reconciliation
from tightloop.handlers.reconciliation.settings import ReconciliationSettings
from tightloop.records.types import PositionSnapshot, PositionUpdate, ReconciliationResult


class Desk:
    """The handler, the books it is told of, and an account that agrees with them unless told otherwise."""

    def __init__(self, settings: ReconciliationSettings | None = None) -> None:
        self.driver = HandlerDriver(Reconciliation(settings or judging()))
        self.books = Books()

    def tell(self, update: PositionUpdate) -> list[ReconciliationResult]:
        return self._results(self.driver.feed("position_updates", update))

    def asked(self) -> list[str]:
        """The ids of the calls under way, in the order they were made."""
        for call in self.driver.calls.values():
            assert isinstance(call, ReadPositions)
        return list(self.driver.calls)

    def holds(self, held: dict[str, Decimal] | None = None, **other: Any) -> Positions:
        """A snapshot, as of now; by default of what the books expect."""
        values: dict[str, Any] = {
            "as_of": self.driver.now,
            "amounts": self.books.held() if held is None else held,
            "cursor": "c1",
        }
        return Positions(**values | other)

    def answer(self, answer: Any = None, call: int = -1) -> list[ReconciliationResult]:
        """Answer the latest call (or another one), by default with what the books expect."""
        return self._results(self.driver.answer(self.asked()[call], self.holds() if answer is None else answer))

    def wait(self, seconds: float) -> list[ReconciliationResult]:
        return self._results(self.driver.advance(seconds))

    def results(self) -> list[ReconciliationResult]:
        return self.driver.records("reconciliation_results")

    def snapshots(self) -> list[PositionSnapshot]:
        return self.driver.records("venue_positions")

    def due_in(self) -> float | None:
        """Seconds until the wake-up asked for."""
        wake: datetime | None = self.driver.wake
        return None if wake is None else (wake - self.driver.now).total_seconds()

    @staticmethod
    def _results(emitted: list[Any]) -> list[ReconciliationResult]:
        return [one.record for one in emitted if one.topic == "reconciliation_results"]
