"""Binance's requests, answered: which there are, who may make them, and what the faults and refusals become."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec

from tightloop.venues.dialects.binance import futures, futures_account, public, spot, wallet
from tightloop.venues.dialects.binance.calls import Call, Venue
from tightloop.venues.dialects.binance.refusals import BinanceError, of_engine
from tightloop.venues.dialects.binance.signing import SignedTime, parameters, signed_by
from tightloop.venues.dialects.desk import Desk, Unheard
from tightloop.venues.dialects.keys import READ, TRADE, Keys
from tightloop.venues.dialects.server import Asked, Reply
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.sandbox import Sandbox

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
RETRY_AFTER_S = "1"


class Route(NamedTuple):
    """``right``: what the key that signs must have; None: nobody signs."""

    answer: Callable[[Call], Any] | Callable[[Call], Awaitable[Any]]
    right: str | None


def _routes() -> dict[str, Route]:
    found = {name: Route(answer, None) for name, answer in public.ROUTES.items()}
    for part in (spot, futures, futures_account, wallet):
        found |= {name: Route(answer, READ) for name, answer in part.READS.items()}
        found |= {name: Route(answer, TRADE) for name, answer in part.TRADES.items()}
    return found


class Binance:
    """Spot, USD-M futures and the wallet's own endpoints, under one address."""

    def __init__(self, sandbox: Sandbox, lane: str, keys: Keys) -> None:
        self._venue = Venue(Desk(sandbox, lane))
        self.keys = keys
        self._routes = _routes()

    async def answer(self, asked: Asked) -> Reply:
        """Raises Unheard."""
        route = self._routes.get(f"{asked.method} {asked.path}")
        if route is None:
            return Reply(404, b"<html><body><h2>404 Not found</h2></body></html>", kind="text/html")
        try:
            return Reply(200, _encode(await self._answer(route, asked)))
        except BinanceError as refusal:
            return _refused(refusal)
        except VenueError as refusal:
            return _refused(of_engine(refusal, asked.path.startswith("/fapi")))
        except Unheard:
            raise
        except Exception:
            log.exception("the exchange failed")
            return _refused(BinanceError(-1000, "An unknown error occurred while processing the request.", 500))

    async def _answer(self, route: Route, asked: Asked) -> Any:
        given = parameters(asked.query, asked.body)
        call = Call(self._venue, given, self._venue.desk.now())
        if route.right is not None:
            key = signed_by(self.keys, asked.headers.get("X-MBX-APIKEY"), asked.query, asked.body, given, route.right)
            call = Call(self._venue, given, call.now, key, SignedTime(given))
            call.signed_time.check(call.now, timedelta(0))
        found = route.answer(call)
        return await found if isinstance(found, Awaitable) else found


def _refused(refusal: BinanceError) -> Reply:
    headers = {"Retry-After": RETRY_AFTER_S} if refusal.status == 429 else {}
    return Reply(refusal.status, _encode({"code": refusal.code, "msg": refusal.message}), headers)
