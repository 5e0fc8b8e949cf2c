"""The simulated venues as a process: starting, stopping, dying under load, and being looked at by a plain client."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.lanes import REGISTRY
from tests.support.venue_intents import actions, swap, to_be_sent, trade

from tightloop.checker.collecting import read_venues
from tightloop.handlers.calls import NotSent, OrderFound, Prepared
from tightloop.venues.adapter import ClockGate
from tightloop.venues.sim.client import SimChain, SimExchange

D = Decimal


class Sim:
    """A server process. ``start`` waits until it listens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> Sim:
        command = [sys.executable, "-m", "tightloop.venues.sim.server", "--dir", str(self.folder)]
        command += ["--port", str(self.port), *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            self.port = json.loads(line)["port"]
        return self

    def end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    started = Sim(tmp_path)
    yield started
    process = started.process
    if process is not None:
        if process.poll() is None:
            process.kill()
            process.wait(20)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def now() -> datetime:
    return datetime.now(UTC)


def test_it_says_where_it_listens_and_stops_when_told(sim: Sim) -> None:
    sim.start()
    where = json.loads((sim.folder / "server.json").read_text(encoding="utf-8"))
    assert where["port"] == sim.port
    assert sim.get("/admin/health")["ready"] is True
    assert sim.end(signal.SIGTERM) == 0


def test_books_kept_with_other_settings_are_refused_with_a_message(sim: Sim) -> None:
    sim.start()
    assert sim.end(signal.SIGTERM) == 0
    sim.start("--seed", "2")
    assert sim.process is not None
    assert sim.process.wait(20) == 2
    assert sim.process.stderr is not None
    assert b"other settings: seed" in sim.process.stderr.read()


def test_a_plain_client_trades_and_sees_everything(sim: Sim) -> None:
    sim.start()
    moment = now().isoformat()
    order = {"account": "s", "client_order_id": "x", "market": "spot", "symbol": "BTC/USDT", "side": "buy"}
    order |= {"order_type": "market", "amount": "0.5", "timestamp": moment, "decided_at": moment}
    filled = sim.post("/binance/order", order)
    assert filled["status"] == "filled"
    assert filled["entries"][0]["deltas"][0]["amount"] == "0.50000"
    assert sim.get("/binance/order?account=s&client_order_id=x")["entries"] == filled["entries"]
    assert sim.get("/binance/open-orders?account=s") == []
    assert sim.get("/binance/ledger?account=s&after=0")["entries"] == filled["entries"]
    assert sim.get("/binance/positions?account=s")["venue_sequence"] == 1
    assert sim.post("/ethereum/simulate?account=s", {"to": "0x" + "ab" * 20})["nonce"] == 0
    assert sim.get("/ethereum/block")["number"] > 0
    assert sim.get("/admin/chain?lane=ethereum")["pending"] == []
    (account, wallet) = sim.get("/admin/books")["accounts"]
    assert (account["lane"], wallet["lane"]) == ("binance", "ethereum")
    assert account["ledger"] == filled["entries"]
    (request,) = sim.get("/admin/requests?after=0")["requests"]
    assert (request["client_order_id"], request["result"], request["number"]) == ("x", "acted", 1)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", None, 404),
        ("GET", "/binance/positions", None, 400),
        ("POST", "/binance/order", b"{", 400),
        ("POST", "/binance/order", b'{"account": "s"}', 400),
        ("DELETE", "/binance/order", b'{"account":"s","client_order_id":"x","timestamp":"2026-01-05T12:00:00"}', 400),
        ("GET", "/binance/ledger?account=s&after=-1", None, 400),
        ("POST", "/admin/faults", b'{"kind": "earthquake"}', 400),
        ("POST", "/admin/clock", b'{"fly": true}', 400),
        ("POST", "/admin/clock", b'{"advance_s": 5}', 400),
        ("POST", "/admin/chain", b'{"lane": "ethereum", "fly": true}', 400),
        ("POST", "/admin/chain", b'{"lane": "binance", "mine": 1}', 400),
        ("POST", "/admin/chain", b'{"mine": 1}', 400),
        ("POST", "/admin/chain", b'{"lane": "ethereum", "reorg": 65}', 400),
        ("POST", "/admin/chain", b'{"lane": "ethereum", "drop": "0x12"}', 400),
        ("POST", "/admin/chain", b'{"lane": "ethereum", "base_fee": "-1"}', 400),
        ("POST", "/admin/chain", b'{"lane": "ethereum", "block_time_s": 0}', 400),
        ("GET", "/admin/chain?lane=okx", None, 400),
        (
            "POST",
            "/ethereum/transaction",
            b'{"account": "s", "client_order_id": "x", "transaction": {"nonce": 0}}',
            400,
        ),
        ("POST", "/ethereum/simulate?account=s", b'{"to": "0x12", "data": "e30="}', 400),
        ("POST", "/ethereum/find?account=s", b'["0x12", "0x34"]', 404),
        ("POST", "/ethereum/find?account=s", b'["0x12", 34]', 400),
        ("GET", "/binance/order?account=s&client_order_id=never", None, 404),
    ],
)
def test_invalid_requests_are_refused_and_the_server_goes_on(
    sim: Sim, method: str, path: str, body: bytes | None, status: int
) -> None:
    sim.start()
    request = urllib.request.Request(f"http://127.0.0.1:{sim.port}{path}", body, method=method)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    assert refused.value.code == status
    assert set(json.load(refused.value)) >= {"code", "message"}
    assert sim.get("/admin/health")["ready"] is True


def test_what_was_acknowledged_survives_a_kill_under_load(sim: Sim) -> None:
    """Eight strategies trade on both lanes; the server is killed at random moments; its every answer still holds."""
    chance = random.Random(20260105)
    acknowledged: dict[str, str] = {}

    async def strategy(life: int, number: int, exchange: SimExchange, chain: SimChain) -> None:
        account, count = f"s{number}", 0
        while True:
            count += 1
            made = [trade(account, f"x{life}.{count}", now(), amount=D("0.001"))]
            made.append(actions(account, f"t{life}.{count}", now(), swap("USDT", "WETH", D(1))))
            for adapter, entry in zip((exchange, chain), made, strict=True):
                prepared = await adapter.prepare(entry, None)
                if not isinstance(prepared, Prepared):
                    return
                entry = to_be_sent(entry, prepared.what)
                gate = ClockGate(now, now(), timedelta(seconds=3), None)
                answer = await adapter.submit(entry, gate)
                if isinstance(answer, OrderFound):
                    acknowledged[answer.entries[0].entry_id] = entry.client_order_id
                elif isinstance(answer, NotSent):
                    return

    async def until_killed(life: int, after_s: float) -> None:
        exchange = SimExchange(REGISTRY.lane("binance"), "127.0.0.1", sim.port)
        chain = SimChain(REGISTRY.lane("ethereum"), "127.0.0.1", sim.port)
        running = [asyncio.ensure_future(strategy(life, number, exchange, chain)) for number in range(8)]
        asyncio.get_running_loop().call_later(after_s, sim.end, signal.SIGKILL)
        async with asyncio.timeout(30):
            await asyncio.gather(*running)
        await exchange.close()
        await chain.close()

    for life in range(3):
        before = len(acknowledged)
        sim.start()
        asyncio.run(until_killed(life, chance.uniform(0.2, 0.6)))
        assert len(acknowledged) > before
    sim.start()
    books = sim.get("/admin/books")["accounts"]
    kept = [entry for account in books for entry in account["ledger"]]
    assert len({entry["entry_id"] for entry in kept}) == len(kept)
    by_id = {entry["entry_id"]: entry["client_order_id"] for entry in kept}
    assert {entry_id: by_id.get(entry_id) for entry_id in acknowledged} == acknowledged
    ids = [entry["client_order_id"] for entry in kept]
    assert len(set(ids)) == len(ids)
    acted = [request for request in read_venues(f"127.0.0.1:{sim.port}").requests if request["result"] == "acted"]
    assert sorted(entry for request in acted for entry in request["entries"]) == sorted(by_id)
