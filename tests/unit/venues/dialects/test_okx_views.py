"""What the sandbox of OKX tells: orders after each change, trades, and how often an account may ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.support.order_world import OrderWorld

from tightloop.domain import money
from tightloop.venues.dialects.okx import STAND_IN
from tightloop.venues.dialects.okx.limits import Limits, Rules
from tightloop.venues.dialects.okx.listings import client_id, contracts, instrument, made_up_id
from tightloop.venues.dialects.okx.order_views import cancel_source, fill, shown
from tightloop.venues.dialects.okx.refusals import OkxError, of_amending, of_engine
from tightloop.venues.dialects.okx.signing import SignedTime
from tightloop.venues.dialects.okx.streams import told
from tightloop.venues.dialects.streams import Change
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.commands import CancelWorking, FillWorking

D = Decimal
NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)
TAKER: dict[str, Any] = {"order_type": "market", "price": None, "time_in_force": "IOC"}
SPOT: dict[str, Any] = {"market": "spot", "symbol": "BTC/USDT"}


@pytest.fixture
def world() -> Iterator[OrderWorld]:
    with money.exact():
        yield OrderWorld(STAND_IN.exchange, NOW)


# --- orders -----------------------------------------------------------------------------------------------------------


def test_each_change_is_told_as_the_order_was_right_after_it_in_contracts(world: OrderWorld) -> None:
    world.place()
    world.act(FillWorking, client_order_id="one", amount=D("0.2"))
    world.act(FillWorking, client_order_id="one")
    names = ("state", "sz", "accFillSz", "fillSz", "avgPx", "fillPx", "tradeId", "execType")
    states = [tuple(one[name] for name in names) for one in map(told, world.changes())]
    assert states == [
        ("live", "50", "0", "0", "", "", "", ""),
        ("partially_filled", "50", "20", "20", "1000", "1000", "1", "M"),
        ("filled", "50", "50", "30", "1000", "1000", "2", "M"),
    ]


def test_fees_are_below_zero_and_add_up_over_the_trades_so_far(world: OrderWorld) -> None:
    world.place()
    world.act(FillWorking, client_order_id="one", amount=D("0.2"))
    world.act(FillWorking, client_order_id="one")
    taken, first, second = map(told, world.changes())
    assert (taken["fee"], taken["fillFee"], taken["fillFeeCcy"]) == ("0", "0", "")
    assert (first["fee"], first["fillFeeCcy"]) == (first["fillFee"], "USDT")
    assert D(first["fillFee"]) < 0
    assert D(second["fee"]) == D(first["fillFee"]) + D(second["fillFee"])


def test_an_end_is_told_with_its_source(world: OrderWorld) -> None:
    world.place()
    world.act(CancelWorking, client_order_id="one", timestamp=NOW)
    world.place("two", **SPOT, price=D(90_000), amount=D("0.1"), time_in_force="PO")
    world.place("three", time_in_force="IOC")
    world.place("four", time_in_force="FOK")
    ends = [one for one in map(told, world.changes()) if one["state"] == "canceled"]
    assert [one["cancelSource"] for one in ends] == ["1", "31", "14", "15"]
    assert cancel_source(world.order("two")) == "31"


def test_a_lie_tells_of_an_order_as_filled(world: OrderWorld) -> None:
    world.place()
    (placed,) = world.changes()
    lie = told(Change(placed.order, "trade"))
    assert (lie["state"], lie["accFillSz"], lie["fillSz"]) == ("filled", "50", "50")
    assert placed.order.status == "open"


def test_an_order_shows_no_id_that_nobody_gave(world: OrderWorld) -> None:
    world.place(made_up_id("x"), **SPOT, amount=D("0.01"))
    world.place("mine")
    assert [client_id(one.order) for one in world.changes()] == ["", "mine"]


def test_a_spot_order_is_counted_in_coins_and_a_perpetual_in_contracts(world: OrderWorld) -> None:
    world.place("spot", **SPOT, **TAKER, amount=D("0.01"))
    world.place("perp", **TAKER)
    spot, perp = shown(world.order("spot")), shown(world.order("perp"))
    assert (spot["sz"], spot["accFillSz"], spot["tdMode"], spot["instId"]) == ("0.01", "0.01", "cash", "BTC-USDT")
    assert (perp["sz"], perp["accFillSz"], perp["tdMode"]) == ("50", "50", "cross")
    assert (perp["instId"], perp["tgtCcy"], spot["tgtCcy"]) == ("BTC-USDT-SWAP", "", "base_ccy")


def test_a_fee_is_a_share_of_what_it_is_taken_from(world: OrderWorld) -> None:
    world.place("bought", **SPOT, **TAKER, amount=D("0.01"))
    world.place("sold", **SPOT, **TAKER, amount=D("0.01"), side="sell")
    bought, sold = (fill(order, order.entries[-1]) for order in (world.order("bought"), world.order("sold")))
    assert (bought["feeCcy"], bought["fee"], bought["feeRate"]) == ("BTC", "-0.000015", "-0.0015")
    assert (sold["feeCcy"], sold["feeRate"], sold["execType"], sold["subType"]) == ("USDT", "-0.0015", "T", "2")


def test_what_a_trade_realised_is_told_with_it(world: OrderWorld) -> None:
    world.place("opens", **TAKER)
    world.place("closes", **TAKER, side="sell", amount=D("0.2"))
    opens, closes = world.order("opens").entries[-1], world.order("closes").entries[-1]
    assert fill(world.order("opens"), opens)["fillPnl"] == "0"
    assert D(fill(world.order("closes"), closes)["fillPnl"]) == closes.realised_pnl
    assert fill(world.order("closes"), closes)["fillSz"] == "20"


@pytest.mark.parametrize(
    ("symbol", "name"), [("BTC/USDT", "BTC-USDT"), ("BTC/USDT:USDT", "BTC-USDT-SWAP"), ("ETH/BTC", "ETH-BTC")]
)
def test_instruments_have_okx_s_names(symbol: str, name: str) -> None:
    assert instrument(symbol) == name


def test_contracts_are_base_units_over_their_size(world: OrderWorld) -> None:
    listings = world.desk.exchange.listings
    assert contracts(listings["BTC/USDT:USDT"], D("0.37")) == D(37)
    assert contracts(listings["BTC/USDT"], D("0.37")) == D("0.37")


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "of_an_order"),
    [
        ("51008", 200, True),
        ("51000", 400, True),
        ("50036", 200, True),
        ("50014", 400, False),
        ("50011", 429, False),
        ("51149", 500, False),
        ("50102", 401, False),
        ("50114", 401, False),
        ("50120", 200, True),
    ],
)
def test_a_number_has_its_status_and_is_told_of_an_order_or_of_the_request(
    code: str, status: int, of_an_order: bool
) -> None:
    refusal = OkxError(code, "words")
    assert (refusal.status, refusal.of_an_order) == (status, of_an_order)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (VenueError("insufficient_margin", ""), "51008"),
        (VenueError("timed_out", ""), "51149"),
        (VenueError("maintenance", ""), "50001"),
        (VenueError("banned", ""), "50011"),
        (VenueError("order_rejected", "a reduce-only order"), "51169"),
        (VenueError("order_rejected", "closed"), "51022"),
        (VenueError("operation_not_supported", ""), "51506"),
    ],
)
def test_the_engine_s_refusals_have_numbers(said: VenueError, code: str) -> None:
    assert of_engine(said).code == code


def test_a_change_that_can_t_be_paid_for_has_a_number_of_its_own() -> None:
    assert of_amending(VenueError("insufficient_balance", "")).code == "51502"
    assert of_amending(VenueError("invalid_order", "")).code == "51000"


# --- times and limits -------------------------------------------------------------------------------------------------


def refused_at(signed: SignedTime, after_s: float) -> str | None:
    try:
        signed.check(NOW + timedelta(seconds=after_s))
    except OkxError as error:
        return error.code
    return None


def test_an_order_expires_when_it_says_and_any_request_after_30_s() -> None:
    at_ms = int(NOW.timestamp() * 1000)
    sent = {"OK-ACCESS-TIMESTAMP": NOW.isoformat(), "expTime": str(at_ms + 5000)}
    order = SignedTime(sent, "/api/v5/trade/order", NOW)
    order.refuse_expired()
    assert [refused_at(order, after) for after in (5, 5.001, 30, 30.1)] == [None, "50037", "50037", "50102"]
    cancel = SignedTime(sent, "/api/v5/trade/cancel-order", NOW)
    assert [refused_at(cancel, after) for after in (30, 30.1, -30, -30.1)] == [None, "50102", None, "50102"]
    late = SignedTime(sent, "/api/v5/trade/order", NOW + timedelta(seconds=5.001))
    with pytest.raises(OkxError, match="expTime"):
        late.refuse_expired()


def test_the_window_of_a_limit_rolls_and_each_order_counts_by_its_instrument() -> None:
    limits = Limits()
    limits.rules = Rules(within_2s={"POST /api/v5/trade/batch-orders": 3, "POST /api/v5/trade/order": 1}, others=1)
    one, other = {"instId": "BTC-USDT"}, {"instId": "ETH-USDT"}

    def taken(after_s: float, *orders: dict[str, str], name: str = "POST /api/v5/trade/batch-orders") -> bool:
        try:
            limits.ask(name, "s", orders, NOW + timedelta(seconds=after_s))
        except OkxError as error:
            assert error.code == "50011"
            return False
        return True

    assert [taken(0, one, one), taken(0.1, one, one), taken(0.2, one, other)] == [True, False, True]
    assert [taken(1.9, other, one), taken(2, other, one), taken(2.1, one, one)] == [False, True, False]
    assert [taken(0, one), taken(0.1, one, name="POST /api/v5/trade/order")] == [True, False]
    assert [taken(0, one, name="GET /a"), taken(0, other, name="GET /a")] == [True, False], "of the account"
    assert limits.refused == 5
