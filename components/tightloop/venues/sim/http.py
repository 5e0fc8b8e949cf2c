"""A small HTTP/1.1 server: keep-alive, bodies with a length, answers only after what they tell is durable.

It is on the path of the benchmark, so it parses by hand what its clients send: request line, ``content-length``,
``connection``, ``x-request-id`` (echoed, so that a client can tell a stray answer). Chunked bodies are refused (411).
Answers of one tick of the event loop wait for one common write of the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote_plus

_LIMIT = 4 * 1024 * 1024
_REASONS = {
    200: b"OK",
    400: b"Bad Request",
    401: b"Unauthorized",
    404: b"Not Found",
    405: b"Method Not Allowed",
    409: b"Conflict",
    411: b"Length Required",
    413: b"Content Too Large",
    429: b"Too Many Requests",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}
_HEADS = {
    status: b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: " % (status, reason)
    for status, reason in _REASONS.items()
}


class Outbox:
    """Answers that wait for the end of the tick: the log is written first, then they leave."""

    def __init__(self, loop: asyncio.AbstractEventLoop, make_durable: Callable[[], None]) -> None:
        self._loop = loop
        self._make_durable = make_durable
        self._waiting: list[tuple[Any, bytes, bool]] = []

    def put(self, transport: Any, data: bytes, close: bool) -> None:
        """Send ``data`` at the end of the tick, and close the connection then if asked to."""
        if not self._waiting:
            self._loop.call_soon(self.send)
        self._waiting.append((transport, data, close))

    def send(self) -> None:
        self._make_durable()
        waiting, self._waiting = self._waiting, []
        for transport, data, close in waiting:
            if data:
                transport.write(data)
            if close:
                transport.close()


class App(Protocol):
    """What answers requests: once, now or later, through the connection's ``answer`` or ``hang_up``."""

    def handle(self, connection: Connection, method_path: bytes, query: dict[str, str], body: bytes) -> None: ...


class Connection(asyncio.Protocol):
    """One client. Its requests are answered in order: the next is not looked at before the last is answered."""

    def __init__(self, app: App, outbox: Outbox) -> None:
        self._app = app
        self._outbox = outbox
        self._transport: Any = None
        self._rest = b""
        self._busy = False
        self._parsing = False
        self._request_id = b""
        self._close = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._close = True
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        self._rest = self._rest + data if self._rest else data
        if not self._busy and not self._parsing:
            self._parse()

    def _parse(self) -> None:
        self._parsing = True
        while self._rest and not self._busy and not self._close:
            end = self._rest.find(b"\r\n\r\n")
            if end < 0:
                if len(self._rest) > _LIMIT:
                    self._refuse(413)
                break
            head = self._rest[:end]
            headers = head.lower()
            length = _length(headers)
            if length < 0 or length > _LIMIT:
                self._refuse(411 if length < 0 else 413)
                break
            stop = end + 4 + length
            if len(self._rest) < stop:
                break
            body = self._rest[end + 4 : stop]
            self._rest = self._rest[stop:]
            self._dispatch(head, headers, body)
        self._parsing = False

    def _dispatch(self, head: bytes, headers: bytes, body: bytes) -> None:
        line_end = head.find(b"\r\n")
        line = head if line_end < 0 else head[:line_end]
        method_path, _, version = line.rpartition(b" ")
        self._request_id = _header(headers, b"\r\nx-request-id:")
        self._close = version != b"HTTP/1.1" or _header(headers, b"\r\nconnection:") == b"close"
        self._busy = True
        path, mark, text = method_path.partition(b"?")
        self._app.handle(self, path, _query(text) if mark else {}, body)

    def _refuse(self, status: int) -> None:
        self._close = True
        self._request_id = b""
        self.answer(status, b'{"code":"bad_request","message":"give a body of at most 4 MiB with a content-length"}')

    def answer(self, status: int, payload: bytes, twice: bool = False) -> None:
        """Answer the request at hand. ``twice`` is an injected fault: the same answer again, unasked for."""
        identity = b"\r\nx-request-id: " + self._request_id if self._request_id else b""
        data = b"%b%d%b\r\n\r\n%b" % (_HEADS[status], len(payload), identity, payload)
        self._outbox.put(self._transport, data + data if twice else data, self._close)
        self._next()

    def hang_up(self) -> None:
        """End the connection without an answer (after the log was written)."""
        self._close = True
        self._outbox.put(self._transport, b"", True)
        self._next()

    def _next(self) -> None:
        self._busy = False
        if self._rest and not self._parsing:
            self._parse()


def _header(headers: bytes, name: bytes) -> bytes:
    start = headers.find(name)
    if start < 0:
        return b""
    start += len(name)
    end = headers.find(b"\r\n", start)
    return (headers[start:] if end < 0 else headers[start:end]).strip()


def _length(headers: bytes) -> int:
    """Of the body; -1 when it can't be told."""
    value = _header(headers, b"\r\ncontent-length:")
    if value:
        return int(value) if value.isdigit() else -1
    return -1 if b"\r\ntransfer-encoding:" in headers else 0


def _query(text: bytes) -> dict[str, str]:
    values = {}
    for pair in text.decode("ascii", "replace").split("&"):
        name, _, value = pair.partition("=")
        values[name] = unquote_plus(value) if "%" in value or "+" in value else value
    return values
