"""Money is conserved across venues, whatever strategies do there: random programs of instructions, over every simulated
venue and protocol, with interest, funding and liquidations as time goes by.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.support.chain_programs import LIQUIDATED, MOVES, deposits
from tests.support.money_flows import check_money

from tightloop.assembly.config import Config, Timing
from tightloop.domain import money
from tightloop.records.types import Instruction
from tightloop.testing import LoopDriver, action, group, perp, trade, transfer
from tightloop.venues.sim import commands
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.settings import SimSettings

EXAMPLES = int(os.environ.get("TIGHTLOOP_TEST_EXAMPLES", "40"))
D = Decimal
KEYS = ("s1", "s2")
EXCHANGES = ("binance", "bybit", "okx")
HOUR = 3_600_000_000  # microseconds
START = datetime(2024, 5, 12, 12, 0, tzinfo=UTC)

_lots = st.integers(1, 300).map(lambda lots: D(lots) / 100)
_trades = st.builds(
    dict,
    kind=st.sampled_from(["spot", "quote", "limit"]),
    venue=st.sampled_from(EXCHANGES),
    side=st.sampled_from(["buy", "sell"]),
    coin=st.sampled_from(["BTC", "ETH"]),
    amount=_lots,
)
_perps = st.builds(  # of one coin, so that a position is enlarged, reduced and turned
    dict,
    kind=st.just("perp"),
    venue=st.sampled_from(["bybit", "okx"]),
    side=st.sampled_from(["buy", "sell"]),
    coin=st.just("BTC"),
    amount=st.sampled_from([D("0.5"), D("0.7"), D(2)]),
)
_moves = st.builds(
    dict,
    way=st.sampled_from(
        [
            ("wallet", "binance"),
            ("wallet", "okx:spot"),
            ("binance", "wallet"),
            ("bybit:spot", "okx"),
            ("okx", "binance"),
            ("binance:spot", "binance:perp"),
            ("binance:perp", "binance:spot"),
        ]
    ),
    asset=st.sampled_from(["USDT", "USDT", "ETH"]),
    release=st.sampled_from(["on_arrival", "on_debit"]),
)
_steps: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    *[st.tuples(st.just("trade"), _trades)] * 2,
    *[st.tuples(st.just("trade"), _perps)] * 4,
    *[st.tuples(st.just("chain"), st.lists(MOVES, min_size=1, max_size=3))] * 3,
    st.tuples(st.just("group"), st.lists(_trades | _perps, min_size=2, max_size=3)),
    st.tuples(st.just("lever"), st.tuples(st.sampled_from(EXCHANGES), st.sampled_from(["buy", "buy", "sell"]))),
    st.tuples(st.just("send"), st.sampled_from(["USDT", "WETH", "ETH"])),
    *[st.tuples(st.just("move"), _moves)] * 2,
    st.tuples(st.just("hours"), st.sampled_from([1, 8, 24, 24 * 20])),
    st.tuples(st.just("liquidate"), st.sampled_from(LIQUIDATED)),
)
programs = st.lists(st.tuples(st.sampled_from(KEYS), _steps), min_size=16, max_size=30)


class World:
    """A loop over all venues."""

    def __init__(self) -> None:
        config = Config(lanes=(*EXCHANGES, "ethereum"), timing=Timing(refresh=300.0))
        sim = SimSettings(market_origin=START - timedelta(days=30), interest_step_s=12 * 3600)
        self.driver = LoopDriver(config, start=START, sim=sim, encodes=False)
        self._made = 0

    def play(self, steps: list[tuple[str, tuple[str, Any]]]) -> World:
        for key in KEYS:  # so that most steps have something to act on
            first = action(self._name(), self.driver.now, *deposits(), strategy_id=key, venue="aave")
            self._instruct(first)
            assert self.driver.result(first.instruction_id).outcome == "filled"
        for key, (kind, about) in steps:
            self._step(key, kind, about)
        for _ in range(2):  # weeks later some positions cannot be kept any more
            self._step(KEYS[0], "hours", 24 * 20)
            self.driver.advance(600)
        self.driver.advance(600)  # whatever accrued is told of at the next refresh
        return self

    def _step(self, key: str, kind: str, about: Any) -> None:
        now = self.driver.now
        match kind:
            case "trade":
                self._instruct(self._trade(key, **about))
            case "chain":
                self._instruct(action(self._name(), now, *about, strategy_id=key, venue=about[0].protocol))
            case "group":
                legs = group(f"g{self._made}", *[self._trade(key, **leg) for leg in about])
                self._instruct(*[replace(leg, on_failure="cancel_rest") for leg in legs])
            case "lever":  # as large as the margin allows: some hours later it may be liquidated
                venue, side = about
                for _ in range(2):
                    self._instruct(self._trade(key, kind="perp", venue=venue, side=side, coin="BTC", amount=D(115)))
            case "move":
                self._instruct(self._move(key, **about))
            case "send":
                self._instruct(transfer(self._name(), now, about, D("0.5"), strategy_id=key))
            case "hours":
                self.driver.sandbox.act("binance", commands.AdvanceMarket(microseconds=about * HOUR), now)
            case _:
                self._liquidate(key, about)

    def _liquidate(self, key: str, debt: str) -> None:
        """Refused where nothing is owed, or what is owed is sound."""
        self.driver.advance(0.1)
        try:
            self.driver.sandbox.act("ethereum", commands.Liquidate(account=key, position_key=debt), self.driver.now)
        except VenueError:
            return
        event("a debt was liquidated")

    def _move(self, key: str, *, way: tuple[str, str], asset: str, release: str) -> Instruction:
        source, destination = way
        ends = {"source": source, "destination": destination, "release": release}
        whole = {"strategy_id": key, "venue": source.partition(":")[0]}
        if ":perp" in source + destination:
            asset = "USDT"
        return transfer(self._name(), self.driver.now, asset, D(25) if asset == "USDT" else D("0.5"), **ends, **whole)

    def _trade(self, key: str, *, kind: str, venue: str, side: str, coin: str, amount: Decimal) -> Instruction:
        fields: dict[str, Any] = {"venue": venue, "side": side, "strategy_id": key, "symbol": f"{coin}/USDT"}
        name, now = self._name(), self.driver.now
        match kind:
            case "perp":
                return perp(name, now, **{**fields, "symbol": f"{coin}/USDT:USDT"}, amount=amount)
            case "quote":
                return trade(name, now, **fields, quote_amount=amount * 1000)
            case "limit":
                price = D(1_000_000) if side == "buy" else D(100)
                return trade(name, now, **fields, amount=amount, price=price, time_in_force="IOC")
            case _:
                return trade(name, now, **fields, amount=amount)

    def _instruct(self, *instructions: Instruction) -> None:
        for one in instructions:
            self.driver.feed(one)
        self.driver.advance(5)

    def _name(self) -> str:
        self._made += 1
        return f"i{self._made}"


@settings(
    max_examples=max(EXAMPLES // 2, 5),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(programs)
def test_money_is_conserved_across_venues(steps: list[tuple[str, tuple[str, Any]]]) -> None:
    world = World().play(steps)
    with money.exact():
        check_money(world.driver, KEYS)
    assert not any(world.driver.halts(key) for key in KEYS)
    for report in world.driver.records("fills"):
        event(f"{report.lane}: {report.kind} {report.loop_kind} {report.outcome}")
        if any("liquidation" in entry for entry in (report.venue_entry_id or "", *report.venue_trade_ids)):
            event(f"liquidated on {report.lane}")
    assert world.driver.dead_letters() == []
