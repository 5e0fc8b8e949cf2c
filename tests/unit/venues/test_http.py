"""The small HTTP server: framing, order, durability before answers."""

from __future__ import annotations

import asyncio
from typing import Any

from tightloop.venues.sim.http import Connection, Outbox, Reply


class Transport:
    def __init__(self, log: list[str]) -> None:
        self.sent = b""
        self.closed = False
        self._log = log

    def write(self, data: bytes) -> None:
        self.sent += data
        self._log.append("answer")

    def close(self) -> None:
        self.closed = True


class Echo:
    """Answers with what it understood; ``late`` paths wait until released."""

    def __init__(self) -> None:
        self.waiting: list[Reply] = []

    def handle(self, reply: Reply, method_path: bytes, query: dict[str, str], body: bytes) -> None:
        if method_path.endswith(b"late"):
            self.waiting.append(reply)
        elif method_path.endswith(b"gone"):
            reply.hang_up()
        else:
            reply.answer(200, method_path + repr(sorted(query.items())).encode() + body)


def served(*pieces: bytes, app: Any = None) -> tuple[Transport, list[str]]:
    log: list[str] = []
    transport = Transport(log)

    async def serve() -> None:
        outbox = Outbox(asyncio.get_running_loop(), lambda: log.append("durable"))
        connection = Connection(app or Echo(), outbox)
        connection.connection_made(transport)  # type: ignore[arg-type]
        for piece in pieces:
            connection.data_received(piece)
        await asyncio.sleep(0)
        for waiting in getattr(app, "waiting", []):
            waiting.answer(200, b"late")
        await asyncio.sleep(0)

    asyncio.run(serve())
    return transport, log


def bodies(transport: Transport) -> list[bytes]:
    found, rest = [], transport.sent
    while rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        found.append(rest[:length])
        rest = rest[length:]
    return found


POST = b"POST /a?x=1&y=%2Fb HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"


def test_a_request_is_understood_however_it_is_cut() -> None:
    for cut in range(1, len(POST)):
        transport, _ = served(POST[:cut], POST[cut:])
        assert bodies(transport) == [b"POST /a[('x', '1'), ('y', '/b')]abc"]


def test_answers_leave_after_one_common_write_of_the_log() -> None:
    transport, log = served(POST + POST, POST)
    assert len(bodies(transport)) == 3
    assert log == ["durable", "answer"]


def test_pipelined_requests_are_answered_in_their_order_even_when_one_is_late() -> None:
    late = b"GET /late HTTP/1.1\r\n\r\n"
    transport, _ = served(late + POST, app=Echo())
    assert bodies(transport) == [b"late", b"POST /a[('x', '1'), ('y', '/b')]abc"]


def test_the_requests_id_comes_back() -> None:
    transport, _ = served(b"GET /a HTTP/1.1\r\nX-Request-Id: 17\r\n\r\n")
    assert b"\r\nx-request-id: 17\r\n" in transport.sent


def test_a_connection_is_closed_when_asked_or_when_it_is_old() -> None:
    for request in (b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n", b"GET /a HTTP/1.0\r\n\r\n"):
        transport, _ = served(request)
        assert transport.closed
        assert bodies(transport) == [b"GET /a[]"]
    assert not served(b"GET /a HTTP/1.1\r\n\r\n")[0].closed


def test_hanging_up_sends_nothing_but_writes_the_log() -> None:
    transport, log = served(b"GET /gone HTTP/1.1\r\n\r\n")
    assert (transport.sent, transport.closed, log) == (b"", True, ["durable"])


def test_multiplexed_requests_are_answered_as_soon_as_they_can_be() -> None:
    def request(path: bytes, number: int) -> bytes:
        return b"GET /%b HTTP/1.1\r\nx-multiplex: 1\r\nx-request-id: %d\r\n\r\n" % (path, number)

    transport, log = served(request(b"late", 1) + request(b"gone", 2) + request(b"a", 3), app=Echo())
    assert bodies(transport) == [b"", b"GET /a[]", b"late"]
    told = [part.split(b"\r\n")[0] for part in transport.sent.split(b"x-request-id: ")[1:]]
    assert told == [b"2", b"3", b"1"]
    assert transport.sent.startswith(b"HTTP/1.1 444 ")
    assert not transport.closed
    assert log == ["durable", "answer", "durable", "answer"]


def test_what_has_no_length_is_refused() -> None:
    chunked = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    for request in (chunked, b"POST /a HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
        transport, _ = served(request)
        assert transport.sent.startswith(b"HTTP/1.1 411 ")
        assert transport.closed
    huge = served(b"POST /a HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n")[0]
    assert huge.sent.startswith(b"HTTP/1.1 413 ")
