"""The interface manager alone: instructions and commands in, and the reconciliation results that a test decides on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from tests.support.handler_context import START, HandlerDriver
from tests.support.lanes import directory

from tightloop.domain import ids
from tightloop.errors import ExecutionError, error_info
from tightloop.handlers.manager.handler import InterfaceManager
from tightloop.handlers.manager.settings import ManagerSettings
from tightloop.records.types import (
    AccountRef,
    DeadLetter,
    ErrorInfo,
    Halt,
    Instruction,
    InstructionResult,
    LoopHead,
    ReconciliationResult,
    RoutedInstruction,
    SharedHalts,
)
from tightloop.testing import builders

D = Decimal


def error(code: str, message: str = "as the test says") -> ErrorInfo:
    return error_info(ExecutionError(code, message))


class Desk:
    """``s1`` by default; the account on binance is adopted unless ``fresh``."""

    def __init__(self, *, fresh: bool = False, **settings: Any) -> None:
        about = {name: settings.pop(name) for name in ("lanes", "accounts", "simulated") if name in settings}
        self.manager = InterfaceManager(ManagerSettings(directory=directory(**about), **settings))
        self.driver = HandlerDriver(self.manager, now=START)
        self.version = 0
        self.read = 0
        if not fresh:
            self.instruct("first")
            self.close(kind="adopt")
            self.close()
            self.driver.world.emitted.clear()

    @property
    def now(self) -> Any:
        return self.driver.now

    # --- in -----------------------------------------------------------------------------------------------------------

    def instruct(self, instruction_id: str = "i1", **fields: Any) -> Instruction:
        """A limit order, good for an hour."""
        fields.setdefault("price", D(60000))
        made = builders.trade(instruction_id, self.now, **fields)
        self.driver.feed("instructions", made, key=made.strategy_id)
        return made

    def order(self, name: Any, command_id: str = "c1", **fields: Any) -> None:
        """An operator's command."""
        made = builders.command(name, command_id, self.now, **fields)
        self.driver.feed("control", made, key="" if made.scope != "key" else made.strategy_id)

    def close(self, loop: RoutedInstruction | None = None, **fields: Any) -> ReconciliationResult:
        """The result that ends a loop (the last one dispatched): matched, filled, unless ``fields`` say otherwise."""
        made = self.result_of(loop or self.last_loop(), **fields)
        self.driver.feed("reconciliation_results", made, key=made.strategy_id)
        return made

    def result_of(self, loop: RoutedInstruction, **fields: Any) -> ReconciliationResult:
        self.version += 1
        executes = loop.kind == "execute"
        whole: dict[str, Any] = {
            "result_id": ids.result_id(loop.strategy_id, self.version),
            "strategy_id": loop.strategy_id,
            "position_version": self.version,
            "instruction_id": loop.instruction.instruction_id if loop.instruction else None,
            "loop_no": loop.loop_no,
            "kind": "loop" if executes else loop.kind,
            "lane": loop.lane,
            "venue": loop.venue,
            "account": loop.account,
            "outcome": "filled" if executes else "none",
            "status": "matched",
            "source": "trade",
            "report_ids": (f"report-{self.version}",),
            "filled_amount": D(1) if executes else None,
            "started_at": self.now,
            "finished_at": self.now,
            "produced_at": self.now,
            **fields,
        }
        whole.setdefault("verified", whole["status"] == "matched")
        return ReconciliationResult(**whole)

    def dead_letter(
        self, topic: str, code: str = "PUH-007", component: str = "position-update-handler", **more: Any
    ) -> None:
        fields = {"partition": 0, "offset": 7, "halts": True, **more}
        letter = DeadLetter(
            topic=topic, error=error(code), component=component, failed_at=self.now, produced_at=self.now, **fields
        )
        self.driver.feed("dead_letters", letter)

    # --- out ----------------------------------------------------------------------------------------------------------

    def loops(self, lane: str = "binance") -> list[RoutedInstruction]:
        return self.driver.records(f"instructions.{lane}")

    def last_loop(self) -> RoutedInstruction:
        every = [one.record for one in self.driver.world.emitted if one.topic.startswith("instructions.")]
        if every:
            found: RoutedInstruction = [one for one in every if one.kind != "cancel"][-1]
            return found
        raise AssertionError("no loop was dispatched")

    def dispatched(self) -> list[str]:
        """What was dispatched so far: the instruction's id, or the kind of the loop."""
        return [
            one.record.instruction.instruction_id if one.record.instruction else one.record.kind
            for one in self.driver.world.emitted
            if one.topic.startswith("instructions.")
        ]

    def results(self, instruction_id: str) -> list[InstructionResult]:
        return [one for one in self.driver.records("instruction_results") if one.instruction_id == instruction_id]

    def result(self, instruction_id: str = "i1") -> InstructionResult:
        found = self.results(instruction_id)
        assert len(found) == 1, f"{instruction_id} has {len(found)} results: {found}"
        return found[0]

    def head(self, key: str = "s1") -> LoopHead:
        head = self.driver.world.state[key]["head"]
        assert isinstance(head, LoopHead)
        return head

    def halts(self, key: str = "s1") -> list[str]:
        return [one.code for one in self.head(key).halts]

    def halt_ids(self, key: str = "s1") -> tuple[str, ...]:
        return tuple(one.halt_id for one in self.head(key).halts)

    def shared(self) -> tuple[Halt, ...]:
        known = self.driver.world.state.get("", {}).get("halts")
        return known.halts if isinstance(known, SharedHalts) else ()

    def account(self, lane: str = "binance") -> AccountRef:
        return next(one.account for one in self.head().accounts if one.account.lane == lane)


def again(made: Any, **fields: Any) -> Any:
    return replace(made, **fields)


def short(result: InstructionResult) -> tuple[str, str | None, str | None]:
    return result.status, result.outcome, result.error.code if result.error else None
