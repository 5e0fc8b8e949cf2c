"""An order stream that ends is opened again; whatever comes on it, only ids are heard, and no secret is logged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs
from tests.support.secret_watch import SECRET

from tightloop.venues.live.binance import _refusal
from tightloop.venues.live.binance_streams import FuturesFeed, SpotFeed, addresses
from tightloop.venues.live.budget import Budgets
from tightloop.venues.live.session import Session
from tightloop.venues.live.stream import Ended, OrderStream

from .test_session import NOW

PATIENCE_S = 5.0
TRADED = {"event": {"e": "executionReport", "x": "TRADE", "c": "mine", "C": ""}}
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


def session() -> Session:
    settings = {"apiKey": f"key-{SECRET}", "secret": SECRET}
    return Session("binance", settings, _refusal, clock=lambda: NOW, budgets=Budgets())


@asynccontextmanager
async def exchange(*talks: Talk) -> AsyncIterator[str]:
    """An address whose connections go as the talks say, one after another; further ones are refused."""
    left = list(talks)

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        if not left:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await left.pop(0)(socket)
        await socket.close()
        return socket

    server = web.Server(serve)  # type: ignore[arg-type]
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        await server.shutdown(0.1)


def talk(*messages: Any, status: int = 200, subscribed: list[Any] | None = None) -> Talk:
    """Takes the subscription, and says this."""

    async def goes(socket: web.WebSocketResponse) -> None:
        asked = json.loads((await socket.receive()).data)
        if subscribed is not None:
            subscribed.append(asked)
        await socket.send_json({"id": asked["id"], "status": status, "error": {"code": -2015, "msg": "no"}})
        for message in messages:
            await socket.send_str(message if isinstance(message, str) else json.dumps(message))

    return goes


async def heard_of(address: str, times: int = 1) -> tuple[list[str], list[float]]:
    """What was heard until ``times`` pauses were begun, and these."""
    heard: list[str] = []
    pauses: list[float] = []
    enough = asyncio.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) >= times:
            enough.set()
            await asyncio.sleep(PATIENCE_S)

    made = session()
    stream = OrderStream(SpotFeed(made, address, 2000), heard.append, sleep=pause)
    await asyncio.wait_for(enough.wait(), PATIENCE_S)
    await stream.close()
    await made.close()
    return heard, pauses


def test_it_subscribes_with_a_signature_and_hears_of_orders() -> None:
    async def work() -> None:
        subscribed: list[Any] = []
        new = {"event": {"e": "executionReport", "x": "NEW", "c": "new", "C": ""}}
        cancelled = {"event": {"e": "executionReport", "x": "CANCELED", "c": "the cancel", "C": "cancelled"}}
        other = {"event": {"e": "outboundAccountPosition"}}
        async with exchange(talk(new, TRADED, other, cancelled, subscribed=subscribed)) as address:
            heard, _ = await heard_of(address)
        assert heard == ["mine", "the cancel", "cancelled"]
        (asked,) = subscribed
        assert asked["method"] == "userDataStream.subscribe.signature"
        assert list(asked["params"]) == ["apiKey", "recvWindow", "timestamp", "signature"]
        assert asked["params"]["timestamp"] == int(NOW.timestamp() * 1000)

    asyncio.run(work())


def test_it_is_opened_again_each_time_after_a_longer_pause() -> None:
    async def work() -> None:
        async with exchange(talk(TRADED), talk(), talk(TRADED)) as address:
            heard, pauses = await heard_of(address, 9)
        assert heard == ["mine", "mine"]
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]

    asyncio.run(work())


@pytest.mark.parametrize(
    "message",
    [
        "not JSON",
        "[1]",
        "7",
        {"event": {"e": "executionReport"}},
        {"event": {"e": "eventStreamTerminated"}},
        {"event": 1},
    ],
)
def test_what_cannot_be_read_ends_the_connection_alone(message: Any) -> None:
    async def work() -> None:
        async with exchange(talk(message, TRADED), talk(TRADED)) as address:
            heard, pauses = await heard_of(address, 2)
        assert (heard, pauses) == (["mine"], [1, 2])

    asyncio.run(work())


def test_no_key_and_no_address_is_logged() -> None:
    async def work() -> None:
        async with exchange(talk(status=400)) as address:
            await heard_of(address, 3)  # refused in greeting, refused at the door, and again

    with capture_logs() as logs:
        asyncio.run(work())
    told = [one["why"] for one in logs if one["event"].startswith("an order stream is away")]
    assert told[:2] == ["not subscribed: -2015 no", "WSServerHandshakeError 503"]
    assert SECRET not in json.dumps(logs) and "127.0.0.1" not in json.dumps(logs)


def test_the_futures_stream_tells_of_its_orders_and_when_its_key_has_ended() -> None:
    feed = FuturesFeed(session(), "ws://127.0.0.1:1")
    update = {"e": "ORDER_TRADE_UPDATE", "o": {"c": "mine", "x": "TRADE"}}
    assert list(feed.orders(update)) == ["mine"]
    assert list(feed.orders({"e": "ACCOUNT_UPDATE"})) == []
    assert list(feed.orders({**update, "o": {"c": "mine", "x": "NEW"}})) == []
    with pytest.raises(Ended):
        feed.orders({"e": "listenKeyExpired"})


def test_where_the_streams_are() -> None:
    assert addresses(None, "prod")["spot"] == "wss://ws-api.binance.com"
    assert addresses(None, "staging")["futures"] == "wss://fstream.binancefuture.com"
    assert addresses("http://127.0.0.1:8901/", "dev") == dict.fromkeys(("spot", "futures"), "ws://127.0.0.1:8901")
    assert addresses("https://proxy", "prod")["spot"] == "wss://proxy"
