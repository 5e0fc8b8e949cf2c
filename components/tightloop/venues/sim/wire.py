"""A lean HTTP/1.1 client for one server: persistent connections, one request at a time on each.

A connection is acquired first; then the body is asked for (which is where a gate is passed) and handed to the kernel in
the same breath: nothing is awaited and nothing else runs between the gate and the ``send``. What fails before that is
:class:`NotLeft`; what fails afterwards is :class:`Broken`, because the request may have arrived. Nothing is repeated.
Answers carry the request's id back; one with another id is a stray and is dropped.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from itertools import count

_CHUNK = 256 * 1024
_SWEEP_S = 0.05


class NotLeft(Exception):
    """Nothing was sent, for certain."""


class Broken(Exception):
    """The request left, or a part of it, and no answer came."""


class Line:
    """One connection. ``answer`` is what its request waits for; None: it is idle."""

    __slots__ = ("_buffer", "_loop", "_wire", "answer", "deadline", "request_id", "sock")

    def __init__(self, wire: Wire, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self.sock = sock
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.deadline = 0.0
        self.request_id = b""
        self._wire = wire
        self._loop = loop
        self._buffer = b""
        loop.add_reader(sock.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data = self.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self.drop(f"the connection broke: {error}")
            return
        if not data:
            self.drop("the connection was closed before an answer")
            return
        self._buffer = self._buffer + data if self._buffer else data
        while self._buffer and self._take():
            pass

    def _take(self) -> bool:
        """Take one whole answer from the buffer; False: there is none yet."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self._buffer[:end].lower()
        length, status = _field(head, b"\r\ncontent-length:"), head[9:12]
        if not length.isdigit() or not status.isdigit():
            self.drop("the answer is not HTTP/1.1 with a content-length")
            return False
        stop = end + 4 + int(length)
        if len(self._buffer) < stop:
            return False
        body, self._buffer = self._buffer[end + 4 : stop], self._buffer[stop:]
        answer = self.answer
        if answer is not None and _field(head, b"\r\nx-request-id:") == self.request_id:
            self.answer = None
            if not answer.done():
                answer.set_result((int(status), body))
            self._wire.free(self)
        return True

    def drop(self, why: str) -> None:
        """Close the connection; whoever waits for an answer learns that it broke."""
        if self.sock.fileno() < 0:
            return
        self._loop.remove_reader(self.sock.fileno())
        self.sock.close()
        self._wire.forget(self)
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(Broken(why))
        self.answer = None


def _field(head: bytes, name: bytes) -> bytes:
    start = head.find(name)
    if start < 0:
        return b""
    start += len(name)
    end = head.find(b"\r\n", start)
    return (head[start:] if end < 0 else head[start:end]).strip()


class Wire:
    """All connections to one server: at most ``connections``, opened when needed, kept until they break."""

    def __init__(self, host: str, port: int, connections: int = 256) -> None:
        self._host = host
        self._port = port
        self._most = connections
        self._idle: list[Line] = []
        self._lines: set[Line] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[Line | None]] = deque()
        self._ids = count(1)
        self._sweeping = False
        self._closed = False

    async def ask(
        self, method_path: bytes, body: bytes | Callable[[], bytes] | None, timeout: float
    ) -> tuple[int, bytes]:
        """Status and body. ``body`` as a function is called when a connection is there, right before the bytes go out;
        what it raises comes through, and nothing was sent then. Raises NotLeft, Broken.
        """
        loop = asyncio.get_running_loop()
        line = await self._acquire(loop, timeout)
        try:
            content = body() if callable(body) else body
        except BaseException:
            self.free(line)
            raise
        request_id = b"%d" % next(self._ids)
        if content is None:
            data = b"%b HTTP/1.1\r\nhost: sim\r\nx-request-id: %b\r\n\r\n" % (method_path, request_id)
        else:
            data = b"%b HTTP/1.1\r\nhost: sim\r\nx-request-id: %b\r\ncontent-length: %d\r\n\r\n%b" % (
                method_path,
                request_id,
                len(content),
                content,
            )
        return await self._send(loop, line, data, request_id, timeout)

    async def _send(
        self, loop: asyncio.AbstractEventLoop, line: Line, data: bytes, request_id: bytes, timeout: float
    ) -> tuple[int, bytes]:
        answer: asyncio.Future[tuple[int, bytes]] = loop.create_future()
        line.request_id = request_id
        line.answer = answer
        line.deadline = loop.time() + timeout
        try:
            sent = line.sock.send(data)
        except OSError as error:  # the kernel took none of it
            line.answer = None
            line.drop(str(error))
            raise NotLeft(f"the connection takes nothing: {error}") from error
        if sent < len(data):
            line.drop("only a part of the request could be sent")
        self._sweep_later(loop)
        try:
            return await answer
        except asyncio.CancelledError:
            line.drop("nobody waits for the answer any more")
            raise

    # --- connections ----------------------------------------------------------------------------------------------

    async def _acquire(self, loop: asyncio.AbstractEventLoop, timeout: float) -> Line:
        if self._closed:
            raise NotLeft("the client is closed")
        if self._idle:
            return self._idle.pop()
        try:
            async with asyncio.timeout(timeout):
                while len(self._lines) + self._opening >= self._most:
                    line = await self._wait_for_line(loop)
                    if line is not None:
                        return line
                return await self._open(loop)
        except TimeoutError:
            raise NotLeft(f"no connection to {self._host}:{self._port} within {timeout} s") from None
        except OSError as error:
            raise NotLeft(f"no connection to {self._host}:{self._port}: {error}") from error

    async def _wait_for_line(self, loop: asyncio.AbstractEventLoop) -> Line | None:
        """A connection that became idle; None: there may be room for a new one."""
        place: asyncio.Future[Line | None] = loop.create_future()
        self._waiting.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            line = place.result() if place.done() and not place.cancelled() else None
            if line is not None:
                self.free(line)
            raise

    async def _open(self, loop: asyncio.AbstractEventLoop) -> Line:
        self._opening += 1
        sock = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, (self._host, self._port))
        except BaseException:
            sock.close()
            raise
        finally:
            self._opening -= 1
        line = Line(self, sock, loop)
        self._lines.add(line)
        return line

    def free(self, line: Line) -> None:
        """The connection is idle: to whoever waits longest, or to the pool."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(line)
                return
        self._idle.append(line)

    def forget(self, line: Line) -> None:
        """The connection is gone; whoever waits may open another."""
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return

    def _sweep_later(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for all deadlines, alive only while something is awaited."""
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(_SWEEP_S, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeping = False
        now = loop.time()
        busy = [line for line in self._lines if line.answer is not None]
        for line in busy:
            if line.deadline <= now:
                line.drop("no answer in time")
        if busy:
            self._sweep_later(loop)

    def close(self) -> None:
        self._closed = True
        for line in list(self._lines):
            line.drop("the client was closed")
