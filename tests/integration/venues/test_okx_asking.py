"""``tightloop sandbox okx``: what a stranger's ccxt asks besides trading, and what lists are chosen by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ccxt
import pytest
from tests.support.okx_sandbox import OkxSandbox

SPOT = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "market", "sz": "0.01", "tgtCcy": "base_ccy"}
SWAP = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "side": "buy", "ordType": "market", "sz": "2"}
ETHER = {**SWAP, "instId": "ETH-USDT-SWAP", "side": "sell"}
PERP = "BTC/USDT:USDT"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OkxSandbox]:
    """Whose account has traded, and paid funding since."""
    found = OkxSandbox(tmp_path_factory.mktemp("okx"))
    for order in (SPOT, SWAP, ETHER):
        assert found.code("POST", "trade/order", **order) == "0"
    found.control("POST", "/admin/clock", {"market_advance_s": 8 * 3600 + 60})
    yield found
    found.close()


@pytest.fixture(scope="module")
def exchange(sandbox: OkxSandbox) -> Any:
    key = sandbox.keys[0]
    named = {"apiKey": key["key"], "secret": key["secret"], "password": key["passphrase"]}
    return ccxt.okx({**named, "urls": {"api": {"rest": sandbox.address}}})


def listed(sandbox: OkxSandbox, path: str, **given: str) -> list[dict[str, Any]]:
    status, answer = sandbox.signed("GET", path, **given)
    assert (status, answer["code"]) == (200, "0"), answer
    found: list[dict[str, Any]] = answer["data"]
    return found


def test_ccxt_asks_for_prices_funding_and_trades(sandbox: OkxSandbox, exchange: Any) -> None:
    assert exchange.fetch_status()["status"] == "ok"
    assert set(exchange.fetch_funding_rates()) >= {PERP, "ETH/USDT:USDT"}
    history = exchange.fetch_funding_rate_history(PERP, limit=2)
    times = [one["timestamp"] for one in history]
    assert times[1] - times[0] == 8 * 3600 * 1000
    assert [one["timestamp"] for one in exchange.fetch_funding_rate_history(PERP, since=times[-1])] == times[-1:]
    (paid,) = exchange.fetch_funding_history(PERP)
    assert (paid["symbol"], paid["timestamp"] >= times[-1]) == (PERP, True)
    assert exchange.fetch_mark_price(PERP)["markPrice"] == exchange.fetch_ticker(PERP)["last"]
    assert exchange.fetch_mark_price("BTC/USDT")["markPrice"] == exchange.fetch_ticker("BTC/USDT")["last"]
    assert PERP in exchange.fetch_mark_prices()
    (trade,) = exchange.fetch_trades(PERP)
    (mine,) = exchange.fetch_my_trades(PERP)
    assert (trade["id"], trade["price"], trade["amount"], trade["side"]) == (mine["id"], mine["price"], 2, "buy")
    assert exchange.fetch_trades("ETH/USDT") == []
    assert sandbox.control("GET", "/admin/documents")["violations"] == []


def test_ccxt_cancels_several_orders_at_once(exchange: Any) -> None:
    placed = [exchange.create_order("BTC/USDT", "limit", "buy", 0.01, price)["id"] for price in (20000, 21000)]
    exchange.cancel_orders(placed, "BTC/USDT")
    assert [exchange.fetch_order(one, "BTC/USDT")["status"] for one in placed] == ["canceled"] * 2


@pytest.mark.parametrize(
    ("given", "kinds", "instruments"),
    [
        ({"instId": "BTC-USDT-SWAP"}, {"2", "8"}, {"BTC-USDT-SWAP"}),
        ({"instId": "BTC-USDT"}, {"2"}, {"BTC-USDT"}),
        ({"mgnMode": "cross", "type": "2"}, {"2"}, {"BTC-USDT-SWAP", "ETH-USDT-SWAP"}),
        ({"ctType": "linear", "type": "8"}, {"8"}, {"BTC-USDT-SWAP", "ETH-USDT-SWAP"}),
        ({"mgnMode": "isolated"}, set(), set()),
        ({"ctType": "inverse"}, set(), set()),
    ],
)
@pytest.mark.parametrize("path", ["account/bills", "account/bills-archive"])
def test_bills_are_chosen_by_instrument_and_margin(
    sandbox: OkxSandbox, path: str, given: dict[str, str], kinds: set[str], instruments: set[str]
) -> None:
    found = listed(sandbox, path, **given)
    assert ({one["type"] for one in found}, {one["instId"] for one in found}) == (kinds, instruments)


def test_fills_are_chosen_by_what_they_did_and_positions_by_their_id(sandbox: OkxSandbox) -> None:
    assert [one["instId"] for one in listed(sandbox, "trade/fills", subType="2")] == ["ETH-USDT-SWAP"]
    assert {one["side"] for one in listed(sandbox, "trade/fills", subType="1")} == {"buy"}
    bitcoin, ether = sorted(listed(sandbox, "account/positions"), key=lambda one: str(one["instId"]))
    assert listed(sandbox, "account/positions", posId="1") == []
    (found,) = listed(sandbox, "account/positions", posId=bitcoin["posId"])
    assert found["instId"] == "BTC-USDT-SWAP"
    assert len(listed(sandbox, "account/positions", posId=f"{bitcoin['posId']},{ether['posId']}")) == 2
