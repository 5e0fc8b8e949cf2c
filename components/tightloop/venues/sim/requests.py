"""What the venues were really asked to do, and did: one line for every request that acts or would have."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from tightloop.handlers.effects import LedgerEntry, OrderFound
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.commands import ACTING, Broadcast, CancelWorking, Logged, PlaceOrder

_OPERATIONS: dict[type, str] = {PlaceOrder: "order", CancelWorking: "cancel", Broadcast: "transaction"}


class Request(Struct, frozen=True, kw_only=True):
    """A request. ``arrived_at`` and ``at`` (when the engine had it) are the venue's time; ``signed_at`` the sender's.

    ``result``: ``acted`` (``entries``: the ledger entries it made at once), ``refused`` (nothing done: ``code``), or
    ``dropped`` (an injected fault kept it from the engine).
    """

    number: int
    lane: str
    operation: str
    account: str
    arrived_at: datetime
    at: datetime
    signed_at: datetime | None
    client_order_id: str
    nonce: int | None
    tx_hash: str | None
    strategy_id: str
    instruction_id: str
    loop_no: int
    attempt: int
    result: Literal["acted", "refused", "dropped"]
    code: str | None
    message: str | None
    status: str | None
    venue_order_id: str | None
    entries: tuple[str, ...]
    fault: str | None


class RequestLog:
    """All requests since the books were opened, in the order in which the engine had them."""

    def __init__(self) -> None:
        self.all: list[Request] = []

    def acted(self, logged: Logged, found: OrderFound, made: list[LedgerEntry]) -> None:
        entries = tuple([entry.entry_id for entry in made])
        self._add(logged, "acted", found.code, found.message, found.status, found.venue_order_id, entries)

    def refused(self, logged: Logged, refusal: VenueError) -> None:
        self._add(logged, "refused", refusal.code, refusal.message)

    def dropped(self, logged: Logged) -> None:
        self._add(logged, "dropped", logged.dropped, None)

    def _add(
        self,
        logged: Logged,
        result: Literal["acted", "refused", "dropped"],
        code: str | None,
        message: str | None,
        status: str | None = None,
        venue_order_id: str | None = None,
        entries: tuple[str, ...] = (),
    ) -> None:
        command = logged.command
        if not isinstance(command, ACTING):
            raise TypeError(f"{type(command).__name__} is not a request")
        transaction = command if isinstance(command, Broadcast) else None
        self.all.append(
            Request(
                number=len(self.all) + 1,
                lane=logged.lane,
                operation=_OPERATIONS[type(command)],
                account=command.account,
                arrived_at=logged.arrived,
                at=logged.at,
                signed_at=command.timestamp,
                client_order_id=command.client_order_id,
                nonce=None if transaction is None else transaction.nonce,
                tx_hash=None if transaction is None else transaction.tx_hash,
                strategy_id=command.strategy_id,
                instruction_id=command.instruction_id,
                loop_no=command.loop_no,
                attempt=command.attempt,
                result=result,
                code=code,
                message=message,
                status=status,
                venue_order_id=venue_order_id,
                entries=entries,
                fault=logged.fault,
            )
        )
