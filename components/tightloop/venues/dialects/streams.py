"""Order streams of a local exchange: who listens, what they are told, and the faults that a stream has.

Changes are seen by looking at the orders of those who listen, a hundred times a second: so whatever changed an order,
a request, a fill of the market's or the control endpoint's, is told. ``POST /admin/streams`` takes a `StreamFault`,
``DELETE`` ends all of them, ``GET`` tells how many connections there are and how many events were told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
from aiohttp import web
from msgspec import Struct

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.desk import Desk
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.orders import Order

LOOK_EVERY_S = 0.01


class StreamFault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``disconnect``: every connection is closed, and none is taken for ``seconds``. ``silence``: nothing is told for
    ``seconds``, and never afterwards. ``delay``: each event comes ``seconds`` late. ``duplicate``: each comes twice.
    ``lie``: that the order ``client_order_id`` of ``account`` was filled is told now, whether it was or not.
    """

    kind: Literal["disconnect", "silence", "delay", "duplicate", "lie"]
    seconds: float = 0.0
    account: str = ""
    client_order_id: str = ""


class Change(NamedTuple):
    """``what``: it was taken, changed, traded (``entry``: which trade; None: a lie), or ended."""

    order: Order
    what: Literal["new", "changed", "trade", "ended"]
    entry: LedgerEntry | None = None


class _Shown(NamedTuple):
    """What was told of an order."""

    status: str
    trades: int
    amount: Decimal
    limit: Decimal | None


class Listener(Protocol):
    """One connection. ``account``: None before it has said who it is."""

    account: str | None

    def event(self, change: Change) -> Any:
        """As the exchange words it; None: it is none of this stream's."""


class AnsweringListener(Listener, Protocol):
    def answer(self, text: str) -> Sequence[Any]:
        """The messages that answer one of the client's: text as it is, all else as JSON."""


class Streams:
    """All of one sandbox."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._open: dict[web.WebSocketResponse, Listener] = {}
        self._seen: dict[str, dict[int, _Shown]] = {}  # by account and order
        self._task: asyncio.Task[None] | None = None
        self._refuses_until = self._silent_until = 0.0
        self._delay_s = 0.0
        self._times = 1
        self.told = 0

    def controls(self) -> dict[str, Callable[[Mapping[str, str], bytes], object]]:
        """Control requests, by ``METHOD /admin/path``."""
        return {
            "GET /admin/streams": lambda query, body: self._state(),
            "POST /admin/streams": lambda query, body: self._misbehave(msgspec.json.decode(body, type=StreamFault)),
            "DELETE /admin/streams": lambda query, body: self._behave(),
        }

    async def serve(
        self,
        request: web.BaseRequest,
        listener: Listener,
        answer: Callable[[str], Sequence[Any]] = lambda text: (),
    ) -> web.StreamResponse:
        """Until the connection is closed. ``answer``: see :class:`AnsweringListener`."""
        if asyncio.get_running_loop().time() < self._refuses_until:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if listener.account is not None:
            self._look(listener.account, first=True)
        self._open[socket] = listener
        if self._task is None:
            self._task = asyncio.create_task(self._look_on())
        try:
            async for message in socket:
                if message.type is web.WSMsgType.TEXT:
                    known = listener.account
                    said = answer(message.data)
                    if listener.account is not None and listener.account != known:
                        self._look(listener.account, first=True)
                    for one in said:
                        await socket.send_str(one if isinstance(one, str) else msgspec.json.encode(one).decode())
        finally:
            self._open.pop(socket, None)
        return socket

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        for socket in list(self._open):
            await socket.close()

    # --- what is told -------------------------------------------------------------------------------------------------

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for account in {one.account for one in self._open.values() if one.account is not None}:
                try:
                    changes = self._look(account)
                except VenueError:
                    continue
                for change in changes:
                    self._tell(account, change)

    def _look(self, account: str, *, first: bool = False) -> list[Change]:
        """What changed since the last look. ``first``: what there is already is no news for who begins to listen."""
        if first and account in self._seen:
            return []
        seen = self._seen.setdefault(account, {})
        found = []
        for history in self._desk.account(account).orders.values():
            for order in history:
                known = seen.get(order.number)
                shown = _Shown(order.status, len(order.entries), order.amount, order.limit)
                if known == shown:
                    continue
                trades = known.trades if known is not None else 0
                if known is None:
                    found.append(Change(order, "new"))
                elif (known.amount, known.limit) != (shown.amount, shown.limit):
                    found.append(Change(order, "changed"))
                found += [Change(order, "trade", entry) for entry in order.entries[trades:]]
                if order.status in ("cancelled", "rejected"):
                    found.append(Change(order, "ended"))
                seen[order.number] = shown
        return [] if first else found

    def _tell(self, account: str, change: Change) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._silent_until:
            return
        for socket, listener in list(self._open.items()):
            event = listener.event(change) if listener.account == account else None
            if event is not None:
                for _ in range(self._times):
                    loop.call_later(self._delay_s, self._send, socket, msgspec.json.encode(event).decode())

    def _send(self, socket: web.WebSocketResponse, text: str) -> None:
        if not socket.closed:
            self.told += 1
            task = asyncio.create_task(socket.send_str(text))
            _TASKS.add(task)
            task.add_done_callback(_finished)

    # --- faults -------------------------------------------------------------------------------------------------------

    def _misbehave(self, fault: StreamFault) -> object:
        loop = asyncio.get_running_loop()
        match fault.kind:
            case "disconnect":
                self._refuses_until = loop.time() + fault.seconds
                for socket in list(self._open):
                    task = asyncio.create_task(socket.close())
                    _TASKS.add(task)
                    task.add_done_callback(_finished)
            case "silence":
                self._silent_until = loop.time() + fault.seconds
            case "delay":
                self._delay_s = fault.seconds
            case "duplicate":
                self._times = 2
            case "lie":
                self._lie(fault)
        return self._state()

    def _lie(self, fault: StreamFault) -> None:
        """Raises KeyError for an order that is not there."""
        order = self._desk.account(fault.account).orders[fault.client_order_id][-1]
        self._tell(fault.account, Change(order, "trade"))

    def _behave(self) -> object:
        self._refuses_until = self._silent_until = self._delay_s = 0.0
        self._times = 1
        return self._state()

    def _state(self) -> object:
        return {"connections": len(self._open), "told": self.told}


class PrivateStreams:
    """Of one address, at which a connection says who it is, and then what it wants to hear. ``listener``: makes one."""

    def __init__(self, desk: Desk, path: str, listener: Callable[[], AnsweringListener]) -> None:
        self.streams = Streams(desk)
        self._path = path
        self._listener = listener

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != self._path:
            return web.Response(status=404)
        listener = self._listener()
        return await self.streams.serve(request, listener, listener.answer)


_TASKS: set[asyncio.Task[Any]] = set()  # the event loop itself holds tasks only weakly


def _finished(task: asyncio.Task[Any]) -> None:
    """A client that has gone was not told."""
    _TASKS.discard(task)
    if not task.cancelled():
        task.exception()
