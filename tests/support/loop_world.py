"""Random lives of a loop: what may be asked of it, what may happen to it, and what must hold whatever did."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any, Literal

from hypothesis import strategies as st
from msgspec import Struct, structs

from tightloop.assembly.config import Config, Timing
from tightloop.domain import money
from tightloop.records.types import (
    Action,
    ExecutionReport,
    Instruction,
    PositionUpdate,
    ReconciliationResult,
    Recording,
)
from tightloop.runners.bus import Stored
from tightloop.testing import LoopDriver, action, cancel, group, perp, resume, swap, trade, transfer
from tightloop.venues.sim import commands

D = Decimal
KEYS = ("s1", "s2")
COMPONENTS = (
    "interface-manager",
    "executor-binance",
    "executor-ethereum",
    "position-update-handler",
    "reconciliation",
)
UNKNOWN = {"EXI-005", "EXI-012"}  # without evidence; nothing else in these lives is a cause for a halt


class Instruct(Struct, frozen=True):
    key: str
    kind: str
    amount: Decimal


class InstructGroup(Struct, frozen=True):
    """Two legs or more, at any venues; the later ones take the part that the first filled, where they can."""

    key: str
    kinds: tuple[str, ...]
    amount: Decimal


class CancelOne(Struct, frozen=True):
    which: int


class Misbehave(Struct, frozen=True):
    """A rule of the simulated venues, at most ``count`` times."""

    kind: str
    count: int
    skip: int
    delay_s: float
    operations: tuple[str, ...]


class Pass(Struct, frozen=True):
    seconds: float


class Market(Struct, frozen=True):
    """The venues' market jumps ahead: funding and interest fall due."""

    hours: int


class Die(Struct, frozen=True):
    """After ``steps`` more transactions; its calls were made or not."""

    component: str
    steps: int
    calls: Literal["lost", "performed"]


Step = Instruct | InstructGroup | CancelOne | Misbehave | Pass | Market | Die

ORDERS = ("buy", "sell", "works", "limit", "perp", "short", "swap", "lend", "unlend", "transfer", "too much")
FAULTS = ("lost_before", "lost_after", "late_before", "late_after", "reject", "partial", "rate_limit", "down")
OPERATIONS = ("order", "transaction", "cancel", "find", "ledger", "positions", "nonce")
_amounts = st.sampled_from([D("0.001"), D("0.0123"), D("0.5"), D("1.23456")])
_steps: st.SearchStrategy[Any] = st.one_of(
    st.builds(Instruct, st.sampled_from(KEYS), st.sampled_from(ORDERS), _amounts),
    st.builds(Instruct, st.sampled_from(KEYS), st.sampled_from(ORDERS), _amounts),
    st.builds(
        InstructGroup,
        st.sampled_from(KEYS),
        st.lists(st.sampled_from(ORDERS), min_size=2, max_size=3).map(tuple),
        _amounts,
    ),
    st.builds(CancelOne, st.integers(0, 30)),
    st.builds(
        Misbehave,
        st.sampled_from(
            ["lost_before", "lost_after", "late_before", "late_after", "reject", "partial", "rate_limit", "down"]
        ),
        st.integers(1, 3),
        st.integers(0, 2),
        st.sampled_from([0.5, 3.0, 6.0, 20.0]),
        st.sampled_from(
            [(), ("order",), ("transaction",), ("cancel",), ("find",), ("ledger",), ("positions",), ("nonce",)]
        ),
    ),
    st.builds(Pass, st.sampled_from([0.1, 1.0, 4.0, 7.0, 40.0, 100.0])),
    st.builds(Market, st.integers(1, 24)),
    st.builds(Die, st.sampled_from(COMPONENTS), st.integers(0, 12), st.sampled_from(["lost", "performed"])),
)
lives = st.lists(_steps, min_size=1, max_size=25)


class Life:
    """One driver, and everything that was published in the order in which it was."""

    def __init__(self, *, encodes: bool = True, records: bool = False) -> None:
        self.recordings: list[Recording] = []
        record = self.recordings.append if records else None
        self.driver = LoopDriver(Config(timing=Timing(refresh=60.0)), encodes=encodes, record=record)
        self.instructions: list[Instruction] = []
        self.order: list[tuple[str, Any]] = []
        self.stored: list[Stored] = []
        self.driver.runner.bus.subscribe(self._note)

    def _note(self, stored: Stored) -> None:
        self.stored.append(stored)
        self.order.append((stored.topic, stored.record))

    def live(self, steps: list[Step]) -> Life:
        for step in steps:
            self._take(step)
        self._settle()
        return self

    def _take(self, step: Step) -> None:
        driver = self.driver
        match step:
            case Instruct():
                made = self._instruction(step)
                self.instructions.append(made)
                driver.feed(made, run=False)
            case InstructGroup():
                for made in self._group(step):
                    self.instructions.append(made)
                    driver.feed(made, run=False)
            case CancelOne(which) if self.instructions:
                target = self.instructions[which % len(self.instructions)]
                made = cancel(
                    f"n{len(self.instructions)}",
                    driver.now,
                    target.instruction_id,
                    strategy_id=target.strategy_id,
                    venue=target.venue,
                )
                self.instructions.append(made)
                driver.feed(made, run=False)
            case Misbehave(kind, count, skip, delay_s, operations):
                driver.fault(kind, count=count, skip=skip, delay_s=delay_s, operations=operations, every_s=2.0)
            case Pass(seconds):
                driver.advance(seconds)
            case Market(hours):
                by = commands.AdvanceMarket(microseconds=hours * 3_600_000_000)
                driver.sandbox.act("binance", by, driver.now)
            case Die(component, steps, calls):
                driver.run(steps)
                driver.restart(component, calls=calls, run=False)

    def _settle(self) -> None:
        """The venues behave again, time passes, and an operator resumes what is halted for a cause."""
        self.driver.advance(0.1)
        self.driver.sandbox.faults.clear()
        self.driver.advance(600)
        self.halted = {key: [halt.code for halt in self.driver.halts(key)] for key in KEYS}
        for key in KEYS:
            named = [halt.halt_id for halt in self.driver.halts(key)]
            if named:
                self.driver.feed(resume(f"resume-{key}", self.driver.now, *named, strategy_id=key))
        self.driver.advance(400)

    def _group(self, step: InstructGroup) -> tuple[Instruction, ...]:
        """A leg that fails cancels the rest: what halts these lives has other causes."""
        number = len(self.instructions)
        legs = [
            self._instruction(Instruct(step.key, kind, step.amount), n) for n, kind in enumerate(step.kinds, number)
        ]
        scale = legs[0].cex_trade is not None and step.kinds[1] != "unlend"
        made = [
            structs.replace(leg, on_failure="cancel_rest", scale_to_filled=(scale and n == 1) or None)
            for n, leg in enumerate(legs)
        ]
        return group(f"g{number}", *made)

    def _instruction(self, step: Instruct, number: int | None = None) -> Instruction:
        name = f"n{len(self.instructions) if number is None else number}"
        now, amount = self.driver.now, step.amount
        whole: dict[str, Any] = {"strategy_id": step.key}
        match step.kind:
            case "buy" | "sell":
                return trade(name, now, side=step.kind, amount=amount, **whole)
            case "works":
                return trade(name, now, price=D(1), amount=amount * 10_000, timeout_ms=5000, **whole)
            case "limit":
                return trade(name, now, price=D(10_000_000), amount=amount, time_in_force="IOC", **whole)
            case "perp" | "short":
                return perp(name, now, side="buy" if step.kind == "perp" else "sell", amount=amount, **whole)
            case "swap":
                return action(name, now, swap("USDT", "WETH", amount * 1000), **whole)
            case "lend":
                supply = Action(protocol="aave", operation="supply", token_in="USDT", amount=amount * 1000)
                return action(name, now, supply, venue="aave", **whole)
            case "unlend":
                withdraw = Action(protocol="aave", operation="withdraw", token_out="USDT", amount_rule="all")
                return action(name, now, withdraw, venue="aave", **whole)
            case "transfer":
                return transfer(name, now, "USDT", amount, **whole)
            case _:
                return trade(name, now, side="sell", amount=D(1_000_000), **whole)

    # --- what must hold -----------------------------------------------------------------------------------------------

    def check(self) -> None:
        for key in KEYS:
            self._no_drift(key)
            self._gapless(key)
            self._one_in_flight(key)
            self._causes(key)
        self._fees_are_contained()
        self._one_result_each()
        self._nothing_twice()
        assert self.driver.dead_letters() == []

    def _no_drift(self, key: str) -> None:
        """The deltas alone, from nothing, come to what the venues hold, to the last digit."""
        touched = {one.lane for one in self.driver.records("fills", key)}
        held = {name: amount for lane in touched for name, amount in self.driver.held(lane, key).items() if amount}
        assert self.driver.expected(key) == held

    def _gapless(self, key: str) -> None:
        updates: list[PositionUpdate] = self.driver.records("position_updates", key)
        assert [one.position_version for one in updates] == list(range(1, len(updates) + 1))
        finals: Counter[int] = Counter()
        numbers: dict[int, list[int]] = {}
        for report in self.driver.records("fills", key):
            numbers.setdefault(report.loop_no, []).append(report.report_no)
            finals[report.loop_no] += report.kind == "final"
        for loop_no, seen in numbers.items():
            assert seen == list(range(1, len(seen) + 1)), f"loop {loop_no} of {key}"
        assert set(finals.values()) <= {1}

    def _one_in_flight(self, key: str) -> None:
        flying: int | None = None
        loops = 0
        for topic, record in self.order:
            if getattr(record, "strategy_id", None) != key:
                continue
            if topic.startswith("instructions.") and record.kind != "cancel":
                assert flying is None, f"loop {record.loop_no} of {key} was dispatched while {flying} was in flight"
                loops += 1
                assert record.loop_no == loops
                flying = record.loop_no
            elif isinstance(record, ReconciliationResult) and record.loop_no == flying and _ends(record):
                flying = None

    def _causes(self, key: str) -> None:
        unknown = any(one.outcome == "unknown" for one in self.driver.records("fills", key))
        assert not self.halted[key] or (unknown and set(self.halted[key]) <= UNKNOWN), self.halted[key]

    def _fees_are_contained(self) -> None:
        reports: list[ExecutionReport] = self.driver.records("fills")
        with money.exact():
            for report in reports:
                charged: Counter[str] = Counter()
                for delta in report.deltas:
                    if delta.source in ("fee", "gas"):
                        charged[delta.position_key] += delta.amount  # type: ignore[assignment]
                for fee in report.fees:
                    charged[fee.position_key] += fee.amount  # type: ignore[assignment]
                assert not any(charged[fee.position_key] for fee in report.fees), report

    def _one_result_each(self) -> None:
        ended = Counter(
            one.instruction_id for one in self.driver.records("instruction_results") if one.resolves is None
        )
        assert ended == Counter(one.instruction_id for one in self.instructions)
        later = [one for one in self.driver.records("instruction_results") if one.resolves is not None]
        firsts = {one.instruction_id: one for one in self.driver.records("instruction_results") if one.resolves is None}
        assert all(firsts[one.instruction_id].outcome == "unknown" for one in later)

    def _nothing_twice(self) -> None:
        requests = self.driver.sandbox.requests.read(0, 10_000)
        acted = [one for one in requests if one.result == "acted" and one.operation != "cancel"]
        times = Counter((one.lane, one.client_order_id) for one in acted)
        assert not [name for name, count in times.items() if count > 1]


def _ends(result: ReconciliationResult) -> bool:
    return result.corrects_report_id is None and result.source != "adjustment"
