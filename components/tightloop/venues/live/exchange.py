"""A lane of a live exchange: what the exchanges share. What differs is asked of a :class:`Dialect`.

The venue's time is asked before each question, so that an answer is never older than it says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec.structs import replace

from tightloop.domain import money
from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.handlers.calls import (
    Ambiguous,
    Arrived,
    GateClosed,
    Ledger,
    NotFound,
    NotSent,
    OrderFound,
    Positions,
    Refused,
    Unavailable,
)
from tightloop.records.types import AccountRef, JournalEntry, PreparedOrder
from tightloop.venues.adapter import Addressed, Cancelled, Found, Gate, PreparedAs, Submitted
from tightloop.venues.http import Broken, NotLeft
from tightloop.venues.live import preparing, preparing_transfers, transfers
from tightloop.venues.live.attempts import UNREADABLE, acted, answered
from tightloop.venues.live.budget import urgent
from tightloop.venues.live.dialect import Accepted, Dialect, Shown
from tightloop.venues.live.session import Said
from tightloop.venues.live.verdicts import UNAVAILABLE, Row

UNSUPPORTED = "EXI-013"
TRIES = 3
_CREDENTIALS = "EXI-004"
_UNTIMELY = ("EXI-001", "EXI-015")  # of what was not sent: signed too long ago, or ahead
_KEY_REFUSED = (
    "Compare key, secret and passphrase with the variables, which are those of this environment (testnets and demo "
    "trading have keys of their own); look at the key's rights, its end, and the addresses that it is bound to."
)
_TIME_REFUSED = "Set this machine's clock (NTP): the exchange does not take the time at which a request was signed."


class LiveReader:
    """A lane's reader (``venues/adapter.py``): positions, ledger, and what arrives. It has no method that changes
    anything.
    """

    trades = False

    def __init__(self, lane: LaneSpec, dialect: Dialect) -> None:
        self.lane = lane
        self._dialect = dialect

    async def open(self) -> datetime:
        """Raises ExecutionError EIF-010, EIF-011, EIF-012."""
        try:
            await self._dialect.time("spot")
            await self._dialect.check(trades=self.trades)
            return await self._dialect.time("spot")
        except (NotLeft, Broken) as error:
            raise ExecutionError("EIF-011", f"{self.lane.name}: {error}") from error
        except Said as said:
            raise _not_opened(self.lane.name, self._dialect.verdicts.row(said), said.words) from said

    async def positions(self, account: AccountRef) -> Positions | Unavailable:
        async def read() -> Positions:
            as_of = min([await self._dialect.time(market) for market in self._dialect.clocks])
            held, cursor = await self._holdings()
            return Positions(as_of, {key: amount for key, amount in held.items() if amount}, cursor)

        return await answered(self._dialect.verdicts, read())

    async def _holdings(self) -> tuple[dict[str, Decimal], str]:
        """Amounts by position key, and the ledger's cursor: none here, as who only compares needs none."""
        return await self._dialect.holdings(), ""

    async def ledger(self, account: AccountRef, cursor: str | None) -> Ledger | Unavailable:
        async def read() -> Ledger:
            as_of = await self._dialect.time("perp")
            entries, after, more = await self._dialect.accrued(cursor, as_of)
            return Ledger(tuple(entries), after, as_of, more)

        return await answered(self._dialect.verdicts, read())

    async def find_arrival(self, account: AccountRef, reference: str) -> Arrived | NotFound | Unavailable:
        return await transfers.find_arrival(self._dialect.transfers, reference)

    async def deposit_address(self, account: AccountRef, asset: str, network: str | None) -> Addressed:
        return await preparing_transfers.deposit_address(self.lane, self._dialect.transfers, asset, network)

    async def close(self) -> None:
        await self._dialect.close()


class LiveExchange(LiveReader):
    """A lane's adapter (``venues/adapter.py``): what the reader has, orders, and transfers out of it and within it."""

    trades = True

    def __init__(self, lane: LaneSpec, dialect: Dialect) -> None:
        super().__init__(lane, dialect)
        self._recent: transfers.Recent = {}

    async def _holdings(self) -> tuple[dict[str, Decimal], str]:
        """All at one point of the ledger: read again while something accrues meanwhile."""
        now = await self._dialect.time("perp")
        cursor, more = self._dialect.cursor_at(now), True
        while more:
            _, cursor, more = await self._dialect.accrued(cursor, now)
        for _ in range(TRIES):
            held = await self._dialect.holdings()
            fresh, cursor, more = await self._dialect.accrued(cursor, now)
            if not fresh and not more:
                return held, cursor
        raise ValueError("something accrued each time while the account's balances were read")

    def listen(self, heard: Callable[[str], None]) -> bool:
        """See ``adapter.Hinting``."""
        return self._dialect.listen(heard)

    async def prepare(self, entry: JournalEntry, least_nonce: int | None) -> PreparedAs:
        with urgent("order"):
            if transfers.is_transfer(entry):
                return await preparing_transfers.prepare(entry, self.lane, self._dialect.transfers, self._recent)
            return await answered(
                self._dialect.verdicts, preparing.prepare(entry, self._dialect.rules, self._dialect.price)
            )

    async def replace(self, entry: JournalEntry, kind: Literal["bump", "cancel"]) -> PreparedAs:
        return Refused(UNSUPPORTED, f"{self.lane.name}: an exchange's orders are cancelled, not replaced")

    async def submit(self, entry: JournalEntry, gate: Gate) -> Submitted:
        if transfers.is_transfer(entry):
            with urgent("order"):
                return await transfers.submit(entry, self.lane, self._dialect.transfers, gate, self._recent)
        order = _order(entry)
        if order is None:
            return Refused("EXI-007", "the journal holds no order to send")
        with urgent("order"):
            shown = await self._acted(self._dialect.place(entry.client_order_id, order, gate), entry)
        if not isinstance(shown, Shown | Accepted):
            return self._dialect.verdicts.of_act(shown) if isinstance(shown, Said) else shown
        if isinstance(shown, Accepted):
            found, remaining = await self.find(entry), order.amount or money.ZERO
        else:
            found, remaining = await self._evidence(shown, order, shown.at), shown.remaining
        if isinstance(found, OrderFound):
            return found
        # It is there, for certain; what it did is not all shown yet. It counts as open until it is.
        return OrderFound("open", shown.at, shown.venue_order_id, remaining=remaining, raw=shown.raw)

    async def find(self, entry: JournalEntry) -> Found:
        if transfers.is_transfer(entry):
            with urgent("evidence"):
                return await transfers.find(entry, self.lane, self._dialect.transfers, self._recent)
        order = _order(entry) or _meant(entry)
        if order is None:
            return Unavailable(UNREADABLE, "the journal holds no order to look for")

        async def look() -> Found:
            as_of = await self._dialect.time(order.market)
            try:
                shown = await self._dialect.look_up(entry.client_order_id, order)
            except Said as said:
                if self._dialect.verdicts.row(said).meaning == "no_such_order":
                    return NotFound(as_of, raw=said.raw)
                raise
            if shown.client_order_id != entry.client_order_id:
                return Unavailable(UNREADABLE, f"asked for {entry.client_order_id}, told of {shown.client_order_id}")
            return await self._evidence(shown, order, as_of)

        with urgent("evidence"):
            return await answered(self._dialect.verdicts, look())

    async def cancel(self, entry: JournalEntry, gate: Gate) -> Cancelled:
        if transfers.is_transfer(entry):
            return Refused(UNSUPPORTED, f"{self.lane.name}: a transfer can't be called back")
        order = _order(entry) or _meant(entry)
        if order is None:
            return Refused("EXI-007", "the journal holds no order to cancel")
        with urgent("cancel"):
            shown = await self._acted(self._dialect.cancel(entry.client_order_id, order, gate), entry)
        if isinstance(shown, Said):
            if self._dialect.verdicts.row(shown).meaning in ("not_open", "no_such_order"):
                return await self.find(entry)  # it is over, or never was: only the order itself tells
            return self._dialect.verdicts.of_act(shown)
        if isinstance(shown, Accepted):
            return await self.find(entry)
        if not isinstance(shown, Shown):
            return shown
        return await self._evidence(shown, order, shown.at)

    async def _acted(
        self, request: Awaitable[Shown | Accepted], entry: JournalEntry
    ) -> Shown | Accepted | Said | NotSent | GateClosed | Ambiguous:
        """An answer about another order is none."""
        shown = await acted(request)
        if isinstance(shown, Shown | Accepted) and shown.client_order_id != entry.client_order_id:
            return Ambiguous(f"the answer is about {shown.client_order_id}", shown.raw)
        return shown

    async def _evidence(self, shown: Shown, order: PreparedOrder, as_of: datetime) -> OrderFound | Unavailable:
        """The order with its trades. One that is over is no evidence before all its trades are shown."""
        entries = shown.entries
        if entries is None:
            with urgent("evidence"):
                read = (
                    await answered(self._dialect.verdicts, self._dialect.trades(shown, order)) if shown.filled else ()
                )
            if isinstance(read, Unavailable):
                return read
            entries = read
        traded = money.total(entry.amount for entry in entries)
        if shown.status != "open" and traded != shown.filled:
            return Unavailable(UNAVAILABLE, f"{shown.filled} was filled, and trades of {traded} are shown so far")
        named = tuple([replace(entry, client_order_id=shown.client_order_id) for entry in entries])
        return OrderFound(
            shown.status,
            as_of,
            shown.venue_order_id,
            named,
            shown.remaining,
            code=shown.code,
            message=shown.message,
            raw=shown.raw,
        )


def _not_opened(lane: str, row: Row, words: str) -> ExecutionError:
    """Of what an exchange refused with these words. A time that it does not take is no reason to give up: the executor
    tries again, as where nothing answers.
    """
    if row.code == _CREDENTIALS:
        return ExecutionError("EIF-012", f"{lane}: {words}", remedy=_KEY_REFUSED)
    untimely = row.meaning == "not_sent" and row.code in _UNTIMELY
    return ExecutionError("EIF-011", f"{lane}: {words}", remedy=_TIME_REFUSED if untimely else None)


def _order(entry: JournalEntry) -> PreparedOrder | None:
    """The order that the journal says is to be sent."""
    return entry.submissions[-1].order if entry.submissions else None


def _meant(entry: JournalEntry) -> PreparedOrder | None:
    """What it would be: enough to look for it, or to cancel it."""
    trade = entry.routed.instruction.cex_trade if entry.routed.instruction else None
    if trade is None:
        return None
    return PreparedOrder(
        market=trade.market,
        symbol=trade.symbol,
        side=trade.side,
        order_type=trade.order_type,
        amount=trade.amount,
        quote_amount=trade.quote_amount,
        reduce_only=trade.reduce_only,
    )
