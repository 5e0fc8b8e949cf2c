"""``tightloop sandbox bybit``: a stranger's ccxt script runs against it, and it refuses as Bybit documents."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import stat
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
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


def connected(sandbox: BybitSandbox, key: dict[str, Any]) -> Any:
    """ccxt's class, as it is but for the address."""
    import ccxt.async_support as ccxt

    urls = {"api": {"public": sandbox.address, "private": sandbox.address}}
    return ccxt.bybit({"apiKey": key["key"], "secret": key["secret"], "urls": urls})


async def script(symbol: str, sandbox: BybitSandbox) -> dict[str, Any]:
    """Written for Bybit: nothing in it is for us, but the address."""
    exchange = connected(sandbox, sandbox.keys[0])
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
    for headers, code in (
        (full, 10004),
        ({**full, "X-BAPI-API-KEY": "0" * 64}, 10003),
        ({**full, "X-BAPI-TIMESTAMP": "yesterday"}, 10002),
    ):
        answer = sandbox.ask("GET", "/v5/account/info", headers=headers)
        assert (answer[0], answer[1]["retCode"]) == (200, code), (headers, answer)
    unsigned = {name: value for name, value in full.items() if name != "X-BAPI-SIGN"}
    for headers in (unsigned, {}):
        assert sandbox.ask("GET", "/v5/account/info", headers=headers)[0] == 401
    assert sandbox.ask("GET", "/v5/market/nowhere")[0] == 404
    assert sandbox.ask("GET", "/v5/market/time")[1]["retMsg"] == "OK"


def test_a_request_acts_only_while_it_is_young(sandbox: BybitSandbox) -> None:
    now = int(time.time() * 1000)
    sandbox.done("GET", WALLET, accountType="UNIFIED")
    before = sandbox.books()["orders"]
    for timestamp, window in ((now - 3000, 2000), (now + 2500, 5000)):
        status, answer = sandbox.signed("POST", CREATE, signed_at=timestamp, window=window, **SPOT)
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


# --- orders -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("category", "code", "gone"), [("spot", 170141, 170213), ("linear", 110072, 110001)])
def test_an_order_link_id_is_taken_once(sandbox: BybitSandbox, category: str, code: int, gone: int) -> None:
    resting = {"category": category, **LIMIT, "orderLinkId": f"once-{category}"}
    placed = sandbox.done("POST", CREATE, **resting)
    assert set(placed) == {"orderId", "orderLinkId"}
    assert sandbox.code("POST", CREATE, **resting) == code
    named = {"category": category, "symbol": "BTCUSDT", "orderLinkId": f"once-{category}"}
    assert sandbox.done("POST", CANCEL, **named) == placed
    assert sandbox.code("POST", CANCEL, **named) == gone
    assert sandbox.code("POST", CREATE, **resting) == code, "its order has ended, and the id is not free again"
    assert sandbox.code("POST", CANCEL, **{**named, "orderLinkId": "never"}) == gone
    found = one(sandbox, category, f"once-{category}")
    assert (found["orderStatus"], found["cancelType"], found["leavesQty"]) == ("Cancelled", "CancelByUser", "0")
    assert sandbox.done("GET", REALTIME, category=category, orderLinkId="never")["list"] == []


@pytest.mark.parametrize(("category", "status"), [("spot", "Rejected"), ("linear", "Cancelled")])
def test_a_post_only_order_that_would_trade_is_taken_and_ends(
    sandbox: BybitSandbox, category: str, status: str
) -> None:
    crossing = {**LIMIT, "price": "90000", "timeInForce": "PostOnly", "orderLinkId": f"post-{category}"}
    sandbox.done("POST", CREATE, category=category, **crossing)
    found = one(sandbox, category, f"post-{category}")
    assert (found["orderStatus"], found["rejectReason"]) == (status, "EC_PostOnlyWillTakeLiquidity")
    assert (found["cumExecQty"], found["timeInForce"]) == ("0", "PostOnly")


def test_orders_end_in_bybits_words(sandbox: BybitSandbox) -> None:
    partial = {"kind": "partial", "fill": "0.5", "rest": "cancel", "count": 1}
    for category, status in (("spot", "PartiallyFilledCanceled"), ("linear", "Cancelled")):
        sandbox.control("POST", "/admin/faults", partial)
        sandbox.done("POST", CREATE, **{**SPOT, "category": category}, orderLinkId=f"half-{category}")
        found = one(sandbox, category, f"half-{category}")
        assert (found["orderStatus"], found["cumExecQty"]) == (status, "0.005")
        sandbox.control("POST", "/admin/faults", {**partial, "rest": "work"})
        sandbox.done("POST", CREATE, category=category, **LIMIT | {"price": "90000"}, orderLinkId=f"rest-{category}")
        assert one(sandbox, category, f"rest-{category}")["orderStatus"] == "PartiallyFilled"
        sandbox.done("POST", CREATE, category=category, **LIMIT | {"timeInForce": "IOC"}, orderLinkId=f"ioc-{category}")
        found = one(sandbox, category, f"ioc-{category}")
        assert (found["orderStatus"], found["rejectReason"]) == ("Cancelled", "EC_NoImmediateQtyToFill")
        sandbox.control("POST", "/admin/faults", {"kind": "reject", "as_order": True, "count": 1})
        sandbox.done("POST", CREATE, category=category, **LIMIT, orderLinkId=f"no-{category}")
        assert one(sandbox, category, f"no-{category}")["orderStatus"] == "Rejected"


def test_a_spot_market_order_is_by_value_where_it_says_so_or_buys(sandbox: BybitSandbox) -> None:
    bought = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "500"}
    for name, more in (("value", {}), ("unit", {"marketUnit": "quoteCoin"}), ("sold", {"side": "Sell"})):
        unit = {"marketUnit": "quoteCoin"} if name == "sold" else more
        sandbox.done("POST", CREATE, **{**bought, **more, **unit}, orderLinkId=name)
        found = one(sandbox, "spot", name)
        assert (found["orderStatus"], found["marketUnit"], found["qty"]) == ("Filled", "quoteCoin", "500")
        assert D(499) < D(found["cumExecValue"]) < D(501)
    sandbox.done("POST", CREATE, **SPOT, orderLinkId="amount")
    found = one(sandbox, "spot", "amount")
    assert (found["marketUnit"], found["cumExecQty"], found["timeInForce"]) == ("baseCoin", "0.01", "IOC")
    assert found["cumFeeDetail"] == {"BTC": "0.00001"}


def test_a_market_order_stays_within_its_slippage_tolerance(restartable: BybitSandbox) -> None:
    restartable.control("POST", "/admin/faults", {"kind": "slip", "slippage_bps": "50"})
    for kind, tolerance, status in (("Percent", "1", "Filled"), ("Percent", "0.1", "Cancelled")):
        name = f"within-{tolerance.replace('.', '')}"
        within = {"slippageToleranceType": kind, "slippageTolerance": tolerance}
        restartable.done("POST", CREATE, **LINEAR, **within, orderLinkId=name)
        assert one(restartable, "linear", name)["orderStatus"] == status


@pytest.mark.parametrize("category", ["spot", "linear"])
def test_an_order_is_amended(sandbox: BybitSandbox, category: str) -> None:
    name = f"amend-{category}"
    named = {"category": category, "symbol": "BTCUSDT", "orderLinkId": name}
    sandbox.done("POST", CREATE, category=category, **LIMIT, orderLinkId=name)
    sandbox.done("POST", AMEND, **named, qty="0.02")
    found = one(sandbox, category, name)
    assert (found["qty"], found["price"], found["orderStatus"]) == ("0.02", "20000", "New")
    sandbox.done("POST", AMEND, **named, price="21000")
    assert sandbox.code("POST", AMEND, **named, price="21000") == 10001, "nothing is to be changed"
    assert sandbox.code("POST", AMEND, **named) == 10001
    account = {"lane": "bybit", "account": sandbox.keys[0]["account"]}
    sandbox.control("POST", "/admin/fill", {**account, "client_order_id": name, "amount": "0.01"})
    assert sandbox.code("POST", AMEND, **named, qty="0.01") == 110064
    sandbox.done("POST", AMEND, **named, price="90000")
    found = one(sandbox, category, name)
    assert (found["orderStatus"], found["cumExecQty"]) == ("Filled", "0.02"), "it trades with what it crosses"
    assert sandbox.code("POST", AMEND, **named, price="20000") in (110001, 170213)


def test_closed_orders_are_told_in_real_time_until_the_service_is_started_again(restartable: BybitSandbox) -> None:
    sandbox = restartable
    sandbox.done("POST", CREATE, **SPOT, orderLinkId="filled")
    sandbox.done("POST", CREATE, category="spot", **LIMIT, orderLinkId="open")

    def ids(path: str, **given: Any) -> list[str]:
        told = sandbox.done("GET", path, category="spot", **given)["list"]
        return [order["orderLinkId"] for order in told]

    assert (ids(REALTIME), ids(REALTIME, openOnly=1)) == (["open"], ["filled"])
    assert ids(REALTIME, orderLinkId="filled", openOnly=0) == ["filled"], "an id is looked for among all"
    assert ids(HISTORY) == ["filled"], "what is open is no history"
    sandbox.kill()
    sandbox.start()
    assert (ids(REALTIME), ids(REALTIME, openOnly=1), ids(REALTIME, orderLinkId="filled")) == (["open"], [], [])
    assert ids(HISTORY, orderLinkId="filled") == ["filled"]
    assert sandbox.code("GET", REALTIME, category="linear") == 10001, "it must say which contracts"
    hour = 3_600_000
    now = int(time.time() * 1000)
    assert ids(HISTORY, startTime=now - 2 * hour, endTime=now - hour) == []
    assert sandbox.code("GET", HISTORY, category="spot", startTime=now - 200 * hour, endTime=now) == 10001


def test_lists_are_paged_from_the_newest_on(restartable: BybitSandbox) -> None:
    for _ in range(5):
        restartable.done("POST", CREATE, **SPOT)
    for path in (HISTORY, TRADES, LOG):
        category = {} if path == LOG else {"category": "spot"}
        whole = restartable.done("GET", path, **category)["list"]
        paged: list[Any] = []
        cursor = ""
        while True:
            told = restartable.done("GET", path, **category, limit=2, cursor=cursor or None)
            paged += told["list"]
            cursor = told["nextPageCursor"]
            if not cursor:
                break
        assert paged == whole
        assert len(whole) == (10 if path == LOG else 5)
        assert restartable.code("GET", path, **category, limit=0) == 10001
        assert restartable.code("GET", path, **category, cursor="elsewhere") == 10001


# --- trades and the account -------------------------------------------------------------------------------------------


def test_trades_are_told_by_order_and_with_what_they_closed(restartable: BybitSandbox) -> None:
    sandbox = restartable
    opened = sandbox.done("POST", CREATE, **LINEAR, orderLinkId="opened")["orderId"]
    sandbox.done("POST", CREATE, **{**LINEAR, "side": "Sell", "qty": "0.015"}, orderLinkId="turned")
    (trade,) = sandbox.done("GET", TRADES, category="linear", orderId=opened)["list"]
    assert (trade["execType"], trade["closedSize"], trade["isMaker"], trade["feeRate"]) == (
        "Trade",
        "0",
        False,
        "0.0006",
    )
    assert D(trade["execValue"]) == D(trade["execQty"]) * D(trade["execPrice"])
    (trade,) = sandbox.done("GET", TRADES, category="linear", orderLinkId="turned", symbol="ETHUSDT")["list"]
    assert (trade["closedSize"], trade["execQty"]) == ("0.01", "0.015"), "0.01 closed a long, 0.005 opened a short"
    assert sandbox.done("GET", TRADES, category="spot")["list"] == []
    assert sandbox.done("GET", TRADES, category="linear", symbol="ETHUSDT")["list"] == []
    (position,) = sandbox.done("GET", POSITIONS, category="linear", settleCoin="USDT")["list"]
    assert (position["side"], position["size"], position["positionIdx"]) == ("Sell", "0.005", 0)


def test_the_transaction_log_adds_up_to_the_balances(restartable: BybitSandbox) -> None:
    sandbox = restartable
    before = {coin: D(balance) for coin, balance in balances(sandbox).items()}
    sandbox.done("POST", CREATE, **SPOT)
    sandbox.done("POST", CREATE, **{**SPOT, "side": "Sell", "qty": "0.005"})
    sandbox.done("POST", CREATE, **LINEAR, orderLinkId="long")
    sandbox.control("POST", "/admin/clock", {"market_advance_s": 3600 * 24})
    sandbox.done("POST", CREATE, **{**LINEAR, "side": "Sell"}, reduceOnly=True)
    rows = sandbox.done("GET", LOG, limit=50)["list"]
    assert len({row["id"] for row in rows}) == len(rows)
    for coin in ("USDT", "BTC"):
        own = [row for row in rows if row["currency"] == coin]
        assert before[coin] + sum(D(row["change"]) for row in own) == D(balances(sandbox)[coin])
        assert own[0]["cashBalance"] == balances(sandbox)[coin]
    for row in rows:
        assert D(row["change"]) == D(row["cashFlow"]) + D(row["funding"] or 0) - D(row["fee"])
    kinds = [row["type"] for row in rows if row["category"] == "linear"]
    assert kinds[0] == kinds[-1] == "TRADE"
    assert set(kinds[1:-1]) == {"SETTLEMENT"}
    funding = sandbox.done("GET", LOG, type="SETTLEMENT", currency="USDT", category="linear")["list"]
    assert [(row["side"], row["size"]) for row in funding] == [("Buy", "0.01")] * len(funding)
    assert all((D(row["feeRate"]) > 0) == (D(row["funding"]) < 0) for row in funding)
    told = sandbox.done("GET", TRADES, category="linear", execType="Funding")["list"]
    assert [D(one["execFee"]) for one in told] == [-D(row["funding"]) for row in funding]
    bought = [row for row in rows if row["category"] == "spot"][-2:]
    assert {(row["currency"], row["feeRate"]) for row in bought} == {("BTC", "0.001"), ("USDT", "0")}
    at = rows[0]["transactionTime"]
    then = [row for row in rows if row["transactionTime"] == at]
    assert sandbox.done("GET", LOG, startTime=at, endTime=at)["list"] == then, "both ends are within"
    week = 7 * 24 * 3_600_000
    assert sandbox.code("GET", LOG, startTime=1, endTime=1 + week) == 0
    assert sandbox.code("GET", LOG, startTime=1, endTime=2 + week) == 10001
    assert sandbox.code("GET", LOG, startTime="9" * 20) == 10001


def test_what_arrives_is_a_line_of_the_log(restartable: BybitSandbox) -> None:
    restartable.done("GET", WALLET, accountType="UNIFIED")
    account = {"lane": "bybit", "account": restartable.keys[0]["account"]}
    for coin, kind in (("USDT", "MarginBalance"), ("BTC", "BaseToken")):
        deposit = {**account, "position_key": f"bybit:{kind}:{coin}", "amount": "2", "reference": f"from-{coin}"}
        restartable.control("POST", "/admin/deposit", deposit)
        (row,) = restartable.done("GET", LOG, currency=coin)["list"]
        assert (row["type"], row["change"], row["cashFlow"], row["side"]) == ("TRANSFER_IN", "2", "2", "None")
        assert row["cashBalance"] == balances(restartable)[coin]


async def treasury(sandbox: BybitSandbox, sender: dict[str, Any], receiver: dict[str, Any]) -> dict[str, Any]:
    """Written for Bybit as well: one account sends money to another."""
    one, other = connected(sandbox, sender), connected(sandbox, receiver)
    told: dict[str, Any] = {}
    try:
        told["currency"] = (await one.fetch_currencies())["USDT"]
        await one.load_markets()
        await other.load_markets()
        told["address"] = await other.fetch_deposit_address("USDT", {"network": "ERC20"})
        sent = {"network": "ERC20", "requestId": "mine1", "accountType": "UTA", "forceChain": 1}
        told["withdrawn"] = await one.withdraw("USDT", 50, told["address"]["address"], sent)
        told["under way"] = await one.fetch_withdrawals("USDT")
        await asyncio.sleep(3.2)  # two seconds until it is sent, and one until it is credited
        told["withdrawals"] = await one.fetch_withdrawals("USDT", None, None, {"withdrawID": told["withdrawn"]["id"]})
        told["deposits"] = await other.fetch_deposits("USDT")
    finally:
        await one.close()
        await other.close()
    return told


def test_a_strangers_script_moves_money(sandbox: BybitSandbox) -> None:
    sender = sandbox.control("POST", "/admin/keys", account="sender", withdraw="true")[0]
    told = asyncio.run(treasury(sandbox, sender, sandbox.control("POST", "/admin/keys", account="receiver")[0]))
    assert told["currency"]["networks"]["ERC20"]["fee"] == 2
    assert told["currency"]["networks"]["ERC20"]["limits"]["withdraw"]["min"] == 10
    assert [one["status"] for one in told["under way"]] == ["pending"]
    (withdrawal,), (deposit,) = told["withdrawals"], told["deposits"]
    assert (withdrawal["id"], withdrawal["status"]) == (told["withdrawn"]["id"], "ok")
    assert (withdrawal["amount"], withdrawal["fee"]["cost"]) == (50, 2)
    assert (deposit["amount"], deposit["status"], deposit["txid"]) == (50, "ok", withdrawal["txid"])
    assert deposit["addressTo"] == told["address"]["address"]


OUT = {"coin": "USDT", "chain": "ETH", "address": "0x" + "ab" * 20, "amount": "50", "accountType": "UTA"}
OUT |= {"forceChain": "1", "timestamp": "1700000000000"}
TAKE, TAKEN = "/v5/asset/withdraw/create", "/v5/asset/withdraw/query-record"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"coin": "DOGE"}, 131097),
        ({"chain": "TRX"}, 131097),
        ({"address": "nowhere"}, 131093),
        ({"tag": "7"}, 10001),
        ({"amount": "9"}, 131096),
        ({"amount": "100000000"}, 131001),
        ({"accountType": "FUND"}, 131001),
        ({"accountType": "CONTRACT"}, 10001),
        ({"accountType": None}, 10001),
        ({"requestId": "not-letters"}, 10001),
        ({"timestamp": None}, 10001),
    ],
)
def test_a_withdrawal_that_breaks_a_rule_is_refused_by_its_number(
    sandbox: BybitSandbox, changed: dict[str, Any], code: int
) -> None:
    rich = sandbox.control("POST", "/admin/keys", account="rich", withdraw="true")[0]
    assert sandbox.code("POST", TAKE, rich, **(OUT | changed)) == code


def test_a_request_id_is_taken_once_and_the_fee_is_included_where_that_is_asked_for(sandbox: BybitSandbox) -> None:
    often = sandbox.control("POST", "/admin/keys", account="often", withdraw="true")[0]
    assert sandbox.code("POST", TAKE, often, **OUT, requestId="a1") == 0
    assert sandbox.code("POST", TAKE, often, **OUT, requestId="a1") == 10014
    assert sandbox.code("POST", TAKE, often, **OUT, requestId="a2", feeType="1") == 0
    time.sleep(2.1)  # it is sent
    assert sandbox.code("POST", TAKE, often, **OUT, requestId="a1") == 10014, "and never again"
    told = sandbox.done("GET", TAKEN, often, coin="USDT")["rows"]
    assert [(row["amount"], row["withdrawFee"]) for row in told] == [("48", "2"), ("50", "2")], "newest first"
    page = sandbox.done("GET", TAKEN, often, limit="1")
    (older,) = sandbox.done("GET", TAKEN, often, limit="1", cursor=page["nextPageCursor"])["rows"]
    assert (page["rows"][0]["amount"], older["amount"]) == ("48", "50")
    assert sandbox.done("GET", TAKEN, often, withdrawType="1")["rows"] == []
    month = 30 * 24 * 3_600_000
    assert sandbox.code("GET", TAKEN, often, startTime=1, endTime=2 + month) == 10001
    lines = sandbox.done("GET", LOG, often, type="TRANSFER_OUT")["list"]
    assert [row["change"] for row in lines] == ["-50", "-52"]


def test_a_key_without_the_right_withdraws_nothing(sandbox: BybitSandbox) -> None:
    assert [sandbox.code("POST", TAKE, key, **OUT) for key in (0, 1)] == [10005, 10005]


def balances(sandbox: BybitSandbox) -> dict[str, str]:
    (account,) = sandbox.done("GET", WALLET, accountType="UNIFIED")["list"]
    return {coin["coin"]: coin["walletBalance"] for coin in account["coin"]}


def test_spot_and_perpetuals_share_one_wallet(restartable: BybitSandbox) -> None:
    sandbox = restartable
    sandbox.done("POST", CREATE, **LINEAR)
    sandbox.done("POST", CREATE, category="spot", **LIMIT)
    (account,) = sandbox.done("GET", WALLET, accountType="UNIFIED", coin="USDT")["list"]
    (coin,) = account["coin"]
    assert (coin["locked"], D(coin["totalPositionIM"]) > 0) == ("200", True)
    assert D(coin["equity"]) == D(coin["walletBalance"]) + D(coin["unrealisedPnl"])
    assert (
        D(account["totalAvailableBalance"]) == D(account["totalMarginBalance"]) - D(account["totalInitialMargin"]) - 200
    )
    assert sandbox.code("GET", WALLET, accountType="SPOT") == 10001


def test_in_hedge_mode_no_order_is_taken(restartable: BybitSandbox) -> None:
    sandbox, mode = restartable, "/v5/position/switch-mode"

    def switch(to: int) -> int:
        return sandbox.code("POST", mode, category="linear", coin="USDT", mode=to)

    assert (switch(0), switch(3)) == (110025, 0)
    told = sandbox.done("GET", POSITIONS, category="linear", symbol="BTCUSDT")["list"]
    assert [position["positionIdx"] for position in told] == [1, 2]
    for index in (0, 1):
        assert sandbox.code("POST", CREATE, **LINEAR, positionIdx=index) == 10001
    assert switch(0) == 0
    sandbox.done("POST", CREATE, category="linear", **LIMIT)
    assert switch(3) == 110028
    sandbox.done("POST", "/v5/order/cancel-all", category="linear", settleCoin="USDT")
    sandbox.done("POST", CREATE, **LINEAR)
    assert switch(3) == 110024


def test_leverage_is_set_for_both_sides_at_once(sandbox: BybitSandbox) -> None:
    def leverage(buys: str, sells: str) -> int:
        given = {"category": "linear", "symbol": "ETHUSDT", "buyLeverage": buys, "sellLeverage": sells}
        return sandbox.code("POST", "/v5/position/set-leverage", **given)

    assert [leverage("5", "5"), leverage("5", "5"), leverage("5", "6"), leverage("101", "101")] == [
        0,
        110043,
        10001,
        110013,
    ]
    (position,) = sandbox.done("GET", POSITIONS, category="linear", symbol="ETHUSDT")["list"]
    assert (position["leverage"], position["size"], position["side"]) == ("5", "0", "")


# --- faults, limits and books -----------------------------------------------------------------------------------------


def test_faults_lose_answers_before_and_after_an_order(sandbox: BybitSandbox) -> None:
    for kind, done in (("lost_before", False), ("lost_after", True)):
        sandbox.control("POST", "/admin/faults", {"kind": kind, "count": 1})
        with pytest.raises(OSError):
            sandbox.signed("POST", CREATE, **SPOT, orderLinkId=kind)
        found = sandbox.done("GET", REALTIME, category="spot", orderLinkId=kind)["list"]
        assert len(found) == done, kind
    for kind, status, said in (("down", 200, 10016), ("rate_limit", 200, 10006), ("maintenance", 503, None)):
        sandbox.control("POST", "/admin/faults", {"kind": kind, "count": 1})
        answer = sandbox.signed("POST", CREATE, **SPOT, orderLinkId=kind)
        assert (answer[0], answer[1]["retCode"] if said else None) == (status, said)
        assert sandbox.done("GET", REALTIME, category="spot", orderLinkId=kind)["list"] == []
    sandbox.control("POST", "/admin/faults", {"kind": "duplicate_request", "count": 1})
    sandbox.done("POST", CREATE, **SPOT, orderLinkId="twice")
    assert one(sandbox, "spot", "twice")["cumExecQty"] == "0.01", "what came again was no second order"
    sandbox.control("POST", "/admin/faults", {"kind": "reject", "message": "Market is closed.", "count": 1})
    status, answer = sandbox.signed("POST", CREATE, **SPOT)
    assert (status, answer["retCode"], answer["retMsg"]) == (200, 170210, "Market is closed.")


def test_a_ban_answers_nothing_until_its_end(restartable: BybitSandbox) -> None:
    restartable.control("POST", "/admin/faults", {"kind": "ban", "duration_s": 60})
    for path in ("/v5/market/time", "/v5/account/info"):
        assert restartable.ask("GET", path) == (403, "access too frequent")
    restartable.control("DELETE", "/admin/faults")
    assert restartable.ask("GET", "/v5/market/time")[0] == 200


def test_an_account_may_ask_each_endpoint_so_often_a_second(tmp_path: Path) -> None:
    sandbox = BybitSandbox(tmp_path, limited=True)
    try:
        usual = sandbox.control("GET", "/admin/limits")["rules"]["per_second"]
        assert (usual["POST /v5/order/create linear"], usual["POST /v5/order/create spot"]) == (10, 20)
        sandbox.control("POST", "/admin/limits", {"per_second": {"GET /v5/account/info": 2}, "ban_s": 0.5})
        codes = [sandbox.code("GET", "/v5/account/info") for _ in range(3)]
        assert codes == [0, 0, 10006]
        assert sandbox.code("GET", "/v5/user/query-api") == 0, "another endpoint has a limit of its own"
        time.sleep(1.0)
        assert sandbox.code("GET", "/v5/account/info") == 0
        assert sandbox.control("GET", "/admin/limits")["refused"] == 1
        sandbox.control("POST", "/admin/limits", {"address": 5, "ban_s": 0.5})
        answers = [sandbox.ask("GET", "/v5/market/time")[0] for _ in range(6)]
        assert answers[-1] == 403
        assert sandbox.control("GET", "/admin/limits")["banned"] >= 1
    finally:
        sandbox.close()


def test_books_and_keys_outlive_a_kill(restartable: BybitSandbox) -> None:
    sandbox = restartable
    for name in ("keys.json", "keys.env"):
        assert stat.S_IMODE((sandbox.folder / name).stat().st_mode) == 0o600
    assert set(sandbox.variables) == {
        f"BASIS_DEV__CEX__BYBIT_{kind}{part}" for kind in ("", "READONLY_") for part in ("API_KEY", "SECRET")
    }
    sandbox.done("POST", CREATE, **SPOT, orderLinkId="kept")
    sandbox.done("POST", CREATE, **LINEAR, orderLinkId="kept-too")
    before, keys, log = sandbox.books(), sandbox.keys, sandbox.done("GET", LOG)
    sandbox.kill()
    sandbox.start()
    assert sandbox.keys == keys
    after = sandbox.books()
    assert (after["balances"], after["ledger"]) == (before["balances"], before["ledger"])
    assert sandbox.done("GET", LOG) == log
    assert one(sandbox, "linear", "kept-too", HISTORY)["orderStatus"] == "Filled"
    assert sandbox.code("POST", CREATE, **SPOT, orderLinkId="kept") == 170141


# --- the private stream -----------------------------------------------------------------------------------------------


def test_a_strangers_script_watches_its_orders(restartable: BybitSandbox) -> None:
    async def watch() -> list[tuple[str, str]]:
        import ccxt.pro as ccxt

        at = restartable.address
        private = {"contract": at.replace("http", "ws") + "/v5/private"}
        exchange = ccxt.bybit(
            {
                "apiKey": restartable.keys[0]["key"],
                "secret": restartable.keys[0]["secret"],
                "urls": {"api": {"public": at, "private": at, "ws": {"private": private}}},
                "newUpdates": True,
            }
        )
        told: list[tuple[str, str]] = []

        async def heard(watching: asyncio.Task[Any]) -> None:
            told.extend((order["clientOrderId"], order["status"]) for order in await asyncio.wait_for(watching, 10))

        try:
            await exchange.load_markets()
            watching = asyncio.create_task(exchange.watch_orders())
            await asyncio.sleep(0.5)
            await exchange.create_order("BTC/USDT:USDT", "limit", "buy", 0.01, 20000, {"clientOrderId": "seen"})
            await heard(watching)
            watching = asyncio.create_task(exchange.watch_orders())
            await exchange.cancel_all_orders("BTC/USDT:USDT")
            await heard(watching)
        finally:
            await exchange.close()
        return told

    assert asyncio.run(watch()) == [("seen", "open"), ("seen", "canceled")]


def test_a_stream_says_what_is_wrong_and_can_misbehave(restartable: BybitSandbox) -> None:
    sandbox = restartable
    key = sandbox.keys[0]

    def auth(secret: str, in_ms: int = 10_000) -> dict[str, Any]:
        expires = int(time.time() * 1000) + in_ms
        signed = hmac.new(secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        return {"op": "auth", "args": [key["key"], expires, signed]}

    async def talk() -> None:
        address = sandbox.address.replace("http", "ws")
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{address}/v5/private") as socket:

            async def say(message: dict[str, Any]) -> dict[str, Any]:
                await socket.send_json(message)
                found: dict[str, Any] = await socket.receive_json(timeout=10)
                return found

            subscribe = {"op": "subscribe", "args": ["order"], "req_id": "7"}
            assert (await say(subscribe))["success"] is False, "nobody has said who it is"
            assert (await say(auth("0" * 64)))["success"] is False
            assert (await say(auth(key["secret"], -1)))["ret_msg"] == "Request expired"
            assert (await say(auth(key["secret"])))["success"] is True
            assert (await say({"op": "subscribe", "args": ["greeks"]}))["ret_msg"].endswith("topic:greeks")
            answer = await say(subscribe)
            assert (answer["success"], answer["req_id"], answer["op"]) == (True, "7", "subscribe")
            assert (await say({"op": "ping", "req_id": "8"}))["op"] == "pong"
            assert (await say({"op": "sing"}))["success"] is False
            await asyncio.to_thread(sandbox.done, "POST", CREATE, category="linear", **LIMIT, orderLinkId="heard")
            event = await socket.receive_json(timeout=10)
            assert (event["topic"], event["data"][0]["orderStatus"]) == ("order", "New")
            lie = {"kind": "lie", "account": key["account"], "client_order_id": "heard"}
            await asyncio.to_thread(sandbox.control, "POST", "/admin/streams", lie)
            event = await socket.receive_json(timeout=10)
            assert event["data"][0]["orderStatus"] == "Filled"
            await asyncio.to_thread(sandbox.control, "POST", "/admin/streams", {"kind": "disconnect", "seconds": 30})
            assert (await socket.receive(timeout=10)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"{address}/v5/private")

    asyncio.run(talk())
    assert one(sandbox, "linear", "heard")["orderStatus"] == "New", "it was a lie"


def test_a_liquidation_is_a_line_of_the_log(restartable: BybitSandbox) -> None:
    sandbox = restartable
    sandbox.done("POST", CREATE, **LINEAR)
    account = {"lane": "bybit", "account": sandbox.keys[0]["account"]}
    left = D(balances(sandbox)["USDT"])
    drift = {**account, "position_key": "bybit:MarginBalance:USDT", "amount": str(1 - left)}
    sandbox.control("POST", "/admin/drift", drift)
    sandbox.control("POST", "/admin/clock", {"market_advance_s": 3600})
    assert sandbox.done("GET", POSITIONS, category="linear", settleCoin="USDT")["list"] == []
    (row,) = sandbox.done("GET", LOG, type="LIQUIDATION")["list"]
    assert (row["side"], row["qty"], row["size"], row["category"]) == ("Sell", "0.01", "0", "linear")
    assert D(row["change"]) == D(row["cashFlow"]) - D(row["fee"])
    assert row["cashBalance"] == balances(sandbox).get("USDT", "0")
