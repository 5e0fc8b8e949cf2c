"""HTTP to one venue: a request leaves once at most, and passes its gate after all waiting, right before its bytes go.

It stands on aiohttp's connector (addresses, connections, their pool) and on its parser of answers, and not on its
session: that one repeats a request whose connection broke (DELETE among them) and follows redirects, and neither may
happen to an order; it lets other work run between its last hook and the socket; and it takes twice as long. What fails
before the first byte has left is :class:`NotLeft`; what fails afterwards is :class:`Broken`: the request may have
arrived.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

from aiohttp import ClientConnectionError, ClientError, ClientRequest, ClientTimeout, TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

CONNECTIONS = 256  # to one venue, for one lane; who asks beyond that waits for one, before the gate
_NO_TIMEOUTS = ClientTimeout()  # the one of the whole request counts
_FAILURES = (ClientError, HttpProcessingError, OSError, TimeoutError)

Answer = tuple[int, bytes]
Body = bytes | Callable[[], bytes] | None


class NotLeft(Exception):
    """Nothing was sent, for certain."""


class Broken(Exception):
    """The request left, or a part of it, and no answer came."""


class HttpClient:
    """Connections to one server, each with one request under way at most, opened as they are needed and kept."""

    def __init__(self, host: str, port: int, connections: int = CONNECTIONS) -> None:
        self._address = f"{host}:{port}"
        self._limit = connections
        self._numbers = count(1)
        self._connector: TCPConnector | None = None
        self._to_server: ClientRequest | None = None
        self._closed = False

    async def ask(self, method: str, path: str, body: Body, timeout: float) -> Answer:
        """Status and body. ``body`` as a function is called once a connection is there and right before the bytes go
        out; what it raises comes through, and nothing was sent then. Raises NotLeft, Broken.
        """
        request = _Request(method, path, self._address, next(self._numbers))
        try:
            async with asyncio.timeout(timeout):
                return await self._ask(request, body)
        except _FAILURES as error:
            if request.left:
                raise Broken(_why(error, "no answer in time")) from error
            raise NotLeft(f"{self._address}: {_why(error, 'not sent in time')}") from error

    async def _ask(self, request: _Request, body: Body) -> Answer:
        connection, protocol = await self._connection()
        try:
            protocol.set_response_params()
            request.send(protocol.transport, body)
            answer = await request.answer(protocol)
        except BaseException:
            connection.close()
            raise
        connection.release()
        return answer

    async def _connection(self) -> tuple[Any, ResponseHandler]:
        """From the pool, or a new one. A connection on which data came without a request is not used."""
        if self._closed:
            raise ClientConnectionError("the client is closed")
        if self._connector is None or self._to_server is None:
            self._connector = TCPConnector(limit=self._limit)
            self._to_server = ClientRequest("GET", URL(f"http://{self._address}"), loop=asyncio.get_running_loop())
        while True:
            connection = await self._connector.connect(self._to_server, [], _NO_TIMEOUTS)
            protocol = connection.protocol
            if protocol is not None and protocol.is_connected() and not protocol.should_close:
                return connection, protocol
            connection.close()

    async def close(self) -> None:
        self._closed = True
        if self._connector is not None:
            await self._connector.close()


class _Request:
    """One request. ``left``: its first byte may be on its way."""

    __slots__ = ("_address", "_line", "_number", "left")

    def __init__(self, method: str, path: str, address: str, number: int) -> None:
        self._line = f"{method} {path} HTTP/1.1"
        self._address = address
        self._number = str(number)
        self.left = False

    def send(self, transport: Any, body: Body) -> None:
        """Through the gate, and to the socket in one write: the transport sends at once what the kernel takes."""
        head = f"{self._line}\r\nHost: {self._address}\r\nX-Request-Id: {self._number}\r\n".encode()
        content = body() if callable(body) else body
        if content is not None:
            head += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(content)
        self.left = True
        transport.write(b"%b\r\n%b" % (head, content or b""))

    async def answer(self, protocol: ResponseHandler) -> Answer:
        """Raises what breaks the connection; Broken when what was heard isn't this request's whole answer."""
        message, content = await protocol.read()
        while message.code < 200:
            message, content = await protocol.read()
        if message.headers.get("X-Request-Id") != self._number:
            raise Broken("an answer came that is another request's, or nobody's")
        if not message.chunked and "Content-Length" not in message.headers:
            raise Broken("an answer does not say how long it is")
        return message.code, content.read_nowait() if content.is_eof() else await content.read()


def _why(error: BaseException, when_late: str) -> str:
    return when_late if isinstance(error, TimeoutError) and not str(error) else f"{type(error).__name__}: {error}"
