"""What the venues were really asked to do, and did: one line for every request that acts or would have."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from tightloop.handlers.calls import LedgerEntry, OrderFound
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.commands import ACTING, Broadcast, CancelWorking, ChangeWorking, Logged, MoveFunds, PlaceOrder

_OPERATIONS: dict[type, str] = {
    PlaceOrder: "order",
    CancelWorking: "cancel",
    ChangeWorking: "change",
    Broadcast: "transaction",
    MoveFunds: "transfer",
}


class Request(Struct, frozen=True, kw_only=True):
    """A request. ``arrived_at`` and ``at`` (when the engine had it) are the venue's time; ``signed_at`` the sender's.

    ``result``: ``acted`` (``entries``: the ledger entries it made at once; none, and ``status`` ``open``, when a
    transaction went to the mempool), ``refused`` (nothing done: ``code``), or ``dropped`` (an injected fault kept it
    from the engine).
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


class _Line(Struct, frozen=True, gc=False):
    """What a request came to, as it is kept: most are never looked at."""

    logged: Logged
    result: Literal["acted", "refused", "dropped"]
    code: str | None
    message: str | None
    status: str | None = None
    venue_order_id: str | None = None
    made: tuple[LedgerEntry, ...] = ()


class RequestLog:
    """All requests since the books were opened, in the order in which the engine had them."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []

    def __len__(self) -> int:
        return len(self._lines)

    def acted(self, logged: Logged, found: OrderFound, made: list[LedgerEntry]) -> None:
        self._lines.append(
            _Line(logged, "acted", found.code, found.message, found.status, found.venue_order_id, tuple(made))
        )

    def refused(self, logged: Logged, refusal: VenueError) -> None:
        self._lines.append(_Line(logged, "refused", refusal.code, refusal.message))

    def dropped(self, logged: Logged) -> None:
        self._lines.append(_Line(logged, "dropped", logged.dropped, None))

    def read(self, after: int, limit: int) -> list[Request]:
        """Requests number ``after + 1`` and so on."""
        return [_request(number, line) for number, line in enumerate(self._lines[after : after + limit], after + 1)]


def _request(number: int, line: _Line) -> Request:
    logged = line.logged
    command = logged.command
    if not isinstance(command, ACTING):
        raise TypeError(f"{type(command).__name__} is not a request")
    transaction = command.transaction if isinstance(command, Broadcast) else None
    return Request(
        number=number,
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
        result=line.result,
        code=line.code,
        message=line.message,
        status=line.status,
        venue_order_id=line.venue_order_id,
        entries=tuple([entry.entry_id for entry in line.made]),
        fault=logged.fault,
    )
