"""What differs between live exchanges, and the words in which each tells of its orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from msgspec import Struct

from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import PreparedOrder
from tightloop.venues.adapter import Gate
from tightloop.venues.live.verdicts import Verdicts
from tightloop.venues.live.wallets import Transfers
from tightloop.venues.sim.settings import SymbolRules


class Shown(Struct, frozen=True):
    """An order as an exchange shows it. ``entries``: its trades so far, oldest first; None: they are still to be read.

    ``filled`` and ``remaining``: base units. ``code``: the catalogue's, where it did not fill as it was meant to.
    """

    venue_order_id: str
    client_order_id: str
    status: Literal["open", "filled", "cancelled", "rejected"]
    filled: Decimal
    remaining: Decimal
    at: datetime
    entries: tuple[LedgerEntry, ...] | None = None
    code: str | None = None
    message: str | None = None
    raw: str = ""


def fell_short(order: PreparedOrder, status: str, filled: Any, size: Any) -> tuple[str | None, str | None]:
    """Code and message of an order that was to fill at once, and was cancelled with no more than ``filled`` of ``size``
    done; None and None of any other.
    """
    at_once = order.order_type == "market" or order.time_in_force in ("IOC", "FOK")
    if status == "cancelled" and at_once and not order.reduce_only:
        return "EXI-011", f"{filled} of {size} was filled"
    return None, None


class Accepted(Struct, frozen=True):
    """What an exchange answers that took a request and tells no more than its ids: what came of it is to be asked."""

    venue_order_id: str
    client_order_id: str
    at: datetime
    raw: str = ""


class Dialect(Protocol):
    """What differs between exchanges. Everything that asks raises NotLeft, Broken, Said; what acts GateShut as well.

    ``market``: ``spot`` or ``perp``; ``symbol``: the unified one, such as ``BTC/USDT:USDT``. ``clocks``: a market of
    each clock that the exchange has. ``transfers``: how it moves money.
    """

    verdicts: Verdicts
    clocks: tuple[str, ...]

    @property
    def transfers(self) -> Transfers: ...

    async def time(self, market: str) -> datetime:
        """The exchange's own, in UTC."""

    async def check(self, *, trades: bool) -> None:
        """Raises ExecutionError EIF-010, EIF-012 for an account or a key that is not what it must be."""

    async def rules(self, market: str, symbol: str) -> SymbolRules | None:
        """None: it lists no such market."""

    async def price(self, market: str, symbol: str) -> Decimal:
        """The last one, in quote per base."""

    async def place(self, client_order_id: str, order: PreparedOrder, gate: Gate) -> Shown | Accepted:
        """Sends the order once."""

    async def look_up(self, client_order_id: str, order: PreparedOrder) -> Shown:
        """Changes nothing. An order that is not there is a refusal whose row says ``no_such_order``."""

    async def cancel(self, client_order_id: str, order: PreparedOrder, gate: Gate) -> Shown | Accepted:
        """Sends the cancel once."""

    async def trades(self, shown: Shown, order: PreparedOrder) -> tuple[LedgerEntry, ...]:
        """All of one order, oldest first. Raises ValueError where they can't all be read."""

    async def holdings(self) -> dict[str, Decimal]:
        """Amounts by position key."""

    def cursor_at(self, now: datetime) -> str:
        """A cursor into the ledger, after which comes what accrues from a while before ``now`` on."""

    async def accrued(self, cursor: str | None, now: datetime) -> tuple[Sequence[LedgerEntry], str, bool]:
        """What came after the cursor, oldest first; the cursor after it; whether there is more. ``now``: a moment ago,
        by the exchange.
        """

    def listen(self, heard: Callable[[str], None]) -> bool:
        """See ``adapter.Hinting``."""

    async def close(self) -> None: ...
