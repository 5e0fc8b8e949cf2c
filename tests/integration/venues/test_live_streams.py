"""Binance's order streams: a fill is seen when it is told, and as soon as before when nothing is told, or a lie."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.support.binance_sandbox import BinanceSandbox
from tests.support.live_face import credentials_of

from tightloop import CEXExecutionInterface
from tightloop.handlers.executor.settings import ExecutorSettings

LIMIT = {"side": "buy", "amount": "0.1", "order_type": "limit", "time_in_force": "GTC", "price": "1000"}
SPOT, PERP = {"symbol": "BTC/USDT"}, {"symbol": "BTC/USDT:USDT", "market": "perp"}
NEVER_S = 3600.0


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BinanceSandbox]:
    made = BinanceSandbox(tmp_path_factory.mktemp("sandbox"))
    yield made
    made.close()


class Trader:
    """A live executor in process, whose polls are ``poll_s`` apart, on an account of its own."""

    def __init__(self, sandbox: BinanceSandbox, folder: Path, account: str) -> None:
        self.sandbox = sandbox
        self.account = account
        keys = credentials_of(sandbox.control("POST", "/admin/keys", account=account)[0])
        self.binance = CEXExecutionInterface(
            "binance", keys, "live", journal=folder / "journal", endpoint=sandbox.address
        )
        with pytest.raises(Exception, match="EIM-014"):
            self.binance.execute_trade({**SPOT, "side": "buy", "amount": "0.1"})
        self.binance.adopt(1, "the sandbox's own opening balances")

    def rest(self, name: str, **fields: Any) -> Future[dict[str, Any]]:
        """An order that rests at the exchange."""
        before = len(self.orders())
        ending: Future[dict[str, Any]] = Future()

        def trade() -> None:
            try:
                ending.set_result(self.binance.execute_trade({**LIMIT, **fields, "instruction_id": name}))
            except BaseException as error:  # noqa: BLE001  told to who waits for it
                ending.set_exception(error)

        threading.Thread(target=trade, daemon=True).start()  # where a fill is never seen, nobody waits for it
        until(lambda: len(self.orders()) > before, "the order rests")
        time.sleep(0.1)  # its answer is handled, and it is watched
        return ending

    def orders(self) -> list[dict[str, Any]]:
        books = self.sandbox.control("GET", "/admin/books", account=self.account)["accounts"]
        return [order for one in books for order in one["orders"]]

    def fill(self) -> None:
        self.tell("/admin/fill", lane="binance")

    def tell(self, path: str, **fields: Any) -> Any:
        """About the latest order."""
        return self.sandbox.control(
            "POST", path, {"account": self.account, "client_order_id": self.orders()[-1]["client_order_id"], **fields}
        )

    def close(self) -> None:
        self.binance.close()


def until(holds: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, f"not within {seconds} s: {what}"
        time.sleep(0.02)


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """How far apart polls are from now on, in seconds."""
    return lambda seconds: monkeypatch.setattr(ExecutorSettings, "poll_pause", lambda self, earlier: seconds)


@pytest.fixture
def trader(sandbox: BinanceSandbox, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Trader]:
    made = Trader(sandbox, tmp_path, request.node.name.split("[")[0][-20:])
    until(lambda: sandbox.control("GET", "/admin/streams")["connections"] == 2, "both streams are open")
    yield made
    sandbox.control("DELETE", "/admin/streams")
    made.close()
    until(lambda: sandbox.control("GET", "/admin/streams")["connections"] == 0, "both streams are closed")


def test_a_fill_is_seen_although_nobody_polls(trader: Trader, polls: Callable[[float], None]) -> None:
    polls(NEVER_S)
    for number, market in enumerate((SPOT, PERP)):
        ending = trader.rest(f"seen-{number}", **market)
        trader.fill()
        result = ending.result(10)
        assert (result["status"], result["outcome"]) == ("reconciled", "filled"), result


def test_events_that_come_twice_and_late_fill_an_order_once(trader: Trader, polls: Callable[[float], None]) -> None:
    polls(NEVER_S)
    trader.sandbox.control("POST", "/admin/streams", {"kind": "duplicate"})
    trader.sandbox.control("POST", "/admin/streams", {"kind": "delay", "seconds": 0.3})
    ending = trader.rest("twice", **SPOT)
    trader.fill()
    result = ending.result(10)
    assert (result["status"], str(result["filled_amount"])) == ("reconciled", "0.1"), result


def test_a_lie_ends_nothing_and_a_fill_afterwards_does(trader: Trader, polls: Callable[[float], None]) -> None:
    polls(NEVER_S)
    ending = trader.rest("lied", **SPOT)
    asked = trader.sandbox.control("GET", "/admin/streams")["told"]
    trader.tell("/admin/streams", kind="lie")
    until(lambda: trader.sandbox.control("GET", "/admin/streams")["told"] > asked, "it was told")
    time.sleep(0.3)
    assert not ending.done()
    trader.fill()
    assert ending.result(10)["outcome"] == "filled"


@pytest.mark.parametrize("fault", ["disconnect", "silence"])
def test_without_its_stream_an_order_is_polled(fault: str, trader: Trader, polls: Callable[[float], None]) -> None:
    polls(0.25)
    trader.sandbox.control("POST", "/admin/streams", {"kind": fault, "seconds": 60})
    told = trader.sandbox.control("GET", "/admin/streams")["told"]
    ending = trader.rest(fault, **SPOT)
    trader.fill()
    assert ending.result(10)["outcome"] == "filled"
    assert trader.sandbox.control("GET", "/admin/streams")["told"] == told
