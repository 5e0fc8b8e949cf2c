"""Binance's limits, as its sandbox enforces them: the adapter keeps within, and what has to wait is done once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.binance_sandbox import GENEROUS, BinanceSandbox
from tests.support.live_face import LiveFace, credentials_of

from tightloop import CEXExecutionInterface
from tightloop.handlers.calls import NotSent, OrderFound, Positions
from tightloop.records.types import JournalEntry
from tightloop.venues.live.session import Said

from .exchanges import Exchange
from .test_live_exchanges import Account

D = Decimal


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Exchange]:
    face = LiveFace(tmp_path)
    yield Account(face, "s")
    face.close()


def limit(exchange: Exchange, **rules: Any) -> None:
    """From now on; the adapter is a new one, which has nothing learnt yet, and nothing spent."""
    exchange.face.control("POST", "/admin/limits", GENEROUS | rules)
    exchange.pass_time(120)
    exchange.reconnect()


def refused(exchange: Exchange) -> tuple[int, int]:
    """How often the exchange said 429, and 418."""
    told = exchange.face.control("GET", "/admin/limits")
    return told["refused"], told["banned"]


def resting(exchange: Exchange, name: str, price: Decimal) -> JournalEntry:
    return exchange.prepared(exchange.trade(name, order_type="limit", price=price, time_in_force="GTC"))


def until_sent(exchange: Exchange, entry: JournalEntry) -> tuple[OrderFound, float]:
    """As the executor does: what was not sent is journalled again when it is due. How long it waited, in seconds."""
    waited = 0.0
    while True:
        answer = exchange.submit(replace(entry, journalled_at=exchange.now()))
        if not isinstance(answer, NotSent):
            assert isinstance(answer, OrderFound), answer
            return answer, waited
        assert answer.code == "EXI-002" and answer.retry_after_s > 0
        exchange.pass_time(answer.retry_after_s)
        waited += answer.retry_after_s


def test_a_burst_beyond_the_orders_of_an_account_is_placed_once_each_and_cancels_do_not_wait(own: Exchange) -> None:
    low = own.far_below()
    limit(own, spot={"weight": {"1M": 10**6}, "orders": {"10S": 5}})
    entries = [resting(own, f"burst-{number}", low) for number in range(14)]
    waits = []
    for entry in entries:
        answer, waited = until_sent(own, entry)
        waits.append(waited)
        assert answer.status == "open"
        if waited:  # the next one would have to wait again soon
            assert own.cancel(entry).status == "cancelled"
    assert sum(1 for one in waits if one) >= 3, "four orders in ten seconds: they had to wait"
    placed = [one["client_order_id"] for one in own.books()["orders"]]
    assert [placed.count(entry.client_order_id) for entry in entries] == [1] * len(entries)
    assert refused(own) == (0, 0)


def test_questions_about_positions_leave_room_for_orders_and_these_for_cancels(own: Exchange) -> None:
    """By the weights of the address: each is told when to come again while what is more urgent still goes."""
    low = own.far_below()
    limit(own, spot={"weight": {"1M": 200}, "orders": {"10S": 10**6}})
    working = resting(own, "working", low)
    assert own.submit(working).status == "open"
    budget = own.face.budgets

    async def gives_up(seconds: float) -> None:
        raise TimeoutError(f"it would wait for {seconds} s")

    budget._sleep = gives_up
    for _ in range(2):
        own.pass_time(16)
        assert isinstance(_positions_or_none(own), Positions)
        assert not isinstance(_positions_or_none(own), Positions), "once in each quarter of the minute"
    entries = [resting(own, f"order-{number}", low) for number in range(140)]
    sent = [own.submit(replace(entry, journalled_at=own.now())) for entry in entries]
    assert isinstance(sent[0], OrderFound) and isinstance(sent[-1], NotSent), "in the end orders have to wait, too"
    assert own.find(working).status == "open"
    assert own.cancel(working).status == "cancelled"
    assert refused(own) == (0, 0)


def _positions_or_none(exchange: Exchange) -> Any:
    try:
        return exchange.positions()
    except TimeoutError:
        return None


def test_the_sandbox_counts_orders_and_tells_so_in_headers(own: Exchange) -> None:
    sandbox = own.face.sandbox
    sandbox.control("POST", "/admin/limits", GENEROUS | {"futures": {"weight": {"1M": 99}, "orders": {"10S": 2}}})
    own.pass_time(60)
    session = own.face.dialect._sessions["perp"]
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "50"}
    counts = []
    heard = session._budgets.heard

    def seen(tariff: Any, asked: Any, headers: Any, answer: Any) -> None:
        names = ("X-MBX-ORDER-COUNT-10S", "X-MBX-USED-WEIGHT-1M")
        counts.append([headers.get(name) for name in names])
        heard(tariff, asked, headers, answer)

    session._budgets.heard = seen
    for _ in range(2):
        own.face.drive(session.ask("fapiPrivatePostOrder", order))
    with pytest.raises(Said) as refused:
        own.face.drive(session.ask("fapiPrivatePostOrder", order))
    assert (refused.value.status, refused.value.code, refused.value.retry_after_s) == (429, "-1015", 1.0)
    assert counts == [["1", "0"], ["2", "0"]], "an order weighs nothing at futures"


@pytest.mark.parametrize("status", [429, 418])
def test_who_goes_on_after_it_was_refused_is_banned(own: Exchange, status: int) -> None:
    """The sandbox itself, asked by a program that counts nothing."""
    sandbox = own.face.sandbox
    sandbox.control("POST", "/admin/limits", GENEROUS | {"spot": {"weight": {"1M": 3}, "orders": {}}, "forgiven": 2})
    own.pass_time(60)
    times = 6 if status == 418 else 5
    answers = [sandbox.ask("GET", "/api/v3/time") for _ in range(times)]
    assert [one[0] for one in answers] == [200, 200, 200, 429, 429, 429][:times]
    if status == 418:
        assert sandbox.ask("GET", "/fapi/v1/time")[0] == 418, "the address is banned from all of it"
        own.pass_time(60)
        assert sandbox.ask("GET", "/api/v3/time")[0] == 418
        own.pass_time(60)
    else:
        own.pass_time(60)
    assert sandbox.ask("GET", "/api/v3/time")[0] == 200


def test_instructions_beyond_the_limit_are_executed_once_each(tmp_path: Path) -> None:
    """Through the whole loop, by the real clock."""
    folder = tmp_path / "sandbox"
    folder.mkdir()
    sandbox = BinanceSandbox(folder)
    sandbox.control("POST", "/admin/limits", GENEROUS | {"spot": {"weight": {"1M": 10**6}, "orders": {"2S": 2}}})
    keys = credentials_of(sandbox.keys[0])
    trader = CEXExecutionInterface("binance", keys, "live", journal=tmp_path / "journal", endpoint=sandbox.address)
    try:
        order = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.01"}
        with pytest.raises(Exception, match="EIM-014"):
            trader.execute_trade(order)
        trader.adopt(1, "the sandbox's own opening balances")
        began = time.monotonic()
        results = [trader.execute_trade({**order, "instruction_id": f"i{number}"}) for number in range(4)]
        took = time.monotonic() - began
    finally:
        trader.close()
        told = sandbox.control("GET", "/admin/limits")
        acted = [one for one in sandbox.control("GET", "/admin/requests")["requests"] if one["result"] == "acted"]
        sandbox.close()
    assert [(one["status"], one["outcome"]) for one in results] == [("reconciled", "filled")] * 4
    assert took > 4, "one order in two seconds leaves a twentieth free"
    assert len(acted) == 4
    assert (told["refused"], told["banned"]) == (0, 0)
