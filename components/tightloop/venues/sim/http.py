"""A small HTTP/1.1 server: keep-alive, bodies with a length, answers only after what they tell is durable.

It is on the path of the benchmark, so it parses by hand what its clients send: request line, ``content-length``,
``connection``, ``x-request-id`` (echoed) and ``x-multiplex``. Chunked bodies are refused (411). All answers of one tick
of the event loop wait for one common write of the log, and those of one connection leave together.

A client that sends ``x-multiplex`` has many requests under way on one connection: each is answered as soon as its
answer is there, told apart by its ``x-request-id``; and where another client's connection would be closed without an
answer, it is told so for that one request by status 444.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote_plus

from tightloop.venues.sim.headers import NO_ANSWER, field

_LIMIT = 4 * 1024 * 1024
_REASONS = {
    200: b"OK",
    400: b"Bad Request",
    404: b"Not Found",
    409: b"Conflict",
    411: b"Length Required",
    413: b"Content Too Large",
    429: b"Too Many Requests",
    NO_ANSWER: b"No Answer",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}
_HEADS = {
    status: b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: " % (status, reason)
    for status, reason in _REASONS.items()
}
_BAD_FRAME = b'{"code":"bad_request","message":"give a body of at most 4 MiB with a content-length"}'


class Outbox:
    """Answers that wait for the end of the tick: the log is written first, then they leave."""

    def __init__(self, loop: asyncio.AbstractEventLoop, make_durable: Callable[[], None]) -> None:
        self._loop = loop
        self._make_durable = make_durable
        self._waiting: dict[Any, list[bytes]] = {}
        self._closing: set[Any] = set()

    def put(self, transport: Any, data: bytes, close: bool) -> None:
        """Send ``data`` at the end of the tick, and close the connection then if asked to."""
        if not self._waiting:
            self._loop.call_soon(self.send)
        self._waiting.setdefault(transport, []).append(data)
        if close:
            self._closing.add(transport)

    def send(self) -> None:
        self._make_durable()
        waiting, self._waiting = self._waiting, {}
        for transport, answers in waiting.items():
            data = answers[0] if len(answers) == 1 else b"".join(answers)
            if data:
                transport.write(data)
        for transport in self._closing:
            transport.close()
        self._closing.clear()


class Reply:
    """The one answer to one request: now or later, by ``answer`` or ``hang_up``."""

    __slots__ = ("_close", "_connection", "_request_id")

    def __init__(self, connection: Connection, request_id: bytes, close: bool) -> None:
        self._connection = connection
        self._request_id = request_id
        self._close = close

    def answer(self, status: int, payload: bytes, twice: bool = False) -> None:
        """``twice`` is an injected fault: the same answer again, unasked for."""
        if self._request_id:
            head = b"%b%d\r\nx-request-id: %b\r\n\r\n" % (_HEADS[status], len(payload), self._request_id)
        else:
            head = b"%b%d\r\n\r\n" % (_HEADS[status], len(payload))
        data = head + payload
        self._connection.send(data + data if twice else data, self._close)

    def hang_up(self) -> None:
        """End the connection without an answer (after the log was written)."""
        if self._connection.multiplexed:
            self.answer(NO_ANSWER, b"")
        else:
            self._connection.send(b"", True)


class App(Protocol):
    """What answers requests."""

    def handle(self, reply: Reply, method_path: bytes, query: dict[str, str], body: bytes) -> None: ...


class Connection(asyncio.Protocol):
    """One client. Unless multiplexed, the next request isn't looked at before the last is answered."""

    def __init__(self, app: App, outbox: Outbox) -> None:
        self.multiplexed = False
        self._app = app
        self._outbox = outbox
        self._transport: Any = None
        self._rest = b""
        self._busy = False
        self._parsing = False
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        self._rest = self._rest + data if self._rest else data
        if not self._busy and not self._parsing:
            self._parse()

    def _parse(self) -> None:
        """Handle every whole request that is there."""
        self._parsing = True
        data, start = self._rest, 0
        while start < len(data) and not self._busy and not self._ended:
            end = data.find(b"\r\n\r\n", start)
            if end < 0:
                if len(data) - start > _LIMIT:
                    self._refuse(413)
                break
            headers = data[start:end].lower()
            length = _length(headers)
            if not 0 <= length <= _LIMIT:
                self._refuse(411 if length < 0 else 413)
                break
            stop = end + 4 + length
            if len(data) < stop:
                break
            line = data[start : data.find(b"\r\n", start)]
            start = stop
            self._dispatch(line, headers, data[end + 4 : stop])
        self._rest = b"" if self._ended else data[start:]
        self._parsing = False

    def _dispatch(self, line: bytes, headers: bytes, body: bytes) -> None:
        method_path, _, version = line.rpartition(b" ")
        request_id = field(headers, b"\r\nx-request-id:")
        if not self.multiplexed:
            self.multiplexed = b"\r\nx-multiplex:" in headers
        close = version != b"HTTP/1.1" or field(headers, b"\r\nconnection:") == b"close"
        self._busy = not self.multiplexed
        path, mark, text = method_path.partition(b"?")
        self._app.handle(Reply(self, request_id, close), path, _query(text) if mark else {}, body)

    def _refuse(self, status: int) -> None:
        Reply(self, b"", True).answer(status, _BAD_FRAME)

    def send(self, data: bytes, close: bool) -> None:
        """What a reply came to."""
        if close:
            self._ended = True
        self._outbox.put(self._transport, data, close)
        self._busy = False
        if self._rest and not self._parsing and not self._ended:
            self._parse()


def _length(headers: bytes) -> int:
    """Of the body; -1 when it can't be told."""
    value = field(headers, b"\r\ncontent-length:")
    if value:
        return int(value) if value.isdigit() else -1
    return -1 if b"\r\ntransfer-encoding:" in headers else 0


def _query(text: bytes) -> dict[str, str]:
    values = {}
    for pair in text.decode("ascii", "replace").split("&"):
        name, _, value = pair.partition("=")
        values[name] = unquote_plus(value) if "%" in value or "+" in value else value
    return values
