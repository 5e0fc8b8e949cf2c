"""A venue that answers what the test says: for cases that no simulated venue gets into by itself.

What is not scripted behaves well: an order fills whole at ``price``, a question is answered from the venue's own small
books. A scripted answer is an answer of ``tightloop.handlers.calls``, or a behaviour: ``(venue, entry, gate) ->
answer``, such as those that this module makes (:func:`rests`, :func:`fills`, :func:`lost`, :func:`stalls`, ...).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from tightloop.domain import money
from tightloop.domain.directory import LaneSpec
from tightloop.handlers import calls
from tightloop.records.types import AccountRef, JournalEntry
from tightloop.runners.clock import ManualClock
from tightloop.testing.scripted_account import Books, Order
from tightloop.venues.adapter import Gate, GateShut
from tightloop.venues.registry import known

Method = Literal["prepare", "replace", "submit", "find", "cancel", "ledger", "positions"]
Behaviour = Callable[["ScriptedVenue", JournalEntry, Gate], Any]


class Asked(Struct, frozen=True):
    """One call that reached the venue. ``entry`` is there for all that concern an intent."""

    method: Method
    entry: JournalEntry | None = None


class VenueClock:
    """The venue's own: ahead of the test's by ``skew`` (negative: behind it)."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.skew = timedelta(0)

    def now(self) -> datetime:
        return self._clock.now() + self.skew


class ScriptedVenue:
    """The adapter of one lane, which may be one by its name alone. ``price``: quote per base of everything it trades.

    ``clock`` is the test's, ``own_clock`` the venue's, which may be wrong.
    """

    def __init__(
        self,
        lane: str | LaneSpec,
        clock: ManualClock,
        *,
        price: Decimal = Decimal(60000),
        opening: dict[str, Decimal] | None = None,
    ) -> None:
        self.lane = known().lane(lane) if isinstance(lane, str) else lane
        self.clock = clock
        self.own_clock = VenueClock(clock)
        self.books = Books(self.lane, self.own_clock, price, opening)
        self.asked: list[Asked] = []
        self._script: dict[Method, deque[Any]] = {}

    def on(self, method: Method, *answers: Any) -> ScriptedVenue:
        """The next answers to ``method``, one a call; after them it behaves well again."""
        self._script.setdefault(method, deque()).extend(answers)
        return self

    def off(self, method: Method) -> None:
        """Forget what is scripted for ``method``: it behaves well from now on."""
        self._script.pop(method, None)

    def calls(self, method: Method) -> list[Asked]:
        return [one for one in self.asked if one.method == method]

    # --- the adapter's side -------------------------------------------------------------------------------------------

    async def prepare(self, entry: JournalEntry, least_nonce: int | None) -> Any:
        self.asked.append(Asked("prepare", entry))
        scripted = self._scripted("prepare")
        if scripted is not None:
            return scripted(self, entry, None) if callable(scripted) else scripted
        return self.books.prepare(entry, least_nonce)

    async def replace(self, entry: JournalEntry, kind: Literal["bump", "cancel"]) -> Any:
        self.asked.append(Asked("replace", entry))
        scripted = self._scripted("replace")
        return self.books.replace(entry, kind) if scripted is None else scripted

    async def submit(self, entry: JournalEntry, gate: Gate) -> Any:
        takes_nonce_only = entry.submissions[-1].kind == "cancel"
        return self._act("submit", entry, gate, cancels() if takes_nonce_only else fills())

    async def cancel(self, entry: JournalEntry, gate: Gate) -> Any:
        return self._act("cancel", entry, gate, cancels())

    async def find(self, entry: JournalEntry) -> Any:
        self.asked.append(Asked("find", entry))
        scripted = self._scripted("find")
        if scripted is not None:
            return scripted(self, entry, None) if callable(scripted) else scripted
        return self.books.find(entry)

    async def open(self) -> datetime:
        return self.own_clock.now()

    async def ledger(self, account: AccountRef, cursor: str | None) -> Any:
        self.asked.append(Asked("ledger"))
        scripted = self._scripted("ledger")
        return self.books.ledger(cursor) if scripted is None else scripted

    async def positions(self, account: AccountRef) -> Any:
        self.asked.append(Asked("positions"))
        scripted = self._scripted("positions")
        return self.books.positions() if scripted is None else scripted

    async def find_arrival(self, account: AccountRef, reference: str) -> Any:
        found = [one for one in self.books.entries if one.kind == "deposit" and one.entry_id == reference]
        now = self.own_clock.now()
        return calls.Arrived(found[0], now) if found else calls.NotFound(now)

    async def deposit_address(self, account: AccountRef, asset: str, network: str | None) -> Any:
        return calls.DepositAddress("0x" + "cd" * 20, network or "ethereum")

    async def close(self) -> None:
        self.asked.clear()

    def _act(self, method: Method, entry: JournalEntry, gate: Gate, otherwise: Behaviour) -> Any:
        self.asked.append(Asked(method, entry))
        scripted = self._scripted(method)
        behaviour = otherwise if scripted is None else scripted
        with money.exact():
            try:
                if not callable(behaviour):
                    gate.pass_through()
                    return behaviour
                return behaviour(self, entry, gate)
            except GateShut as shut:
                return calls.GateClosed(shut.reason)

    def _scripted(self, method: Method) -> Any:
        queue = self._script.get(method)
        return queue.popleft() if queue else None


# --- behaviours -------------------------------------------------------------------------------------------------------


def fills(*parts: Decimal) -> Behaviour:
    """Fills the whole order, or in these parts (base units) one trade each, and is over."""

    def behave(venue: ScriptedVenue, entry: JournalEntry, gate: Gate) -> Any:
        gate.pass_through()
        order = venue.books.open(entry)
        for amount in parts or (order.remaining,):
            venue.books.fill(order, amount)
        order.status = "cancelled" if order.remaining else "filled"
        return venue.books.evidence(order)

    return behave


def rests(*parts: Decimal) -> Behaviour:
    """Takes the order, fills these parts, and lets the rest work."""

    def behave(venue: ScriptedVenue, entry: JournalEntry, gate: Gate) -> Any:
        gate.pass_through()
        order = venue.books.open(entry)
        for amount in parts:
            venue.books.fill(order, amount)
        return venue.books.evidence(order)

    return behave


def cancels() -> Behaviour:
    """Cancels what still works; the answer is the order as it then is. On a chain it takes the nonce."""

    def behave(venue: ScriptedVenue, entry: JournalEntry, gate: Gate) -> Any:
        gate.pass_through()
        order = venue.books.orders.get(entry.client_order_id)
        if venue.lane.policy == "nonce":
            if order is None or order.status == "open":
                order = venue.books.take_nonce(entry)
        elif order is None:
            return calls.NotFound(venue.own_clock.now())
        elif order.status == "open":
            order.status = "cancelled"
        return venue.books.evidence(order)

    return behave


def lost(then: Behaviour | None = None) -> Behaviour:
    """No answer comes back. ``then``: what the venue did all the same; ``None``: nothing reached it."""

    def behave(venue: ScriptedVenue, entry: JournalEntry, gate: Gate) -> Any:
        gate.pass_through()
        if then is not None:
            then(venue, entry, gate)
        return calls.Ambiguous("no answer (a script)")

    return behave


def stalls(seconds: float, then: Behaviour | None = None) -> Behaviour:
    """The process stands still before the last check; then the call goes on."""

    def behave(venue: ScriptedVenue, entry: JournalEntry, gate: Gate) -> Any:
        venue.clock.advance(seconds)
        return (then or fills())(venue, entry, gate)

    return behave


def reverts() -> Behaviour:
    """A transaction is mined and undoes itself: its nonce and gas are spent."""

    def behave(venue: ScriptedVenue, entry: JournalEntry, gate: Gate) -> Any:
        gate.pass_through()
        order: Order = venue.books.open(entry)
        venue.books.burn(order)
        order.status = "reverted"
        return replace(venue.books.evidence(order), code="EXI-008", message="reverted (a script)")

    return behave
