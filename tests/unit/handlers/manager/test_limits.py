"""Limits before dispatch (EIM-013): each at its bound, above it, and where it cannot be measured."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.handlers.manager.limits_desk import LimitsDesk

from tightloop.assembly.config import Config
from tightloop.handlers.calls import Unavailable
from tightloop.handlers.manager.limits.scopes import Bounds, OrderRate
from tightloop.records.types import Action, Instruction
from tightloop.testing import LoopDriver, action, cancel, group, perp, swap, trade, transfer

D = Decimal
Make = Callable[[Any], Instruction]
BTC_KEY, USDT_KEY = "binance:BaseToken:BTC", "binance:BaseToken:USDT"


def step(protocol: str, operation: str, **fields: Any) -> Action:
    return Action(protocol=protocol, operation=operation, **fields)


# --- one instruction --------------------------------------------------------------------------------------------------

# name -> the bound, what keeps it exactly, what is one step above it, and what its message holds
CASES: dict[str, tuple[Bounds, Make, Make, str]] = {
    "order_notional of a market order": (
        Bounds(order_notional=D(600)),
        lambda now: trade("i1", now, amount=D("0.01")),
        lambda now: trade("i1", now, amount=D("0.010001")),
        "order_notional of strategy s1: 600.06 USDT is above 600; publish a smaller one, or raise "
        "limits.default.order_notional",
    ),
    "order_notional of a sale": (
        Bounds(order_notional=D(600)),
        lambda now: trade("i1", now, amount=D("0.01"), side="sell"),
        lambda now: trade("i1", now, amount=D("0.010001"), side="sell"),
        "600.06 USDT is above 600",
    ),
    "order_notional by the limit, where that is above the market": (
        Bounds(order_notional=D(610)),
        lambda now: trade("i1", now, amount=D("0.01"), price=D(61000)),
        lambda now: trade("i1", now, amount=D("0.01"), price=D(61001)),
        "610.01 USDT is above 610",
    ),
    "order_notional by the market, where the limit is below it": (
        Bounds(order_notional=D(600)),
        lambda now: trade("i1", now, amount=D("0.01"), price=D(50000)),
        lambda now: trade("i1", now, amount=D("0.011"), price=D(50000)),
        "660 USDT is above 600",
    ),
    "order_notional of a quote amount": (
        Bounds(order_notional=D(600)),
        lambda now: trade("i1", now, quote_amount=D(600)),
        lambda now: trade("i1", now, quote_amount=D("600.01")),
        "600.01 USDT is above 600",
    ),
    "order_notional of a perpetual": (
        Bounds(order_notional=D(600)),
        lambda now: perp("i1", now, amount=D("0.01")),
        lambda now: perp("i1", now, amount=D("0.011")),
        "660 USDT is above 600",
    ),
    "order_notional of a swap": (
        Bounds(order_notional=D(6000)),
        lambda now: action("i1", now, swap("WETH", "USDT", D(2))),
        lambda now: action("i1", now, swap("WETH", "USDT", D("2.1"))),
        "6300 USDT is above 6000",
    ),
    "order_notional of a chain, without what only passes on": (
        Bounds(order_notional=D(6000)),
        lambda now: action(
            "i1",
            now,
            swap("WETH", "USDT", D(2)),
            step("aave", "supply", token_in="USDT", amount_rule="previous_output"),
        ),
        lambda now: action(
            "i1", now, swap("WETH", "USDT", D(2)), step("aave", "supply", token_in="USDT", amount=D("0.01"))
        ),
        "6000.01 USDT is above 6000",
    ),
    "order_notional of a transfer": (
        Bounds(order_notional=D(3000)),
        lambda now: transfer("i1", now, "ETH", D(1)),
        lambda now: transfer("i1", now, "ETH", D("1.5")),
        "4500 USDT is above 3000",
    ),
    "order_notional of an exact output": (
        Bounds(order_notional=D(3000)),
        lambda now: action("i1", now, swap("USDT", "WETH", D(1), parameters={"exact": "output"})),
        lambda now: action("i1", now, swap("USDT", "WETH", D(2), parameters={"exact": "output"})),
        "6000 USDT is above 3000",
    ),
    "open_notional": (
        Bounds(open_notional=D(600)),
        lambda now: trade("i1", now, amount=D("0.01")),
        lambda now: trade("i1", now, amount=D("0.011")),
        "open_notional of strategy s1: 660 USDT (660 with what may still act, 0) is above 600",
    ),
    "price_collar_bps of a purchase": (
        Bounds(price_collar_bps=D(100)),
        lambda now: trade("i1", now, price=D(60600)),
        lambda now: trade("i1", now, price=D("60600.01")),
        "cex_trade.price 60600.01 is 100.0017 bps from the market's 60000, and may be 100; name a price nearer",
    ),
    "price_collar_bps of a sale": (
        Bounds(price_collar_bps=D(100)),
        lambda now: trade("i1", now, price=D(59400), side="sell"),
        lambda now: trade("i1", now, price=D(59399), side="sell"),
        "cex_trade.price 59399",
    ),
    "price_collar_bps leaves a price that only waits": (
        Bounds(price_collar_bps=D(100)),
        lambda now: trade("i1", now, price=D(30000)),
        lambda now: trade("i1", now, price=D(30000), side="sell"),
        "5000.0000 bps",
    ),
    "price_collar_bps of what the strategy decided on": (
        Bounds(price_collar_bps=D(100)),
        lambda now: trade("i1", now, reference_price=D(59400)),
        lambda now: trade("i1", now, reference_price=D(59399)),
        "cex_trade.reference_price 59399",
    ),
    "price_collar_bps of the least that a swap must give": (
        Bounds(price_collar_bps=D(100)),
        lambda now: action("i1", now, swap("WETH", "USDT", D(1), min_amount_out=D(2970))),
        lambda now: action("i1", now, swap("WETH", "USDT", D(1), min_amount_out=D(2969))),
        "actions[0].min_amount_out per WETH 2969",
    ),
    "max_fee": (
        Bounds(max_fee=D("0.01")),
        lambda now: action("i1", now, max_fee=D("0.01")),
        lambda now: action("i1", now, max_fee=D("0.011")),
        "max_fee of strategy s1: the most to spend on gas may be 0.01, and 0.011",
    ),
    "max_fee where none is named": (
        Bounds(max_fee=D("0.01")),
        lambda now: trade("i1", now),
        lambda now: action("i1", now),
        "and none is named; name a smart_contract_action.max_fee",
    ),
    "symbols": (
        Bounds(symbols=frozenset({"BTC/USDT"})),
        lambda now: trade("i1", now),
        lambda now: perp("i1", now),
        "symbols of strategy s1: BTC/USDT:USDT is not allowed: there are BTC/USDT; use one of them, or add it to "
        "limits.default.symbols",
    ),
    "protocols": (
        Bounds(protocols=frozenset({"uniswap"})),
        lambda now: action("i1", now),
        lambda now: action("i1", now, swap("USDT", "WETH", D(1)), step("aave", "supply", token_in="WETH", amount=D(1))),
        "protocols of strategy s1: aave is not allowed",
    ),
    "contracts": (
        Bounds(contracts=frozenset({"3pool"})),
        lambda now: action(
            "i1",
            now,
            step("curve", "swap", token_in="USDT", token_out="DAI", amount=D(1), parameters={"pool": "3pool"}),
        ),
        lambda now: action(
            "i1",
            now,
            step("curve", "swap", token_in="USDT", token_out="DAI", amount=D(1), parameters={"pool": "other"}),
        ),
        "contracts of strategy s1: other is not allowed",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_keeps_a_limit_is_dispatched_and_what_breaks_it_is_refused_with_eim_013(name: str) -> None:
    bounds, keeps, breaks, says = CASES[name]
    desk = LimitsDesk(bounds)
    desk.ask(keeps(desk.now))
    assert desk.went(), desk.results("i1")
    desk = LimitsDesk(bounds)
    desk.ask(breaks(desk.now))
    assert says in desk.why()
    assert desk.dispatched() == []
    assert desk.head().slot is None


def test_a_destination_is_the_same_address_in_whichever_case_and_any_other_is_refused() -> None:
    desk = LimitsDesk(Bounds(destinations=frozenset({"0x" + "AB" * 20})))
    desk.ask(transfer("i1", desk.now, "USDT", D(1)))
    assert desk.went()
    desk = LimitsDesk(Bounds(destinations=frozenset({"0x" + "12" * 20})))
    desk.ask(transfer("i1", desk.now, "USDT", D(1)))
    assert "destinations of strategy s1: 0x" in desk.why()


def test_a_notional_that_is_finer_than_a_record_is_rounded_up() -> None:
    loop = LoopDriver(Config(limits={"default": {"daily_notional": 10**6, "open_notional": 10**6}}))
    for number, made in enumerate(
        (
            trade("i0", loop.now, amount=D("0.012345678901234567")),
            action("i1", loop.now, swap("WETH", "USDT", D("0.123456789012345678"))),
            trade("i2", loop.now, quote_amount=D("100.123456789012345678")),
        )
    ):
        loop.feed(made)
        loop.advance(1)
        assert loop.result(f"i{number}").outcome in ("filled", "rejected")
    assert loop.dead_letters() == []
    assert loop.halts() == ()


# --- over time --------------------------------------------------------------------------------------------------------


def test_the_order_rate_counts_within_any_window() -> None:
    desk = LimitsDesk(Bounds(order_rate=OrderRate(2, 60.0)))
    for number, wait_s in enumerate((0, 30, 29, 1, 1)):  # at 0, 30, 59, 60 and 61 s
        desk.driver.advance(wait_s)
        desk.trade(f"i{number}")
        if f"i{number}" in desk.dispatched():
            desk.end()
    assert [desk.went(f"i{number}") for number in range(5)] == [True, True, False, True, False]
    assert "order_rate of strategy s1: it would be order 3 within 60 s, and 2 may be dispatched" in desk.why("i2")


def test_the_daily_notional_counts_what_was_dispatched_by_the_day_of_utc() -> None:
    desk = LimitsDesk(Bounds(daily_notional=D(1200)))
    for number in range(3):
        desk.trade(f"i{number}")
        if number < 2:
            desk.end(outcome="rejected")  # what was dispatched counts, whatever came of it
    assert [desk.went(f"i{number}") for number in range(3)] == [True, True, False]
    assert "1800 USDT (600 with what was dispatched today (UTC), 1200) is above 1200" in desk.why("i2")
    desk.driver.advance(12 * 3600 - 1)  # it was noon
    desk.trade("i3")
    assert not desk.went("i3")
    desk.driver.advance(1)
    desk.trade("i4")
    assert desk.went("i4")


def test_what_has_no_known_outcome_stays_open_until_it_is_resolved() -> None:
    desk = LimitsDesk(Bounds(open_notional=D(1000)))
    desk.trade("i1")
    loop = desk.last_loop()
    desk.end(outcome="unknown")
    desk.order("resume", expected_halt_ids=desk.halt_ids(), accept_unverified=True)
    desk.trade("i2")
    assert "open_notional of strategy s1: 1200 USDT (600 with what may still act, 600) is above 1000" in desk.why("i2")
    desk.close(
        loop, kind="verify", outcome="filled", corrects_report_id="report-9", checks=desk.checks(), report_ids=("r9",)
    )
    desk.end()  # the verification that follows a correction
    desk.trade("i3")
    assert desk.went("i3")


def test_what_has_no_known_outcome_counts_for_positions_too() -> None:
    desk = LimitsDesk(Bounds(position={"BTC": D(2)}))
    desk.held = {BTC_KEY: D(1)}
    desk.trade("i1", amount=D("0.8"))
    loop = desk.last_loop()
    desk.end(outcome="unknown")
    desk.order("resume", expected_halt_ids=desk.halt_ids(), accept_unverified=True)
    desk.trade("i2", amount=D("0.3"))
    assert "would be 2.1, from 1.8, and may be 2 either way" in desk.why("i2")
    desk.trade("i3", amount=D("0.3"), side="sell")  # whatever becomes of the other, it is no more than it was
    assert desk.went("i3")
    desk.end()
    desk.close(
        loop, kind="verify", outcome="rejected", corrects_report_id="report-9", checks=desk.checks(), report_ids=("r9",)
    )
    desk.end()  # the verification that follows a correction
    desk.trade("i4", amount=D("0.3"))
    assert desk.went("i4")


# --- positions --------------------------------------------------------------------------------------------------------


def test_a_position_may_come_to_its_bound_and_what_makes_it_smaller_always_may_be_done() -> None:
    desk = LimitsDesk(Bounds(position={"BTC": D(2)}))
    desk.held = {BTC_KEY: D("1.99"), USDT_KEY: D(100000)}
    desk.trade("i1", amount=D("0.01"))
    assert desk.went("i1")
    desk.held[BTC_KEY] = D(2)
    desk.end()
    desk.trade("i2", amount=D("0.001"))
    assert "position of strategy s1: binance:BaseToken:BTC would be 2.001, from 2, and may be 2 either way" in desk.why(
        "i2"
    )
    desk.trade("i3", amount=D("0.5"), side="sell")
    assert desk.went("i3")
    desk.held[BTC_KEY] = D(5)  # as after a deposit
    desk.end()
    desk.trade("i4", amount=D("0.5"), side="sell")
    assert desk.went("i4")


def test_a_short_position_has_the_same_bound() -> None:
    desk = LimitsDesk(Bounds(position={"Perp:BTC/USDT:USDT": D(1)}))
    desk.held = {"binance:Perp:BTC/USDT:USDT": D("-0.5")}
    desk.ask(perp("i1", desk.now, side="sell", amount=D("0.5")))
    assert desk.went("i1")
    desk.held["binance:Perp:BTC/USDT:USDT"] = D(-1)
    desk.end()
    desk.ask(perp("i2", desk.now, side="sell", amount=D("0.1")))
    assert not desk.went("i2")
    desk.ask(perp("i3", desk.now, side="buy", amount=D(9), reduce_only=True))
    assert desk.went("i3")  # it can only reduce


@pytest.mark.parametrize(
    ("made", "key", "bound"),
    [
        (swap("USDT", "WETH", D(3000)), "BaseToken:WETH", "10.9"),
        (step("aave", "supply", token_in="USDT", amount=D(500)), "aToken:USDT", "499"),
        (step("aave", "borrow", token_out="WETH", amount=D(1)), "debtToken:WETH", "0.9"),
        (
            step("morpho", "supply", token_in="USDT", amount=D(500), parameters={"market": "m1"}),
            "Supply:m1",
            "499",
        ),
        (step("aave", "withdraw", token_out="USDT", amount_rule="all"), "BaseToken:USDT", "1099"),
        (step("curve", "remove_liquidity", token_out="USDT", amount=D(100)), "BaseToken:USDT", "1099"),
    ],
)
def test_a_step_on_a_chain_changes_the_wallet_and_what_it_supplies_or_owes(made: Action, key: str, bound: str) -> None:
    held = {"wallet:BaseToken:WETH": D(10), "wallet:BaseToken:USDT": D(1000), "aave:aToken:USDT": D(100)}
    for most, goes in ((D(bound), False), (D(bound) + D("0.1") * 10, True)):
        desk = LimitsDesk(Bounds(position={key: most if key != "aToken:USDT" else most + 100}))
        desk.held = held
        desk.ask(action("i1", desk.now, made))
        assert desk.went("i1") is goes, desk.results("i1")


def test_what_is_not_known_to_be_held_is_looked_at_first() -> None:
    desk = LimitsDesk(Bounds(position={"BTC": D(2)}))
    desk.driver.feed("instructions", trade("i1", desk.now), key="s1")
    assert desk.dispatched() == ["refresh"]
    desk.held = {BTC_KEY: D(5)}
    desk.settle()
    assert "would be 5.01, from 5" in desk.why("i1")
    desk.trade("i2", side="sell")
    assert desk.dispatched() == ["refresh", "i2"]  # it is known now


def test_all_of_a_position_is_measured_by_what_is_held() -> None:
    made = step("uniswap", "swap", token_in="WETH", token_out="USDT", amount_rule="all")
    for held, goes in ((D(2), True), (D("2.1"), False)):
        desk = LimitsDesk(Bounds(order_notional=D(6000)))
        desk.held = {"wallet:BaseToken:WETH": held}
        desk.ask(action("i1", desk.now, made))
        assert desk.went("i1") is goes


# --- prices -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(order_notional=D(10**6)),
        Bounds(open_notional=D(10**6)),
        Bounds(daily_notional=D(10**6)),
        Bounds(price_collar_bps=D(9999)),
        Bounds(position={"BTC": D(10**6)}),
    ],
)
def test_without_a_price_nothing_is_dispatched(bounds: Bounds) -> None:
    desk = LimitsDesk(bounds)
    desk.prices = {}
    desk.trade("i1", price=D(60000))
    assert "can't be measured: there is no price of BTC/USDT at binance; see that market data of it arrives" in (
        desk.why("i1")
    )


def test_old_market_data_is_no_price_nor_is_what_is_dated_ahead() -> None:
    for age_s, goes in ((60.0, True), (60.001, False), (-5.0, True), (-5.001, False)):
        desk = LimitsDesk(Bounds(order_notional=D(10**6)))
        desk.price_age_s = age_s
        desk.trade("i1")
        assert desk.went("i1") is goes, age_s
    desk = LimitsDesk(Bounds(order_notional=D(10**6)), price_max_age_s=3600.0)
    desk.price_age_s = 3599.0
    desk.trade("i1")
    assert desk.went("i1")


def test_where_market_data_cannot_be_read_nothing_is_dispatched_and_it_says_so() -> None:
    desk = LimitsDesk(Bounds(order_notional=D(10**6)))
    desk.asks_back = False
    desk.trade("i1")
    desk.driver.answer("prices", Unavailable("EXI-003", "the broker is away"))
    assert "market data can't be read: the broker is away" in desk.why("i1")


def test_the_price_that_was_checked_goes_along_and_without_limits_the_strategys_own() -> None:
    desk = LimitsDesk(Bounds(order_notional=D(10**6)))
    desk.trade("i1", reference_price=D(59000))
    assert desk.last_loop().reference_price == D(60000)
    desk.end()
    desk.limit()
    desk.trade("i2", reference_price=D(59000))
    assert desk.last_loop().reference_price == D(59000)


def test_a_limit_that_needs_no_price_asks_for_none() -> None:
    desk = LimitsDesk(Bounds(symbols=frozenset({"BTC/USDT"}), order_rate=OrderRate(10, 60.0)))
    desk.asks_back = False
    desk.trade("i1")
    assert desk.went("i1")


def test_what_waits_for_a_price_asks_again_after_a_restart_and_gives_way_to_a_halt() -> None:
    desk = LimitsDesk(Bounds(order_notional=D(10**6)))
    desk.asks_back = False
    desk.trade("i1")
    desk.driver.restart()
    assert desk.dispatched() == []
    answer = desk.answer()
    desk.order("halt")
    desk.driver.answer("prices", answer)
    assert desk.dispatched() == []  # it is queued until the halt is cleared
    desk.asks_back = True
    desk.order("resume", "c2", expected_halt_ids=desk.halt_ids())
    desk.end()  # one account after the other
    desk.end()
    assert desk.went("i1")


def test_what_comes_in_meanwhile_does_not_ask_for_the_firsts_prices_anew() -> None:
    """A question that replaces one takes its answer away: a strategy that publishes faster would never start."""
    desk = LimitsDesk(Bounds(order_notional=D(100_000)))
    desk.asks_back = False
    desk.trade("i1")
    asked = desk.driver.calls["prices"]
    desk.trade("i2")
    assert desk.driver.calls["prices"] is asked
    desk.asks_back = True
    desk.settle()
    assert desk.went("i1")
    desk.end()
    assert desk.went("i2")


def test_an_answer_to_another_question_decides_nothing() -> None:
    desk = LimitsDesk(Bounds(order_notional=D(100)))
    desk.asks_back = False
    desk.trade("i1")
    answer = desk.answer()
    desk.ask(action("i2", desk.now))  # behind it, about other markets
    desk.ask(cancel("c1", desk.now, "i1"))
    assert desk.result("i1").status == "cancelled"
    desk.driver.answer("prices", answer)
    assert "prices" in desk.driver.calls
    desk.asks_back = True
    desk.settle()
    assert "1000 USDT is above 100" in desk.why("i2")


# --- whose limits -----------------------------------------------------------------------------------------------------


def test_a_strategys_own_bound_replaces_the_default_and_the_others_stand() -> None:
    default = Bounds(order_notional=D(100), symbols=frozenset({"BTC/USDT"}))
    own = {"s1": Bounds(order_notional=D(600))}
    desk = LimitsDesk(default, strategies=own)
    desk.trade("i1")
    assert desk.went("i1")
    desk = LimitsDesk(default, strategies=own)
    desk.ask(perp("i2", desk.now))
    assert "limits.default.symbols" in desk.why("i2")
    desk.trade("i3", amount=D(1))
    assert "limits.strategies.s1.order_notional" in desk.why("i3")


def test_an_accounts_and_a_venues_bounds_come_on_top() -> None:
    desk = LimitsDesk(accounts={"s1": Bounds(daily_notional=D(700))}, venues={"binance": Bounds(order_notional=D(650))})
    desk.trade("i1", amount=D("0.011"))
    assert "order_notional of venue binance: 660 USDT is above 650" in desk.why("i1")
    desk.trade("i2")
    assert desk.went("i2")
    desk.end()
    desk.trade("i3")
    assert "daily_notional of account s1: 1200 USDT" in desk.why("i3")


def test_a_venue_counts_what_touches_it_in_a_step() -> None:
    desk = LimitsDesk(venues={"aave": Bounds(order_notional=D(100))})
    desk.ask(action("i1", desk.now))
    assert desk.went("i1")
    desk.end()
    desk.ask(
        action("i2", desk.now, swap("USDT", "WETH", D(50)), step("aave", "supply", token_in="USDT", amount=D("50.01")))
    )
    assert "order_notional of venue aave: 100.01 USDT" in desk.why("i2")


def test_the_limits_of_others_are_not_ours() -> None:
    desk = LimitsDesk(strategies={"s2": Bounds(order_notional=D(1))})
    desk.trade("i1")
    assert desk.went("i1")
    assert desk.driver.calls == {}


def test_several_breaches_are_told_one_by_one_names_first() -> None:
    bounds = Bounds(symbols=frozenset({"ETH/USDT"}), order_rate=OrderRate(0, 60.0), order_notional=D(1))
    desk = LimitsDesk(bounds)
    desk.trade("i1")
    assert desk.why("i1").startswith("symbols of")
    desk.limit(Bounds(order_rate=OrderRate(0, 60.0), order_notional=D(1)))
    desk.trade("i2")
    assert desk.why("i2").startswith("order_rate of")


# --- groups -----------------------------------------------------------------------------------------------------------


def legs(desk: LimitsDesk, *amounts: str) -> tuple[Instruction, ...]:
    made = [trade(f"g{number}", desk.now, amount=D(amount), price=D(60000)) for number, amount in enumerate(amounts)]
    return group("g", *made)


@pytest.mark.parametrize(
    ("bounds", "amounts", "says"),
    [
        (Bounds(open_notional=D(1200)), ("0.01", "0.01"), "leg g1: open_notional of strategy s1: 1200.6 USDT"),
        (Bounds(daily_notional=D(1200)), ("0.01", "0.01"), "leg g1: daily_notional of strategy s1: 1200.6 USDT"),
        (Bounds(order_notional=D(600)), ("0.01", "0.01"), "leg g1: order_notional of strategy s1: 600.6 USDT"),
        (
            Bounds(position={"BTC": D("1.02")}),
            ("0.01", "0.01"),
            "leg g1: position of strategy s1: binance:BaseToken:BTC",
        ),
    ],
)
def test_a_groups_legs_are_measured_together_and_refused_whole(bounds: Bounds, amounts: Any, says: str) -> None:
    desk = LimitsDesk(bounds)
    desk.held = {BTC_KEY: D(1)}
    for leg in legs(desk, *amounts):
        desk.ask(leg)
    assert "g0" in desk.dispatched()
    desk = LimitsDesk(bounds)
    desk.held = {BTC_KEY: D(1)}
    for leg in legs(desk, amounts[0], f"{amounts[1]}001"):
        desk.ask(leg)
    assert says in desk.why("g0")
    assert says in desk.why("g1")


def test_a_group_counts_its_orders_once_it_starts_and_its_later_legs_are_not_measured_again() -> None:
    bounds = Bounds(order_rate=OrderRate(2, 60.0), order_notional=D(600))
    desk = LimitsDesk(bounds)
    for leg in legs(desk, "0.01", "0.01", "0.01"):
        desk.ask(leg)
    assert "leg g2: order_rate of strategy s1: it would be order 3 within 60 s" in desk.why("g0")
    desk = LimitsDesk(bounds)
    for leg in legs(desk, "0.01", "0.01"):
        desk.ask(leg)
    desk.prices["BTC/USDT"] = D(90000)  # what began goes on
    desk.end()
    assert desk.dispatched() == ["g0", "g1"]
    desk.end()
    desk.trade("i1", amount=D("0.001"))
    assert "order_rate" in desk.why("i1")


def test_what_a_groups_rest_would_have_used_is_open_no_more_when_it_is_cancelled() -> None:
    desk = LimitsDesk(Bounds(open_notional=D(1200)))
    for leg in (replace(one, on_failure="cancel_rest") for one in legs(desk, "0.01", "0.01")):
        desk.ask(leg)
    desk.end(outcome="rejected")
    assert desk.result("g1").status == "cancelled"
    desk.trade("i1", amount=D("0.02"))
    assert desk.went("i1")
