"""A websocket on which an exchange tells of an account's orders: kept open, and heard for hints alone.

What it says is never evidence (``adapter.Hinting``), so nothing hangs on it: while it is away, orders are polled. It
sends nothing that acts. It is our own client on aiohttp's, and not ccxt.pro: that one would sign in a second place,
send REST requests past the budget, and make orders of events that nobody is to believe; all that is wanted here is an
id. An address may hold a key of the stream, so errors are logged by their kind alone.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import structlog
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from tightloop.domain.backoff import backoff
from tightloop.venues.live.session import Said, Session

log = structlog.get_logger()
HEARTBEAT_S = 15.0  # a connection that answers no ping is given up half as long after it
GREETING_S = 10.0
LASTED_S = 60.0  # what lived so long is opened again at once
FIRST_PAUSE_S, LAST_PAUSE_S = 1.0, 60.0
LARGEST_MESSAGE = 1024 * 1024

Say = Callable[[Any], Awaitable[None]]
Hear = Callable[[], Awaitable[Any]]


class Ended(Exception):
    """The exchange wants the connection to be opened anew, or refused what was said in greeting. Holds no secret."""


class Feed(Protocol):
    """What differs between streams. ``name``: for logs. ``keep_alive_s``: how often :meth:`keep_alive`; 0: never."""

    name: str
    keep_alive_s: float

    async def url(self) -> str:
        """Where to connect to; asked before each connection. Raises NotLeft, Broken, Said."""

    async def greet(self, say: Say, hear: Hear) -> None:
        """What is said (as JSON) and answered before events come. Raises Ended."""

    def orders(self, message: Any) -> Iterable[str]:
        """The client order ids of a message, none of those that tell of no order. Raises Ended; KeyError, TypeError and
        ValueError for what can't be read.
        """

    async def keep_alive(self, say: Say) -> None: ...


class OrderStream:
    """Open until it is closed. ``heard`` gets client order ids."""

    def __init__(
        self,
        feed: Feed,
        heard: Callable[[str], None],
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._feed = feed
        self._heard = heard
        self._tls = tls
        self._sleep = sleep
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop, tries = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            try:
                await self._listen()
                why = "the connection was closed"
            except Exception as error:  # noqa: BLE001  whatever it is, orders are polled, and it is tried again
                why = _why(error)
            tries = 0 if loop.time() - began >= LASTED_S else tries
            pause_s = backoff(FIRST_PAUSE_S, LAST_PAUSE_S, tries)
            tries += 1
            log.warning(
                "an order stream is away: orders are polled", stream=self._feed.name, why=why, again_in_s=pause_s
            )
            await self._sleep(pause_s)

    async def _listen(self) -> None:
        url = await self._feed.url()
        secured: dict[str, Any] = {} if self._tls is None else {"ssl": self._tls}
        async with ClientSession() as session:
            async with asyncio.timeout(GREETING_S):
                socket = await session.ws_connect(url, heartbeat=HEARTBEAT_S, max_msg_size=LARGEST_MESSAGE, **secured)
            try:
                async with asyncio.timeout(GREETING_S):
                    await self._feed.greet(_saying(socket), lambda: _one(socket))
                log.info("an order stream is open", stream=self._feed.name)
                await self._hear_all(socket)
            finally:
                await socket.close()

    async def _hear_all(self, socket: ClientWebSocketResponse) -> None:
        keeping = asyncio.create_task(self._keep_alive(_saying(socket)))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    for client_order_id in self._feed.orders(_read(message.data)):
                        self._heard(client_order_id)
        finally:
            keeping.cancel()

    async def _keep_alive(self, say: Say) -> None:
        while self._feed.keep_alive_s:
            await self._sleep(self._feed.keep_alive_s)
            try:
                await self._feed.keep_alive(say)
            except Exception as error:  # noqa: BLE001  the exchange ends the stream then, and it is opened anew
                log.warning("an order stream was not kept alive", stream=self._feed.name, why=_why(error))


class Connections:
    """What a dialect holds open: its sessions, by whatever it tells them apart by, and its order streams."""

    def __init__(self, sessions: Mapping[str, Session], feeds: Sequence[Feed]) -> None:
        self._sessions = sessions
        self._feeds = feeds
        self._streams: list[OrderStream] = []

    def listen(self, heard: Callable[[str], None]) -> bool:
        """To all of its streams; in an event loop. See ``adapter.Hinting``."""
        self._streams += [OrderStream(feed, heard) for feed in self._feeds]
        return True

    async def close(self) -> None:
        for stream in self._streams:
            await stream.close()
        for session in self._sessions.values():
            await session.close()


def _saying(socket: ClientWebSocketResponse) -> Say:
    async def say(message: Any) -> None:
        await socket.send_str(message if isinstance(message, str) else msgspec.json.encode(message).decode())

    return say


async def _one(socket: ClientWebSocketResponse) -> Any:
    """The next message. Raises Ended."""
    message = await socket.receive()
    if message.type is not WSMsgType.TEXT:
        raise Ended("the connection was closed")
    return _read(message.data)


def _read(text: str) -> Any:
    """Plain text (such as ``pong``) comes as it is."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _why(error: BaseException) -> str:
    """Without what may hold an address or a key."""
    if isinstance(error, Ended):
        return str(error)
    if isinstance(error, Said):
        return error.words
    status = f" {error.status}" if isinstance(error, WSServerHandshakeError) else ""
    return f"{type(error).__name__}{status}"
