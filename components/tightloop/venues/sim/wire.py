"""A lean HTTP/1.1 client for one server: one connection, many requests under way on it, told apart by their ids.

What is asked in one tick of the event loop leaves in one ``send``. A request's body is asked for (which is where a gate
is passed) right before that: nothing is awaited and nothing else runs between the gates and the ``send``; what the
kernel does not take at once passes its gate again later. What fails before that is :class:`NotLeft`; what fails
afterwards is :class:`Broken`, because the request may have arrived. Nothing is repeated.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from itertools import count

from tightloop.venues.sim.headers import NO_ANSWER, field

_CHUNK = 256 * 1024
_BATCH = 64 * 1024
_SWEEP_S = 0.05
_HEAD = b"%b HTTP/1.1\r\nhost: sim\r\nx-multiplex: 1\r\nx-request-id: %d\r\n\r\n"
_HEAD_AND_BODY = b"%b HTTP/1.1\r\nhost: sim\r\nx-multiplex: 1\r\nx-request-id: %d\r\ncontent-length: %d\r\n\r\n%b"

Answer = tuple[int, bytes]
Body = bytes | Callable[[], bytes] | None


class NotLeft(Exception):
    """Nothing was sent, for certain."""


class Broken(Exception):
    """The request left, or a part of it, and no answer came."""


class Asked:
    """One request and what waits for its answer. ``sent_at``: when it left; 0: it has not."""

    __slots__ = ("answer", "body", "deadline", "method_path", "number", "sent_at")

    def __init__(
        self, number: int, method_path: bytes, body: Body, answer: asyncio.Future[Answer], deadline: float
    ) -> None:
        self.number = number
        self.method_path = method_path
        self.body = body
        self.answer = answer
        self.deadline = deadline
        self.sent_at = 0.0

    def data(self) -> bytes:
        """The request as bytes. Passes the gate; raises what that raises."""
        content = self.body() if callable(self.body) else self.body
        if content is None:
            return _HEAD % (self.method_path, self.number)
        return _HEAD_AND_BODY % (self.method_path, self.number, len(content), content)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Wire:
    """The connection to one server: opened when something is asked, and again after it broke."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sock: socket.socket | None = None
        self._opening: asyncio.Task[None] | None = None
        self._queue: deque[Asked] = deque()
        self._flight: dict[int, Asked] = {}
        self._cut = b""  # the rest of a request of which only a part left
        self._buffer = b""
        self._heard_at = 0.0
        self._numbers = count(1)
        self._flushing = False
        self._sweeping = False
        self._closed = False

    async def ask(self, method_path: bytes, body: Body, timeout: float) -> Answer:
        """Status and body. ``body`` as a function is called right before the bytes go out; what it raises comes
        through, and nothing was sent then. Raises NotLeft, Broken.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        if self._sock is None:
            await self._connect(loop, timeout)
        asked = Asked(next(self._numbers), method_path, body, loop.create_future(), deadline)
        self._queue.append(asked)
        if not self._flushing:
            self._flushing = True
            loop.call_soon(self._flush, loop)
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(_SWEEP_S, self._sweep, loop)
        try:
            status, content = await asked.answer
        finally:
            self._flight.pop(asked.number, None)
        if status == NO_ANSWER:
            raise Broken("the connection was closed before an answer")
        return status, content

    # --- sending --------------------------------------------------------------------------------------------------

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        self._flushing = False
        while self._queue and self._sock is not None and not self._cut:
            batch: list[tuple[Asked, bytes]] = []
            size = 0
            while self._queue and size < _BATCH:
                asked = self._queue.popleft()
                if asked.answer.done():
                    continue
                try:
                    data = asked.data()
                except Exception as error:  # noqa: BLE001  # a shut gate, or a bug: whoever asked learns of it
                    asked.fail(error)
                    continue
                batch.append((asked, data))
                size += len(data)
            if batch and not self._send(loop, self._sock, batch):
                return

    def _send(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, batch: list[tuple[Asked, bytes]]) -> bool:
        """False: the kernel takes no more for now; what it did not take is back in the queue."""
        try:
            taken = sock.send(batch[0][1] if len(batch) == 1 else b"".join([data for _, data in batch]))
        except BlockingIOError:
            taken = 0
        except OSError as error:  # the kernel took none of it
            for asked, _ in batch:
                asked.fail(NotLeft(f"the connection takes nothing: {error}"))
            self._break(str(error))
            return False
        now = loop.time()
        left: list[Asked] = []
        for asked, data in batch:
            if taken > 0:
                asked.sent_at = now
                self._flight[asked.number] = asked
                self._cut = data[taken:]
            else:
                left.append(asked)
            taken -= len(data)
        if not left and not self._cut:
            return True
        self._queue.extendleft(reversed(left))
        loop.add_writer(sock.fileno(), self._writable, loop)
        return False

    def _writable(self, loop: asyncio.AbstractEventLoop) -> None:
        sock = self._sock
        if sock is None:
            return
        try:
            self._cut = self._cut[sock.send(self._cut) :] if self._cut else b""
        except BlockingIOError:
            return
        except OSError as error:
            self._break(str(error))
            return
        if not self._cut:
            loop.remove_writer(sock.fileno())
            self._flush(loop)

    # --- hearing --------------------------------------------------------------------------------------------------

    def _readable(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        try:
            data = sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._break(f"the connection broke: {error}")
            return
        if not data:
            self._break("the connection was closed before an answer")
            return
        self._heard_at = loop.time()
        self._take(self._buffer + data if self._buffer else data)

    def _take(self, data: bytes) -> None:
        """Hand out every whole answer; one that nobody waits for (a stray, or too late) is dropped."""
        start = 0
        while True:
            end = data.find(b"\r\n\r\n", start)
            if end < 0:
                break
            head = data[start:end].lower()
            length, status = field(head, b"\r\ncontent-length:"), head[9:12]
            if not length.isdigit() or not status.isdigit():
                self._break("an answer is not HTTP/1.1 with a content-length")
                return
            stop = end + 4 + int(length)
            if len(data) < stop:
                break
            number = field(head, b"\r\nx-request-id:")
            asked = self._flight.pop(int(number), None) if number.isdigit() else None
            if asked is not None and not asked.answer.done():
                asked.answer.set_result((int(status), data[end + 4 : stop]))
            start = stop
        self._buffer = data[start:]

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for all deadlines, alive only while something is awaited."""
        now = loop.time()
        silent = False
        for asked in [*self._flight.values(), *self._queue]:
            if asked.deadline <= now:
                silent = silent or (asked.sent_at > 0 and self._heard_at < asked.sent_at)
                asked.fail(Broken("no answer in time") if asked.sent_at else NotLeft("not sent in time"))
        if silent:
            self._break("nothing was heard since a request that got no answer in time")
        self._sweeping = bool(self._flight or self._queue)
        if self._sweeping:
            loop.call_later(_SWEEP_S, self._sweep, loop)

    # --- the connection -------------------------------------------------------------------------------------------

    async def _connect(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:
        """Whoever asks first opens it, the others wait for that. Raises NotLeft."""
        if self._closed:
            raise NotLeft("the client is closed")
        if self._opening is None:
            self._opening = loop.create_task(self._open(loop))
        try:
            async with asyncio.timeout(timeout):
                await asyncio.shield(self._opening)
        except (OSError, TimeoutError) as error:
            raise NotLeft(f"no connection to {self._host}:{self._port}: {error or 'no answer in time'}") from error
        if self._sock is None:
            raise NotLeft("the connection broke as soon as it was there")

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            family, _, _, _, address = found[0]
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await loop.sock_connect(sock, address)
            except BaseException:
                sock.close()
                raise
            self._loop, self._sock = loop, sock
            self._buffer = self._cut = b""
            loop.add_reader(sock.fileno(), self._readable, loop, sock)
        finally:
            self._opening = None

    def _break(self, why: str) -> None:
        """Close the connection; whoever waits learns whether the request had left."""
        sock, self._sock = self._sock, None
        if sock is not None and self._loop is not None:
            self._loop.remove_reader(sock.fileno())
            self._loop.remove_writer(sock.fileno())
            sock.close()
        flight, self._flight = self._flight, {}
        queue, self._queue = self._queue, deque()
        self._cut = b""
        for asked in flight.values():
            asked.fail(Broken(why))
        for asked in queue:
            asked.fail(NotLeft(why))

    def close(self) -> None:
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
        self._break("the client was closed")
