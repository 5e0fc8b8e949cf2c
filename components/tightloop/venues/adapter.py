"""What the executor and reconciliation need of a venue, and the gate every mutating request passes.

One adapter serves one lane. It translates a venue's language into the words of ``tightloop.handlers.calls``, asks
once, never repeats a mutating request by itself, and turns whatever goes wrong into an answer: before the first byte
has left it is :class:`NotSent`, after that :class:`Ambiguous`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, Protocol, runtime_checkable

from tightloop.domain.directory import LaneSpec
from tightloop.handlers.calls import (
    Ambiguous,
    Arrived,
    DepositAddress,
    GateClosed,
    Ledger,
    NotFound,
    NotSent,
    OrderFound,
    Positions,
    Prepared,
    Refused,
    Unavailable,
)
from tightloop.records.types import AccountRef, JournalEntry

PreparedAs = Prepared | Refused | Unavailable
Addressed = DepositAddress | Refused | Unavailable
Submitted = OrderFound | Refused | NotSent | GateClosed | Ambiguous
Found = OrderFound | NotFound | Unavailable
Cancelled = OrderFound | NotFound | Refused | NotSent | GateClosed | Ambiguous | Unavailable


class GateShut(Exception):
    """The last check refused. ``reason``: ``window`` (journal again) or ``expired`` (its time has passed)."""

    def __init__(self, reason: Literal["window", "expired"]) -> None:
        super().__init__(reason)
        self.reason: Literal["window", "expired"] = reason


class Gate(Protocol):
    """The last thing before the bytes go to the socket."""

    def pass_through(self) -> datetime:
        """The time to sign with (aware, UTC). Raises GateShut when the request may leave no more."""


class ClockGate:
    """Open until ``send_window`` has passed since the journal's time, and not after ``not_after`` (None: no bound).

    A clock that shows an earlier time than the journal's was set back since, and can't tell how long ago that was.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        journalled_at: datetime,
        send_window: timedelta,
        not_after: datetime | None,
    ) -> None:
        self._clock = clock
        self._opened_at = journalled_at
        self._closes_at = journalled_at + send_window
        self._not_after = not_after

    def pass_through(self) -> datetime:
        now = self._clock()
        if self._not_after is not None and now > self._not_after:
            raise GateShut("expired")
        if not self._opened_at <= now <= self._closes_at:
            raise GateShut("window")
        return now


@runtime_checkable
class Hinting(Protocol):
    """What an adapter may have besides: the venue tells by itself that something happened to an order."""

    def listen(self, heard: Callable[[str], None]) -> bool:
        """From now on, until it is closed, ``heard`` gets the client order id of an order that seems to have changed,
        in the event loop in which this is called. A hint, and no evidence: ids may be missing, late, twice or wrong.

        False: there is nothing to listen to. Raises nothing, now or later.
        """


class VenueReader(Protocol):
    """The lesser half of a lane's adapter: it only looks. Reconciliation gets no more, and no key that could trade."""

    @property
    def lane(self) -> LaneSpec: ...

    async def open(self) -> datetime:
        """Check what all else rests on; the venue's time, by its clock. Asked again until it succeeds.

        Raises ExecutionError: EIF-011 when the venue can't be reached, EIF-010 when it has no such lane, EIF-008 when
        it is another chain than configured, EIF-012 when the credentials may not do what is needed.
        """

    async def positions(self, account: AccountRef) -> Positions | Unavailable:
        """Everything the account holds."""

    async def ledger(self, account: AccountRef, cursor: str | None) -> Ledger | Unavailable:
        """The account's ledger after ``cursor``; None: from its beginning."""

    async def find_arrival(self, account: AccountRef, reference: str) -> Arrived | NotFound | Unavailable:
        """Has a transfer arrived there? ``reference``: the hash of its transaction, or its id at the sending venue."""

    async def deposit_address(self, account: AccountRef, asset: str, network: str | None) -> Addressed:
        """Where this asset is to be sent so that it arrives there. ``network``: a chain by its lane's name, or as the
        venue calls it; None: the asset's usual one.

        Refused: EXI-013 for an asset or a network that it does not take.
        """

    async def close(self) -> None: ...


@runtime_checkable
class VenueAdapter(VenueReader, Protocol):
    """All of it: what prepares, changes and finds things, under the lane's policy and windows."""

    async def prepare(self, entry: JournalEntry, least_nonce: int | None) -> PreparedAs:
        """Exactly what is to be sent for this intent. Reads only. ``least_nonce``: no nonce below it (chains)."""

    async def replace(self, entry: JournalEntry, kind: Literal["bump", "cancel"]) -> PreparedAs:
        """Exactly what is to be sent as a sibling of its submissions. Reads only (chains)."""

    async def submit(self, entry: JournalEntry, gate: Gate) -> Submitted:
        """Send the intent's latest submission, once."""

    async def find(self, entry: JournalEntry) -> Found:
        """How does this intent stand, by any of its submissions? Changes nothing."""

    async def cancel(self, entry: JournalEntry, gate: Gate) -> Cancelled:
        """Cancel what still works of it; the answer is the order as it then is (exchanges)."""
