"""Whatever comes in whatever order: the deltas alone make the positions, versions have no gap, and every final version
has exactly one reconciliation result.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace
from tests.support.handler_context import HandlerDriver
from tests.support.lanes import judging, position_updates
from tests.support.position_records import (
    AUSDT,
    BTC,
    MARGIN,
    PERP,
    STRATEGY,
    USDT,
    adjustment,
    delta,
    fee,
    report,
)
from tests.support.reconciliation_desk import Desk

from tightloop.domain import ids, money
from tightloop.errors import ExecutionError
from tightloop.handlers.calls import Unavailable
from tightloop.records.types import Delta, ExecutionReport, Fee, PositionUpdate

KEYS = (BTC, USDT, PERP, MARGIN, AUSDT, "binance@s1:BaseToken:BTC", "transit:i1:USDT")
PLAIN = {"binance@s1:BaseToken:BTC": BTC}
amounts = st.integers(-(10**38), 10**38).map(lambda units: money.CONTEXT.multiply(Decimal(units), money.UNIT))
deltas = st.lists(st.builds(delta, st.sampled_from(KEYS), amounts, st.sampled_from(("trade", "transfer"))), max_size=3)


def add(sums: dict[str, Decimal], changes: tuple[Delta, ...]) -> None:
    with money.exact():
        for one in changes:
            key = PLAIN.get(one.position_key, one.position_key)
            sums[key] = sums.get(key, Decimal(0)) + one.amount


@st.composite
def charges(draw: st.DrawFn) -> tuple[list[Delta], list[Fee]]:
    """Fees, and the deltas that hold them."""
    taken = draw(st.lists(st.tuples(st.sampled_from((BTC, USDT)), amounts), max_size=2))
    held = [delta(key, amount.copy_negate(), "fee") for key, amount in taken]
    return held, [fee(key, amount) for key, amount in taken]


@st.composite
def loops(draw: st.DrawFn) -> list[ExecutionReport]:
    """The reports of up to six loops, in the order an executor publishes them."""
    reports: list[ExecutionReport] = []
    for loop_no in range(1, draw(st.integers(1, 6)) + 1):
        kinds = [*draw(st.lists(st.sampled_from(("working", "accrual")), max_size=3)), "final"]
        kinds += ["correction"] * draw(st.integers(0, 2))
        for number, kind in enumerate(kinds, start=1):
            moved, (taken, fees) = draw(deltas), draw(charges())
            corrects = ids.report_id(STRATEGY, loop_no, kinds.index("final") + 1) if kind == "correction" else None
            made = report(loop_no, number, kind, *moved, *taken, fees=tuple(fees), corrects_report_id=corrects)
            reports.append(replace(made, amount=draw(amounts).copy_abs()))
    return reports


@st.composite
def deliveries(draw: st.DrawFn) -> list[ExecutionReport]:
    """Reports as they arrive: some never, some twice, in any order."""
    reports = draw(loops())
    order = draw(st.lists(st.integers(0, len(reports) - 1), min_size=1, max_size=2 * len(reports)))
    return [reports[place] for place in (order if draw(st.booleans()) else sorted(order))]


@given(arrivals=deliveries(), adjusts=st.lists(st.tuples(st.integers(0, 40), amounts), max_size=3))
def test_deltas_alone_make_the_positions_and_versions_have_no_gap(
    arrivals: list[ExecutionReport], adjusts: list[tuple[int, Decimal]]
) -> None:
    driver = HandlerDriver(position_updates())
    sums: dict[str, Decimal] = {}
    seen: set[str] = set()
    for place, arrival in enumerate(arrivals):
        emitted = driver.feed("fills", arrival)
        assert len(emitted) == (arrival.report_id not in seen)
        if emitted:
            add(sums, arrival.deltas)
        seen.add(arrival.report_id)
        for number, (at, amount) in enumerate(adjusts):
            if at == place:
                version = len(driver.records("position_updates"))
                (answered,) = driver.feed("control", adjustment(f"c{number}", version, delta(PERP, amount)))
                add(sums, answered.record.deltas)
    updates: list[PositionUpdate] = driver.records("position_updates")
    assert [update.position_version for update in updates] == list(range(1, len(updates) + 1))
    assert [update.previous_version for update in updates] == list(range(len(updates)))
    told: dict[str, Decimal] = {}
    for update in updates:
        add(told, update.deltas)
        assert all(told[one.position_key] == one.amount for one in update.expected_positions)
        assert {one.position_key for one in update.deltas} == {one.position_key for one in update.expected_positions}
    assert told == sums
    kept = {name[9:]: entry.amount for name, entry in driver.state.items() if name.startswith("position|")}
    assert kept == {key: amount for key, amount in sums.items() if amount}


@given(arrivals=deliveries())
def test_a_report_is_out_of_order_exactly_when_a_predecessor_of_it_is_missing(
    arrivals: list[ExecutionReport],
) -> None:
    driver = HandlerDriver(position_updates())
    highest: dict[int, int] = {}
    seen: set[str] = set()
    ended: set[int] = set()
    for arrival in arrivals:
        emitted = driver.feed("fills", replace(arrival, deltas=(), fees=()))
        if arrival.report_id in seen:
            assert emitted == []
            continue
        seen.add(arrival.report_id)
        jumped = arrival.report_no > highest.get(arrival.loop_no, 0) + 1
        after = arrival.loop_no in ended and arrival.kind in ("working", "accrual") and jumped
        update = emitted[0].record
        if arrival.kind != "final":
            assert (update.error is not None and update.error.code == "PUH-006") == (jumped or after)
        assert update.is_final == (arrival.kind in ("final", "correction"))
        highest[arrival.loop_no] = max(highest.get(arrival.loop_no, 0), arrival.report_no)
        if arrival.kind == "final":
            ended.add(arrival.loop_no)


@given(one=loops(), amount=amounts.filter(bool))
def test_a_fee_that_is_not_in_the_deltas_is_refused_and_changes_nothing(
    one: list[ExecutionReport], amount: Decimal
) -> None:
    driver = HandlerDriver(position_updates())
    wrong = replace(one[0], fees=(*one[0].fees, fee(USDT, amount)))
    with pytest.raises(ExecutionError) as raised:
        driver.feed("fills", wrong)
    assert raised.value.code == "PUH-007"
    assert driver.state == {}


# --- reconciliation ---------------------------------------------------------------------------------------------------


class Tell(Struct, frozen=True):
    """A further version. ``lost``: it never arrives; ``twice``: it does again."""

    kind: str | None
    changes: tuple[Delta, ...]
    next_loop: bool = True
    lost: bool = False
    twice: bool = False


class Answer(Struct, frozen=True):
    """Answer a call under way (by its place) well, or badly."""

    place: int
    how: str


class Pass(Struct, frozen=True):
    seconds: float


class Restart(Struct, frozen=True):
    after: float


moved = st.builds(tuple, st.lists(st.builds(delta, st.sampled_from((BTC, AUSDT, PERP)), amounts), max_size=2))
steps = st.one_of(
    st.builds(
        Tell,
        kind=st.sampled_from(("working", "final", "final", "correction", None)),
        changes=moved,
        next_loop=st.booleans(),
        lost=st.integers(0, 9).map(lambda number: number == 0),
        twice=st.booleans(),
    ),
    st.builds(Answer, st.integers(0, 3), st.sampled_from(("held", "held", "other", "down", "old", "partial", "nan"))),
    st.builds(Pass, st.sampled_from((0.05, 0.1, 1.0, 7.0, 10.0, 31.0))),
    st.builds(Restart, st.sampled_from((0.0, 5.0, 100.0))),
)


class Run:
    """Takes steps and checks after each of them what must hold at any time."""

    def __init__(self, mismatch_budget_s: float) -> None:
        self.desk = Desk(judging(mismatch_budget_s=mismatch_budget_s))
        self.loop_no = 1
        self.finals: list[int] = []

    def take(self, step: Any) -> None:
        desk = self.desk
        match step:
            case Tell():
                self._tell(step)
            case Answer() if desk.asked():
                desk.answer(self._answer(step.how), call=step.place % len(desk.asked()))
            case Pass(seconds):
                desk.wait(seconds)
            case Restart(after):
                desk.driver.restart(after)
        self.check()

    def _tell(self, step: Tell) -> None:
        self.loop_no += step.next_loop
        with money.exact():
            update = self.desk.books.update(*step.changes, kind=step.kind, loop_no=self.loop_no)
        if step.lost:
            return
        self.desk.tell(update)
        if update.is_final:
            self.finals.append(update.position_version)
        if step.twice:
            assert self.desk.tell(update) == []

    def _answer(self, how: str) -> Any:
        desk = self.desk
        match how:
            case "other":
                return desk.holds({BTC: Decimal("1e30")})
            case "down":
                return Unavailable("EXI-003", "down")
            case "partial":
                return desk.holds(complete=False)
            case "nan":
                return desk.holds({BTC: Decimal("NaN")})
            case "old":
                return desk.holds(as_of=desk.driver.now.replace(year=2000))
        return desk.holds()

    def check(self) -> None:
        pending = sorted(int(name.split("|")[1]) for name in self.desk.driver.state if name.startswith("pending|"))
        done = [result.position_version for result in self.desk.results()]
        assert len(done) == len(set(done)), "two results for one version"
        assert sorted(done + pending) == sorted(self.finals)
        assert (self.desk.driver.wake is not None) == bool(pending), "a pending version must be woken up for"
        for result in self.desk.results():
            assert result.result_id == ids.result_id(STRATEGY, result.position_version)
            assert result.verified == (result.status == "matched")
            assert result.verified == (bool(result.snapshot_id) and all(check.passed for check in result.checks))
            assert result.error is not None or result.status == "matched"
        published = {snapshot.snapshot_id for snapshot in self.desk.snapshots()}
        assert published >= {result.snapshot_id for result in self.desk.results() if result.snapshot_id}


@given(taken=st.lists(steps, max_size=25), mismatch_budget_s=st.sampled_from((0.0, 2.0, 30.0)))
def test_every_final_version_has_exactly_one_result_whatever_happens(
    taken: list[Any], mismatch_budget_s: float
) -> None:
    run = Run(mismatch_budget_s)
    for step in taken:
        run.take(step)
    for _ in range(20):
        run.take(Pass(10.0))
    assert {result.position_version for result in run.desk.results()} == set(run.finals)
    assert not [name for name in run.desk.driver.state if name.startswith(("pending|", "snapshot|"))]


@given(taken=st.lists(steps, max_size=25))
def test_the_same_events_give_the_same_records(taken: list[Any]) -> None:
    first, second = Run(2.0), Run(2.0)
    for step in taken:
        first.take(step)
        second.take(step)
    assert first.desk.driver.world.emitted == second.desk.driver.world.emitted
    assert first.desk.driver.world.state == second.desk.driver.world.state


@given(taken=st.lists(steps.filter(lambda step: not getattr(step, "lost", False)), max_size=25))
def test_without_gaps_the_own_sum_is_the_handlers_and_nothing_is_wrong_with_it(taken: list[Any]) -> None:
    run = Run(2.0)
    for step in taken:
        run.take(step)
    entries = {name[9:]: entry for name, entry in run.desk.driver.state.items() if name.startswith("position|")}
    assert {key: entry.amount for key, entry in entries.items() if entry.amount} == run.desk.books.held()
    assert not any(entry.restated_at for entry in entries.values())
    assert all("REC-009" not in str(result.error) for result in run.desk.results())
