"""OKX's requests, answered: which there are, who may make them, and what the faults and refusals become."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import replace

from tightloop.venues.dialects.desk import Desk, Unheard
from tightloop.venues.dialects.documents import Documents
from tightloop.venues.dialects.keys import READ, TRADE, WITHDRAW, Keys
from tightloop.venues.dialects.okx import account, bills, funding, orders, public, streams
from tightloop.venues.dialects.okx.calls import Answer, Call, Item, Venue
from tightloop.venues.dialects.okx.documented import ENDPOINTS
from tightloop.venues.dialects.okx.orders import OfOrders
from tightloop.venues.dialects.okx.refusals import OkxError, of_engine, refuse_undocumented
from tightloop.venues.dialects.okx.signing import SignedTime, signed_by
from tightloop.venues.dialects.server import Asked, Reply
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.sandbox import Sandbox

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class Route(NamedTuple):
    """``right``: what the key that signs must have; None: nobody signs."""

    answer: Answer
    right: str | None


def _routes() -> dict[str, Route]:
    found = {name: Route(answer, None) for name, answer in public.ROUTES.items()}
    for part in (orders.READS, account.READS, bills.READS, funding.READS):
        found |= {name: Route(answer, READ) for name, answer in part.items()}
    for part in (orders.TRADES, account.TRADES, funding.TRADES):
        found |= {name: Route(answer, TRADE) for name, answer in part.items()}
    return found | {name: Route(answer, WITHDRAW) for name, answer in funding.WITHDRAWS.items()}


class Okx:
    """Spot and linear perpetuals of the trading account, under one address."""

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
        try:
            return _reply("0", "", await self._answer(asked))
        except OfOrders as refused:
            return _reply(refused.code, refused.message, refused.told)
        except OkxError as error:
            refusal = error
        except VenueError as error:
            refusal = of_engine(error)
        except Unheard:
            raise
        except Exception:
            log.exception("the exchange failed")
            refusal = OkxError("50026", "System error. Try again later.")
        return _reply(refusal.code, refusal.message, [], refusal.status)

    async def _answer(self, asked: Asked) -> Any:
        """The ``data``."""
        desk, name = self._venue.desk, f"{asked.method} {asked.path}"
        desk.admit()
        route = self._routes.get(name)
        if route is None:
            raise OkxError("404", "Not Found")
        given = _parameters(asked, several=name in orders.BATCHES)
        items = [Item(one, self.documents.note(name, one)) for one in given]
        call = Call(self._venue, given[0] if given else {}, desk.now(), items=items)
        if route.right is not None:
            target = f"{asked.path}?{asked.query}" if asked.query else asked.path
            key = signed_by(self.keys, asked.headers, f"{asked.method}{target}{asked.body}", route.right)
            signed = SignedTime(asked.headers, asked.path, call.now)
            signed.refuse_untimely(call.now)
            call = replace(call, key=key, signed=signed)
        self._venue.limits.ask(name, call.key.account if call.key is not None else "", given, call.now)
        if name not in orders.TRADES:  # which tell it of the order
            refuse_undocumented([problem for one in items for problem in one.problems])
        found = route.answer(call)
        return await found if isinstance(found, Awaitable) else found


def _parameters(asked: Asked, *, several: bool) -> list[dict[str, str]]:
    """Of the query, or of the body: an object, or ``several`` of them. Raises OkxError."""
    if asked.method != "POST":
        return [{name: value for name, value in parse_qsl(asked.query, keep_blank_values=True) if value}]
    kind: Any = list[dict[str, Any]] if several else dict[str, Any]
    try:
        found = msgspec.json.decode(asked.body or ("[]" if several else "{}"), type=kind)
    except msgspec.DecodeError:
        raise OkxError("50002", "JSON syntax error") from None
    return [_texts(one) for one in (found if several else [found])]


def _texts(given: dict[str, Any]) -> dict[str, str]:
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}


def _reply(code: str, message: str, data: Any, status: int = 200) -> Reply:
    return Reply(status, _encode({"code": code, "msg": message, "data": data}))
