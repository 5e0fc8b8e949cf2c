"""The lean HTTP client: what is certain to have stayed here, what may have left, and strays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tightloop.venues.adapter import GateShut
from tightloop.venues.sim.wire import Broken, NotLeft, Wire

Script = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def answer(request: bytes, body: bytes, request_id: bytes | None = None) -> bytes:
    given = request_id or request.split(b"x-request-id: ")[1].split(b"\r\n")[0]
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nx-request-id: %b\r\n\r\n%b" % (len(body), given, body)


async def echo(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(request, request.split(b" ")[1]))


def against(script: Script, ask: Callable[[Wire, list[bytes]], Awaitable[Any]], connections: int = 4) -> Any:
    """Run ``ask`` against a server that treats each request as ``script`` says."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                seen.append(request)
                await script(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> Any:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        wire = Wire("127.0.0.1", server.sockets[0].getsockname()[1], connections)
        try:
            async with asyncio.timeout(20):
                return await ask(wire, seen)
        finally:
            wire.close()
            server.close()

    return asyncio.run(run())


def test_one_connection_serves_one_request_after_another() -> None:
    async def ask(wire: Wire, seen: list[bytes]) -> None:
        for number in range(5):
            assert await wire.ask(b"GET /%d" % number, None, 5) == (200, b"/%d" % number)
        assert len(wire._lines) == 1

    against(echo, ask)


def test_many_requests_share_the_connections_there_may_be() -> None:
    async def ask(wire: Wire, seen: list[bytes]) -> None:
        answers = await asyncio.gather(*[wire.ask(b"GET /%d" % number, None, 5) for number in range(50)])
        assert [body for _, body in answers] == [b"/%d" % number for number in range(50)]
        assert len(wire._lines) == 4

    against(echo, ask)


def test_a_shut_gate_sends_nothing_and_keeps_the_connection() -> None:
    async def ask(wire: Wire, seen: list[bytes]) -> None:
        def shut() -> bytes:
            raise GateShut("window")

        with pytest.raises(GateShut):
            await wire.ask(b"POST /a", shut, 5)
        await wire.ask(b"GET /b", None, 5)
        assert [request.split(b" ")[1] for request in seen] == [b"/b"]
        assert len(wire._lines) == 1

    against(echo, ask)


def test_the_gate_is_passed_only_when_a_connection_is_there() -> None:
    async def slow(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        await echo(request, writer)

    async def ask(wire: Wire, seen: list[bytes]) -> None:
        passed: list[int] = []

        def body() -> bytes:
            passed.append(len(seen))
            return b""

        await asyncio.gather(*[wire.ask(b"POST /a", body, 5) for _ in range(3)])
        assert passed == [0, 1, 2]

    against(slow, ask, connections=1)


def test_nothing_left_when_nobody_listens_or_no_connection_becomes_free() -> None:
    async def nobody() -> None:
        with pytest.raises(NotLeft):
            await Wire("127.0.0.1", 1).ask(b"POST /a", b"x", 5)

    asyncio.run(nobody())

    async def never(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0)

    async def ask(wire: Wire, seen: list[bytes]) -> None:
        first = asyncio.ensure_future(wire.ask(b"POST /a", None, 5))
        while not seen:
            await asyncio.sleep(0.001)
        with pytest.raises(NotLeft):
            await wire.ask(b"POST /b", None, 0.05)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert [request.split(b" ")[1] for request in seen] == [b"/a"]

    against(never, ask, connections=1)


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\ncontent-le", b"garbage\r\n\r\n"])
def test_it_is_not_known_what_became_of_a_request_whose_connection_broke(reply: bytes) -> None:
    async def hang_up(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        writer.close()

    async def ask(wire: Wire, seen: list[bytes]) -> None:
        with pytest.raises(Broken):
            await wire.ask(b"POST /a", b"", 5)
        assert len(seen) == 1
        assert wire._lines == set()

    against(hang_up, ask)


def test_an_answer_that_does_not_come_in_time_is_none_and_its_connection_is_dropped() -> None:
    async def never(request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/slow" not in request:
            await echo(request, writer)

    async def ask(wire: Wire, seen: list[bytes]) -> None:
        with pytest.raises(Broken, match="in time"):
            await wire.ask(b"GET /slow", None, 0.05)
        assert await wire.ask(b"GET /next", None, 5) == (200, b"/next")

    against(never, ask)


def test_a_stray_answer_is_never_taken_for_anothers() -> None:
    async def twice(request: bytes, writer: asyncio.StreamWriter) -> None:
        reply = answer(request, request.split(b" ")[1])
        writer.write(reply + reply + answer(request, b"nonsense", b"999"))

    async def ask(wire: Wire, seen: list[bytes]) -> None:
        for number in range(20):
            assert await wire.ask(b"GET /%d" % number, None, 5) == (200, b"/%d" % number)

    against(twice, ask, connections=1)


def test_a_connection_that_the_server_closed_while_idle_is_replaced() -> None:
    async def once(request: bytes, writer: asyncio.StreamWriter) -> None:
        await echo(request, writer)
        writer.close()

    async def ask(wire: Wire, seen: list[bytes]) -> None:
        for number in range(3):
            assert await wire.ask(b"GET /%d" % number, None, 5) == (200, b"/%d" % number)
            while wire._lines:
                await asyncio.sleep(0.001)

    against(once, ask)


def test_a_cancelled_wait_leaves_the_pool_whole() -> None:
    async def slow(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        await echo(request, writer)

    async def ask(wire: Wire, seen: list[bytes]) -> None:
        waiting = [asyncio.ensure_future(wire.ask(b"GET /%d" % number, None, 5)) for number in range(6)]
        await asyncio.sleep(0.01)
        for task in waiting[:4]:
            task.cancel()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert answers[4:] == [(200, b"/4"), (200, b"/5")]
        assert await wire.ask(b"GET /last", None, 5) == (200, b"/last")

    against(slow, ask, connections=2)
