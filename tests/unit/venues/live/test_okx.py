"""OKX's table of refusals, row by row; what it is sent beside ccxt's headers; its limits, its stream."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.support.live_face import OKX
from tests.support.verdict_rows import assert_met, each_row, said

from tightloop.handlers.calls import Ambiguous, NotSent
from tightloop.venues.live.budget import Asking, Budgets
from tightloop.venues.live.okx import Okx, _refusal
from tightloop.venues.live.okx_limits import OkxLimits
from tightloop.venues.live.okx_streams import OrderFeed
from tightloop.venues.live.okx_verdicts import VERDICTS
from tightloop.venues.live.verdicts import Row

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
KEY = {"key": "k", "secret": "s", "passphrase": "p"}


@each_row(VERDICTS)
def test_a_row_is_met_by_its_code(row: Row, code: str) -> None:
    assert_met(VERDICTS, row, code, ("rest", "trade", "a gateway's error"))


def test_what_no_row_knows_proves_nothing() -> None:
    for told in (said("99999"), said("1"), said("HTTP 599"), said("HTTP 404")):
        assert isinstance(VERDICTS.of_act(told), Ambiguous), told


def test_a_refusal_of_an_order_is_its_own_and_not_the_request_s() -> None:
    of_order = {"code": "1", "msg": "All operations failed", "data": [{"sCode": "51008", "sMsg": "Insufficient"}]}
    assert _refusal(of_order) == ("51008", "Insufficient")
    assert _refusal({"code": "50011", "msg": "Too Many Requests", "data": []}) == ("50011", "Too Many Requests")
    assert _refusal({"code": "1", "msg": "failed", "data": []}) == ("1", "failed")
    assert _refusal({"code": "0", "data": [{"sCode": "0"}]}) is None
    assert _refusal([]) is None


def test_a_request_that_acts_expires_with_its_window_and_demo_trading_is_asked_for() -> None:
    dialect = Okx(OKX.lane("http://127.0.0.1:1"), OKX.credentials(KEY), reading=False)
    window_ms = int(OKX.lane("").acceptance_window_s * 1000)
    at_ms = int(NOON.timestamp() * 1000)
    acting, asking = dialect._headers(NOON, True), dialect._headers(NOON, False)
    assert acting == {"x-simulated-trading": "1", "expTime": str(at_ms + window_ms)}
    assert asking == {"x-simulated-trading": "1"}, "in dev no key of real money is taken"


def test_an_order_that_came_too_late_was_not_sent() -> None:
    for code in ("50036", "50037", "50102"):
        answer = VERDICTS.of_act(said(code))
        assert isinstance(answer, NotSent)
        assert answer.code == "EXI-001"


def asking(method: str, path: str, **given: Any) -> Asking:
    return Asking("api", "api", method, path, given, 1.0)


def test_placing_is_counted_by_account_and_instrument_and_what_anybody_may_ask_by_address() -> None:
    budgets = Budgets(now=lambda: 100.0)
    mine, other = OkxLimits(budgets, "mine"), OkxLimits(budgets, "other")

    def bucket(tariff: OkxLimits, method: str, path: str, **given: Any) -> Any:
        return tariff.charges(asking(method, path, **given))[0].bucket

    btc = bucket(mine, "POST", "trade/order", instId="BTC-USDT")
    assert btc.limit == 60.0
    assert btc is not bucket(mine, "POST", "trade/order", instId="ETH-USDT")
    assert btc is not bucket(other, "POST", "trade/order", instId="BTC-USDT")
    asked = bucket(mine, "GET", "trade/order", instId="BTC-USDT")
    assert asked is not bucket(mine, "GET", "trade/order", instId="ETH-USDT"), "so are questions about one order"
    assert bucket(mine, "GET", "account/balance") is not bucket(other, "GET", "account/balance")
    assert bucket(mine, "GET", "public/time") is bucket(other, "GET", "public/time")
    assert mine.refused_by(asking("POST", "trade/order", instId="BTC-USDT"), "50011") == (btc,)


def test_the_stream_tells_of_orders_that_changed_and_of_nothing_else() -> None:
    feed = OrderFeed(None, "ws://here")  # type: ignore[arg-type]
    told = [{"clOrdId": "a", "state": "live"}, {"clOrdId": "b", "state": "filled"}, {"clOrdId": "", "state": "filled"}]
    assert list(feed.orders({"arg": {"channel": "orders"}, "data": told})) == ["b"]
    for other in ({"event": "subscribe", "arg": {"channel": "orders"}}, {"arg": {"channel": "account"}}, "pong"):
        assert list(feed.orders(other)) == []
