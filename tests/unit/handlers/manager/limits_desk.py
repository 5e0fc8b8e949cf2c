"""The interface manager with limits, and a market whose prices a test decides on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from tests.unit.handlers.manager.desk import Desk

from tightloop.handlers.calls import PricesRead, ReadPrices
from tightloop.handlers.manager.limits.scopes import Bounds, Limits
from tightloop.records.types import Check, Instruction, InstructionResult, MarketPrice, RoutedInstruction
from tightloop.testing import builders

D = Decimal
BTC, ETH = D(60000), D(3000)


class LimitsDesk(Desk):
    """``s1``'s accounts on both lanes are adopted. ``prices``: by symbol, whatever the venue. ``held``: what the next
    reconciliations show. ``asks_back``: calls for prices are answered at once.
    """

    def __init__(self, default: Bounds | None = None, **limits: Any) -> None:
        super().__init__()
        self.prices: dict[str, Decimal] = {"BTC/USDT": BTC, "BTC/USDT:USDT": BTC, "ETH/USDT": ETH}
        self.price_age_s = 0.0
        self.held: dict[str, Decimal] = {}
        self.asks_back = True
        self.ask(builders.action("second", self.now))
        self.close(kind="adopt")
        self.close()
        self.driver.world.emitted.clear()
        self.limit(default, **limits)

    def limit(self, default: Bounds | None = None, **limits: Any) -> None:
        """From now on, as after a restart with this configuration."""
        made = Limits(default=default, **limits)
        self.manager.settings = replace(self.manager.settings, limits=made)

    def ask(self, instruction: Instruction) -> None:
        """Publish it, and let what is asked for be answered."""
        self.driver.feed("instructions", instruction, key=instruction.strategy_id)
        self.settle()

    def trade(self, instruction_id: str = "i1", **fields: Any) -> None:
        """Buys BTC spot at the market, unless ``fields`` say otherwise."""
        self.ask(builders.trade(instruction_id, self.now, **fields))

    def settle(self) -> None:
        for _ in range(20):
            if self.asks_back and "prices" in self.driver.calls:
                self.driver.answer("prices", self.answer())
            elif (loop := self._refresh()) is not None:
                self.close(loop, checks=self.checks())
            else:
                return
        raise AssertionError("it asks and asks")

    def _refresh(self) -> RoutedInstruction | None:
        slot = self.head().slot
        return self.last_loop() if slot is not None and slot.kind == "refresh" else None

    def answer(self) -> PricesRead:
        call = self.driver.calls["prices"]
        assert isinstance(call, ReadPrices)
        at = self.now - timedelta(seconds=self.price_age_s)
        return PricesRead(
            tuple(
                MarketPrice(venue=venue, symbol=symbol, price=self.prices[symbol], price_venue=venue, event_time=at)
                if symbol in self.prices
                else MarketPrice(venue=venue, symbol=symbol)
                for venue, symbol in call.markets
            )
        )

    def checks(self) -> tuple[Check, ...]:
        zero = D(0)
        return tuple(
            Check(position_key=key, expected=amount, actual=amount, difference=zero, tolerance=zero, passed=True)
            for key, amount in self.held.items()
        )

    def end(self, **fields: Any) -> None:
        """The loop under way ends matched; what the account holds is ``held``."""
        fields.setdefault("checks", self.checks())
        self.close(**fields)
        self.settle()

    # --- out ----------------------------------------------------------------------------------------------------------

    def went(self, instruction_id: str = "i1") -> bool:
        """Was it dispatched? Otherwise its one result is its refusal, by a limit."""
        if instruction_id in self.dispatched():
            return True
        refused: InstructionResult = self.result(instruction_id)
        assert refused.status == "refused"
        assert refused.error is not None
        assert refused.error.code == "EIM-013"
        assert refused.outcome is None
        return False

    def why(self, instruction_id: str = "i1") -> str:
        assert not self.went(instruction_id)
        error = self.result(instruction_id).error
        return error.message if error else ""
