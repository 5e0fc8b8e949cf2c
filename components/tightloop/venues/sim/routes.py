"""What the server of the simulated venues answers to.

An exchange lane is modelled on exchanges' REST interfaces, a chain lane on a node's. A refusal is ``{code, message,
as_of}`` with a 4xx status (``errors.py``); 5xx means neither success nor rejection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from tightloop.venues.sim.admin import admin_routes
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.commands import Acting, Broadcast, CancelWorking, PlaceOrder
from tightloop.venues.sim.errors import meaning
from tightloop.venues.sim.faults import DROPPED, Operation, Strike
from tightloop.venues.sim.http import Reply
from tightloop.venues.sim.sandbox import PAGE, Sandbox
from tightloop.venues.sim.translate import ErrorBody

Query = dict[str, str]
Route = Callable[[Reply, Query, bytes], None]

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_decode_order = msgspec.json.Decoder(PlaceOrder).decode
_decode_cancel = msgspec.json.Decoder(CancelWorking).decode
_decode_transaction = msgspec.json.Decoder(Broadcast).decode


def error_body(code: str, message: str, as_of: datetime | None = None, nonce: int | None = None) -> bytes:
    return _encode(ErrorBody(code, message, as_of, nonce))


class Routes:
    """Routes to the sandbox. Per exchange lane: ``POST|GET|DELETE /<lane>/order``, ``GET /<lane>/open-orders``; per
    chain lane: ``POST|GET /<lane>/transaction``, ``GET /<lane>/nonce|block``; for both: ``GET
    /<lane>/ledger|positions|time``; and ``/admin/...``, see ``admin.py``.
    """

    def __init__(self, sandbox: Sandbox, loop: asyncio.AbstractEventLoop) -> None:
        self.sandbox = sandbox
        self._loop = loop
        self._routes: dict[bytes, Route] = {}
        for lane in sandbox.exchanges:
            self._exchange_routes(lane)
        for lane in sandbox.chains:
            self._chain_routes(lane)
        for name, answer in admin_routes(sandbox).items():
            self._routes[name.encode()] = self._plain(answer)

    def _exchange_routes(self, lane: str) -> None:
        routes = self._routes

        def place(reply: Reply, query: Query, body: bytes) -> None:
            order = _decode_order(body)
            self._act(reply, lane, "order", order, order.client_order_id)

        def cancel(reply: Reply, query: Query, body: bytes) -> None:
            order = _decode_cancel(body)
            self._act(reply, lane, "cancel", order, order.client_order_id)

        def find(reply: Reply, query: Query, body: bytes) -> None:
            account, client_order_id = query["account"], query["client_order_id"]
            self._look(
                reply,
                lane,
                "find",
                account,
                client_order_id,
                lambda: self.sandbox.find(lane, account, client_order_id),
            )

        routes[f"POST /{lane}/order".encode()] = place
        routes[f"DELETE /{lane}/order".encode()] = cancel
        routes[f"GET /{lane}/order".encode()] = find
        routes[f"GET /{lane}/open-orders".encode()] = self._plain(
            lambda query, _: self.sandbox.open_orders(lane, query["account"])
        )
        self._common_routes(lane)

    def _chain_routes(self, lane: str) -> None:
        routes = self._routes

        def broadcast(reply: Reply, query: Query, body: bytes) -> None:
            transaction = _decode_transaction(body)
            self._act(reply, lane, "transaction", transaction, transaction.tx_hash)

        def find(reply: Reply, query: Query, body: bytes) -> None:
            account, tx_hash = query["account"], query["hash"]
            self._look(reply, lane, "find", account, tx_hash, lambda: self.sandbox.find(lane, account, tx_hash))

        def nonce(reply: Reply, query: Query, body: bytes) -> None:
            account = query["account"]
            self._look(reply, lane, "nonce", account, "", lambda: self.sandbox.nonce(lane, account))

        chain = self.sandbox.chains[lane]
        routes[f"POST /{lane}/transaction".encode()] = broadcast
        routes[f"GET /{lane}/transaction".encode()] = find
        routes[f"GET /{lane}/nonce".encode()] = nonce
        routes[f"GET /{lane}/block".encode()] = self._plain(
            lambda query, _: {"number": chain.block_number, "hash": chain.block_hash, "time": self.sandbox.now()}
        )
        self._common_routes(lane)

    def _common_routes(self, lane: str) -> None:
        def ledger(reply: Reply, query: Query, body: bytes) -> None:
            account, after = query["account"], int(query.get("after") or 0)
            limit = max(1, min(int(query.get("limit", PAGE)), PAGE))
            self._look(
                reply,
                lane,
                "ledger",
                account,
                str(after),
                lambda: self.sandbox.ledger(lane, account, after, limit),
            )

        def positions(reply: Reply, query: Query, body: bytes) -> None:
            account = query["account"]
            self._look(reply, lane, "positions", account, "", lambda: self.sandbox.positions(lane, account))

        self._routes[f"GET /{lane}/ledger".encode()] = ledger
        self._routes[f"GET /{lane}/positions".encode()] = positions
        self._routes[f"GET /{lane}/time".encode()] = self._plain(lambda query, _: {"time": self.sandbox.now()})

    # --- answering ------------------------------------------------------------------------------------------------

    def handle(self, reply: Reply, method_path: bytes, query: Query, body: bytes) -> None:
        route = self._routes.get(method_path)
        if route is None:
            reply.answer(404, error_body("bad_request", f"no route {method_path.decode('ascii', 'replace')}"))
            return
        try:
            route(reply, query, body)
        except (msgspec.DecodeError, ValueError) as error:
            reply.answer(400, error_body("bad_request", str(error)))
        except KeyError as error:
            reply.answer(400, error_body("bad_request", f"the parameter {error} is missing"))

    def _plain(self, answer: Callable[[Query, bytes], Any]) -> Route:
        """A route that no fault touches."""

        def checked(query: Query, body: bytes) -> Any:
            try:
                return answer(query, body)
            except (msgspec.DecodeError, ValueError, KeyError) as error:
                raise VenueError("bad_request", f"{type(error).__name__}: {error}") from error

        def route(reply: Reply, query: Query, body: bytes) -> None:
            reply.answer(*self._result(lambda: checked(query, body)))

        return route

    def _result(self, ask: Callable[[], Any]) -> tuple[int, bytes]:
        try:
            return 200, _encode(ask())
        except VenueError as refusal:
            body = error_body(refusal.code, refusal.message, self.sandbox.now(), refusal.nonce)
            return meaning(refusal.code).status, body
        except Exception:  # neither success nor rejection: the client must ask
            log.exception("the venue failed")
            return 500, error_body("internal", "the venue failed; its log says why", self.sandbox.now())

    def _act(self, reply: Reply, lane: str, operation: Operation, command: Acting, request: str) -> None:
        sandbox = self.sandbox
        arrived = sandbox.now()
        if sandbox.faults.active:
            strike = sandbox.faults.strike(lane, command.account, operation, request, arrived)
            if strike is not None:
                self._misact(reply, lane, command, arrived, strike)
                return
        reply.answer(*self._result(lambda: sandbox.act(lane, command, arrived)))

    def _misact(self, reply: Reply, lane: str, command: Acting, arrived: datetime, strike: Strike) -> None:
        """A request that acts, met by a fault."""
        if strike.drop is not None:
            self.sandbox.drop(lane, command, arrived, strike)
            self._dropped(reply, strike)
        elif strike.delay_before_s:
            self._loop.call_later(strike.delay_before_s, self._act_struck, reply, lane, command, arrived, strike)
        else:
            self._act_struck(reply, lane, command, arrived, strike)

    def _act_struck(self, reply: Reply, lane: str, command: Acting, arrived: datetime, strike: Strike) -> None:
        result = self._result(lambda: self.sandbox.act(lane, command, arrived, strike))
        if strike.act_twice:
            self._result(lambda: self.sandbox.act(lane, command, self.sandbox.now(), strike))
        self._finish(reply, strike, result)

    def _look(
        self,
        reply: Reply,
        lane: str,
        operation: Operation,
        account: str,
        request: str,
        ask: Callable[[], Any],
    ) -> None:
        """A question, which a fault may meet too."""
        sandbox = self.sandbox
        strike = None
        if sandbox.faults.active:
            strike = sandbox.faults.strike(lane, account, operation, request, sandbox.now())
        if strike is None:
            reply.answer(*self._result(ask))
        elif strike.drop is not None:
            self._dropped(reply, strike)
        elif strike.delay_before_s:
            finish = lambda: self._finish(reply, strike, self._result(ask))  # noqa: E731
            self._loop.call_later(strike.delay_before_s, finish)
        else:
            self._finish(reply, strike, self._result(ask))

    @staticmethod
    def _dropped(reply: Reply, strike: Strike) -> None:
        if strike.close or strike.drop is None:
            reply.hang_up()
        else:
            code, message = DROPPED[strike.drop]
            reply.answer(meaning(code).status, error_body(code, message))

    def _finish(self, reply: Reply, strike: Strike, result: tuple[int, bytes]) -> None:
        if strike.lost_after:
            reply.hang_up()
        elif strike.delay_after_s:
            self._loop.call_later(strike.delay_after_s, reply.answer, *result)
        else:
            reply.answer(*result, strike.answer_twice)
