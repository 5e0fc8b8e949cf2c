"""A local exchange as a server: aiohttp's, durable books, the control endpoint of the simulated venues at ``/admin``,
where ``POST /admin/keys?account=NAME`` makes API keys for a further account, ``&withdraw=true`` such that may withdraw,
``&demo=true`` and ``&demo=false`` such that are taken in demo trading alone, or outside of it.

What was done is durable before its answer leaves.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import msgspec
from aiohttp import web

from tightloop.domain import money
from tightloop.venues.dialects.desk import Unheard
from tightloop.venues.dialects.keys import Keys
from tightloop.venues.sim.admin import admin_routes
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.errors import meaning
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.server import flush_or_die
from tightloop.venues.sim.settings import SimSettings

JSON = "application/json;charset=UTF-8"
_GRACE_S = 0.1
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Asked(NamedTuple):
    """A request as it came: ``query`` and ``body`` are still encoded, as a signature is of their text."""

    method: str
    path: str
    query: str
    body: str
    headers: Mapping[str, str]


class Reply(NamedTuple):
    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    kind: str = JSON


class Dialect(Protocol):
    """What answers an exchange's requests. It raises Unheard where a fault wants no answer.

    One with control requests of its own has them in ``controls``, by ``METHOD /admin/path``; one with
    websockets serves them in ``stream``.
    """

    keys: Keys

    async def answer(self, asked: Asked) -> Reply: ...


def handler(dialect: Dialect, sandbox: Sandbox) -> Callable[[web.BaseRequest], web.StreamResponse]:
    """Of an aiohttp server. A request goes on to its end even when its client has gone."""

    def more_keys(query: dict[str, str], body: bytes) -> object:
        demo = {"true": True, "false": False}.get(query.get("demo", ""))
        return dialect.keys.add(query["account"], withdraws=query.get("withdraw") == "true", demo=demo)

    admin = {**admin_routes(sandbox), "POST /admin/keys": more_keys, **getattr(dialect, "controls", {})}

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        stream = getattr(dialect, "stream", None)
        if stream is not None and request.headers.get("Upgrade", "").lower() == "websocket":
            found: web.StreamResponse = await stream(request)
            return found
        body = (await request.read()).decode(errors="replace")
        control = admin.get(f"{request.method} {request.path}")
        try:
            if control is not None:
                reply = _controlled(lambda: control(dict(request.query), body.encode()))
            else:
                query = request.rel_url.raw_query_string
                reply = await dialect.answer(Asked(request.method, request.path, query, body, request.headers))
        except Unheard:
            flush_or_die(sandbox)
            request.protocol.force_close()
            return web.Response(status=500)
        flush_or_die(sandbox)
        return web.Response(status=reply.status, body=reply.body, headers={"Content-Type": reply.kind, **reply.headers})

    return answer  # type: ignore[return-value]


def _controlled(ask: Callable[[], object]) -> Reply:
    try:
        return Reply(200, _encode(ask()))
    except VenueError as refusal:
        return Reply(meaning(refusal.code).status, _encode({"code": refusal.code, "message": refusal.message}))
    except (msgspec.DecodeError, ValueError, KeyError) as error:
        return Reply(400, _encode({"code": "bad_request", "message": f"{type(error).__name__}: {error}"}))


async def run(
    settings: SimSettings, dialect: Callable[[Sandbox], Dialect], ready: Callable[[str, int], None] | None = None
) -> None:
    """Serve until SIGTERM or SIGINT. ``ready`` gets host and port once connections are taken."""
    money.install()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    sandbox = Sandbox(settings)
    venue = web.Server(handler(dialect(sandbox), sandbox), access_log=None)  # type: ignore[arg-type]
    server = await loop.create_server(venue, settings.host, settings.port, backlog=1024)
    host, port = server.sockets[0].getsockname()[:2]
    if ready is not None:
        ready(host, port)
    try:
        await stop.wait()
    finally:
        server.close()
        await venue.shutdown(_GRACE_S)
        sandbox.close()
