"""Execution cases through the whole loop: what an instruction comes to at each exchange, and that the books agree.

Every component runs, on the exchange by its own rules; the positions that were expected are compared with its books.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tightloop.assembly.config import Config
from tightloop.records.types import Delta, ExecutionReport, InstructionResult
from tightloop.testing import LoopDriver, cancel, trade
from tightloop.venues.sim.commands import AdvanceMarket, Drift, FillWorking, SetFees, SetPositionMode
from tightloop.venues.sim.settings import SimSettings

from .conftest import exchange_settings

D = Decimal


class Loop:
    """Every component, with one exchange whose account has been adopted."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        made = replace(exchange_settings(venue), slippage_bps=D(0))
        coins = {f"{venue}:{wallet}:BNB": D(1) for wallet in ("BaseToken", "MarginBalance")}
        made = replace(made, opening=made.opening | coins)
        self.driver = LoopDriver(
            Config.model_validate({"lanes": [venue]}), sim=SimSettings(exchanges=(made,), chains=())
        )
        self.trade("first", symbol="ETH/USDT", amount=D(1))
        (self.probe,) = [one for one in self.reports("first") if one.amount]
        assert self.probe.cost is not None
        self.price = self.probe.cost  # of one ETH

    def trade(self, name: str, **fields: Any) -> None:
        self.driver.feed(trade(name, self.driver.now, venue=self.venue, **fields))

    def eth(self, name: str, **fields: Any) -> None:
        """Of ETH/USDT 1 trades at a price; the next is a basis point dearer."""
        self.trade(name, symbol="ETH/USDT", **fields)

    def perp(self, name: str, **fields: Any) -> None:
        self.trade(name, market="perp", symbol="BTC/USDT:USDT", **fields)

    def reports(self, name: str) -> list[ExecutionReport]:
        return [one for one in self.driver.records("fills") if one.instruction_id == name]

    def ended(self, name: str) -> tuple[str, str | None, Decimal | None, str | None]:
        """Status, outcome, filled amount and code of the result, once the books agree with what is expected."""
        result: InstructionResult = self.driver.result(name)
        assert not self.driver.halts()
        held = {key: amount for key, amount in self.driver.held(self.venue).items() if amount}
        assert self.driver.expected() == held
        return result.status, result.outcome, result.filled_amount, result.error.code if result.error else None

    def act(self, command: Any) -> None:
        self.driver.sandbox.act(self.venue, command, self.driver.now)

    def filled_by_others(self, amount: Decimal) -> None:
        (order,) = self.driver.sandbox.open_orders(self.venue, "s1")
        self.act(FillWorking(account="s1", client_order_id=order.client_order_id, amount=amount))


@pytest.fixture
def loop(loop_venue: str) -> Loop:
    return Loop(loop_venue)


def test_141_a_market_order_is_filled(loop: Loop) -> None:
    loop.trade("i1", amount=D("0.5"))
    assert loop.ended("i1") == ("reconciled", "filled", D("0.5"), None)
    assert all(report.simulated for report in loop.reports("i1"))


def test_142_a_quote_amount_is_spent(loop: Loop) -> None:
    loop.trade("i1", quote_amount=D(1000))
    status, outcome, filled, code = loop.ended("i1")
    assert (status, outcome, code) == ("reconciled", "filled", None)
    assert filled is not None and D("0.023") < filled < D("0.024")


def test_143_a_limit_order_that_rests_is_cancelled_after_its_timeout_and_what_filled_counts(loop: Loop) -> None:
    loop.eth("i1", order_type="limit", price=loop.price, amount=D(3), timeout_ms=10_000)
    assert not loop.driver.results("i1")
    loop.driver.advance(11)
    assert loop.ended("i1") == ("reconciled", "partially_filled", D(1), None)


@pytest.mark.parametrize(
    ("time_in_force", "outcome", "filled", "code"),
    [
        ("IOC", "partially_filled", D(1), "EXI-011"),
        ("FOK", "cancelled", D(0), "EXI-011"),
        ("PO", "rejected", D(0), "EXI-007"),
    ],
)
def test_144_a_limit_order_that_crosses_ends_as_its_time_in_force_says(
    loop: Loop, time_in_force: str, outcome: str, filled: Decimal, code: str
) -> None:
    loop.eth("i1", order_type="limit", price=loop.price, amount=D(3), time_in_force=time_in_force)
    status, *rest = loop.ended("i1")
    assert status == "reconciled"
    assert (rest[0], rest[1] or D(0), rest[2]) == (outcome, filled, code)


def test_145_what_the_slippage_bound_does_not_reach_is_not_bought(loop: Loop) -> None:
    bound = {"reference_price": loop.price, "max_slippage_bps": D(1)}
    loop.eth("i1", amount=D(5), **bound)
    status, outcome, filled, code = loop.ended("i1")
    assert (status, outcome, code) == ("reconciled", "partially_filled", "EXI-011")
    assert filled is not None and 0 < filled < 5


def test_146_reduce_only_closes_the_position_and_no_more(loop: Loop) -> None:
    loop.perp("i1", amount=D("0.3"))
    loop.perp("i2", side="sell", amount=D(1), reduce_only=True)
    assert loop.ended("i2")[:3] == ("reconciled", "partially_filled", D("0.3"))
    loop.perp("i3", side="sell", amount=D(1), reduce_only=True)
    assert loop.ended("i3") == ("reconciled", "rejected", D(0), "EXI-007")


def test_147_an_order_fills_in_parts_over_time_and_each_part_is_a_report(loop: Loop) -> None:
    loop.driver.fault("partial", count=1, fill=D("0.25"), parts=3, every_s=2.0)
    loop.trade("i1", amount=D("0.8"))
    loop.driver.advance(10)
    assert loop.ended("i1") == ("reconciled", "filled", D("0.8"), None)
    assert [one.amount for one in loop.reports("i1") if one.amount] == [D("0.2")] * 4


def test_148_a_cancel_crosses_a_fill_and_both_are_told(loop: Loop) -> None:
    loop.trade("i1", order_type="limit", price=D(20_000), amount=D("0.2"))
    loop.filled_by_others(D("0.05"))
    loop.driver.feed(cancel("stop", loop.driver.now, "i1", venue=loop.venue))
    assert loop.ended("i1") == ("reconciled", "partially_filled", D("0.05"), None)
    assert loop.driver.result("stop").status == "reconciled"


def test_149_a_late_fill_after_a_cancel_that_was_lost_is_found(loop: Loop) -> None:
    loop.trade("i1", order_type="limit", price=D(20_000), amount=D("0.2"), timeout_ms=5_000)
    loop.driver.fault("lost_before", count=1, operations=("cancel",))
    loop.driver.advance(5.01)
    loop.filled_by_others(D("0.2"))
    loop.driver.advance(20)
    assert loop.ended("i1") == ("reconciled", "filled", D("0.2"), None)


@pytest.mark.parametrize("fault", ["lost_after", "lost_before"])
def test_150_an_answer_that_is_lost_is_resolved_by_evidence_and_the_order_acts_once(loop: Loop, fault: str) -> None:
    loop.driver.fault(fault, count=1, operations=("order",))
    loop.trade("i1", amount=D("0.5"))
    loop.driver.advance(10)
    assert loop.ended("i1") == ("reconciled", "filled", D("0.5"), None)
    orders = loop.driver.sandbox.requests.read(0, 100)
    assert len([one for one in orders if one.instruction_id == "i1" and one.result == "acted"]) == 1


@pytest.mark.parametrize("calls", ["lost", "performed"])
def test_151_an_executor_killed_after_its_journal_record_acts_once(loop: Loop, calls: Any) -> None:
    loop.driver.feed(trade("i1", loop.driver.now, venue=loop.venue, amount=D("0.5")), run=False)
    while not any(
        one.event == "journalled" and one.instruction_id == "i1" for one in loop.driver.records("execution_audit")
    ):
        assert loop.driver.run(1)
    loop.driver.restart(f"executor-{loop.venue}", calls=calls)
    loop.driver.advance(10)
    assert loop.ended("i1") == ("reconciled", "filled", D("0.5"), None)


def test_152_an_executor_killed_while_its_order_works_waits_on(loop: Loop) -> None:
    loop.trade("i1", order_type="limit", price=D(20_000), amount=D("0.2"))
    loop.filled_by_others(D("0.05"))
    loop.driver.restart(f"executor-{loop.venue}")
    loop.filled_by_others(D("0.15"))
    loop.driver.advance(5)
    assert loop.ended("i1") == ("reconciled", "filled", D("0.2"), None)


def test_153_a_liquidation_between_two_loops_is_told_as_something_that_accrued(loop: Loop) -> None:
    loop.perp("i1", amount=D(1))
    margin = loop.driver.held(loop.venue)[f"{loop.venue}:MarginBalance:USDT"]
    gone = Delta(position_key=f"{loop.venue}:MarginBalance:USDT", amount=D(50) - margin, source="transfer")
    loop.driver.sandbox.lanes[loop.venue].accounts["s1"].post("withdrawal", "transfer", loop.driver.now, (gone,))
    loop.driver.sandbox.act("", AdvanceMarket(microseconds=3 * 3_600_000_000), loop.driver.now)
    loop.trade("i2", side="sell")
    assert loop.ended("i2")[:2] == ("reconciled", "filled")
    assert f"{loop.venue}:Perp:BTC/USDT:USDT" not in loop.driver.expected()
    told = [one for one in loop.driver.records("fills") if any(fee.kind == "liquidation" for fee in one.fees)]
    assert [one.kind for one in told] == ["accrual"]


def test_154_books_that_drifted_halt_the_key(loop: Loop) -> None:
    loop.act(Drift(account="s1", position_key=f"{loop.venue}:BaseToken:BTC", amount=D("-0.5")))
    loop.trade("i1")
    loop.driver.advance(120)
    result = loop.driver.result("i1")
    assert (result.status, result.outcome) == ("halted", "filled")
    assert [halt.code for halt in loop.driver.halts()] == ["REC-002"]


def test_155_a_fee_in_a_third_asset_is_reported_and_expected(loop: Loop) -> None:
    coin = exchange_settings(loop.venue).fee_coin
    if coin is not None:
        for market in ("spot", "perp"):
            loop.act(SetFees(account="s1", market=market, in_coin=True))
    before = loop.driver.held(loop.venue)
    loop.trade("i1", amount=D("0.5"))
    loop.perp("i2", amount=D("0.5"))
    for name, wallet, usual in (("i1", "BaseToken", "BTC"), ("i2", "MarginBalance", "USDT")):
        assert loop.ended(name)[:2] == ("reconciled", "filled")
        ((fee,),) = [one.fees for one in loop.reports(name) if one.amount]
        key = f"{loop.venue}:{wallet}:{usual if coin is None else coin.asset}"
        assert (fee.position_key, fee.amount > 0) == (key, True)
        if coin is not None:
            assert before[key] - loop.driver.expected()[key] == fee.amount


def test_156_a_rebate_is_reported_and_expected(loop: Loop) -> None:
    loop.act(SetFees(account="s1", market="perp", maker=D("-0.0001")))
    before = loop.driver.held(loop.venue)[f"{loop.venue}:MarginBalance:USDT"]
    loop.perp("i1", order_type="limit", price=D(20_000), amount=D("0.2"))
    loop.filled_by_others(D("0.2"))
    loop.driver.advance(5)
    assert loop.ended("i1") == ("reconciled", "filled", D("0.2"), None)
    ((fee,),) = [one.fees for one in loop.reports("i1") if one.amount]
    assert fee.amount == D("-0.4")
    assert loop.driver.expected()[f"{loop.venue}:MarginBalance:USDT"] - before == D("0.4")


@pytest.mark.parametrize("kind", ["maintenance", "ban"])
def test_157_an_instruction_during_an_outage_acts_once_when_it_is_over(loop: Loop, kind: str) -> None:
    loop.driver.fault(kind, duration_s=20.0)
    loop.trade("i1", amount=D("0.5"))
    loop.driver.advance(10)
    assert not loop.driver.results("i1")
    loop.driver.advance(30)
    assert loop.ended("i1") == ("reconciled", "filled", D("0.5"), None)
    orders = loop.driver.sandbox.requests.read(0, 100)
    assert len([one for one in orders if one.instruction_id == "i1" and one.result == "acted"]) == 1


def test_158_hedge_mode_rejects_a_perpetual_and_the_key_goes_on(loop: Loop) -> None:
    loop.act(SetPositionMode(account="s1", hedged=True))
    loop.perp("i1", amount=D("0.1"))
    assert loop.ended("i1") == ("reconciled", "rejected", D(0), "EXI-007")
    loop.trade("i2")
    assert loop.ended("i2")[:2] == ("reconciled", "filled")
