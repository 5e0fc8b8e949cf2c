"""One lane with a scripted venue, in a loop of its own: what the execution cases are told with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tightloop.assembly.config import Config, Timing
from tightloop.records.types import ExecutionReport, Instruction, InstructionResult, IntentAudit, JournalEntry
from tightloop.runners.clock import ManualClock
from tightloop.testing import LoopDriver, ScriptedVenue, action, trade
from tightloop.testing.driver import START

ABSENCE_S = 5.5  # send window + acceptance window + clock margin: before that, "not found" says nothing
EVIDENCE_S = 60.0
SEND_WINDOW_S = 3.0


class Desk:
    """``lane``: ``binance`` (fenced by the signed time) or ``ethereum`` (fenced by the nonce)."""

    def __init__(self, lane: str = "binance", **timing: Any) -> None:
        self.lane = lane
        self.clock = ManualClock(START)
        self.venue = ScriptedVenue(lane, self.clock)
        config = Config(lanes=(lane,), timing=Timing(**timing))
        self.driver = LoopDriver(config, venues={lane: self.venue}, clock=self.clock)
        self.component = f"executor-{lane}"

    def instruct(self, instruction_id: str = "i1", *, run: bool = True, **fields: Any) -> Instruction:
        """An order of 1 base unit, good for an hour unless ``expires_at`` or ``order_type`` says otherwise."""
        if self.lane == "ethereum":
            made = action(instruction_id, self.driver.now, **fields)
        else:
            fields.setdefault("amount", Decimal(1))
            fields.setdefault("price", Decimal(60000))
            made = trade(instruction_id, self.driver.now, **fields)
        self.driver.feed(made, run=run)
        return made

    def adopted(self) -> Desk:
        """The account taken over already, and the venue's scripts and calls of that time forgotten."""
        self.instruct("first")
        assert self.driver.result("first").outcome == "filled"
        self.venue.asked.clear()
        self.venue.books.acted.clear()
        return self

    def result(self, instruction_id: str = "i1") -> InstructionResult:
        return self.driver.result(instruction_id)

    def reports(self, instruction_id: str = "i1") -> list[ExecutionReport]:
        return [one for one in self.driver.records("fills") if one.instruction_id == instruction_id]

    def audit(self, instruction_id: str = "i1") -> list[str]:
        records: list[IntentAudit] = self.driver.records("execution_audit")
        return [one.event for one in records if one.instruction_id == instruction_id]

    def intent(self, loop_no: int = 3) -> JournalEntry | None:
        """The journal's entry of a loop: 1 adopts, 2 is the first instruction, 3 the next one."""
        return self.driver.runner.state(self.component, "s1", f"intent|{loop_no:012d}|1", JournalEntry)

    def run_until_journalled(self) -> JournalEntry:
        """Step by step, until the next instruction's intent is journalled to be sent, and was not sent yet."""
        while (entry := self.intent()) is None or entry.status == "preparing":
            assert self.driver.run(1)
        return entry

    def nonces(self) -> list[int]:
        """Those of all transactions that were sent, one each time."""
        sent = [one.entry.submissions[-1].transaction for one in self.venue.calls("submit") if one.entry]
        return [one.nonce for one in sent if one is not None]

    def acted(self) -> int:
        """How many orders or transactions the venue took."""
        return len(self.venue.books.acted)

    def books_agree(self) -> bool:
        """Are the expected positions what the venue holds?"""
        return self.driver.expected() == {key: amount for key, amount in self.venue.books.amounts.items() if amount}
