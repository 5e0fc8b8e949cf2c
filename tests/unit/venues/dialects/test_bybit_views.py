"""What the sandbox of Bybit tells: orders after each change, what a trade closed, what an account may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.support.order_world import OrderWorld

from tightloop.domain import money
from tightloop.venues.dialects.bookkeeping import Bookkeeping
from tightloop.venues.dialects.bybit import STAND_IN
from tightloop.venues.dialects.bybit.limits import Limits, Rules
from tightloop.venues.dialects.bybit.listings import link_id, made_up_id, order_id
from tightloop.venues.dialects.bybit.refusals import GatewayError
from tightloop.venues.dialects.bybit.streams import told
from tightloop.venues.dialects.figures import plain
from tightloop.venues.dialects.streams import Change
from tightloop.venues.sim.commands import CancelWorking, Drift, FillWorking

D = Decimal
NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)


@pytest.fixture
def world() -> Iterator[OrderWorld]:
    with money.exact():
        yield OrderWorld(STAND_IN.exchange, NOW)


def told_in(world: OrderWorld) -> list[dict[str, Any]]:
    return [told(change, world.desk) for change in world.changes()]


def test_each_change_is_told_as_the_order_was_right_after_it(world: OrderWorld) -> None:
    world.place()
    world.act(FillWorking, client_order_id="one", amount=D("0.2"))
    world.act(FillWorking, client_order_id="one")
    states = [
        (one["orderStatus"], one["cumExecQty"], one["leavesQty"], one["avgPrice"], one["cancelType"])
        for one in told_in(world)
    ]
    assert states == [
        ("New", "0", "0.5", "", "UNKNOWN"),
        ("PartiallyFilled", "0.2", "0.3", "1000", "UNKNOWN"),
        ("Filled", "0.5", "0", "1000", "UNKNOWN"),
    ]


def test_an_end_is_told_with_its_reason(world: OrderWorld) -> None:
    world.place()
    world.act(CancelWorking, client_order_id="one", timestamp=NOW)
    world.place("two", market="spot", symbol="BTC/USDT", price=D(90_000), amount=D("0.1"), time_in_force="PO")
    ends = [
        (one["category"], one["orderStatus"], one["rejectReason"])
        for one in told_in(world)
        if one["orderStatus"] not in ("New",)
    ]
    assert ends == [
        ("linear", "Cancelled", "EC_PerCancelRequest"),
        ("spot", "Rejected", "EC_PostOnlyWillTakeLiquidity"),
    ]


def test_a_lie_tells_of_an_order_as_filled(world: OrderWorld) -> None:
    world.place()
    (placed,) = world.changes()
    lie = told(Change(placed.order, "trade"), world.desk)
    assert (lie["orderStatus"], lie["cumExecQty"], lie["leavesQty"]) == ("Filled", "0.5", "0")
    assert placed.order.status == "open"


def test_an_order_has_the_ids_of_its_category_and_no_link_id_that_nobody_gave(world: OrderWorld) -> None:
    world.place()
    world.place(made_up_id("x"), market="spot", symbol="BTC/USDT", amount=D("0.01"))
    perp, spot = (change.order for change in world.changes())
    assert (len(order_id(perp)), link_id(perp)) == (36, "one")
    assert (order_id(spot).isdecimal(), link_id(spot)) == (True, "")


# --- bookkeeping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sides", "closed", "left"),
    [
        (("buy",), "0", "0.5"),
        (("buy", "buy"), "0", "1"),
        (("buy", "sell"), "0.5", "0"),
        (("sell", "sell", "buy"), "0.5", "-0.5"),
    ],
)
def test_a_trade_closes_what_it_takes_off_a_position(
    world: OrderWorld, sides: tuple[str, ...], closed: str, left: str
) -> None:
    for number, side in enumerate(sides):
        world.place(f"o{number}", side=side, order_type="market", price=None, time_in_force="IOC")
    last = Bookkeeping().lines(world.desk.account("s"))[-1]
    assert (last.closed, last.position) == (D(closed), D(left))


def test_a_trade_that_turns_a_position_closes_all_of_it(world: OrderWorld) -> None:
    taker: dict[str, Any] = {"order_type": "market", "price": None, "time_in_force": "IOC"}
    world.place("a", **taker)
    world.place("b", side="sell", amount=D("0.8"), **taker)
    last = Bookkeeping().lines(world.desk.account("s"))[-1]
    assert (last.closed, last.position) == (D("0.5"), D("-0.3"))


def test_balances_are_right_after_a_drift_and_read_on_from_where_they_were(world: OrderWorld) -> None:
    taker: dict[str, Any] = {"market": "spot", "symbol": "BTC/USDT", "order_type": "market", "price": None}
    bookkeeping, key = Bookkeeping(), "bybit:BaseToken:BTC"
    world.place("a", **taker)
    account = world.desk.account("s")
    assert bookkeeping.lines(account)[-1].after[key] == account.balance(key)
    world.act(Drift, position_key=key, amount=D(3))
    world.place("b", side="sell", **taker)
    lines = bookkeeping.lines(account)
    assert len(lines) == 2
    assert lines[-1].after[key] == account.balance(key)
    assert lines == Bookkeeping().lines(account), "read at once, it is the same"


# --- limits -----------------------------------------------------------------------------------------------------------


def test_the_window_of_a_limit_rolls() -> None:
    limits = Limits()
    limits.rules = Rules(per_second={"GET /a": 2, "GET /a spot": 1})

    def ask(after_ms: int, category: str = "linear") -> tuple[int, bool]:
        standing = limits.ask("GET /a", category, "s", NOW + timedelta(milliseconds=after_ms))
        return standing.left, standing.refused

    assert [ask(0), ask(600), ask(900), ask(1100)] == [(1, False), (0, False), (0, True), (0, False)]
    assert [ask(0, "spot"), ask(500, "spot")] == [(0, False), (0, True)], "a category has a limit of its own"
    refused = limits.ask("GET /a", "spot", "s", NOW + timedelta(milliseconds=700))
    assert refused.headers() == {
        "X-Bapi-Limit": "1",
        "X-Bapi-Limit-Status": "0",
        "X-Bapi-Limit-Reset-Timestamp": str(int(NOW.timestamp() * 1000) + 1000),
    }


def test_an_address_that_asks_too_often_is_banned_for_a_while() -> None:
    limits = Limits()
    limits.rules = Rules(address=3, address_s=5.0, ban_s=600.0)
    for second in range(3):
        limits.enter(NOW + timedelta(seconds=second))
    for second in (3, 30, 602):
        with pytest.raises(GatewayError, match="access too frequent"):
            limits.enter(NOW + timedelta(seconds=second))
    limits.enter(NOW + timedelta(seconds=604))


@pytest.mark.parametrize(
    ("amount", "text"), [("0", "0"), ("0.00", "0"), ("10", "10"), ("1E+2", "100"), ("-0.50", "-0.5")]
)
def test_a_figure_has_no_zeros_at_its_end(amount: str, text: str) -> None:
    assert plain(D(amount)) == text
