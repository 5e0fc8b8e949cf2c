"""The lean HTTP client: what is certain to have stayed here, what may have left, and strays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tightloop.venues.adapter import GateShut
from tightloop.venues.sim.wire import Broken, NotLeft, Wire

Script = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def number_of(request: bytes) -> bytes:
    return request.split(b"x-request-id: ")[1].split(b"\r\n")[0]


def path_of(request: bytes) -> bytes:
    return request.split(b" ")[1]


def answer(request: bytes, body: bytes, number: bytes | None = None, status: int = 200) -> bytes:
    head = b"HTTP/1.1 %d OK\r\ncontent-length: %d\r\nx-request-id: %b\r\n\r\n"
    return head % (status, len(body), number or number_of(request)) + body


async def echo(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(request, path_of(request)))


class Counted:
    """A server that treats each request as ``script`` says, and notes what came."""

    def __init__(self, script: Script) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._script = script

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                head = request.lower()
                if b"content-length: " in head:
                    request += await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                self.requests.append(request)
                await self._script(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def against(script: Script, ask: Callable[[Wire, Counted], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        counted = Counted(script)
        server = await asyncio.start_server(counted.serve, "127.0.0.1", 0, limit=2**24)
        wire = Wire("127.0.0.1", server.sockets[0].getsockname()[1])
        try:
            async with asyncio.timeout(30):
                return await ask(wire, counted)
        finally:
            wire.close()
            server.close()

    return asyncio.run(run())


def test_many_requests_share_one_connection_and_each_gets_its_own_answer() -> None:
    async def ask(wire: Wire, server: Counted) -> None:
        answers = await asyncio.gather(*[wire.ask(b"GET /%d" % number, None, 10) for number in range(300)])
        assert [body for _, body in answers] == [b"/%d" % number for number in range(300)]
        assert server.connections == 1

    against(echo, ask)


def test_a_slow_answer_holds_up_no_other() -> None:
    slow: list[bytes] = []

    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        if path_of(request) == b"/slow":
            slow.append(request)
        else:
            await echo(request, writer)
        if path_of(request) == b"/last":
            writer.write(answer(slow[0], b"slow"))

    async def ask(wire: Wire, server: Counted) -> None:
        first = asyncio.ensure_future(wire.ask(b"GET /slow", None, 10))
        for number in range(5):
            assert await wire.ask(b"GET /%d" % number, None, 10) == (200, b"/%d" % number)
        assert not first.done()
        await wire.ask(b"GET /last", None, 10)
        assert await first == (200, b"slow")

    against(script, ask)


def test_a_shut_gate_sends_nothing_and_hurts_nobody_else() -> None:
    async def ask(wire: Wire, server: Counted) -> None:
        def shut() -> bytes:
            raise GateShut("window")

        results = await asyncio.gather(
            wire.ask(b"POST /a", shut, 10), wire.ask(b"GET /b", None, 10), return_exceptions=True
        )
        assert isinstance(results[0], GateShut)
        assert results[1] == (200, b"/b")
        assert [path_of(request) for request in server.requests] == [b"/b"]

    against(echo, ask)


def test_the_gate_is_passed_once_the_connection_is_there() -> None:
    async def ask(wire: Wire, server: Counted) -> None:
        passed: list[bool] = []

        def body() -> bytes:
            passed.append(wire._sock is not None)
            return b""

        await asyncio.gather(*[wire.ask(b"POST /a", body, 10) for _ in range(3)])
        assert passed == [True] * 3

    against(echo, ask)


def test_what_the_kernel_does_not_take_passes_its_gate_again() -> None:
    """The server reads nothing at first, so that the socket fills up."""
    reading = asyncio.Event()

    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        await reading.wait()
        writer.write(answer(request, b"%d" % len(request)))

    async def ask(wire: Wire, server: Counted) -> None:
        passed: dict[int, int] = {}

        def body(number: int) -> bytes:
            passed[number] = passed.get(number, 0) + 1
            return b"x" * 50_000

        asked = [
            asyncio.ensure_future(wire.ask(b"POST /a", lambda number=number: body(number), 20)) for number in range(900)
        ]
        while not wire._cut and not any(times > 1 for times in passed.values()):
            await asyncio.sleep(0.001)
        assert len(passed) < 900
        reading.set()
        answers = await asyncio.gather(*asked)
        assert len({length for _, length in answers}) <= 3  # only the digits of their numbers differ
        assert len(server.requests) == 900

    against(script, ask)


def test_nothing_left_when_nobody_listens() -> None:
    async def nobody() -> None:
        wire = Wire("127.0.0.1", 1)
        results = await asyncio.gather(*[wire.ask(b"POST /a", b"x", 5) for _ in range(3)], return_exceptions=True)
        assert [type(result) for result in results] == [NotLeft] * 3
        wire.close()
        with pytest.raises(NotLeft):
            await wire.ask(b"POST /a", b"x", 5)

    asyncio.run(nobody())


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\ncontent-le", b"garbage\r\n\r\n"])
def test_it_is_not_known_what_became_of_requests_whose_connection_broke(reply: bytes) -> None:
    async def hang_up(request: bytes, writer: asyncio.StreamWriter) -> None:
        if path_of(request) == b"/b":
            writer.write(reply)
            writer.close()

    async def ask(wire: Wire, server: Counted) -> None:
        results = await asyncio.gather(
            wire.ask(b"POST /a", b"", 10), wire.ask(b"POST /b", b"", 10), return_exceptions=True
        )
        assert [type(result) for result in results] == [Broken, Broken]
        assert server.connections == 1

    against(hang_up, ask)


def test_an_answer_may_be_refused_to_one_request_alone() -> None:
    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(request, b"", status=444 if path_of(request) == b"/a" else 200))

    async def ask(wire: Wire, server: Counted) -> None:
        results = await asyncio.gather(
            wire.ask(b"POST /a", b"", 10), wire.ask(b"POST /b", b"", 10), return_exceptions=True
        )
        assert isinstance(results[0], Broken)
        assert results[1] == (200, b"")

    against(script, ask)


def test_an_answer_that_does_not_come_in_time_is_none_and_others_are_not_harmed() -> None:
    async def never(request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/slow" not in request:
            await echo(request, writer)

    async def ask(wire: Wire, server: Counted) -> None:
        slow = asyncio.ensure_future(wire.ask(b"GET /slow", None, 0.1))
        while not slow.done():
            assert await wire.ask(b"GET /next", None, 10) == (200, b"/next")
        with pytest.raises(Broken, match="in time"):
            await slow
        assert server.connections == 1

    against(never, ask)


def test_a_connection_from_which_nothing_is_heard_is_replaced() -> None:
    async def deaf(request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/slow" not in request:
            await echo(request, writer)

    async def ask(wire: Wire, server: Counted) -> None:
        with pytest.raises(Broken, match="in time"):
            await wire.ask(b"GET /slow", None, 0.1)
        assert await wire.ask(b"GET /next", None, 10) == (200, b"/next")
        assert server.connections == 2

    against(deaf, ask)


def test_a_stray_answer_is_never_taken_for_anothers() -> None:
    async def twice(request: bytes, writer: asyncio.StreamWriter) -> None:
        reply = answer(request, path_of(request))
        writer.write(reply + reply + answer(request, b"nonsense", b"999999") + answer(request, b"nonsense", b"x"))

    async def ask(wire: Wire, server: Counted) -> None:
        for number in range(20):
            assert await wire.ask(b"GET /%d" % number, None, 10) == (200, b"/%d" % number)

    against(twice, ask)


def test_a_connection_that_the_server_closed_is_replaced() -> None:
    async def once(request: bytes, writer: asyncio.StreamWriter) -> None:
        await echo(request, writer)
        writer.close()

    async def ask(wire: Wire, server: Counted) -> None:
        for number in range(3):
            assert await wire.ask(b"GET /%d" % number, None, 10) == (200, b"/%d" % number)
            while wire._sock is not None:
                await asyncio.sleep(0.001)
        assert server.connections == 3

    against(once, ask)


def test_who_no_longer_waits_sends_nothing_and_hears_nothing() -> None:
    async def ask(wire: Wire, server: Counted) -> None:
        await wire.ask(b"GET /first", None, 10)
        given_up = asyncio.ensure_future(wire.ask(b"POST /a", b"", 10))
        asyncio.get_running_loop().call_soon(given_up.cancel)
        results = await asyncio.gather(given_up, wire.ask(b"GET /b", None, 10), return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert results[1] == (200, b"/b")
        assert wire._flight == {}

    against(echo, ask)
