"""Bybit's requests, answered: which there are, who may make them, and what the faults and refusals become."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from tightloop.venues.dialects.bybit import (
    account,
    capital,
    coins,
    orders,
    positions,
    public,
    streams,
    transactions,
)
from tightloop.venues.dialects.bybit.calls import Call, Venue
from tightloop.venues.dialects.bybit.documented import ENDPOINTS
from tightloop.venues.dialects.bybit.limits import Standing
from tightloop.venues.dialects.bybit.refusals import (
    BybitError,
    GatewayError,
    of_engine,
    refuse_undocumented,
    too_many_visits,
    wrong_parameter,
)
from tightloop.venues.dialects.bybit.signing import (
    SignedTime,
    check_right,
    check_signature,
    known_key,
    parameters,
    texts,
)
from tightloop.venues.dialects.desk import Desk, Unheard
from tightloop.venues.dialects.documents import Documents
from tightloop.venues.dialects.keys import READ, TRADE, WITHDRAW, ApiKey, Keys
from tightloop.venues.dialects.server import Asked, Reply
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.times import milliseconds

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class Route(NamedTuple):
    """``right``: what the key that signs must have; None: nobody signs."""

    answer: Callable[[Call], Any] | Callable[[Call], Awaitable[Any]]
    right: str | None


class _Heard:
    """What a refusal needs to know of its request."""

    def __init__(self) -> None:
        self.spot = False
        self.standing: Standing | None = None


def _routes() -> dict[str, Route]:
    found = {name: Route(answer, None) for name, answer in public.ROUTES.items()}
    for part in (orders, account, transactions, positions, coins, capital):
        found |= {name: Route(answer, READ) for name, answer in part.READS.items()}
        found |= {name: Route(answer, TRADE) for name, answer in part.TRADES.items()}
    return found | {name: Route(answer, WITHDRAW) for name, answer in capital.WITHDRAWS.items()}


class Bybit:
    """Spot and linear contracts of the unified account, under one address."""

    def __init__(self, sandbox: Sandbox, lane: str, keys: Keys) -> None:
        self._venue = Venue(Desk(sandbox, lane))
        self.keys = keys
        self._routes = _routes()
        self.documents = Documents(ENDPOINTS)
        self._streams = streams.private_streams(self._venue, keys)
        self.stream = self._streams.serve
        self.controls = {
            **self._venue.limits.controls(),
            **self.documents.controls(),
            **self._streams.streams.controls(),
        }

    async def answer(self, asked: Asked) -> Reply:
        """Raises Unheard."""
        heard = _Heard()
        refusal: BybitError | GatewayError
        try:
            return self._reply(0, "OK", await self._answer(asked, heard), heard)
        except (BybitError, GatewayError) as error:
            refusal = error
        except VenueError as error:
            refusal = of_engine(error, heard.spot)
            if error.code == "rate_limited" and heard.standing is not None:
                heard.standing = heard.standing.spent(self._venue.desk.now())
        except OverflowError:
            refusal = wrong_parameter("a time is out of range")
        except Unheard:
            raise
        except Exception:
            log.exception("the exchange failed")
            refusal = BybitError(10016, "Server error.")
        if isinstance(refusal, GatewayError):
            return Reply(refusal.status, refusal.message.encode(), kind="text/plain")
        return self._reply(refusal.code, refusal.message, {}, heard)

    async def _answer(self, asked: Asked, heard: _Heard) -> Any:
        """The ``result``. Whose limit counted it, and of which market it is, is noted as soon as it is known."""
        desk, name = self._venue.desk, f"{asked.method} {asked.path}"
        desk.admit()
        self._venue.limits.enter(desk.now())
        route = self._routes.get(name)
        if route is None:
            raise GatewayError(404, "Cannot find path")
        raw = parameters(asked.method, asked.query, asked.body)
        given = texts(raw)
        heard.spot = given.get("category") == "spot"
        problems = self.documents.note(name, raw)
        call = Call(self._venue, given, desk.now())
        if route.right is not None:
            key, signed = self._signed(asked, route.right, call)
            call = replace(call, key=key, signed=signed)
            heard.standing = self._venue.limits.ask(name, given.get("category", ""), key.account, call.now)
            if heard.standing.refused:
                raise too_many_visits()
        refuse_undocumented(problems, given)
        found = route.answer(call)
        return await found if isinstance(found, Awaitable) else found

    def _signed(self, asked: Asked, right: str, call: Call) -> tuple[ApiKey, SignedTime]:
        key, signed = known_key(self.keys, asked.headers), SignedTime(asked.headers)
        signed.check(call.now)
        check_signature(key, asked.headers, asked.body if asked.method == "POST" else asked.query)
        check_right(key, right)
        return key, signed

    def _reply(self, code: int, message: str, result: Any, heard: _Heard) -> Reply:
        at = milliseconds(self._venue.desk.now())
        told = {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": at}
        return Reply(200, _encode(told), heard.standing.headers() if heard.standing is not None else {})
