"""How the simulated venues' server answers: durable first, in order, to plain HTTP/1.1 of any client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tightloop.venues.sim.answers import NO_ANSWER, Answer, Query, answering


class Echo:
    """Answers with what it understood; ``/late`` waits until it is released, ``/gone`` closes the connection."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.release = asyncio.Event()

    async def handle(self, method: str, path: str, query: Query, body: bytes) -> Answer:
        if path == "/late":
            await self.release.wait()
        self.log.append(f"acted {path}")
        if path == "/gone":
            return NO_ANSWER
        told = f"{method} {path}{sorted(query.items())}".encode() + body
        return Answer(200, told, twice=path == "/twice")


class Server:
    def __init__(self, port: int, echo: Echo, log: list[str]) -> None:
        self.port = port
        self.echo = echo
        self.log = log

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def until_closed(self, *pieces: bytes) -> bytes:
        """Everything that is said to these bytes until the server closes the connection."""
        reader, writer = await self.open()
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.001)
        heard = await reader.read()
        writer.close()
        return heard


def against(ask: Callable[[Server], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        log: list[str] = []
        echo = Echo(log)
        handler = web.Server(answering(echo, lambda: log.append("durable")), access_log=None)
        server = await asyncio.get_running_loop().create_server(handler, "127.0.0.1", 0)
        try:
            async with asyncio.timeout(20):
                return await ask(Server(server.sockets[0].getsockname()[1], echo, log))
        finally:
            server.close()
            await handler.shutdown(0.1)

    return asyncio.run(run())


async def one(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next answer: head in lower case, body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    return head, await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))


POST = b"POST /a?x=1&y=%2Fb HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
LAST = b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
UNDERSTOOD = b"POST /a[('x', '1'), ('y', '/b')]abc"


def test_a_request_is_understood_however_it_is_cut() -> None:
    async def ask(server: Server) -> None:
        reader, writer = await server.open()
        for cut in range(1, len(POST)):
            writer.write(POST[:cut])
            await asyncio.sleep(0)
            writer.write(POST[cut:])
            assert (await one(reader))[1] == UNDERSTOOD
        writer.close()

    against(ask)


def test_an_answer_leaves_after_what_it_tells_is_durable() -> None:
    async def ask(server: Server) -> None:
        reader, writer = await server.open()
        writer.write(POST)
        await one(reader)
        assert server.log == ["acted /a", "durable"]
        writer.close()

    against(ask)


def test_a_log_that_cannot_be_written_lets_no_answer_out() -> None:
    async def full() -> bytes:
        def no_space() -> None:
            raise OSError(28, "no space left on device")

        handler = web.Server(answering(Echo([]), no_space), access_log=None)
        server = await asyncio.get_running_loop().create_server(handler, "127.0.0.1", 0)
        heard = await Server(server.sockets[0].getsockname()[1], Echo([]), []).until_closed(POST)
        server.close()
        return heard

    assert UNDERSTOOD not in asyncio.run(full())


def test_pipelined_requests_are_answered_in_their_order_even_when_one_is_late() -> None:
    async def ask(server: Server) -> None:
        reader, writer = await server.open()
        writer.write(b"GET /late HTTP/1.1\r\nHost: h\r\n\r\n" + POST)
        await asyncio.sleep(0.01)
        server.echo.release.set()
        assert [(await one(reader))[1] for _ in range(2)] == [b"GET /late[]", UNDERSTOOD]
        writer.close()

    against(ask)


def test_a_late_answer_holds_up_no_other_connection() -> None:
    async def ask(server: Server) -> None:
        _, slow = await server.open()
        slow.write(b"GET /late HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (await server.until_closed(LAST)).endswith(b"GET /last[]")
        slow.close()

    against(ask)


def test_a_request_acts_although_its_client_has_gone() -> None:
    async def ask(server: Server) -> None:
        _, writer = await server.open()
        writer.write(b"POST /late HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        await asyncio.sleep(0.01)
        writer.close()
        await asyncio.sleep(0.01)
        server.echo.release.set()
        while "durable" not in server.log:
            await asyncio.sleep(0.001)
        assert server.log == ["acted /late", "durable"]

    against(ask)


def test_the_requests_id_comes_back_and_no_other_is_made_up() -> None:
    async def ask(server: Server) -> None:
        reader, writer = await server.open()
        writer.write(b"GET /a HTTP/1.1\r\nHost: h\r\nX-Request-Id: 17\r\n\r\n")
        assert b"\r\nx-request-id: 17\r\n" in (await one(reader))[0]
        writer.write(POST)
        assert b"x-request-id" not in (await one(reader))[0]
        writer.close()

    against(ask)


def test_a_connection_is_closed_when_asked_or_when_it_is_old_and_kept_else() -> None:
    async def ask(server: Server) -> None:
        for request in (LAST, b"GET /last HTTP/1.0\r\n\r\n"):
            heard = await server.until_closed(request)
            assert heard.endswith(b"GET /last[]")
            assert b"\r\nconnection: close\r\n" in heard.lower()
        heard = await server.until_closed(POST, POST, LAST)
        assert (heard.count(UNDERSTOOD), heard.count(b"HTTP/1.1 200 OK\r\n")) == (2, 3)

    against(ask)


def test_closing_the_connection_sends_nothing_and_writes_the_log() -> None:
    async def ask(server: Server) -> None:
        assert await server.until_closed(b"GET /gone HTTP/1.1\r\nHost: h\r\n\r\n") == b""
        assert server.log == ["acted /gone", "durable"]

    against(ask)


def test_an_answer_may_be_sent_twice() -> None:
    async def ask(server: Server) -> None:
        heard = await server.until_closed(b"GET /twice HTTP/1.1\r\nHost: h\r\n\r\n", LAST)
        first, second, last = [part.split(b"\r\n\r\n")[1] for part in heard.split(b"HTTP/1.1 200 OK")[1:]]
        assert (first, second, last) == (b"GET /twice[]", b"GET /twice[]", b"GET /last[]")

    against(ask)


def test_a_body_in_chunks_is_taken_and_what_is_no_request_or_too_long_is_refused() -> None:
    async def ask(server: Server) -> None:
        chunked = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
        assert (await server.until_closed(chunked, LAST)).count(b"POST /a[]abc") == 1
        assert (await server.until_closed(b"nonsense\r\n\r\n")).startswith(b"HTTP/1.0 400 ")
        length = 2 * 1024 * 1024
        huge = b"POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length
        assert (await server.until_closed(huge + bytes(length))).startswith(b"HTTP/1.1 413 ")
        assert server.log == ["acted /a", "durable", "acted /last", "durable"]

    against(ask)
