"""Bybit's table of refusals, row by row; its clock; its order stream; its limits; where an order is looked for."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from tests.support.live_face import BYBIT
from tests.support.told_exchange import ToldExchange
from tests.support.told_session import ToldSession, bybit_list
from tests.support.verdict_rows import assert_met, each_row, said

from tightloop.handlers.calls import Ambiguous, NotSent
from tightloop.records.types import PreparedOrder
from tightloop.venues.live.budget import Asking, Budgets
from tightloop.venues.live.bybit import Bybit, _refusal
from tightloop.venues.live.bybit_limits import BybitLimits
from tightloop.venues.live.bybit_streams import OrderFeed
from tightloop.venues.live.bybit_verdicts import VERDICTS
from tightloop.venues.live.session import Said
from tightloop.venues.live.verdicts import Row

KEY = {"key": "k", "secret": "s"}


@each_row(VERDICTS)
def test_a_row_is_met_by_its_code_and_words(row: Row, code: str) -> None:
    assert_met(VERDICTS, row, code, ("errors", "limits", "a gateway's error"))


def test_what_no_row_knows_proves_nothing() -> None:
    for told in (said("999999"), said("HTTP 599"), said("HTTP 404")):
        assert isinstance(VERDICTS.of_act(told), Ambiguous), told


@pytest.mark.parametrize(("signed", "seen", "code"), [(1000, 9000, "EXI-001"), (9000, 1000, "EXI-015")])
def test_a_signed_time_that_is_ahead_is_told_from_one_that_is_too_old(signed: int, seen: int, code: str) -> None:
    words = f"invalid request, req_timestamp[{signed}],server_timestamp[{seen}],recv_window[2000]"
    found = _refusal({"retCode": 10002, "retMsg": words})
    assert found is not None
    answer = VERDICTS.of_act(said(*found))
    assert isinstance(answer, NotSent)
    assert answer.code == code


def test_success_and_what_is_no_object_is_no_refusal() -> None:
    assert _refusal({"retCode": 0, "retMsg": "OK"}) is None
    assert _refusal([]) is None


def asking(path: str, **given: Any) -> Asking:
    return Asking("api", "v5", "POST", path, given, 1.0)


def test_an_endpoint_s_limit_of_an_account_is_learnt_from_its_answers() -> None:
    budgets = Budgets(now=lambda: 100.0)
    tariff = BybitLimits(budgets, "key")
    create = asking("v5/order/create", category="linear")
    tariff.heard(create, {"X-Bapi-Limit": "20", "X-Bapi-Limit-Status": "1"}, {}, 100.0)
    address, endpoint = (charge.bucket for charge in tariff.charges(create))
    assert (address.limit, endpoint.limit, endpoint.used) == (600.0, 20.0, 19.0)
    other = tariff.charges(asking("v5/order/create", category="spot"))[1].bucket
    assert (other.limit, other.used) == (10.0, 0.0), "spot counts for itself"


def test_a_refusal_for_a_limit_quietens_what_it_speaks_of() -> None:
    tariff = BybitLimits(Budgets(now=lambda: 100.0), "key")
    create = asking("v5/order/create", category="spot")
    address, endpoint = (charge.bucket for charge in tariff.charges(create))
    assert tariff.refused_by(create, "10006") == (endpoint,)
    assert tariff.refused_by(create, "403") == (address,)
    assert len(tariff.charges(asking("v5/market/time"))) == 1, "what anybody may ask counts for the address alone"


def test_the_stream_tells_of_orders_that_changed_and_of_nothing_else() -> None:
    feed = OrderFeed(None, "ws://here")  # type: ignore[arg-type]
    told = [
        {"orderLinkId": "a", "orderStatus": "New"},
        {"orderLinkId": "b", "orderStatus": "Filled"},
        {"orderLinkId": "", "orderStatus": "Filled"},
    ]
    assert list(feed.orders({"topic": "order", "data": told})) == ["b"]
    for other in ({"op": "pong"}, {"topic": "wallet", "data": told}, "pong"):
        assert list(feed.orders(other)) == []


# --- an order, looked for ---------------------------------------------------------------------------------------------

ORDER = PreparedOrder(market="spot", symbol="BTC/USDT", side="buy", order_type="market", amount=Decimal("0.1"))
TOLD = {
    "orderId": "7",
    "orderLinkId": "mine",
    "orderStatus": "Filled",
    "cumExecQty": "0.1",
    "qty": "0.1",
    "updatedTime": "1767614400000",
}
REALTIME, HISTORY = "privateGetV5OrderRealtime", "privateGetV5OrderHistory"
PLACES = [(REALTIME, 0), (REALTIME, 1), (HISTORY, None)]


def looked_up(there: tuple[str, int | None] | None) -> tuple[Any, list[tuple[str, int | None]]]:
    """In one of the places; what came of it, and where it was looked for."""

    def told(endpoint: str) -> Any:
        return lambda given: bybit_list(*([TOLD] if (endpoint, given.get("openOnly")) == there else []))

    session = ToldSession({one: told(one) for one in (REALTIME, HISTORY)}, {"BTC/USDT": {"id": "BTCUSDT"}})

    async def run() -> Any:
        dialect = Bybit(BYBIT.lane("http://127.0.0.1:1"), BYBIT.credentials(KEY), reading=False)
        dialect._session = session  # type: ignore[assignment]
        try:
            return await dialect.look_up("mine", ORDER)
        except Said as answer:
            return answer

    found = asyncio.run(run())
    return found, [(endpoint, given.get("openOnly")) for endpoint, given in session.asked]


@pytest.mark.parametrize("place", PLACES)
def test_an_order_is_found_among_open_lately_ended_and_former_ones(place: tuple[str, int | None]) -> None:
    found, asked = looked_up(place)
    assert (found.status, found.filled) == ("filled", Decimal("0.1"))
    assert asked == PLACES[: PLACES.index(place) + 1], "an order goes on from one to the next, and never back"


def test_an_order_that_is_nowhere_is_none() -> None:
    found, asked = looked_up(None)
    assert asked == PLACES
    assert VERDICTS.row(found).meaning == "no_such_order"


def test_an_address_that_is_refused_is_left_alone_for_ten_minutes() -> None:
    async def run() -> Said:
        async with ToldExchange({"GET /v5/market/time": (403, "access too frequent")}) as exchange:
            dialect = Bybit(
                BYBIT.lane(exchange.address), BYBIT.credentials(KEY), reading=False, budgets=Budgets(lambda: 100.0)
            )
            try:
                await dialect.time("spot")
            except Said as answer:
                return answer
            finally:
                await dialect.close()
        raise AssertionError("it was not refused")

    answer = asyncio.run(run())
    assert (answer.status, answer.retry_after_s) == (403, 600.0)
    assert isinstance(VERDICTS.of_act(answer), NotSent)
