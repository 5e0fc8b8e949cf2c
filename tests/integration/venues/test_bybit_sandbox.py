"""``tightloop sandbox bybit``: a stranger's ccxt script runs against it, and it refuses as Bybit documents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.bybit_sandbox import BybitSandbox

D = Decimal
CREATE, AMEND, CANCEL = "/v5/order/create", "/v5/order/amend", "/v5/order/cancel"
REALTIME, HISTORY, TRADES = "/v5/order/realtime", "/v5/order/history", "/v5/execution/list"
LOG, WALLET, POSITIONS = "/v5/account/transaction-log", "/v5/account/wallet-balance", "/v5/position/list"
BTC = {"symbol": "BTCUSDT", "side": "Buy", "qty": "0.01"}
MARKET = {**BTC, "orderType": "Market"}
SPOT = {"category": "spot", **MARKET, "marketUnit": "baseCoin"}
LINEAR = {"category": "linear", **MARKET}
LIMIT = {**BTC, "orderType": "Limit", "price": "20000"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BybitSandbox]:
    found = BybitSandbox(tmp_path_factory.mktemp("bybit"))
    yield found
    found.close()


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[BybitSandbox]:
    found = BybitSandbox(tmp_path)
    yield found
    found.close()


def one(sandbox: BybitSandbox, category: str, link_id: str, path: str = REALTIME) -> dict[str, Any]:
    """The order with that ``orderLinkId``."""
    (found,) = sandbox.done("GET", path, category=category, orderLinkId=link_id)["list"]
    order: dict[str, Any] = found
    return order


# --- a stranger -------------------------------------------------------------------------------------------------------


async def script(symbol: str, sandbox: BybitSandbox) -> dict[str, Any]:
    """Written for Bybit: nothing in it is for us, but the address."""
    import ccxt.async_support as ccxt

    exchange = ccxt.bybit(
        {
            "apiKey": sandbox.keys[0]["key"],
            "secret": sandbox.keys[0]["secret"],
            "urls": {"api": {"public": sandbox.address, "private": sandbox.address}},
        }
    )
    found = {"acknowledged": True}
    told: dict[str, Any] = {}
    try:
        told["markets"] = await exchange.load_markets()
        told["before"] = await exchange.fetch_balance()
        told["book"] = await exchange.fetch_order_book(symbol, 5)
        told["ticker"] = await exchange.fetch_ticker(symbol)
        told["tickers"] = await exchange.fetch_tickers([symbol])
        told["candles"] = await exchange.fetch_ohlcv(symbol, "1h", None, 5)
        bought = (await exchange.create_order(symbol, "market", "buy", 0.02))["id"]
        told["bought"] = await exchange.fetch_order(bought, symbol, found)
        resting = (await exchange.create_order(symbol, "limit", "buy", 0.01, 20000))["id"]
        told["open"] = await exchange.fetch_open_orders(symbol)
        await exchange.edit_order(resting, symbol, "limit", "buy", 0.01, 21000)
        told["edited"] = await exchange.fetch_order(resting, symbol, found)
        await exchange.cancel_order(resting, symbol)
        told["cancelled"] = await exchange.fetch_order(resting, symbol, found)
        await exchange.create_order(symbol, "limit", "sell", 0.01, 200000, {"postOnly": True})
        told["all"] = await exchange.cancel_all_orders(symbol)
        told["left"] = await exchange.fetch_open_orders(symbol)
        told["orders"] = await exchange.fetch_canceled_and_closed_orders(symbol)
        told["trades"] = await exchange.fetch_my_trades(symbol)
        told["of the order"] = await exchange.fetch_order_trades(bought, symbol)
        told["fee"] = await exchange.fetch_trading_fee(symbol)
        told["ledger"] = await exchange.fetch_ledger()
        told["after"] = await exchange.fetch_balance()
        if ":" in symbol:
            told["positions"] = await exchange.fetch_positions()
            await exchange.set_leverage(5, symbol)
            told["leverage"] = await exchange.fetch_leverage(symbol)
            told["funding"] = await exchange.fetch_funding_rate(symbol)
            told["rates"] = await exchange.fetch_funding_rate_history(symbol)
    finally:
        await exchange.close()
    return told


def test_a_strangers_script_trades_on_the_spot_market(restartable: BybitSandbox) -> None:
    told = asyncio.run(script("BTC/USDT", restartable))
    market = told["markets"]["BTC/USDT"]
    assert (market["precision"]["amount"], market["precision"]["price"]) == (0.000001, 0.1)
    assert market["limits"]["cost"]["min"] == 5
    assert told["book"]["bids"][0][0] < told["ticker"]["last"] < told["book"]["asks"][0][0]
    assert len(told["book"]["asks"]) == len(told["candles"]) == 5
    bought = told["bought"]
    assert (bought["status"], bought["filled"], bought["remaining"]) == ("closed", 0.02, 0)
    assert bought["fee"] == {"currency": "BTC", "cost": 0.00002}
    assert [order["price"] for order in told["open"]] == [20000]
    assert (told["edited"]["price"], told["edited"]["status"]) == (21000, "open")
    assert told["cancelled"]["status"] == "canceled"
    assert len(told["all"]) == 1
    assert told["left"] == []
    assert sorted(order["status"] for order in told["orders"]) == ["canceled", "canceled", "closed"]
    assert [trade["order"] for trade in told["trades"]] == [bought["id"]]
    assert told["of the order"] == told["trades"]
    assert told["fee"]["taker"] == 0.001
    assert {(row["currency"], row["direction"]) for row in told["ledger"]} == {("BTC", "in"), ("USDT", "out")}
    spent = told["before"]["USDT"]["total"] - told["after"]["USDT"]["total"]
    assert round(spent, 8) == round(bought["cost"], 8)
    assert round(told["after"]["BTC"]["total"] - told["before"]["BTC"]["total"], 8) == 0.01998
    assert restartable.control("GET", "/admin/documents")["violations"] == []


def test_a_strangers_script_trades_a_perpetual(restartable: BybitSandbox) -> None:
    told = asyncio.run(script("BTC/USDT:USDT", restartable))
    assert told["markets"]["BTC/USDT:USDT"]["contractSize"] == 1
    assert told["bought"]["status"] == "closed"
    assert (told["edited"]["price"], told["cancelled"]["status"]) == (21000, "canceled")
    (position,) = told["positions"]
    assert (position["contracts"], position["side"], position["hedged"]) == (0.02, "long", False)
    assert position["entryPrice"] == told["bought"]["average"]
    assert told["leverage"]["longLeverage"] == 5
    assert told["funding"]["markPrice"] > 0
    assert [rate["symbol"] for rate in told["rates"]] == ["BTC/USDT:USDT"]
    (trade,) = told["trades"]
    assert (trade["fee"]["currency"], trade["takerOrMaker"]) == ("USDT", "taker")
    (row,) = told["ledger"]
    assert (row["currency"], row["amount"]) == ("USDT", trade["fee"]["cost"])


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"category": None}, 10001),
        ({"category": "futures"}, 10001),
        ({"symbol": "PEPEUSDT"}, 170121),
        ({"symbol": None}, 10001),
        ({"side": "HOLD"}, 170117),
        ({"orderType": "Stop"}, 170116),
        ({"qty": "0.000001"}, 170136),
        ({"qty": "0.0000115"}, 170137),
        ({"qty": "1e3"}, 10001),
        ({"qty": 0.01}, 10001),
        ({"qty": None}, 10001),
        ({"qty": "84"}, 170135),
        ({"qty": "80"}, 170131),
        ({"qty": "4", "marketUnit": "quoteCoin"}, 170140),
        ({"qty": "100.123456789", "marketUnit": "quoteCoin"}, 170148),
        ({"isLeverage": 1}, 170036),
        ({"orderLinkId": "not allowed!"}, 10001),
        ({"orderLinkId": "x" * 37}, 10001),
        ({"triggerPrice": "30000"}, 10001),
        ({**LIMIT, "price": None}, 10001),
        ({**LIMIT, "price": "20000.01"}, 170134),
        ({**LIMIT, "price": "0"}, 170133),
        ({**LIMIT, "price": "100"}, 170140),
        ({**LIMIT, "qty": "80", "price": "200000"}, 170124),
        ({**LIMIT, "timeInForce": "GTX"}, 170115),
        ({**LINEAR, "qty": "0.0001"}, 10001),
        ({**LINEAR, "qty": "0.0015"}, 10001),
        ({**LINEAR, "qty": "120"}, 10001),
        ({**LINEAR, "symbol": "BTCUSD"}, 10001),
        ({**LINEAR, "positionIdx": 1}, 10001),
        ({**LINEAR, "side": "Sell", "reduceOnly": True}, 110017),
        ({**LINEAR, **LIMIT, "qty": "900", "price": "40000"}, 110007),
        ({**LINEAR, **LIMIT, "price": "20000.05"}, 10001),
        ({**LINEAR, **LIMIT, "qty": "0.001", "price": "100"}, 110094),
        ({**LINEAR, "slippageToleranceType": "TickSize", "slippageTolerance": "0.5"}, 110108),
        ({**LINEAR, "slippageToleranceType": "Percent", "slippageTolerance": "11"}, 110109),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_number(
    untraded: BybitSandbox, changed: dict[str, Any], code: int
) -> None:
    before = untraded.books()
    status, answer = untraded.signed("POST", CREATE, **{**SPOT, **changed})
    assert (status, answer["retCode"], answer["result"]) == (200, code, {}), answer
    after = untraded.books()
    assert (after["balances"], after["orders"]) == (before["balances"], before["orders"])


@pytest.fixture(scope="module")
def untraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BybitSandbox]:
    """One without any position: what is refused leaves it so."""
    found = BybitSandbox(tmp_path_factory.mktemp("refusing"))
    found.done("GET", WALLET, accountType="UNIFIED")
    yield found
    found.close()


def test_a_signature_is_of_every_byte_that_was_sent(sandbox: BybitSandbox) -> None:
    key, now = sandbox.keys[0]["key"], str(int(time.time() * 1000))
    full = {"X-BAPI-API-KEY": key, "X-BAPI-TIMESTAMP": now, "X-BAPI-SIGN": "00", "X-BAPI-RECV-WINDOW": "5000"}
    for headers, status, code in (
        (full, 200, 10004),
        ({**full, "X-BAPI-API-KEY": "0" * 64}, 200, 10003),
        ({**full, "X-BAPI-TIMESTAMP": "yesterday"}, 200, 10002),
        ({name: value for name, value in full.items() if name != "X-BAPI-SIGN"}, 401, 401),
        ({}, 401, 401),
    ):
        answer = sandbox.ask("GET", "/v5/account/info", headers=headers)
        assert (answer[0], answer[1]["retCode"]) == (status, code), (headers, answer)
    assert sandbox.ask("GET", "/v5/market/nowhere")[1]["retCode"] == 10017
    assert sandbox.ask("GET", "/v5/market/time")[1]["retMsg"] == "OK"


def test_a_request_acts_only_while_it_is_young(sandbox: BybitSandbox) -> None:
    now = int(time.time() * 1000)
    sandbox.done("GET", WALLET, accountType="UNIFIED")
    before = sandbox.books()["orders"]
    for timestamp, window in ((now - 3000, 2000), (now + 2500, 5000)):
        status, answer = sandbox.signed("POST", CREATE, timestamp=timestamp, window=window, **SPOT)
        assert (status, answer["retCode"]) == (200, 10002)
        assert f"req_timestamp[{timestamp}]" in answer["retMsg"]
    sandbox.control("POST", "/admin/faults", {"kind": "late_before", "delay_s": 0.6, "count": 1})
    assert sandbox.code("POST", CREATE, window=500, **SPOT) == 10002, "in time when it came, and too old to act"
    assert sandbox.books()["orders"] == before


def test_a_key_that_only_reads_trades_nothing(sandbox: BybitSandbox) -> None:
    sandbox.done("GET", WALLET, key=1, accountType="UNIFIED")
    for given in (SPOT, LINEAR):
        assert sandbox.code("POST", CREATE, key=1, **given) == 10005
    told = [sandbox.done("GET", "/v5/user/query-api", key=key) for key in (0, 1)]
    assert [key["readOnly"] for key in told] == [0, 1]
    assert not any("Withdraw" in key["permissions"]["Wallet"] for key in told)
    account = sandbox.done("GET", "/v5/account/info")
    assert (account["unifiedMarginStatus"], account["marginMode"]) == (5, "REGULAR_MARGIN")
