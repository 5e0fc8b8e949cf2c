"""No sequence of instructions, pauses, faults and restarts ever dispatches above a limit.

The oracle is independent of the code that judges: it adds up what was published on ``instructions.<lane>``, at the
prices of the simulated market at that moment, and looks into the venue's own books.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tightloop.assembly import build
from tightloop.assembly.config import Config
from tightloop.records.types import Instruction, Recording, RoutedInstruction
from tightloop.runners.recording.replay import Replay
from tightloop.testing import LoopDriver, action, group, perp, swap, trade
from tightloop.wire import codec

D = Decimal
START = datetime.fromisoformat("2024-05-12T23:59:00+00:00")  # midnight of UTC is near
ORDER, DAY, RATE, WINDOW_S, COLLAR, FEE = D(900), D(2000), 4, 30, D(50), D("0.01")
HELD, SHORT, SYMBOLS = D("10.03"), D("0.02"), ["BTC/USDT", "BTC/USDT:USDT"]
BOUNDS: dict[str, dict[str, Any]] = {
    "order": {"order_notional": ORDER},
    "day": {"daily_notional": DAY},
    "open": {"open_notional": ORDER},
    "rate": {"order_rate": {"orders": RATE, "seconds": WINDOW_S}},
    "position": {"position": {"BTC": HELD, "Perp:BTC/USDT:USDT": SHORT}},
    "collar": {"price_collar_bps": COLLAR},
    "names": {"max_fee": FEE, "symbols": SYMBOLS},
}


class Ask(Struct, frozen=True):
    """``amount``: BTC, or a hundredth of the WETH that is swapped. ``off_bps``: of a limit, from the market."""

    kind: Literal["buy", "sell", "quote", "limit", "long", "short", "reduce", "swap", "cheap swap", "other", "pair"]
    amount: Decimal
    off_bps: int


class Wait(Struct, frozen=True):
    seconds: float


class Break(Struct, frozen=True):
    """A fault of the venues, or the manager's death."""

    what: Literal["lost_after", "reject", "partial", "down", "restart"]


Step = Ask | Wait | Break
_amounts = st.sampled_from(
    [D("0.001"), D("0.01"), D("0.019"), D("0.02"), D("0.0237"), D("0.03"), D("0.01234567890123456")]
)
_asks = st.builds(
    Ask,
    st.sampled_from(
        ["buy", "sell", "quote", "limit", "long", "short", "reduce", "swap", "cheap swap", "other", "pair"]
    ),
    _amounts,
    st.sampled_from([-60, -50, 0, 49, 51, 200]),
)
chosen = st.one_of(st.sampled_from(sorted(BOUNDS)).map(lambda name: frozenset({name})), st.just(frozenset(BOUNDS)))
steps = st.lists(
    st.one_of(
        _asks,
        _asks,
        _asks,
        st.builds(Wait, st.sampled_from([0.1, 3.0, 10.0, 31.0, 90.0])),
        st.builds(Break, st.sampled_from(["lost_after", "reject", "partial", "down", "restart"])),
    ),
    min_size=1,
    max_size=20,
)


class Life:
    def __init__(self, names: frozenset[str], record: Callable[[Recording], None] | None = None) -> None:
        bounds = {key: bound for name in sorted(names) for key, bound in BOUNDS[name].items()}
        self.loop = LoopDriver(Config(limits={"default": bounds}), start=START, partitions=1, record=record)
        self.asked: list[Instruction] = []

    def price(self, symbol: str = "BTC/USDT", at: datetime | None = None) -> Decimal:
        sandbox = self.loop.sandbox
        found = sandbox.market.price("binance", symbol, sandbox.market_clock.market(at or self.loop.now))
        assert found is not None
        return found

    def take(self, step: Step) -> None:
        match step:
            case Ask():
                for made in self._made(step, f"i{len(self.asked)}"):
                    self.asked.append(made)
                    self.loop.feed(made)
            case Wait(seconds):
                self.loop.advance(seconds)
            case Break("restart"):
                self.loop.restart("interface-manager")
            case Break(what):
                self.loop.fault(what, count=1)

    def _made(self, ask: Ask, name: str) -> tuple[Instruction, ...]:
        now, amount = self.loop.now, ask.amount
        limit = (self.price() * (D(10_000) + ask.off_bps) / 10_000).quantize(D("0.01"))
        match ask.kind:
            case "buy" | "sell":
                return (trade(name, now, side=ask.kind, amount=amount),)
            case "quote":
                return (trade(name, now, quote_amount=(amount * 40_000).quantize(D("0.01"))),)
            case "limit":
                return (trade(name, now, amount=amount, price=limit, time_in_force="IOC"),)
            case "long" | "short":
                return (perp(name, now, side="buy" if ask.kind == "long" else "sell", amount=amount),)
            case "reduce":
                return (perp(name, now, side="sell", amount=amount, reduce_only=True),)
            case "swap" | "cheap swap":
                fee = FEE if ask.kind == "swap" else FEE * 2
                return (action(name, now, swap("WETH", "USDT", amount * 10), max_fee=fee),)
            case "other":
                return (trade(name, now, symbol="ETH/USDT", amount=amount),)
            case "pair":
                legs = [trade(f"{name}a", now, amount=amount), perp(f"{name}b", now, side="sell", amount=amount)]
                return group(name, *legs)

    def dispatched(self) -> list[RoutedInstruction]:
        lanes = ("binance", "ethereum")
        every = [one for lane in lanes for one in self.loop.records(f"instructions.{lane}") if one.kind == "execute"]
        return sorted(every, key=lambda one: one.loop_no)

    def notional(self, routed: RoutedInstruction, at: datetime) -> Decimal:
        instruction = routed.instruction
        assert instruction is not None
        trade_, payload = instruction.cex_trade, instruction.smart_contract_action
        if trade_ is not None:
            market = self.price(trade_.symbol, at)
            if trade_.quote_amount is not None:
                return trade_.quote_amount
            return (trade_.amount or D(0)) * max(market, trade_.price or market)
        assert payload is not None
        return (payload.actions[0].amount or D(0)) * self.price("ETH/USDT", at)


def judged_at(every: list[RoutedInstruction]) -> Iterator[tuple[RoutedInstruction, datetime]]:
    """A group's legs are judged when the first of them starts."""
    started: dict[str, datetime] = {}
    for routed in every:
        group_id = routed.instruction.group_id if routed.instruction else None
        yield routed, started.setdefault(group_id, routed.dispatched_at) if group_id else routed.dispatched_at


@given(chosen, steps)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_is_ever_dispatched_above_a_limit(names: frozenset[str], taken: list[Step]) -> None:
    life = Life(names)
    for step in taken:
        life.take(step)
        held = life.loop.held("binance")
        if "position" in names:
            assert held.get("binance:BaseToken:BTC", D(0)) <= HELD
            assert abs(held.get("binance:Perp:BTC/USDT:USDT", D(0))) <= SHORT
    life.loop.advance(4000.0)  # what is queued behind a halt expires
    every = list(judged_at(life.dispatched()))
    for routed, at in every:
        assert routed.instruction is not None
        check_alone(names, routed.instruction, life.notional(routed, at), life.price(at=at))
    check_together(names, [(at, life.notional(routed, at), group_of(routed)) for routed, at in every])
    answered = {one.instruction_id for one in life.loop.records("instruction_results")}
    assert answered == {one.instruction_id for one in life.asked}


def group_of(routed: RoutedInstruction) -> str:
    """Its group, or itself."""
    assert routed.instruction is not None
    return routed.instruction.group_id or routed.instruction.instruction_id


def check_alone(names: frozenset[str], instruction: Instruction, notional: Decimal, market: Decimal) -> None:
    order, payload = instruction.cex_trade, instruction.smart_contract_action
    if "order" in names:
        assert notional <= ORDER
    if order is not None and "names" in names:
        assert order.symbol in SYMBOLS
    if order is not None and order.price is not None and "collar" in names:
        assert (order.price - market) * 10_000 <= COLLAR * market
    if payload is not None and "names" in names:
        assert payload.max_fee is not None
        assert payload.max_fee <= FEE


def check_together(names: frozenset[str], every: list[tuple[datetime, Decimal, str]]) -> None:
    daily: dict[Any, Decimal] = {}
    groups: dict[str, Decimal] = {}
    for at, notional, group_id in every:
        daily[at.date()] = daily.get(at.date(), D(0)) + notional
        groups[group_id] = groups.get(group_id, D(0)) + notional
    if "day" in names:
        assert all(total <= DAY for total in daily.values())
    if "open" in names:
        assert all(total <= ORDER for total in groups.values())
    if "rate" in names:
        times = [at for at, _, _ in every]
        for first in times:
            assert sum(first <= at < first + timedelta(seconds=WINDOW_S) for at in times) <= RATE


@given(steps)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_recording_is_played_to_the_same_bytes_by_the_prices_that_were_read(taken: list[Step]) -> None:
    recordings: list[Recording] = []
    life = Life(frozenset(BOUNDS), record=recordings.append)
    for step in taken:
        life.take(step)
    life.loop.advance(4000.0)  # what is queued behind a halt expires
    runner = life.loop.runner
    replay = Replay([build.make_handler(component, lane, life.loop.config) for component, lane in components()], 1)
    played = [replay.play(codec.decode_as(codec.encode(one), Recording)) for one in recordings]
    assert [(out.topic, out.value) for one in played for out in one.outputs if out.topic == "instruction_results"] == [
        (one.topic, one.value) for one in life.loop.stored("instruction_results")
    ]
    state = runner._seats["interface-manager"][0].worker.state
    assert replay.entries("interface-manager", 0) == {(key, name): entry for key, name, entry in state.entries()}


def components() -> list[tuple[str, str | None]]:
    return build.every_component(Config())
