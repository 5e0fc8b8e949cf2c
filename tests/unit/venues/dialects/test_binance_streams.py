"""The sandbox of Binance tells of an order what Binance documents, and of each change once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.support.order_world import OrderWorld

from tightloop.venues import binance
from tightloop.venues.dialects.binance.streams import execution_report, order_trade_update
from tightloop.venues.sim.commands import CancelWorking, ChangeWorking, FillWorking

D = Decimal
NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)
# the pages that binance/streams.py names, without the fields of stop, trailing, iceberg and strategy orders
SPOT = set("eEscSofqpPFgCxXrilzLnNTtIwmMOZYQWV")
PERP = set("scSofqpxXilzLTtbamRV") | {"ap", "sp", "wt", "ot", "ps", "cp", "rp", "pP", "si", "ss", "pm", "gtd", "er"}


@pytest.fixture
def world() -> OrderWorld:
    return OrderWorld(binance.settings("binance", 60.0), NOW)


def test_each_change_of_an_order_is_told_once(world: OrderWorld) -> None:
    world.place()
    assert [one.what for one in world.changes()] == ["new"]
    assert world.changes() == []
    world.act(FillWorking, client_order_id="one", amount=D("0.2"))
    world.act(FillWorking, client_order_id="one", amount=D("0.1"))
    traded = world.changes()
    assert [one.what for one in traded] == ["trade", "trade"]
    told = [order_trade_update(one, NOW)["o"] for one in traded]
    assert [(D(one["l"]), D(one["z"])) for one in told] == [(D("0.2"), D("0.2")), (D("0.1"), D("0.3"))]
    assert {one["X"] for one in told} == {"PARTIALLY_FILLED"}
    world.act(ChangeWorking, client_order_id="one", amount=D("0.6"), price=D(900), timestamp=NOW)
    (changed,) = [order_trade_update(one, NOW)["o"] for one in world.changes()]
    assert (changed["x"], changed["X"], D(changed["q"])) == ("AMENDMENT", "PARTIALLY_FILLED", D("0.6"))
    world.act(CancelWorking, client_order_id="one", timestamp=NOW)
    (ended,) = [order_trade_update(one, NOW)["o"] for one in world.changes()]
    assert (ended["x"], ended["X"], D(ended["z"]), ended["er"]) == ("CANCELED", "CANCELED", D("0.3"), "0")


def test_an_order_that_may_not_rest_expires_with_its_reason(world: OrderWorld) -> None:
    world.place(time_in_force="IOC")
    told = [order_trade_update(one, NOW)["o"] for one in world.changes()]
    assert [(one["x"], one["X"], one["er"]) for one in told] == [("NEW", "NEW", "0"), ("EXPIRED", "EXPIRED", "2")]


def test_every_documented_field_is_there(world: OrderWorld) -> None:
    world.place()
    world.place("two", market="spot", symbol="BTC/USDT")
    for name in ("one", "two"):
        world.act(FillWorking, client_order_id=name)
    changes = world.changes()
    futures = [order_trade_update(one, NOW) for one in changes if one.order.listing.perp]
    assert [set(one) for one in futures] == [{"e", "E", "T", "o"}] * 2
    assert [set(one["o"]) for one in futures] == [PERP, PERP | {"n", "N"}], "a commission where there is one"
    spot = [execution_report(one, NOW) for one in changes if not one.order.listing.perp]
    assert [set(one) for one in spot] == [SPOT] * 2
    assert (spot[1]["x"], spot[1]["X"], spot[1]["z"], spot[1]["N"]) == ("TRADE", "FILLED", "0.50000000", "BTC")


def test_a_cancel_of_spot_has_an_id_of_its_own_and_names_the_orders(world: OrderWorld) -> None:
    world.place(market="spot", symbol="BTC/USDT")
    world.act(CancelWorking, client_order_id="one", timestamp=NOW)
    told = [execution_report(one, NOW) for one in world.changes()]
    assert [(one["x"], one["c"], one["C"]) for one in told] == [("NEW", "one", ""), ("CANCELED", "cancel-1", "one")]
