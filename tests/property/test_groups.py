"""Groups under anything that may happen to them at the interface manager: what must hold, whatever did.

The checker's own rules judge the records; what it cannot see (the slot, what is left in the state) is judged here.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import Struct, structs
from tests.unit.handlers.manager.desk import Desk, error
from tests.unit.handlers.manager.test_groups import desk, nothing_is_left

from tightloop.checker import Collected, Seen, Terms
from tightloop.checker.rules import groups as rules
from tightloop.checker.rules.results import one_result_each
from tightloop.errors import ExecutionError
from tightloop.handlers.manager.handler import InterfaceManager
from tightloop.records.types import Instruction, RoutedInstruction
from tightloop.testing import builders

D = Decimal
EXAMPLES = int(os.environ.get("TIGHTLOOP_TEST_EXAMPLES", "40")) * 5
NAMES = ("a", "b")


class Publish(Struct, frozen=True):
    """A leg, as it should be or wrong in one way; ``index`` None: an instruction of no group."""

    group: str
    index: int | None
    size: int = 2
    wrong: str = ""
    scales: bool = False
    on_failure: str | None = None
    life_s: int = 3600


class Close(Struct, frozen=True):
    """The loop in flight ends, if there is one."""

    outcome: str
    status: str = "matched"


class CancelIt(Struct, frozen=True):
    group: str
    index: int | None
    by_operator: bool


class HaltIt(Struct, frozen=True):
    venue: str | None
    cancel_working: bool = False


class Resume(Struct, frozen=True):
    pass


class Pass(Struct, frozen=True):
    seconds: int


class Restart(Struct, frozen=True):
    pass


Step = Publish | Close | CancelIt | HaltIt | Resume | Pass | Restart
OUTCOMES = ("filled", "filled", "filled", "partially_filled", "rejected", "cancelled", "unknown", "none")

_legs = st.builds(
    Publish,
    st.sampled_from(NAMES),
    st.sampled_from([0, 1, 2, None]),
    st.sampled_from([2, 2, 3]),
    st.sampled_from(["", "", "", "", "", "amount", "venue", "twin"]),
    st.booleans(),
    st.sampled_from([None, "halt", "cancel_rest"]),
    st.sampled_from([3600, 3600, 20]),
)


@st.composite
def _whole_groups(draw: st.DrawFn) -> list[Step]:
    """All legs of one, in any order, with the one thing or the other between."""
    name, size = draw(st.sampled_from(NAMES)), draw(st.sampled_from([2, 3]))
    found: list[Step] = []
    scale = draw(st.booleans())
    for index in draw(st.permutations(range(size))):
        on_failure = draw(st.sampled_from([None, "cancel_rest"]))
        found.append(Publish(name, index, size, scales=scale and index > 0, on_failure=on_failure))
        if draw(st.integers(0, 5)) == 0:
            found.append(draw(_steps))
    return found


_steps: st.SearchStrategy[Step] = st.one_of(
    _legs,
    st.builds(Close, st.sampled_from(OUTCOMES), st.sampled_from(["matched"] * 4 + ["mismatched", "timeout"])),
    st.builds(Close, st.sampled_from(OUTCOMES)),
    st.builds(Close, st.just("filled")),
    st.builds(CancelIt, st.sampled_from(NAMES), st.sampled_from([None, 0, 1]), st.booleans()),
    st.builds(HaltIt, st.sampled_from([None, "binance", "bybit"]), st.booleans()),
    st.builds(Resume),
    st.builds(Pass, st.sampled_from([1, 6, 25, 90])),
    st.builds(Restart),
)
lives = st.lists(st.one_of(_steps.map(lambda one: [one]), _whole_groups()), min_size=1, max_size=30).map(
    lambda parts: [one for part in parts for one in part]
)


class Life:
    def __init__(self) -> None:
        self.at: Desk = desk(refresh_s=60.0)
        self.data = Collected()
        self.published: dict[str, Instruction] = {}
        self._seen = len(self.at.driver.world.emitted)
        self._count = 0

    # --- what happens -------------------------------------------------------------------------------------------------

    def live(self, steps: list[Step]) -> Life:
        for step in steps:
            self._take(step)
        self._settle()
        return self

    def _take(self, step: Step) -> None:
        before = self.at.head().slot
        closes = False
        match step:
            case Publish():
                self._publish(self._instruction(step))
            case Close(outcome, status):
                closes = self._close(outcome, status)
            case CancelIt(group, index, by_operator):
                self._cancel(group, index, by_operator=by_operator)
            case HaltIt(venue, cancel_working):
                scope: dict[str, Any] = {} if venue is None else {"scope": "venue", "venue": venue}
                self._order("halt", cancel_working=cancel_working, **scope)
            case Resume():
                closes = before is not None and before.overdue
                self._resume()
            case Pass(seconds):
                self.at.driver.advance(seconds)
            case Restart():
                self.at.manager = InterfaceManager(self.at.manager.settings)
                self.at.driver.handler = self.at.manager
                self.at.driver.restart()
        self._collect(busy=before is not None and not closes and not before.suspended)

    def _instruction(self, step: Publish) -> Instruction:
        now, self._count = self.at.now, self._count + 1
        fields: dict[str, Any] = {"price": D(60000), "amount": D(3), "expires_at": now + timedelta(seconds=step.life_s)}
        if step.index is None:
            return builders.trade(f"single-{self._count}", now, **fields)
        name = f"{step.group}{step.index}" + (f"-{self._count}" if step.wrong == "twin" else "")
        if step.wrong == "amount":
            fields["amount"] = D(-1)
        if step.wrong == "venue":
            fields["venue"] = "mtgox"
        if step.index:
            fields = {"venue": "bybit", "market": "perp", "symbol": "BTC/USDT:USDT", "side": "sell", **fields}
        place = {"group_id": step.group, "group_index": step.index, "group_size": step.size}
        asks = {"scale_to_filled": step.scales or None, "on_failure": step.on_failure}
        return builders.trade(name, now, **fields, **place, **asks)

    def _publish(self, made: Instruction) -> None:
        try:
            self.at.driver.feed("instructions", made)
        except ExecutionError as refused:
            assert refused.code == "EIM-009", refused
            return
        if made.instruction_id not in self.published:
            self.published[made.instruction_id] = made
            self._add("instructions", made)

    def _close(self, outcome: str, status: str) -> bool:
        slot = self.at.head().slot
        if slot is None or slot.suspended:
            return False
        loop = next(one for one in reversed(self._loops()) if one.loop_no == slot.loop_no)
        fields: dict[str, Any] = {"status": status}
        if loop.kind == "execute":
            filled = {"filled": D(3), "partially_filled": D(1)}.get(outcome, D(0))
            told = {"unknown": "EXI-005", "none": "EIM-010", "rejected": "EXI-006"}.get(outcome)
            trade = loop.instruction.cex_trade if loop.instruction else None
            if outcome == "filled" and trade is not None and trade.amount is not None:
                filled = trade.amount
            fields |= {"outcome": outcome, "filled_amount": filled, "execution_error": error(told) if told else None}
        self.at.close(loop, **fields)
        return True

    def _cancel(self, group: str, index: int | None, *, by_operator: bool) -> None:
        self._count += 1
        if by_operator:
            self._order("cancel", target_id=group if index is None else f"{group}{index}")
        elif index is None:
            self._publish(builders.cancel_group(f"cancel-{self._count}", self.at.now, group))
        else:
            self._publish(builders.cancel(f"cancel-{self._count}", self.at.now, f"{group}{index}"))

    def _order(self, name: Any, **fields: Any) -> None:
        self._count += 1
        try:
            self.at.order(name, f"c{self._count}", **fields)
        except ExecutionError as refused:
            assert refused.code == "EIM-016", refused

    def _resume(self) -> None:
        for halt in self.at.shared():
            self._order("resume", scope="venue", venue=halt.venue, expected_halt_ids=(halt.halt_id,))
        if self.at.halts():
            self._order("resume", expected_halt_ids=self.at.halt_ids())

    def _settle(self) -> None:
        """Loops end well, operators resume, and time passes until nothing waits for anything."""
        for _ in range(60):
            self._take(Close("filled"))
            self._take(Resume())
            self._take(Pass(6))
        self._take(Pass(4000))
        for _ in range(20):
            self._take(Close("filled"))
            self._take(Resume())

    # --- what was published -------------------------------------------------------------------------------------------

    def _loops(self) -> list[RoutedInstruction]:
        every = [one.record for one in self.at.driver.world.emitted]
        return [one for one in every if isinstance(one, RoutedInstruction) and one.kind != "cancel"]

    def _collect(self, *, busy: bool) -> None:
        fresh = self.at.driver.world.emitted[self._seen :]
        self._seen += len(fresh)
        loops = [one for one in fresh if isinstance(one.record, RoutedInstruction) and one.record.kind != "cancel"]
        assert not (busy and loops), f"{loops} while a loop was in flight"
        assert len(loops) <= 1 or not any(one.record.kind == "execute" for one in loops[:-1])
        for one in fresh:
            self._add(one.topic, one.record)

    def _add(self, topic: str, record: Struct) -> None:
        there = self.data.topics[topic]
        at_ms = int(self.at.now.timestamp() * 1000)
        there.append(Seen(topic, 0, len(there), at_ms, "s1", type(record).__name__, plain(record)))

    def check(self) -> None:
        terms = Terms()
        judges = (rules.groups_run_as_one, rules.groups_stop_at_a_failure, rules.legs_are_scaled, one_result_each)
        assert [one for judge in judges for one in judge(self.data, terms)] == []
        ended = Counter(one["instruction_id"] for one in (seen.value for seen in self.data.results))
        assert ended == Counter(list(self.published))
        nothing_is_left(self.at)


def plain(value: Any) -> Any:
    """Records as the checker has them: mappings."""
    if isinstance(value, Struct):
        return {name: plain(one) for name, one in structs.asdict(value).items()}
    return [plain(one) for one in value] if isinstance(value, tuple) else value


@given(lives)
@settings(max_examples=EXAMPLES)
@example([Publish("a", 0), Publish("a", 1, scales=True), Close("partially_filled"), HaltIt("bybit"), Close("filled")])
@example([Publish("a", 0, 3), Publish("a", 1, 3), HaltIt(None), Publish("a", 2, 3)])
@example([Publish("a", 1), CancelIt("a", 1, by_operator=True), Publish("a", 0)])
def test_whatever_happens_legs_run_as_one_and_each_has_one_result(steps: list[Step]) -> None:
    Life().live(steps).check()
