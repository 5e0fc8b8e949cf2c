"""The HTTP client: what is certain to have stayed here, what may have left, and whose answer it is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvloop

from tightloop.venues import http
from tightloop.venues.adapter import GateShut
from tightloop.venues.http import Broken, HttpClient, NotLeft

Script = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def number_of(request: bytes) -> bytes:
    return request.lower().split(b"x-request-id: ")[1].split(b"\r\n")[0]


def path_of(request: bytes) -> bytes:
    return request.split(b" ")[1]


def answer(request: bytes, body: bytes, number: bytes | None = None) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nx-request-id: %b\r\n\r\n"
    return head % (len(body), number or number_of(request)) + body


async def echo(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(request, path_of(request)))


class Counted:
    """A server that treats each request as ``script`` says, and notes every byte that came."""

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
        except asyncio.IncompleteReadError as ended:
            if ended.partial:
                self.requests.append(ended.partial)
            writer.close()
        except ConnectionError:
            writer.close()


def against(
    script: Script, ask: Callable[[HttpClient, Counted], Awaitable[Any]], *, connections: int = 64, loop: str = "uvloop"
) -> Any:
    async def run() -> Any:
        counted = Counted(script)
        server = await asyncio.start_server(counted.serve, "127.0.0.1", 0, limit=2**24)
        client = HttpClient("127.0.0.1", server.sockets[0].getsockname()[1], connections)
        try:
            async with asyncio.timeout(30):
                return await ask(client, counted)
        finally:
            await client.close()
            server.close()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(run())


async def failures(*asked: Awaitable[Any]) -> list[type]:
    return [type(result) for result in await asyncio.gather(*asked, return_exceptions=True)]


# --- the gate -----------------------------------------------------------------------------------------------------


def test_a_shut_gate_lets_no_byte_out_and_other_requests_go_on() -> None:
    async def ask(client: HttpClient, server: Counted) -> None:
        def shut() -> bytes:
            raise GateShut("window")

        for _ in range(2):  # on new connections, then on kept ones
            assert await failures(client.ask("POST", "/a", shut, 10), client.ask("GET", "/b", None, 10)) == [
                GateShut,
                tuple,
            ]
        await client.close()
        assert [path_of(request) for request in server.requests] == [b"/b", b"/b"]

    against(echo, ask)


@contextmanager
def slow_addresses(seconds: float, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each look-up of an address takes so long."""
    resolve = http.TCPConnector._resolve_host

    async def late(self: Any, *arguments: Any, **named: Any) -> Any:
        await asyncio.sleep(seconds)
        return await resolve(self, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(http.TCPConnector, "_resolve_host", late)
        yield


def test_the_gate_is_passed_after_the_address_was_looked_up_and_the_connection_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A gate that shuts meanwhile lets nothing out."""

    async def ask(client: HttpClient, server: Counted) -> None:
        shuts_at = asyncio.get_running_loop().time() + 0.1
        connections_at_the_gate: list[int] = []

        def body() -> bytes:
            connections_at_the_gate.append(server.connections)
            if asyncio.get_running_loop().time() > shuts_at:
                raise GateShut("window")
            return b"{}"

        with slow_addresses(0.2, monkeypatch), pytest.raises(GateShut):
            await client.ask("POST", "/a", body, 10)
        await asyncio.sleep(0.01)
        assert (len(connections_at_the_gate), server.connections, server.requests) == (1, 1, [])

    against(echo, ask)


def test_the_gate_is_passed_after_the_wait_for_a_free_connection() -> None:
    """Two connections, both taken for a while: the third request's gate is not asked before one is free."""
    release = asyncio.Event()

    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        if path_of(request) == b"/slow":
            await release.wait()
        await echo(request, writer)

    async def ask(client: HttpClient, server: Counted) -> None:
        passed: list[bool] = []

        def body() -> bytes:
            passed.append(release.is_set())
            raise GateShut("window")

        slow = [asyncio.ensure_future(client.ask("GET", "/slow", None, 10)) for _ in range(2)]
        while len(server.requests) < 2:
            await asyncio.sleep(0.001)
        waiting = asyncio.ensure_future(client.ask("POST", "/a", body, 10))
        await asyncio.sleep(0.05)
        assert (waiting.done(), passed) == (False, [])
        release.set()
        assert await failures(waiting, *slow) == [GateShut, tuple, tuple]
        assert passed == [True]
        assert {path_of(request) for request in server.requests} == {b"/slow"}

    against(script, ask, connections=2)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("kept", [False, True])
def test_nothing_else_runs_between_the_gate_and_the_socket(loop: str, kept: bool) -> None:
    """What is called soon by the gate finds the whole request at the other end of the connection already."""

    async def run() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        client = HttpClient(*listening.getsockname())
        loop = asyncio.get_running_loop()
        peers: list[socket.socket] = []
        seen: list[bytes] = []

        def look() -> None:
            if not peers:
                peers.append(listening.accept()[0])
                peers[0].setblocking(False)
            try:
                seen.append(peers[0].recv(65536))
            except BlockingIOError:
                seen.append(b"")

        def body() -> bytes:
            loop.call_soon(look)
            return b'{"signed": "now"}'

        for _ in range(2 if kept else 1):
            asked = asyncio.ensure_future(client.ask("POST", "/order", body, 10))
            while not seen and not asked.done():
                await asyncio.sleep(0)
            request = seen.pop()
            assert request.startswith(b"POST /order HTTP/1.1\r\n")
            assert request.endswith(b'\r\n\r\n{"signed": "now"}')
            peers[0].send(answer(request, b"done"))
            assert await asked == (200, b"done")
        assert len(peers) == 1
        await client.close()
        for one in (*peers, listening):
            one.close()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(run())


def test_a_request_that_is_cancelled_before_the_gate_sends_nothing() -> None:
    async def ask(client: HttpClient, server: Counted) -> None:
        slow = asyncio.ensure_future(client.ask("POST", "/slow", b"", 10))
        given_up = asyncio.ensure_future(client.ask("POST", "/a", b"", 10))
        while not server.requests:
            await asyncio.sleep(0.001)
        given_up.cancel()
        assert await failures(given_up, slow, client.ask("GET", "/b", None, 10)) == [
            asyncio.CancelledError,
            tuple,
            tuple,
        ]
        assert [path_of(request) for request in server.requests] == [b"/slow", b"/b"]

    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        await echo(request, writer)

    against(script, ask, connections=1)


# --- nothing is repeated ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "DELETE", "GET", "PUT"])
def test_a_request_on_a_kept_connection_that_closes_under_it_is_never_sent_twice(method: str) -> None:
    async def ask(client: HttpClient, server: Counted) -> None:
        assert await client.ask("GET", "/first", None, 10) == (200, b"/first")
        with pytest.raises(Broken):
            await client.ask(method, "/order", b"{}", 10)
        await asyncio.sleep(0.01)
        assert [path_of(request) for request in server.requests] == [b"/first", b"/order"]
        assert server.connections == 1

    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        if path_of(request) == b"/first":
            await echo(request, writer)
        else:
            writer.close()

    against(script, ask)


def test_a_request_that_crosses_the_servers_closing_of_a_kept_connection_is_never_sent_twice() -> None:
    """The server closes the idle connection, and the client, which has not looked yet, writes."""

    async def run() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        client = HttpClient(*listening.getsockname())
        asked = asyncio.ensure_future(client.ask("GET", "/first", None, 10))
        loop = asyncio.get_running_loop()
        peer, _ = await loop.run_in_executor(None, listening.accept)
        request = await loop.run_in_executor(None, peer.recv, 65536)
        peer.send(answer(request, b"done"))
        await asked
        listening.setblocking(False)
        sent: list[bytes] = []

        def body() -> bytes:
            peer.close()
            sent.append(b"{}")
            return sent[-1]

        with pytest.raises(Broken):
            await client.ask("DELETE", "/order", body, 10)
        with pytest.raises(BlockingIOError):
            listening.accept()
        assert len(sent) == 1
        await client.close()
        listening.close()

    asyncio.run(run())


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 307 There\r\nlocation: /there\r\ncontent-length: 0\r\nx-request-id: %b\r\n\r\n"
        writer.write(head % number_of(request))

    async def ask(client: HttpClient, server: Counted) -> None:
        assert await client.ask("POST", "/order", b"{}", 10) == (307, b"")
        assert len(server.requests) == 1

    against(script, ask)


# --- what left and what did not -------------------------------------------------------------------------------------


def test_nothing_left_when_nobody_listens_or_the_client_is_closed() -> None:
    async def nobody() -> None:
        client = HttpClient("127.0.0.1", 1)
        assert await failures(*[client.ask("POST", "/a", b"x", 5) for _ in range(3)]) == [NotLeft] * 3
        await client.close()
        with pytest.raises(NotLeft, match="closed"):
            await client.ask("POST", "/a", b"x", 5)

    asyncio.run(nobody())


def test_nothing_left_when_no_connection_was_free_in_time() -> None:
    async def never(request: bytes, writer: asyncio.StreamWriter) -> None:
        pass

    async def ask(client: HttpClient, server: Counted) -> None:
        found = await failures(client.ask("POST", "/a", b"", 0.2), client.ask("POST", "/b", b"", 0.1))
        assert found == [Broken, NotLeft]
        assert [path_of(request) for request in server.requests] == [b"/a"]

    against(never, ask, connections=1)


TORN = [
    b"",
    b"HTTP/1.1 200 OK\r\ncontent-le",
    b"garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\nx-request-id: %b\r\n\r\nhalf",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-request-id: %b\r\n\r\n4\r\nhalf\r\n",
    b"HTTP/1.1 200 OK\r\nx-request-id: %b\r\n\r\nhalf",
]


@pytest.mark.parametrize("reply", TORN)
def test_a_request_whose_answer_is_cut_short_has_an_unknown_outcome(reply: bytes) -> None:
    async def hang_up(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply % number_of(request) if b"%b" in reply else reply)
        writer.close()

    async def ask(client: HttpClient, server: Counted) -> None:
        assert await failures(client.ask("POST", "/a", b"", 10), client.ask("POST", "/b", b"", 10)) == [Broken] * 2
        assert len(server.requests) == 2

    against(hang_up, ask)


def test_an_answer_that_does_not_come_in_time_is_none_and_others_are_not_harmed() -> None:
    late: list[tuple[bytes, asyncio.StreamWriter]] = []

    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        if path_of(request) == b"/slow":
            late.append((request, writer))
        else:
            await echo(request, writer)

    async def ask(client: HttpClient, server: Counted) -> None:
        slow = asyncio.ensure_future(client.ask("GET", "/slow", None, 0.1))
        while not slow.done():
            assert await client.ask("GET", "/next", None, 10) == (200, b"/next")
        with pytest.raises(Broken, match="in time"):
            await slow
        ((request, writer),) = late
        writer.write(answer(request, b"late"))
        for number in range(5):
            assert await client.ask("GET", f"/{number}", None, 10) == (200, b"/%d" % number)
        assert server.connections == 2

    against(script, ask)


# --- many at once, and whose answer it is -----------------------------------------------------------------------------


def test_many_requests_are_under_way_at_once_and_each_gets_its_own_answer() -> None:
    under_way: list[int] = []

    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        under_way.append(1)
        while len(under_way) < 200:
            await asyncio.sleep(0.001)
        await echo(request, writer)

    async def ask(client: HttpClient, server: Counted) -> None:
        for _ in range(3):
            answers = await asyncio.gather(*[client.ask("GET", f"/{number}", None, 20) for number in range(200)])
            assert answers == [(200, b"/%d" % number) for number in range(200)]
        assert server.connections == 200

    against(script, ask, connections=http.CONNECTIONS)


def test_a_kept_connection_carries_one_request_after_the_other() -> None:
    async def ask(client: HttpClient, server: Counted) -> None:
        for number in range(20):
            assert await client.ask("POST", f"/{number}", b"x" * number, 10) == (200, b"/%d" % number)
        assert server.connections == 1

    against(echo, ask)


def test_a_connection_that_the_server_closed_is_replaced() -> None:
    async def once(request: bytes, writer: asyncio.StreamWriter) -> None:
        await echo(request, writer)
        writer.close()

    async def ask(client: HttpClient, server: Counted) -> None:
        for number in range(3):
            assert await client.ask("GET", f"/{number}", None, 10) == (200, b"/%d" % number)
            await asyncio.sleep(0.01)
        assert server.connections == 3

    against(once, ask)


@pytest.mark.parametrize("later", [False, True])
def test_an_answer_that_came_twice_is_not_taken_for_the_next_requests(later: bool) -> None:
    said: list[tuple[asyncio.StreamWriter, bytes]] = []

    async def twice(request: bytes, writer: asyncio.StreamWriter) -> None:
        reply = answer(request, path_of(request))
        said.append((writer, reply))
        writer.write(reply if later else reply + reply)

    async def ask(client: HttpClient, server: Counted) -> None:
        for number in range(10):
            assert await client.ask("GET", f"/{number}", None, 10) == (200, b"/%d" % number)
            writer, reply = said.pop()
            if later:
                writer.write(reply)
            for _ in range(3):  # so often the client looks at what it heard
                await asyncio.sleep(0.001)

    against(twice, ask)


def test_an_answer_that_comes_again_once_the_next_request_is_out_is_no_answer_to_that() -> None:
    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        if path_of(request) == b"/next":
            writer.write(answer(request, b"/first", b"1"))
        await echo(request, writer)

    async def ask(client: HttpClient, server: Counted) -> None:
        assert await client.ask("GET", "/first", None, 10) == (200, b"/first")
        assert await failures(client.ask("POST", "/next", b"{}", 10)) == [Broken]
        assert await client.ask("GET", "/last", None, 10) == (200, b"/last")

    against(script, ask)


def test_an_answer_with_another_requests_id_or_none_is_no_answer() -> None:
    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        other = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
        writer.write(answer(request, b"{}", b"999999") if path_of(request) == b"/other" else other)

    async def ask(client: HttpClient, server: Counted) -> None:
        assert await failures(client.ask("GET", "/other", None, 10), client.ask("GET", "/none", None, 10)) == [
            Broken,
            Broken,
        ]

    against(script, ask)


def test_a_large_answer_comes_whole() -> None:
    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(request, b"x" * 3_000_000))
        await writer.drain()

    async def ask(client: HttpClient, server: Counted) -> None:
        for _ in range(2):
            status, body = await client.ask("GET", "/", None, 20)
            assert (status, len(body)) == (200, 3_000_000)
        assert server.connections == 1

    against(script, ask)


def test_what_is_announced_before_an_answer_is_not_taken_for_it() -> None:
    async def script(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(request, b"done"))

    async def ask(client: HttpClient, server: Counted) -> None:
        assert await client.ask("POST", "/a", b"{}", 10) == (200, b"done")

    against(script, ask)
