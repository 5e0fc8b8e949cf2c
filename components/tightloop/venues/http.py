"""HTTP to one venue: a request leaves once at most, and passes its gate after all waiting, right before its bytes go.

It stands on aiohttp's connector (addresses, connections, their pool) and on its parser of answers, and not on its
session: that one repeats a request whose connection broke (DELETE among them) and follows redirects, and neither may
happen to an order; it lets other work run between its last hook and the socket; and it takes twice as long. What fails
before the first byte has left is :class:`NotLeft`; what fails afterwards is :class:`Broken`: the request may have
arrived.
"""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NamedTuple

from aiohttp import ClientConnectionError, ClientError, ClientRequest, ClientTimeout, TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

CONNECTIONS = 256  # to one venue, for one lane; who asks beyond that waits for one, before the gate
_NO_TIMEOUTS = ClientTimeout()  # the one of the whole request counts
_FAILURES = (ClientError, HttpProcessingError, OSError, TimeoutError)

Answer = tuple[int, bytes]
Body = bytes | Callable[[], bytes] | None


class Outgoing(NamedTuple):
    """A request to a server that is not ours. ``path`` with its query, as it is to be sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


class Heard(NamedTuple):
    """What such a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotLeft(Exception):
    """Nothing was sent, for certain."""


class Broken(Exception):
    """The request left, or a part of it, and no answer came."""


class HttpClient:
    """Connections to one server, each with one request under way at most, opened as they are needed and kept.

    ``tls``: how to speak to it where that is not in the clear.
    """

    def __init__(
        self, host: str, port: int, connections: int = CONNECTIONS, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._address = f"{host}:{port}"
        self._host = host if tls is not None and port == 443 else self._address  # as it names itself
        self._tls = tls
        self._limit = connections
        self._numbers = count(1)
        self._connector: TCPConnector | None = None
        self._to_server: ClientRequest | None = None
        self._closed = False

    async def ask(self, method: str, path: str, body: Body, timeout: float) -> Answer:
        """Status and body. ``body`` as a function is called once a connection is there and right before the bytes go
        out; what it raises comes through, and nothing was sent then. Raises NotLeft, Broken.
        """
        request = _Request(method, path, self._address, next(self._numbers), body)
        status, _, answer = await self._within(request, timeout)
        return status, answer

    async def exchange(self, make: Callable[[], Outgoing], timeout: float) -> Heard:
        """``make`` is called once a connection is there and right before the bytes go out; what it raises comes
        through, and nothing was sent then. Raises NotLeft, Broken.
        """
        return await self._within(_Made(make, self._host), timeout)

    async def _within(self, request: _Sent, timeout: float) -> Heard:
        try:
            async with asyncio.timeout(timeout):
                return await self._ask(request)
        except _FAILURES as error:
            if request.left:
                raise Broken(_why(error, "no answer in time")) from error
            raise NotLeft(f"{self._address}: {_why(error, 'not sent in time')}") from error

    async def _ask(self, request: _Sent) -> Heard:
        connection, protocol = await self._connection()
        try:
            protocol.set_response_params()
            request.send(protocol.transport)
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
            url = URL(f"{'https' if self._tls else 'http'}://{self._address}")
            secured: dict[str, Any] = {"ssl": self._tls} if self._tls else {}
            self._connector = TCPConnector(limit=self._limit, **secured)
            self._to_server = ClientRequest("GET", url, loop=asyncio.get_running_loop(), **secured)
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


class _Sent(ABC):
    """One request. ``left``: its first byte may be on its way."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = False

    @abstractmethod
    def send(self, transport: Any) -> None:
        """Through the gate, and to the socket in one write: the transport sends at once what the kernel takes."""

    async def answer(self, protocol: ResponseHandler) -> Heard:
        """Raises what breaks the connection; Broken when what was heard isn't this request's whole answer."""
        message, content = await protocol.read()
        while message.code < 200:
            message, content = await protocol.read()
        if not self._is_own(message.headers):
            raise Broken("an answer came that is another request's, or nobody's")
        if not message.chunked and "Content-Length" not in message.headers:
            raise Broken("an answer does not say how long it is")
        whole = content.read_nowait() if content.is_eof() else await content.read()
        return Heard(message.code, message.headers, whole)

    def _is_own(self, headers: Mapping[str, str]) -> bool:
        """Is it this request's answer, as far as the server says?"""
        return True


class _Request(_Sent):
    """To a server of ours, which numbers its answers as we number our requests."""

    __slots__ = ("_address", "_body", "_line", "_number")

    def __init__(self, method: str, path: str, address: str, number: int, body: Body) -> None:
        super().__init__()
        self._line = f"{method} {path} HTTP/1.1"
        self._address = address
        self._number = str(number)
        self._body = body

    def send(self, transport: Any) -> None:
        head = f"{self._line}\r\nHost: {self._address}\r\nX-Request-Id: {self._number}\r\n".encode()
        content = self._body() if callable(self._body) else self._body
        if content is not None:
            head += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(content)
        self.left = True
        transport.write(b"%b\r\n%b" % (head, content or b""))

    def _is_own(self, headers: Mapping[str, str]) -> bool:
        return headers.get("X-Request-Id") == self._number


class _Made(_Sent):
    """To a server that is not ours, made at the last moment."""

    __slots__ = ("_host", "_make")

    def __init__(self, make: Callable[[], Outgoing], host: str) -> None:
        super().__init__()
        self._make = make
        self._host = host

    def send(self, transport: Any) -> None:
        method, path, headers, body = self._make()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        for name, line in zip(("the request", "Host", *headers), lines, strict=True):
            if not line.isprintable():  # a line break would end the headers: the rest would be another request
                raise NotLeft(f"{self._host}: {name} holds a line break or another control character")
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.left = True
        transport.write("\r\n".join([*lines, "", ""]).encode() + (body or b""))


def _why(error: BaseException, when_late: str) -> str:
    return when_late if isinstance(error, TimeoutError) and not str(error) else f"{type(error).__name__}: {error}"
