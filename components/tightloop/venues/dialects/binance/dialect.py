"""Binance's requests, answered: which there are, who may make them, and what the faults and refusals become."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from tightloop.venues.dialects.binance import capital, coins, futures, futures_account, public, spot, streams, wallet
from tightloop.venues.dialects.binance.calls import Call, Venue
from tightloop.venues.dialects.binance.documented import ENDPOINTS
from tightloop.venues.dialects.binance.refusals import BinanceError, of_engine, refuse_undocumented
from tightloop.venues.dialects.binance.signing import SignedTime, known_key, parameters, signed_by
from tightloop.venues.dialects.desk import Desk, Unheard
from tightloop.venues.dialects.documents import Documents
from tightloop.venues.dialects.keys import READ, TRADE, WITHDRAW, Keys
from tightloop.venues.dialects.server import Asked, Reply
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.orders import Order
from tightloop.venues.sim.sandbox import Sandbox

log = logging.getLogger(__name__)
KEY_ALONE = "key alone"
_encode = msgspec.json.Encoder().encode


class Route(NamedTuple):
    """``right``: what the key that signs must have; None: nobody signs; KEY_ALONE: it is not signed."""

    answer: Callable[[Call], Any] | Callable[[Call], Awaitable[Any]]
    right: str | None


def _routes() -> dict[str, Route]:
    found = {name: Route(answer, None) for name, answer in public.ROUTES.items()}
    for part in (spot, futures, futures_account, wallet, coins, capital):
        found |= {name: Route(answer, READ) for name, answer in part.READS.items()}
        found |= {name: Route(answer, TRADE) for name, answer in part.TRADES.items()}
    found |= {name: Route(answer, WITHDRAW) for name, answer in capital.WITHDRAWS.items()}
    found |= {name: Route(answer, KEY_ALONE) for name, answer in streams.KEYED.items()}
    return found


class Binance:
    """Spot, USD-M futures and the wallet's own endpoints, under one address."""

    def __init__(self, sandbox: Sandbox, lane: str, keys: Keys) -> None:
        self._venue = Venue(Desk(sandbox, lane))
        self.keys = keys
        self._routes = _routes()
        self.documents = Documents(ENDPOINTS)
        self._streams = streams.UserStreams(self._venue.desk, keys, self._venue.listen_keys)
        self.stream = self._streams.serve
        self.controls = {
            **self._venue.limits.controls(),
            **self.documents.controls(),
            **self._streams.streams.controls(),
        }

    async def answer(self, asked: Asked) -> Reply:
        """Raises Unheard."""
        route = self._routes.get(f"{asked.method} {asked.path}")
        if route is None:
            return Reply(404, b"<html><body><h2>404 Not found</h2></body></html>", kind="text/html")
        name, limits, desk = f"{asked.method} {asked.path}", self._venue.limits, self._venue.desk
        try:
            limits.enter(name, desk.now())
            account, found = await self._answer(route, name, asked)
            return Reply(200, _encode(found), limits.headers(name, account, desk.now()))
        except BinanceError as error:
            refusal = error
        except VenueError as error:
            refusal = of_engine(error, asked.path.startswith("/fapi"))
        except Unheard:
            raise
        except Exception:
            log.exception("the exchange failed")
            refusal = BinanceError(-1000, "An unknown error occurred while processing the request.", 500)
        return _refused(refusal, limits.headers(name, None, desk.now()))

    async def _answer(self, route: Route, name: str, asked: Asked) -> tuple[str | None, Any]:
        """Whose request it was, and the answer."""
        self._venue.desk.admit()
        given = parameters(asked.query, asked.body)
        problems = self.documents.note(name, given)
        call = Call(self._venue, given, self._venue.desk.now())
        if route.right == KEY_ALONE:
            call = replace(call, key=known_key(self.keys, asked.headers.get("X-MBX-APIKEY"), READ))
        elif route.right is not None:
            key = signed_by(self.keys, asked.headers.get("X-MBX-APIKEY"), asked.query, asked.body, given, route.right)
            call = Call(self._venue, given, call.now, key, SignedTime(given))
            call.signed_time.check(call.now, timedelta(0))
        refuse_undocumented(problems, given)
        account = call.key.account if call.key is not None else None
        if account is not None:
            self._venue.limits.enter_account(name, account, call.now)
            self._venue.limits.check_order(name, account, call.now)
        found = route.answer(call)
        if isinstance(found, Awaitable):
            found = await found
        if account is not None:
            self._venue.limits.placed(name, account, _order_of(call, found), call.now)
        return account, found


def _order_of(call: Call, found: Any) -> Order | None:
    """The one that was placed."""
    placed = found.get("newOrderResponse", found) if isinstance(found, dict) else {}
    history = call.account().orders.get(placed.get("clientOrderId", ""), ())
    return history[-1] if history else None


def _refused(refusal: BinanceError, headers: dict[str, str]) -> Reply:
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(refusal.retry_after_s))
    return Reply(refusal.status, _encode({"code": refusal.code, "msg": refusal.message}), headers)
