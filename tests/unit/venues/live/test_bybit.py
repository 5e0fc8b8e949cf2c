"""Bybit's table of refusals, row by row; its clock; its order stream; its limits."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.verdict_rows import assert_met, each_row, said

from tightloop.handlers.calls import Ambiguous, NotSent
from tightloop.venues.live.budget import Asking, Budgets
from tightloop.venues.live.bybit import _refusal
from tightloop.venues.live.bybit_limits import BybitLimits
from tightloop.venues.live.bybit_streams import OrderFeed
from tightloop.venues.live.bybit_verdicts import VERDICTS
from tightloop.venues.live.verdicts import Row


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
