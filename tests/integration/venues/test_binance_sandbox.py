"""``tightloop sandbox binance``: a stranger's ccxt script runs against it, and it refuses as Binance documents."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.binance_sandbox import GENEROUS, BinanceSandbox

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "timeInForce": "GTC"}
SPOT, FUTURES = "/api/v3/order", "/fapi/v1/order"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BinanceSandbox]:
    found = BinanceSandbox(tmp_path_factory.mktemp("binance"))
    yield found
    found.close()


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[BinanceSandbox]:
    found = BinanceSandbox(tmp_path)
    yield found
    found.close()


# --- a stranger -------------------------------------------------------------------------------------------------------


def connected(kind: str, sandbox: BinanceSandbox, key: dict[str, Any]) -> Any:
    """ccxt's class, as it is but for the address."""
    import ccxt.async_support as ccxt

    base, paths = sandbox.address, {"sapi": "/sapi/v1", "dapiPublic": "/dapi/v1"}
    paths |= {"public": "/api/v3", "private": "/api/v3"}
    for side in ("Public", "Private"):
        paths |= {f"fapi{side}{version}": f"/fapi/{version.lower() or 'v1'}" for version in ("", "V2", "V3")}
    urls = {"api": {name: base + path for name, path in paths.items()}}
    return getattr(ccxt, kind)({"apiKey": key["key"], "secret": key["secret"], "urls": urls})


async def script(kind: str, symbol: str, sandbox: BinanceSandbox) -> dict[str, Any]:
    """Written for Binance: nothing in it is for us, but the address."""
    exchange = connected(kind, sandbox, sandbox.keys[0])
    told: dict[str, Any] = {}
    try:
        told["markets"] = await exchange.load_markets()
        told["before"] = await exchange.fetch_balance()
        told["book"] = await exchange.fetch_order_book(symbol)
        told["ticker"] = await exchange.fetch_ticker(symbol)
        told["tickers"] = await exchange.fetch_tickers()
        told["candles"] = await exchange.fetch_ohlcv(symbol, "1h", None, 5)
        told["bought"] = await exchange.create_order(symbol, "market", "buy", 0.02)
        told["resting"] = await exchange.create_order(symbol, "limit", "buy", 0.01, 20000)
        resting = told["resting"]["id"]
        told["open"] = await exchange.fetch_open_orders(symbol)
        told["cancelled"] = await exchange.cancel_order(resting, symbol)
        told["found"] = await exchange.fetch_order(resting, symbol)
        again = await exchange.create_order(symbol, "limit", "buy", 0.01, 20000)
        told["edited"] = await exchange.edit_order(again["id"], symbol, "limit", "buy", 0.01, 21000)
        await exchange.create_order(symbol, "limit", "sell", 0.01, 200000, {"postOnly": True})
        await exchange.cancel_all_orders(symbol)
        told["left"] = await exchange.fetch_open_orders(symbol)
        told["trades"] = await exchange.fetch_my_trades(symbol)
        told["orders"] = await exchange.fetch_orders(symbol)
        told["fee"] = await exchange.fetch_trading_fee(symbol)
        told["after"] = await exchange.fetch_balance()
        if kind == "binanceusdm":
            told["positions"] = await exchange.fetch_positions()
            await exchange.set_leverage(5, symbol)
            told["leverages"] = await exchange.fetch_leverages()
            told["funding"] = await exchange.fetch_funding_rate(symbol)
            told["mode"] = await exchange.fetch_position_mode()
            told["ledger"] = await exchange.fetch_ledger()
    finally:
        await exchange.close()
    return told


def test_a_strangers_script_trades_on_the_spot_market(sandbox: BinanceSandbox) -> None:
    told = asyncio.run(script("binance", "BTC/USDT", sandbox))
    market = told["markets"]["BTC/USDT"]
    assert (market["precision"]["amount"], market["precision"]["price"]) == (0.00001, 0.01)
    assert market["limits"]["cost"]["min"] == 5
    assert told["book"]["bids"][0][0] < told["ticker"]["last"] < told["book"]["asks"][0][0]
    assert "ETH/USDT" in told["tickers"]
    assert len(told["candles"]) == 5
    bought = told["bought"]
    assert (bought["status"], bought["filled"], bought["remaining"]) == ("closed", 0.02, 0)
    assert (bought["fee"]["currency"], round(bought["fee"]["cost"], 8)) == ("BTC", 0.00002)
    assert [order["id"] for order in told["open"]] == [told["resting"]["id"]]
    assert (told["cancelled"]["status"], told["found"]["status"]) == ("canceled", "canceled")
    assert told["edited"]["price"] == 21000
    assert told["left"] == []
    assert [trade["order"] for trade in told["trades"]] == [bought["id"]]
    assert [order["status"] for order in told["orders"]] == ["closed", *4 * ["canceled"]]
    assert told["fee"]["taker"] == 0.001
    spent = told["before"]["USDT"]["total"] - told["after"]["USDT"]["total"]
    assert round(spent, 8) == round(bought["cost"], 8)
    assert round(told["after"]["BTC"]["total"] - told["before"]["BTC"]["total"], 8) == 0.01998


async def treasury(sandbox: BinanceSandbox, sender: dict[str, Any], receiver: dict[str, Any]) -> dict[str, Any]:
    """Written for Binance as well: one account moves money between its wallets, and sends some to another."""
    one, other = connected("binance", sandbox, sender), connected("binance", sandbox, receiver)
    told: dict[str, Any] = {}
    try:
        await one.load_markets()
        await other.load_markets()
        told["currency"] = one.currencies["USDT"]
        told["address"] = await other.fetch_deposit_address("USDT", {"network": "ERC20"})
        told["moved"] = await one.transfer("USDT", 300, "spot", "linear")
        await one.transfer("USDT", 100, "linear", "spot")
        told["transfers"] = await one.fetch_transfers("USDT")
        told["back"] = await one.fetch_transfers("USDT", params={"type": "UMFUTURE_MAIN"})
        told["futures"] = await one.fetch_balance({"type": "future"})
        own_id = {"network": "ERC20", "withdrawOrderId": "mine-1"}
        told["withdrawn"] = await one.withdraw("USDT", 50, told["address"]["address"], own_id)
        told["under way"] = await one.fetch_withdrawals("USDT")
        await asyncio.sleep(3.2)  # two seconds until it is sent, and one until it is credited
        told["withdrawals"] = await one.fetch_withdrawals("USDT", None, None, {"withdrawOrderId": "mine-1"})
        told["deposits"] = await other.fetch_deposits("USDT")
    finally:
        await one.close()
        await other.close()
    return told


def test_a_strangers_script_moves_money(sandbox: BinanceSandbox) -> None:
    sender = sandbox.control("POST", "/admin/keys", account="sender", withdraw="true")[0]
    told = asyncio.run(treasury(sandbox, sender, sandbox.control("POST", "/admin/keys", account="receiver")[0]))
    assert told["currency"]["networks"]["ERC20"]["fee"] == 2
    assert told["currency"]["networks"]["ERC20"]["limits"]["withdraw"]["min"] == 10
    (moved,) = told["transfers"]
    assert (moved["id"], moved["amount"], moved["status"]) == (told["moved"]["id"], 300, "ok")
    assert [one["amount"] for one in told["back"]] == [100]
    assert told["futures"]["USDT"]["total"] == 1_000_200
    assert [one["status"] for one in told["under way"]] == ["pending"]
    (withdrawal,), (deposit,) = told["withdrawals"], told["deposits"]
    assert (withdrawal["id"], withdrawal["status"]) == (told["withdrawn"]["id"], "ok")
    assert (withdrawal["amount"], withdrawal["fee"]["cost"]) == (48, 2)
    assert (deposit["amount"], deposit["status"], deposit["txid"]) == (48, "ok", withdrawal["txid"])
    assert deposit["address"] == told["address"]["address"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"coin": "DOGE"}, -4018),
        ({"network": "TRX"}, -4019),
        ({"address": "nowhere"}, -4033),
        ({"addressTag": "7"}, -4106),
        ({"amount": "9"}, -4022),
        ({"amount": "100000000"}, -4026),
        ({"amount": "10.123456789"}, -1111),
        ({"walletType": "2"}, -1100),
    ],
)
def test_a_withdrawal_that_breaks_a_rule_is_refused_by_its_number(
    sandbox: BinanceSandbox, changed: dict[str, str], code: int
) -> None:
    rich = sandbox.control("POST", "/admin/keys", account="rich", withdraw="true")[0]
    given = {"coin": "USDT", "network": "ETH", "address": "0x" + "ab" * 20, "amount": "50"} | changed
    status, answer = sandbox.signed_by(rich, "POST", "/sapi/v1/capital/withdraw/apply", **given)
    assert (status, answer["code"]) == (400, code)


def test_a_key_without_the_right_withdraws_nothing(sandbox: BinanceSandbox) -> None:
    given = {"coin": "USDT", "network": "ETH", "address": "0x" + "ab" * 20, "amount": "50"}
    for key in (0, 1):
        status, answer = sandbox.signed("POST", "/sapi/v1/capital/withdraw/apply", key, **given)
        assert (status, answer["code"]) == (401, -2015)
    moving = {"type": "MAIN_UMFUTURE", "asset": "USDT", "amount": "1"}
    assert sandbox.signed("POST", "/sapi/v1/asset/transfer", 1, **moving)[1]["code"] == -2015, "it only reads"
    for wrong, code in (({"type": "MAIN_MARGIN"}, -4001), ({"asset": "BTC"}, -5003), ({"amount": "1e9"}, -1100)):
        assert sandbox.signed("POST", "/sapi/v1/asset/transfer", **(moving | wrong))[1]["code"] == code
    much = moving | {"amount": "100000000"}
    assert sandbox.signed("POST", "/sapi/v1/asset/transfer", **much)[1]["code"] == -5002


def test_withdrawals_can_be_asked_about_ten_times_a_minute(restartable: BinanceSandbox) -> None:
    restartable.control("POST", "/admin/limits", GENEROUS | {"uid": 180_000})
    codes = [restartable.signed("GET", "/sapi/v1/capital/withdraw/history")[0] for _ in range(22)]
    assert codes[:10] == [200] * 10
    assert 429 in codes, "within a minute, or the next one"


def test_a_strangers_script_trades_a_perpetual(sandbox: BinanceSandbox) -> None:
    told = asyncio.run(script("binanceusdm", "BTC/USDT:USDT", sandbox))
    assert told["markets"]["BTC/USDT:USDT"]["contractSize"] == 1
    assert told["bought"]["status"] == "closed"
    (position,) = told["positions"]
    assert (position["contracts"], position["side"], position["hedged"]) == (0.02, "long", False)
    assert position["entryPrice"] == told["bought"]["average"]
    edited = told["edited"]
    assert (edited["price"], edited["amount"], edited["status"]) == (21000, 0.01, "open")
    assert told["leverages"]["BTC/USDT:USDT"]["longLeverage"] == 5
    assert told["funding"]["markPrice"] > 0
    assert told["mode"]["hedged"] is False
    assert [entry["type"] for entry in told["ledger"]] == ["commission"]
    (trade,) = told["trades"]
    assert (trade["fee"]["currency"], trade["takerOrMaker"]) == ("USDT", "taker")


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "changed", "status", "code"),
    [
        (SPOT, {"timestamp": None}, 400, -1102),
        (SPOT, {"recvWindow": 60001}, 400, -1131),
        (SPOT, {"symbol": "PEPEUSDT"}, 400, -1121),
        (SPOT, {"symbol": None}, 400, -1102),
        (SPOT, {"side": "HOLD"}, 400, -1117),
        (SPOT, {"type": "STOP"}, 400, -1116),
        (SPOT, {"quantity": "0.000001"}, 400, -1013),
        (SPOT, {"quantity": "0.000015"}, 400, -1013),
        (SPOT, {"quantity": "0.00001"}, 400, -1013),
        (SPOT, {"quantity": "0.1234567891"}, 400, -1111),
        (SPOT, {"quantity": "1e3"}, 400, -1100),
        (SPOT, {"quantity": "8000"}, 400, -1013),
        (SPOT, {"quantity": "100"}, 400, -2010),
        (SPOT, {"price": "1"}, 400, -1106),
        (SPOT, {"newClientOrderId": "not allowed!"}, 400, -1100),
        (SPOT, {"newClientOrderId": "x" * 37}, 400, -1100),
        (SPOT, {**LIMIT, "price": "100.001"}, 400, -1013),
        (SPOT, {**LIMIT, "price": "100"}, 400, -1013),
        (SPOT, {**LIMIT, "price": "30000", "timeInForce": None}, 400, -1102),
        (SPOT, {**LIMIT, "price": "30000", "timeInForce": "GTX"}, 400, -1115),
        (SPOT, {**LIMIT, "type": "LIMIT_MAKER", "price": "90000", "timeInForce": None}, 400, -2010),
        (FUTURES, {"quantity": "0.0001"}, 400, -4003),
        (FUTURES, {"quantity": "0.0015"}, 400, -1111),
        (FUTURES, {"quantity": "8999"}, 400, -4005),
        (FUTURES, {**LIMIT, "quantity": "900", "price": "40000"}, 400, -2019),
        (FUTURES, {"newClientOrderId": "x" * 37}, 400, -4015),
        (FUTURES, {"positionSide": "LONG"}, 400, -4061),
        (FUTURES, {"side": "SELL", "reduceOnly": "true"}, 400, -2022),
        (FUTURES, {**LIMIT, "price": "100.05"}, 400, -4014),
        (FUTURES, {**LIMIT, "price": "100"}, 400, -4164),
        (FUTURES, {**LIMIT, "price": "90000", "timeInForce": "GTX"}, 400, -5022),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_number(
    untraded: BinanceSandbox, path: str, changed: dict[str, Any], status: int, code: int
) -> None:
    before = untraded.books()
    answer = untraded.signed("POST", path, **{**ORDER, **changed})
    assert (answer[0], answer[1].get("code")) == (status, code), answer
    after = untraded.books()
    assert after["balances"] == before["balances"]
    assert after["orders"] == before["orders"]


@pytest.fixture(scope="module")
def untraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BinanceSandbox]:
    """One without any position: what is refused leaves it so."""
    found = BinanceSandbox(tmp_path_factory.mktemp("refusing"))
    assert found.signed("GET", "/api/v3/account")[0] == 200
    yield found
    found.close()


def test_a_signature_is_of_every_byte_that_was_sent(sandbox: BinanceSandbox) -> None:
    key = sandbox.keys[0]["key"]
    now = int(time.time() * 1000)
    for query, headers, status, code in (
        (f"timestamp={now}&signature=00", {"X-MBX-APIKEY": key}, 400, -1022),
        (f"timestamp={now}", {"X-MBX-APIKEY": key}, 400, -1102),
        (f"timestamp={now}&signature=00", {"X-MBX-APIKEY": "0" * 64}, 401, -2015),
        (f"timestamp={now}&signature=00", {}, 401, -2014),
        (f"timestamp={now}&timestamp={now}&signature=00", {"X-MBX-APIKEY": key}, 400, -1101),
    ):
        answer = sandbox.ask("GET", "/api/v3/account", query, headers=headers)
        assert (answer[0], answer[1]["code"]) == (status, code), (query, answer)


def test_a_request_acts_only_while_it_is_young(sandbox: BinanceSandbox) -> None:
    now = int(time.time() * 1000)
    before = sandbox.books()["orders"]
    for timestamp, window, words in (
        (now - 3000, 2000, "outside of the recvWindow"),
        (now + 2500, 5000, "1000ms ahead"),
    ):
        status, answer = sandbox.signed("POST", SPOT, timestamp=timestamp, recvWindow=window, **ORDER)
        assert (status, answer["code"]) == (400, -1021)
        assert words in answer["msg"]
    sandbox.control("POST", "/admin/faults", {"kind": "late_before", "delay_s": 0.6, "count": 1})
    status, answer = sandbox.signed("POST", SPOT, recvWindow=500, **ORDER)
    assert (status, answer["code"]) == (400, -1021), "it was in time when it came, and too old when it was to act"
    assert sandbox.books()["orders"] == before


def test_a_key_that_only_reads_trades_nothing(sandbox: BinanceSandbox) -> None:
    assert sandbox.signed("GET", "/api/v3/account", key=1)[0] == 200
    assert sandbox.signed("GET", "/fapi/v3/account", key=1)[0] == 200
    for path in (SPOT, FUTURES):
        status, answer = sandbox.signed("POST", path, key=1, **ORDER)
        assert (status, answer["code"]) == (401, -2015)
    told = [sandbox.signed("GET", "/sapi/v1/account/apiRestrictions", key=key)[1] for key in (0, 1)]
    assert [one["enableSpotAndMarginTrading"] for one in told] == [True, False]
    assert not any(one["enableWithdrawals"] for one in told)


def test_an_id_is_taken_again_once_its_order_does_not_work_any_more(sandbox: BinanceSandbox) -> None:
    first = sandbox.signed("POST", SPOT, newClientOrderId="twice", **LIMIT, price="20000")[1]
    status, answer = sandbox.signed("POST", SPOT, newClientOrderId="twice", **LIMIT, price="20000")
    assert (status, answer["code"], answer["msg"]) == (400, -2010, "Duplicate order sent.")
    assert sandbox.signed("DELETE", SPOT, symbol="BTCUSDT", orderId=first["orderId"])[1]["status"] == "CANCELED"
    status, answer = sandbox.signed("DELETE", SPOT, symbol="BTCUSDT", orderId=first["orderId"])
    assert (status, answer["code"], answer["msg"]) == (400, -2011, "Unknown order sent.")
    again = sandbox.signed("POST", SPOT, newClientOrderId="twice", **LIMIT, price="20000")[1]
    assert again["orderId"] > first["orderId"]
    sandbox.signed("DELETE", SPOT, symbol="BTCUSDT", origClientOrderId="twice")
    status, answer = sandbox.signed("GET", SPOT, symbol="BTCUSDT", origClientOrderId="never")
    assert (status, answer["code"]) == (400, -2013)


# --- faults and books -------------------------------------------------------------------------------------------------


def test_faults_lose_answers_before_and_after_an_order(sandbox: BinanceSandbox) -> None:
    for kind, done in (("lost_before", False), ("lost_after", True)):
        sandbox.control("POST", "/admin/faults", {"kind": kind, "count": 1})
        with pytest.raises(OSError):
            sandbox.signed("POST", SPOT, newClientOrderId=kind, **ORDER)
        status, _ = sandbox.signed("GET", SPOT, symbol="BTCUSDT", origClientOrderId=kind)
        assert (status == 200) is done, kind
    for kind, status, code in (("down", 503, -1001), ("rate_limit", 429, -1003)):
        sandbox.control("POST", "/admin/faults", {"kind": kind, "count": 1})
        answer = sandbox.signed("POST", SPOT, newClientOrderId=kind, **ORDER)
        assert (answer[0], answer[1]["code"]) == (status, code)
        assert sandbox.signed("GET", SPOT, symbol="BTCUSDT", origClientOrderId=kind)[1]["code"] == -2013


def test_books_and_keys_outlive_a_kill(restartable: BinanceSandbox) -> None:
    sandbox = restartable
    for name in ("keys.json", "keys.env"):
        assert stat.S_IMODE((sandbox.folder / name).stat().st_mode) == 0o600
    bought = sandbox.signed("POST", SPOT, newClientOrderId="kept", **ORDER)[1]
    perpetual = sandbox.signed("POST", FUTURES, newOrderRespType="RESULT", **ORDER)[1]
    before, keys = sandbox.books(), sandbox.keys
    sandbox.kill()
    sandbox.start()
    assert sandbox.keys == keys
    after = sandbox.books()
    assert (after["balances"], after["ledger"]) == (before["balances"], before["ledger"])
    found = sandbox.signed("GET", SPOT, symbol="BTCUSDT", origClientOrderId="kept")[1]
    assert (found["orderId"], found["status"]) == (bought["orderId"], "FILLED")
    found = sandbox.signed("GET", FUTURES, symbol="BTCUSDT", orderId=perpetual["orderId"])[1]
    assert found["avgPrice"] == perpetual["avgPrice"]


def test_funding_is_told_as_income_each_with_a_number_of_its_own(restartable: BinanceSandbox) -> None:
    sandbox = restartable
    sandbox.signed("POST", FUTURES, **ORDER)
    sandbox.control("POST", "/admin/clock", {"market_advance_s": 3600 * 24})
    told = sandbox.signed("GET", "/fapi/v1/income")[1]
    kinds = [one["incomeType"] for one in told]
    assert kinds[0] == "COMMISSION"
    assert set(kinds[1:]) == {"FUNDING_FEE"}
    assert len({one["tranId"] for one in told}) == len(told)


def test_commission_comes_in_bnb_once_the_account_says_so(restartable: BinanceSandbox) -> None:
    account = {"lane": "binance", "account": restartable.account}
    wallets, assets = ("BaseToken", "MarginBalance"), ("USDT", "BNB")
    opening = {f"binance:{wallet}:{asset}": "90000" for wallet in wallets for asset in assets}
    restartable.control("POST", "/admin/accounts", {**account, "opening": opening})
    assert restartable.signed("GET", "/sapi/v1/bnbBurn") == (200, {"spotBNBBurn": False, "interestBNBBurn": False})
    assert restartable.signed("POST", "/sapi/v1/bnbBurn", spotBNBBurn="true")[1]["spotBNBBurn"] is True
    assert restartable.signed("POST", "/fapi/v1/feeBurn", feeBurn="true") == (200, {"code": 200, "msg": "success"})
    restartable.kill()
    restartable.start()
    assert restartable.signed("GET", "/fapi/v1/feeBurn") == (200, {"feeBurn": True})
    rates = restartable.signed("GET", "/api/v3/account/commission", symbol="BTCUSDT")[1]
    assert (rates["discount"]["enabledForAccount"], rates["discount"]["discount"]) == (True, "0.75000000")
    bought = restartable.signed("POST", SPOT, **ORDER)[1]
    assert [fill["commissionAsset"] for fill in bought["fills"]] == ["BNB"]
    restartable.signed("POST", FUTURES, **ORDER)
    (trade,) = restartable.signed("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")[1]
    assert trade["commissionAsset"] == "BNB"
    (income,) = restartable.signed("GET", "/fapi/v1/income", incomeType="COMMISSION")[1]
    assert (income["asset"], float(income["income"])) == ("BNB", -float(trade["commission"]))
    held = {one["asset"]: one["walletBalance"] for one in restartable.signed("GET", "/fapi/v3/account")[1]["assets"]}
    assert float(held["BNB"]) == 90000 - float(trade["commission"])
    assert held["USDT"] == "90000.00000000", "its commission is all that a perpetual costs at once"
    assert restartable.signed("POST", "/fapi/v1/feeBurn", key=1, feeBurn="false")[1]["code"] == -2015, "it only reads"


def test_a_rebate_is_commission_below_zero(restartable: BinanceSandbox) -> None:
    account = {"lane": "binance", "account": restartable.account}
    restartable.control("POST", "/admin/fees", {**account, "market": "spot", "maker": "-0.0001"})
    resting = restartable.signed("POST", SPOT, **{**LIMIT, "price": "20000", "newClientOrderId": "a"})[1]
    restartable.control("POST", "/admin/fill", {**account, "client_order_id": "a"})
    (trade,) = restartable.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT", orderId=resting["orderId"])[1]
    assert (trade["commission"], trade["commissionAsset"]) == ("-0.00000100", "BTC")
    assert restartable.signed("GET", "/api/v3/account")[1]["commissionRates"]["maker"] == "-0.00010000"


def test_a_ban_answers_nothing_until_its_end_and_says_when_that_is(restartable: BinanceSandbox) -> None:
    restartable.control("POST", "/admin/faults", {"kind": "ban", "duration_s": 60})
    for path in ("/api/v3/time", "/fapi/v1/time", "/api/v3/account"):
        answered = restartable.heard("GET", path)
        assert answered.status == 418
        assert 55 <= int(answered.headers["Retry-After"]) <= 60
    restartable.control("DELETE", "/admin/faults")
    assert restartable.ask("GET", "/api/v3/time")[0] == 200


def test_in_hedge_mode_no_order_is_taken(restartable: BinanceSandbox) -> None:
    mode = "/fapi/v1/positionSide/dual"
    assert restartable.signed("POST", mode, dualSidePosition="false")[1]["code"] == -4059
    assert restartable.signed("POST", mode, dualSidePosition="true")[1]["code"] == 200
    assert restartable.signed("GET", mode) == (200, {"dualSidePosition": True})
    assert restartable.signed("POST", FUTURES, **ORDER)[1]["code"] == -4061
    assert restartable.signed("POST", mode, dualSidePosition="false")[1]["code"] == 200
    assert restartable.signed("POST", FUTURES, **{**LIMIT, "price": "20000"})[0] == 200
    assert restartable.signed("POST", mode, dualSidePosition="true")[1]["code"] == -4067
    restartable.signed("POST", FUTURES, **ORDER)
    restartable.signed("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    assert restartable.signed("POST", mode, dualSidePosition="true")[1]["code"] == -4068


def test_a_futures_order_is_changed_as_documented(restartable: BinanceSandbox) -> None:
    account = {"lane": "binance", "account": restartable.account}

    def ask(method: str, name: str, **given: Any) -> Any:
        side = {} if method == "GET" else {"side": "BUY"}
        return restartable.signed(method, FUTURES, **{"symbol": "BTCUSDT", "origClientOrderId": name, **side, **given})[
            1
        ]

    def rest(name: str, **given: Any) -> None:
        placed = restartable.signed("POST", FUTURES, **{**LIMIT, "price": "20000", "newClientOrderId": name, **given})
        assert placed[0] == 200

    rest("a", quantity="0.05")
    changed = ask("PUT", "a", quantity="0.04", price="21000")
    assert (changed["origQty"], changed["price"], changed["status"]) == ("0.040", "21000.0", "NEW")
    assert ask("PUT", "a", quantity="0.04", price="21000")["code"] == -5027
    for wrong, code in (
        ({"quantity": "0.0415"}, -1111),
        ({"price": "21000.05"}, -4014),
        ({"quantity": "800", "price": "40000"}, -2019),
        ({"side": "SELL"}, -1117),
        ({"quantity": None}, -1102),
        ({"stopPrice": "1"}, -1104),
        ({"priceMatch": "QUEUE"}, -1128),
        ({"origClientOrderId": "nobody"}, -2013),
    ):
        assert ask("PUT", "a", **{"quantity": "0.03", "price": "21000", **wrong})["code"] == code, wrong
    assert (ask("GET", "a")["origQty"], ask("GET", "a")["status"]) == ("0.040", "NEW"), "refused, it stays as it was"
    restartable.kill()
    restartable.start()
    assert ask("GET", "a")["price"] == "21000.0"
    restartable.control("POST", "/admin/fill", {**account, "client_order_id": "a", "amount": "0.03"})
    ended = ask("PUT", "a", quantity="0.02", price="21000")
    assert (ended["status"], ended["executedQty"]) == ("CANCELED", "0.030"), "it had filled more than the new amount"
    rest("b")
    assert ask("PUT", "b", quantity="0.01", price="60000")["status"] == "FILLED", "it trades with what it crosses"
    rest("c", timeInForce="GTX")
    assert ask("PUT", "c", quantity="0.01", price="60000")["status"] == "CANCELED", "post-only, and it would trade"
    assert ask("PUT", "c", quantity="0.01", price="20000")["code"] == -2013
