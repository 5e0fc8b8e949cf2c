"""``tightloop sandbox okx``: a stranger's ccxt script runs against it, and it refuses as OKX documents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.okx_sandbox import OkxSandbox

D = Decimal
SPOT = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "market", "sz": "0.01", "tgtCcy": "base_ccy"}
SWAP = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "side": "buy", "ordType": "market", "sz": "2"}
RESTS = {**SPOT, "ordType": "limit", "px": "20000"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OkxSandbox]:
    found = OkxSandbox(tmp_path_factory.mktemp("okx"))
    yield found
    found.close()


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[OkxSandbox]:
    found = OkxSandbox(tmp_path)
    yield found
    found.close()


# --- a stranger -------------------------------------------------------------------------------------------------------


def connected(sandbox: OkxSandbox, key: dict[str, Any]) -> Any:
    """ccxt's class, as it is but for the address."""
    import ccxt.async_support as ccxt

    named = {"apiKey": key["key"], "secret": key["secret"], "password": key["passphrase"]}
    return ccxt.okx({**named, "urls": {"api": {"rest": sandbox.address}}})


async def script(symbol: str, sandbox: OkxSandbox) -> dict[str, Any]:
    """Written for OKX: nothing in it is for us, but the address."""
    exchange = connected(sandbox, sandbox.keys[0])
    amount = 2 if ":" in symbol else 0.02
    told: dict[str, Any] = {}
    try:
        told["markets"] = await exchange.load_markets()
        told["before"] = await exchange.fetch_balance()
        told["book"] = await exchange.fetch_order_book(symbol, 5)
        told["ticker"] = await exchange.fetch_ticker(symbol)
        told["candles"] = await exchange.fetch_ohlcv(symbol, "1h", None, 5)
        bought = (await exchange.create_order(symbol, "market", "buy", amount, None, {"tgtCcy": "base_ccy"}))["id"]
        told["bought"] = await exchange.fetch_order(bought, symbol)
        resting = (await exchange.create_order(symbol, "limit", "buy", amount, 20000))["id"]
        told["open"] = await exchange.fetch_open_orders(symbol)
        await exchange.edit_order(resting, symbol, "limit", "buy", amount, 21000)
        told["edited"] = await exchange.fetch_order(resting, symbol)
        await exchange.cancel_order(resting, symbol)
        told["cancelled"] = await exchange.fetch_order(resting, symbol)
        told["left"] = await exchange.fetch_open_orders(symbol)
        told["trades"] = await exchange.fetch_my_trades(symbol)
        told["of the order"] = await exchange.fetch_order_trades(bought, symbol)
        told["fee"] = await exchange.fetch_trading_fee(symbol)
        told["ledger"] = await exchange.fetch_ledger()
        told["after"] = await exchange.fetch_balance()
        if ":" in symbol:
            told["positions"] = await exchange.fetch_positions()
            await exchange.set_leverage(5, symbol, {"mgnMode": "cross"})
            told["leverage"] = await exchange.fetch_leverage(symbol, {"marginMode": "cross"})
            told["funding"] = await exchange.fetch_funding_rate(symbol)
    finally:
        await exchange.close()
    return told


def test_a_strangers_script_trades_on_the_spot_market(restartable: OkxSandbox) -> None:
    told = asyncio.run(script("BTC/USDT", restartable))
    market = told["markets"]["BTC/USDT"]
    assert (market["precision"]["price"], market["limits"]["amount"]["min"]) == (0.1, 0.00001)
    assert told["book"]["bids"][0][0] < told["ticker"]["last"] < told["book"]["asks"][0][0]
    assert len(told["candles"]) == 5
    bought = told["bought"]
    assert (bought["status"], bought["filled"], bought["remaining"]) == ("closed", 0.02, 0)
    assert bought["fee"] == {"currency": "BTC", "cost": 0.00003}
    assert [order["price"] for order in told["open"]] == [20000]
    assert (told["edited"]["price"], told["edited"]["status"]) == (21000, "open")
    assert (told["cancelled"]["status"], told["left"]) == ("canceled", [])
    assert [trade["order"] for trade in told["trades"]] == [bought["id"]]
    assert [trade["id"] for trade in told["of the order"]] == [trade["id"] for trade in told["trades"]]
    assert told["fee"]["taker"] == 0.0015
    assert {(row["currency"], row["direction"]) for row in told["ledger"]} == {("BTC", "in"), ("USDT", "out")}
    spent = told["before"]["USDT"]["total"] - told["after"]["USDT"]["total"]
    assert round(spent, 8) == round(bought["cost"], 8)
    assert round(told["after"]["BTC"]["total"] - told["before"]["BTC"]["total"], 8) == 0.01997
    assert restartable.control("GET", "/admin/documents")["violations"] == []


def test_a_strangers_script_trades_a_perpetual_by_contracts(restartable: OkxSandbox) -> None:
    told = asyncio.run(script("BTC/USDT:USDT", restartable))
    assert told["markets"]["BTC/USDT:USDT"]["contractSize"] == 0.01
    assert (told["bought"]["status"], told["bought"]["filled"]) == ("closed", 2)
    assert (told["edited"]["price"], told["cancelled"]["status"]) == (21000, "canceled")
    (position,) = told["positions"]
    assert (position["contracts"], position["side"]) == (2, "long")
    assert position["entryPrice"] == told["bought"]["average"]
    assert told["leverage"]["longLeverage"] == 5
    assert told["funding"]["symbol"] == "BTC/USDT:USDT"
    (trade,) = told["trades"]
    assert (trade["fee"]["currency"], trade["takerOrMaker"]) == ("USDT", "taker")
    held = restartable.books()["balances"]
    assert D(held["okx:Perp:BTC/USDT:USDT"]) == D("0.02")
    assert restartable.control("GET", "/admin/documents")["violations"] == []


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({**SPOT, "instId": "NONE-USDT"}, "51001"),
        ({**SPOT, "tdMode": "cross"}, "51010"),
        ({**SWAP, "posSide": "long"}, "51000"),
        ({**SPOT, "clOrdId": "with-dashes"}, "51000"),
        ({**SPOT, "clOrdId": "x" * 33}, "51000"),
        ({**SPOT, "sz": "0.000001"}, "51020"),
        ({**SPOT, "sz": "0.010000001"}, "51121"),
        ({**SWAP, "sz": "0.15"}, "51121"),
        ({**RESTS, "sz": "51"}, "51008"),
        ({**SWAP, "sz": "1000000"}, "51202"),
        ({**SWAP, "reduceOnly": "true"}, "51169"),
        ({**SPOT, "ordType": "limit"}, "51204"),
        ({**RESTS, "px": "20000.05"}, "51000"),
        ({**SPOT, "ordType": "mmp"}, "51000"),
        ({name: value for name, value in SPOT.items() if name != "side"}, "50014"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_number(sandbox: OkxSandbox, given: dict[str, str], code: str) -> None:
    sandbox.done("GET", "account/balance")  # the account is opened
    before = sandbox.books()["balances"]
    assert sandbox.code("POST", "trade/order", **given) == code
    assert sandbox.books()["balances"] == before


def test_key_passphrase_signature_and_time_are_checked(sandbox: OkxSandbox) -> None:
    assert sandbox.signed("GET", "account/config", headers={"OK-ACCESS-PASSPHRASE": "no"})[1]["code"] == "50105"
    assert sandbox.signed("GET", "account/config", headers={"OK-ACCESS-SIGN": "no"})[1]["code"] == "50113"
    assert sandbox.signed("GET", "account/config", headers={"OK-ACCESS-KEY": "no"})[1]["code"] == "50111"
    assert sandbox.signed("GET", "account/config", headers={"OK-ACCESS-TIMESTAMP": "noon"})[1]["code"] in (
        "50112",
        "50113",
    )
    assert sandbox.signed("GET", "account/config", late_s=31)[1]["code"] == "50102"
    assert sandbox.signed("GET", "account/config", late_s=25)[1]["code"] == "0"


@pytest.mark.parametrize("demo", [True, False])
def test_a_key_of_demo_trading_is_taken_there_alone_and_one_of_real_money_elsewhere(
    restartable: OkxSandbox, demo: bool
) -> None:
    made = restartable.control("POST", "/admin/keys", account="other", demo=str(demo).lower())
    restartable.keys.append(made[0])
    asked = "x-simulated-trading"
    for headers, simulated in (({asked: "1"}, True), ({asked: "0"}, False), ({}, False)):
        status, answer = restartable.signed("GET", "account/config", key=-1, headers=headers)
        assert (status, answer["code"]) == ((200, "0") if simulated == demo else (401, "50101")), headers
    for headers in ({asked: "1"}, {}):
        assert restartable.signed("GET", "account/config", headers=headers)[1]["code"] == "0", "one of its own, in both"


def test_an_order_that_has_expired_is_not_taken(sandbox: OkxSandbox) -> None:
    at = int(time.time() * 1000)
    status, answer = sandbox.signed("POST", "trade/order", headers={"expTime": str(at - 100)}, **SPOT)
    assert (status, answer["code"], answer["data"][0]["sCode"]) == (200, "1", "50036")
    status, answer = sandbox.signed("POST", "trade/order", headers={"expTime": str(at + 5000)}, **SPOT)
    assert (status, answer["code"]) == (200, "0")


def test_a_key_that_only_reads_trades_nothing(sandbox: OkxSandbox) -> None:
    assert sandbox.code("POST", "trade/order", key=1, **SPOT) == "50120"
    (config,) = sandbox.signed("GET", "account/config", key=1)[1]["data"]
    assert config["perm"] == "read_only"
    (config,) = sandbox.done("GET", "account/config")
    assert (config["perm"], config["acctLv"], config["posMode"]) == ("read_only,trade", "2", "net_mode")


# --- orders -----------------------------------------------------------------------------------------------------------


def test_an_id_is_refused_while_its_order_is_open_and_names_the_latest_afterwards(sandbox: OkxSandbox) -> None:
    (first,) = sandbox.done("POST", "trade/order", **RESTS, clOrdId="again")
    assert sandbox.code("POST", "trade/order", **RESTS, clOrdId="again") == "51016"
    sandbox.done("POST", "trade/cancel-order", instId="BTC-USDT", clOrdId="again")
    (second,) = sandbox.done("POST", "trade/order", **RESTS, clOrdId="again")
    (found,) = sandbox.done("GET", "trade/order", instId="BTC-USDT", clOrdId="again")
    assert found["ordId"] == second["ordId"] != first["ordId"]
    sandbox.done("POST", "trade/cancel-order", instId="BTC-USDT", clOrdId="again")
    assert sandbox.code("POST", "trade/cancel-order", instId="BTC-USDT", clOrdId="again") == "51400"
    assert sandbox.code("GET", "trade/order", instId="BTC-USDT", clOrdId="never") == "51603"


def test_orders_end_in_okx_s_words(sandbox: OkxSandbox) -> None:
    (ticker,) = sandbox.ask("GET", "/api/v5/market/ticker", "instId=BTC-USDT")[1]["data"]
    crossing = f"{D(ticker['last']) * 2:.1f}"
    ends = {
        "ioc": ({**RESTS, "ordType": "ioc"}, ("canceled", "14")),
        "fok": ({**RESTS, "ordType": "fok"}, ("canceled", "15")),
        "taker": ({**RESTS, "ordType": "post_only", "px": crossing}, ("canceled", "31")),
        "maker": ({**RESTS, "ordType": "post_only"}, ("live", "")),
        "market": (SPOT, ("filled", "")),
    }
    for name, (given, expected) in ends.items():
        sandbox.done("POST", "trade/order", **given, clOrdId=name)
        (found,) = sandbox.done("GET", "trade/order", instId="BTC-USDT", clOrdId=name)
        assert (found["state"], found["cancelSource"]) == expected, name


def test_a_spot_market_order_is_by_value_where_it_says_so(sandbox: OkxSandbox) -> None:
    given = {**SPOT, "sz": "1000", "tgtCcy": "quote_ccy"}
    sandbox.done("POST", "trade/order", **given, clOrdId="byvalue")
    (found,) = sandbox.done("GET", "trade/order", instId="BTC-USDT", clOrdId="byvalue")
    assert (found["state"], found["sz"], found["tgtCcy"]) == ("filled", "1000", "quote_ccy")
    assert 999 < D(found["accFillSz"]) * D(found["avgPx"]) < 1001


def test_several_orders_are_placed_each_for_itself(sandbox: OkxSandbox) -> None:
    import ccxt

    key = sandbox.keys[0]
    exchange = ccxt.okx(
        {
            "apiKey": key["key"],
            "secret": key["secret"],
            "password": key["passphrase"],
            "urls": {"api": {"rest": sandbox.address}},
        }
    )
    told = exchange.privatePostTradeBatchOrders(
        [{**SPOT, "clOrdId": "goodone"}, {**SPOT, "sz": "1", "clOrdId": "other"}]
    )
    assert [one["sCode"] for one in told["data"]] == ["0", "0"]
    told = exchange.privatePostTradeBatchOrders([{**SPOT, "clOrdId": "fine"}, {**RESTS, "sz": "51", "clOrdId": "dear"}])
    assert (told["code"], [one["sCode"] for one in told["data"]]) == ("2", ["0", "51008"])
    assert sandbox.done("GET", "trade/order", instId="BTC-USDT", clOrdId="fine")[0]["state"] == "filled"
    no_side = {name: value for name, value in SPOT.items() if name != "side"}
    told = exchange.privatePostTradeBatchOrders([{**no_side, "clOrdId": "noside"}, {**RESTS, "clOrdId": "rests"}])
    assert (told["code"], [one["sCode"] for one in told["data"]]) == ("2", ["50014", "0"]), "one costs no other"
    named = [{"instId": "BTC-USDT", "clOrdId": name} for name in ("rests", "never")]
    told = exchange.privatePostTradeCancelBatchOrders(named)
    assert (told["code"], [one["sCode"] for one in told["data"]]) == ("2", ["0", "51400"])
    assert sandbox.done("GET", "trade/order", instId="BTC-USDT", clOrdId="rests")[0]["state"] == "canceled"
    for many, code in (([dict(SPOT) for _ in range(21)], "51111"), ([], "50000")):
        with pytest.raises(ccxt.BadRequest, match=code):
            exchange.privatePostTradeBatchOrders(many)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "51500"),
        ({"newSz": "0.000001"}, "51020"),
        ({"newPx": "20000.05"}, "51000"),
        ({"newSz": "0.01", "newPx": "20000"}, "51500"),
    ],
)
@pytest.mark.parametrize("gives_up", [False, True])
def test_an_order_that_can_not_be_amended_stays_unless_it_is_to_be_cancelled_then(
    sandbox: OkxSandbox, given: dict[str, str], code: str, gives_up: bool
) -> None:
    (placed,) = sandbox.done("POST", "trade/order", **RESTS)
    named = {"instId": "BTC-USDT", "ordId": placed["ordId"]}
    asked = {**given, "cxlOnFail": gives_up}
    assert sandbox.code("POST", "trade/amend-order", **named, **asked) == code
    (found,) = sandbox.done("GET", "trade/order", **named)
    assert found["state"] == ("canceled" if gives_up else "live")
    if not gives_up:
        sandbox.done("POST", "trade/amend-order", **named, newSz="0.02")
        sandbox.done("POST", "trade/cancel-order", **named)
    assert sandbox.code("POST", "trade/amend-order", **named, newSz="0.03") == "51503"
    (filled,) = sandbox.done("POST", "trade/order", **SPOT)
    over = {"instId": "BTC-USDT", "ordId": filled["ordId"]}
    assert sandbox.code("POST", "trade/amend-order", **over, newSz="0.03") == "51503"
    assert sandbox.code("POST", "trade/amend-order", instId="BTC-USDT", ordId="1", newSz="0.03") == "51503"


def test_a_page_begins_at_an_id_and_at_nothing_else(sandbox: OkxSandbox) -> None:
    assert sandbox.signed("GET", "trade/orders-history", instType="SPOT", after="yesterday") == (
        400,
        {"code": "51000", "msg": "Parameter after error", "data": []},
    )


# --- the account ------------------------------------------------------------------------------------------------------


def test_bills_add_up_to_the_balances(restartable: OkxSandbox) -> None:
    sandbox = restartable
    before = {one["ccy"]: D(one["cashBal"]) for one in sandbox.done("GET", "account/balance")[0]["details"]}
    sandbox.done("POST", "trade/order", **SPOT)
    sandbox.done("POST", "trade/order", **SWAP)
    sandbox.done("POST", "trade/order", **{**SWAP, "side": "sell", "sz": "1"})
    sandbox.control("POST", "/admin/clock", {"market_advance_s": 8 * 3600 + 60})
    after = {one["ccy"]: D(one["cashBal"]) for one in sandbox.done("GET", "account/balance")[0]["details"]}
    bills = sandbox.done("GET", "account/bills")
    assert {one["type"] for one in bills} == {"2", "8"}
    for coin, amount in after.items():
        moved = sum((D(one["balChg"]) for one in bills if one["ccy"] == coin), D(0))
        assert amount == before.get(coin, D(0)) + moved, coin
    newest = bills[0]["billId"]
    assert sandbox.done("GET", "account/bills", after=newest, limit=1)[0]["billId"] == bills[1]["billId"]
    (position,) = sandbox.done("GET", "account/positions", instType="SWAP")
    assert (position["pos"], position["posSide"]) == ("1", "net")


def test_fills_tell_what_was_realised(restartable: OkxSandbox) -> None:
    restartable.done("POST", "trade/order", **SWAP, clOrdId="opens")
    restartable.done("POST", "trade/order", **{**SWAP, "side": "sell"}, clOrdId="closes")
    closes, opens = restartable.done("GET", "trade/fills", instType="SWAP")
    assert (opens["clOrdId"], opens["fillPnl"], opens["fillSz"]) == ("opens", "0", "2")
    bought, sold = D(opens["fillPx"]), D(closes["fillPx"])
    assert D(closes["fillPnl"]) == (sold - bought) * D("0.02")
    assert D(closes["fee"]) < 0


def test_in_hedge_mode_no_perpetual_is_traded(restartable: OkxSandbox) -> None:
    restartable.done("POST", "account/set-position-mode", posMode="long_short_mode")
    assert restartable.code("POST", "trade/order", **SWAP) == "51000"
    restartable.done("POST", "account/set-position-mode", posMode="net_mode")
    restartable.done("POST", "trade/order", **SWAP)
    assert restartable.code("POST", "account/set-position-mode", posMode="long_short_mode") == "59000"


# --- faults, limits, restarts, the stream -----------------------------------------------------------------------------


def test_faults_lose_answers_before_and_after_an_order(sandbox: OkxSandbox) -> None:
    for kind, state in (("lost_after", "filled"), ("lost_before", None)):
        sandbox.control("POST", "/admin/faults", {"kind": kind, "count": 1, "operations": ["order"]})
        with pytest.raises(OSError):
            sandbox.signed("POST", "trade/order", **SPOT, clOrdId=kind.replace("_", ""))
        _, answer = sandbox.signed("GET", "trade/order", instId="BTC-USDT", clOrdId=kind.replace("_", ""))
        assert (answer["data"][0]["state"] if answer["data"] else None) == state
    sandbox.control("DELETE", "/admin/faults")


@pytest.mark.parametrize(("kind", "state"), [("timeout_before", "51603"), ("timeout_after", "filled")])
def test_an_order_may_time_out_whether_it_was_carried_out_or_not(sandbox: OkxSandbox, kind: str, state: str) -> None:
    name = kind.replace("_", "")
    sandbox.control("POST", "/admin/faults", {"kind": kind, "count": 1})
    status, answer = sandbox.signed("POST", "trade/order", **SPOT, clOrdId=name)
    assert (status, answer["code"], answer["data"]) == (500, "51149", [])
    _, answer = sandbox.signed("GET", "trade/order", instId="BTC-USDT", clOrdId=name)
    assert (answer["data"][0]["state"] if answer["data"] else answer["code"]) == state
    sandbox.control("DELETE", "/admin/faults")


def test_an_account_may_ask_each_endpoint_so_often_in_two_seconds(tmp_path: Path) -> None:
    sandbox = OkxSandbox(tmp_path, limited=True)
    try:
        told = [sandbox.signed("GET", "account/config") for _ in range(6)]
        assert [answer["code"] for _, answer in told] == ["0"] * 5 + ["50011"]
        assert told[-1][0] == 429
        assert sandbox.control("GET", "/admin/limits")["refused"] == 1
    finally:
        sandbox.close()


def test_books_and_keys_outlive_a_kill(restartable: OkxSandbox) -> None:
    restartable.done("POST", "trade/order", **RESTS, clOrdId="kept")
    before, keys = restartable.books(), restartable.keys
    restartable.kill()
    restartable.start()
    after = restartable.books()
    assert (after["orders"], after["balances"], restartable.keys) == (before["orders"], before["balances"], keys)
    assert restartable.done("GET", "trade/order", instId="BTC-USDT", clOrdId="kept")[0]["state"] == "live"


def test_the_stream_tells_of_orders_to_who_has_logged_in(restartable: OkxSandbox) -> None:
    from tightloop.venues.dialects.okx.signing import signature

    key = restartable.keys[0]

    async def listen() -> tuple[list[Any], list[str]]:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{restartable.address}/ws/v5/private") as socket,
        ):
            channels = [{"channel": "orders", "instType": kind} for kind in ("SPOT", "SWAP")]
            wanted = {"op": "subscribe", "args": channels}
            at = str(int(time.time()))
            right = signature(key["secret"], f"{at}GET/users/self/verify")
            login = {"apiKey": key["key"], "passphrase": key["passphrase"], "timestamp": at}
            greeted = []
            for said in (
                wanted,
                {"op": "login", "args": [{**login, "sign": "no"}]},
                {"op": "login", "args": [{**login, "sign": right}]},
                wanted,
            ):
                await socket.send_json(said)
                for _ in said["args"]:
                    answer = await socket.receive_json()
                    greeted.append((answer["event"], answer.get("code")))
            await socket.send_str("ping")
            assert (await socket.receive()).data == "pong"
            await asyncio.to_thread(restartable.done, "POST", "trade/order", **SWAP, clOrdId="told")
            states: list[Any] = []
            while len(states) < 2:
                states += (await asyncio.wait_for(socket.receive_json(), 5))["data"]
            await socket.send_json({"op": "unsubscribe", "args": channels[1:]})
            assert (await socket.receive_json())["event"] == "unsubscribe"
            await asyncio.to_thread(restartable.done, "POST", "trade/order", **SWAP, clOrdId="untold")
            await asyncio.to_thread(restartable.done, "POST", "trade/order", **RESTS, clOrdId="told2")
            states += (await asyncio.wait_for(socket.receive_json(), 5))["data"]
            return greeted, states

    greeted, states = asyncio.run(listen())
    assert greeted == [*[("error", "60011")] * 2, ("error", "60007"), ("login", "0"), *[("subscribe", None)] * 2]
    assert [(one["clOrdId"], one["state"]) for one in states] == [
        ("told", "live"),
        ("told", "filled"),
        ("told2", "live"),
    ]
    taken, filled, _ = states
    of_trades = ("fillPx", "tradeId", "fillTime", "avgPx", "fillSz", "accFillSz", "fee", "fillFee", "execType", "pnl")
    nothing = ["", "", "", "", "0", "0", "0", "0", "", "0"]
    assert [taken[name] for name in of_trades] == nothing, "of an order just taken nothing is told of its trades"
    assert (filled["execType"], filled["fillFee"], filled["fillFeeCcy"]) == ("T", filled["fee"], "USDT")
