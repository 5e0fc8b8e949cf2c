"""What the server of the simulated venues answers to.

An exchange lane is modelled on exchanges' REST interfaces, a chain lane on a node's. A refusal is ``{code, message,
as_of}`` with a 4xx status (``errors.py``); 5xx means neither success nor rejection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from tightloop.venues.sim.admin import admin_routes
from tightloop.venues.sim.answers import NO_ANSWER, Answer, Query
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.commands import Acting, Broadcast, CancelWorking, MoveFunds, PlaceOrder
from tightloop.venues.sim.errors import meaning
from tightloop.venues.sim.faults import Operation, Strike, refusal_of
from tightloop.venues.sim.sandbox import PAGE, Sandbox
from tightloop.venues.sim.transactions import Call
from tightloop.venues.sim.translate import ErrorBody, error_body

Route = Callable[[Query, bytes], Awaitable[Answer]]

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_decode_order = msgspec.json.Decoder(PlaceOrder).decode
_decode_cancel = msgspec.json.Decoder(CancelWorking).decode
_decode_transaction = msgspec.json.Decoder(Broadcast).decode
_decode_transfer = msgspec.json.Decoder(MoveFunds).decode
_decode_hashes = msgspec.json.Decoder(list[str]).decode
_decode_call = msgspec.json.Decoder(Call).decode


def _bad_request(message: str) -> Answer:
    return Answer(400, _encode(ErrorBody("bad_request", message)))


class Routes:
    """Routes to the sandbox. Per exchange lane: ``POST|GET|DELETE /<lane>/order``, ``POST|GET /<lane>/transfer``, ``GET
    /<lane>/open-orders|markets|rules``;
    per chain lane: ``POST /<lane>/transaction``, ``POST /<lane>/simulate|find`` (which change nothing), ``GET
    /<lane>/block``; for both: ``GET
    /<lane>/ledger|positions|arrival|deposit-address|time``; and ``/admin/...``, see ``admin.py``.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._routes: dict[str, Route] = {}
        for lane in sandbox.exchanges:
            self._exchange_routes(lane)
        for lane in sandbox.chains:
            self._chain_routes(lane)
        for name, answer in admin_routes(sandbox).items():
            self._routes[name] = self._plain(answer)

    def _exchange_routes(self, lane: str) -> None:
        routes = self._routes

        def acting(operation: Operation, decode: Callable[[bytes], PlaceOrder | CancelWorking | MoveFunds]) -> Route:
            async def act(query: Query, body: bytes) -> Answer:
                command = decode(body)
                return await self._act(lane, operation, command, command.client_order_id)

            return act

        def finding(look: Callable[[str, str, str], Any]) -> Route:
            async def find(query: Query, body: bytes) -> Answer:
                account, client_order_id = query["account"], query["client_order_id"]
                return await self._look(
                    lane, "find", account, client_order_id, lambda: look(lane, account, client_order_id)
                )

            return find

        routes[f"POST /{lane}/transfer"] = acting("transfer", _decode_transfer)
        routes[f"GET /{lane}/transfer"] = finding(self.sandbox.find_transfer)
        routes[f"GET /{lane}/rules"] = self._plain(lambda query, _: self.sandbox.exchanges[lane].settings)
        routes[f"POST /{lane}/order"] = acting("order", _decode_order)
        routes[f"DELETE /{lane}/order"] = acting("cancel", _decode_cancel)
        routes[f"GET /{lane}/order"] = finding(self.sandbox.find)
        routes[f"GET /{lane}/markets"] = self._plain(lambda query, _: self.sandbox.exchanges[lane].settings.symbols)
        routes[f"GET /{lane}/open-orders"] = self._plain(
            lambda query, _: self.sandbox.open_orders(lane, query["account"])
        )
        self._common_routes(lane)

    def _chain_routes(self, lane: str) -> None:
        routes = self._routes

        async def broadcast(query: Query, body: bytes) -> Answer:
            transaction = _decode_transaction(body)
            return await self._act(lane, "transaction", transaction, transaction.transaction.tx_hash)

        async def find(query: Query, body: bytes) -> Answer:
            account, hashes = query["account"], _decode_hashes(body)
            request = ",".join(hashes)
            return await self._look(lane, "find", account, request, lambda: self.sandbox.find(lane, account, hashes))

        async def simulate(query: Query, body: bytes) -> Answer:
            account, call = query["account"], _decode_call(body)
            return await self._look(lane, "simulate", account, "", lambda: self.sandbox.simulate(lane, account, call))

        blocks = self.sandbox.chains[lane].blocks
        routes[f"POST /{lane}/transaction"] = broadcast
        routes[f"POST /{lane}/find"] = find
        routes[f"POST /{lane}/simulate"] = simulate
        routes[f"GET /{lane}/block"] = self._plain(
            lambda query, _: {"time": self.sandbox.settle_everything(), "number": blocks.head, "hash": blocks.head_hash}
        )
        self._common_routes(lane)

    def _common_routes(self, lane: str) -> None:
        async def ledger(query: Query, body: bytes) -> Answer:
            account, after = query["account"], int(query.get("after") or 0)
            limit = max(1, min(int(query.get("limit", PAGE)), PAGE))
            return await self._look(
                lane,
                "ledger",
                account,
                str(after),
                lambda: self.sandbox.ledger(lane, account, after, limit),
            )

        async def positions(query: Query, body: bytes) -> Answer:
            account = query["account"]
            return await self._look(lane, "positions", account, "", lambda: self.sandbox.positions(lane, account))

        self._routes[f"GET /{lane}/ledger"] = ledger
        self._routes[f"GET /{lane}/positions"] = positions

        async def arrival(query: Query, body: bytes) -> Answer:
            account, reference = query["account"], query["reference"]
            return await self._look(
                lane, "ledger", account, reference, lambda: self.sandbox.arrival(lane, account, reference)
            )

        async def address(query: Query, body: bytes) -> Answer:
            account, asset, network = query["account"], query["asset"], query.get("network")
            return await self._look(
                lane,
                "find",
                account,
                f"{asset}|{network}",
                lambda: self.sandbox.deposit_address(lane, account, asset, network),
            )

        self._routes[f"GET /{lane}/deposit-address"] = address
        chain = self.sandbox.chains.get(lane)
        chain_id = None if chain is None else chain.settings.chain_id
        self._routes[f"GET /{lane}/arrival"] = arrival
        self._routes[f"GET /{lane}/time"] = self._plain(
            lambda query, _: {"time": self.sandbox.now(), "chain_id": chain_id}
        )

    # --- answering ------------------------------------------------------------------------------------------------

    async def handle(self, method: str, path: str, query: Query, body: bytes) -> Answer:
        route = self._routes.get(f"{method} {path}")
        if route is None:
            return Answer(404, _bad_request(f"no route {method} {path}").body)
        try:
            return await route(query, body)
        except (msgspec.DecodeError, ValueError) as error:
            return _bad_request(str(error))
        except KeyError as error:
            return _bad_request(f"the parameter {error} is missing")

    def _plain(self, answer: Callable[[Query, bytes], Any]) -> Route:
        """A route that no fault touches."""

        def checked(query: Query, body: bytes) -> Any:
            try:
                return answer(query, body)
            except (msgspec.DecodeError, ValueError, KeyError) as error:
                raise VenueError("bad_request", f"{type(error).__name__}: {error}") from error

        async def route(query: Query, body: bytes) -> Answer:
            return self._result(lambda: checked(query, body))

        return route

    def _result(self, ask: Callable[[], Any]) -> Answer:
        try:
            return Answer(200, _encode(ask()))
        except VenueError as refusal:
            return Answer(meaning(refusal.code).status, _encode(error_body(refusal, self.sandbox.now())))
        except Exception:  # neither success nor rejection: the client must ask
            log.exception("the venue failed")
            body = ErrorBody("internal", "the venue failed; its log says why", self.sandbox.now())
            return Answer(500, _encode(body))

    async def _act(self, lane: str, operation: Operation, command: Acting, request: str) -> Answer:
        sandbox = self.sandbox
        arrived = sandbox.now()
        if sandbox.faults.active:
            strike = sandbox.faults.strike(lane, command.account, operation, request, arrived)
            if strike is not None:
                return await self._misact(lane, command, arrived, strike)
        return self._result(lambda: sandbox.act(lane, command, arrived))

    async def _misact(self, lane: str, command: Acting, arrived: datetime, strike: Strike) -> Answer:
        """A request that acts, met by a fault."""
        sandbox = self.sandbox
        if strike.drop is not None:
            sandbox.drop(lane, command, arrived, strike)
            return self._dropped(strike)
        if strike.delay_before_s:
            await asyncio.sleep(strike.delay_before_s)
        result = self._result(lambda: sandbox.act(lane, command, arrived, strike))
        if strike.act_twice:
            self._result(lambda: sandbox.act(lane, command, sandbox.now(), strike))
        return await self._finish(strike, result)

    async def _look(
        self,
        lane: str,
        operation: Operation,
        account: str,
        request: str,
        ask: Callable[[], Any],
    ) -> Answer:
        """A question, which a fault may meet too."""
        sandbox = self.sandbox
        strike = None
        if sandbox.faults.active:
            strike = sandbox.faults.strike(lane, account, operation, request, sandbox.now())
        if strike is None:
            return self._result(ask)
        if strike.drop is not None:
            return self._dropped(strike)
        if strike.delay_before_s:
            await asyncio.sleep(strike.delay_before_s)
        return await self._finish(strike, self._result(ask))

    def _dropped(self, strike: Strike) -> Answer:
        refusal = refusal_of(strike)
        if refusal is None:
            return NO_ANSWER
        return Answer(meaning(refusal.code).status, _encode(error_body(refusal, self.sandbox.now())))

    async def _finish(self, strike: Strike, result: Answer) -> Answer:
        if strike.lost_after:
            return self._dropped(strike)
        if strike.delay_after_s:
            await asyncio.sleep(strike.delay_after_s)
        return result._replace(twice=strike.answer_twice)
