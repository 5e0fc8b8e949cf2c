"""An account's books: balances by position key, and a gapless ledger that explains every change of them.

Invariant: opening balances + all ledger deltas + drifts = balances. Only :meth:`Account.post` and
:meth:`Account.drift` change a balance.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from tightloop.handlers.calls import Ledger, LedgerEntry, OrderFound, Positions
from tightloop.records.types import Delta

ZERO = Decimal(0)
_MONEY = ("BaseToken", "MarginBalance", "Funding")  # types of positions that a deposit may add to


class WalletView(Struct, frozen=True):
    """A wallet's next nonce by the latest block and by the one that is deep enough, and the latest block's number."""

    nonce: int
    settled_nonce: int
    block_number: int


class VenueError(Exception):
    """The venue refuses; nothing was done. ``code`` is one of ``errors.CODES``; ``wallet`` says what a chain shows;
    ``retry_after_s``: when it may be asked again, where it says so.
    """

    def __init__(
        self, code: str, message: str, wallet: WalletView | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.wallet = wallet
        self.retry_after_s = retry_after_s


class Reverted(Exception):
    """A step of a transaction failed and must be undone. ``code`` is one of ``errors.CODES``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Drifted(Struct, frozen=True):
    """A change of a balance that no ledger entry explains."""

    at: datetime
    position_key: str
    amount: Decimal
    sequence: int  # of the ledger when it happened


class Account:
    """Balances are signed; a key that was never touched is zero. ``settled_to`` is market time."""

    __slots__ = ("balances", "drifts", "ledger", "name", "next_due", "opened_at", "opening", "settled_to")

    def __init__(self, name: str, opening: dict[str, Decimal], opened_at: datetime, settled_to: datetime) -> None:
        self.name = name
        self.opening = opening
        self.balances = dict(opening)
        self.ledger: list[LedgerEntry] = []
        self.drifts: list[Drifted] = []
        self.opened_at = opened_at
        self.settled_to = settled_to
        self.next_due: datetime | None = None  # market time of what accrues next; None: not known

    @property
    def sequence(self) -> int:
        return len(self.ledger)

    def balance(self, key: str) -> Decimal:
        return self.balances.get(key, ZERO)

    def post(self, entry_id: str, kind: Any, at: datetime, deltas: tuple[Delta, ...], **facts: Any) -> LedgerEntry:
        """Append an entry and apply its deltas. ``facts`` are the optional fields of LedgerEntry."""
        entry = LedgerEntry(entry_id, len(self.ledger) + 1, kind, at, deltas, **facts)
        self.ledger.append(entry)
        balances = self.balances
        for delta in deltas:
            key = delta.position_key
            balances[key] = balances.get(key, ZERO) + delta.amount
        return entry

    @property
    def shown_to(self) -> int:
        """The last sequence that may be told of."""
        return len(self.ledger)

    def deposit(self, key: str, amount: Decimal, reference: str, at: datetime) -> None:
        """Raises VenueError for one that came already, brings nothing, or is no token."""
        if amount <= 0 or key.split(":")[1] not in _MONEY:
            raise VenueError("bad_request", f"a deposit brings a token, above zero, and not {amount} of {key}")
        if any(entry.kind == "deposit" and entry.tx_hash == reference for entry in self.ledger):
            raise VenueError("bad_request", f"the deposit {reference} has arrived already")
        delta = Delta(position_key=key, amount=amount, source="transfer")
        self.post(f"deposit-{reference}", "deposit", at, (delta,), tx_hash=reference)

    def deposited(self, reference: str) -> LedgerEntry:
        """Raises VenueError when it has not arrived."""
        for entry in reversed(self.ledger[: self.shown_to]):
            if entry.kind == "deposit" and entry.tx_hash == reference:
                return entry
        raise VenueError("unknown_order", f"no deposit {reference} has arrived in {self.name}")

    def drift(self, key: str, amount: Decimal, at: datetime) -> None:
        self.drifts.append(Drifted(at, key, amount, self.sequence))
        self.balances[key] = self.balance(key) + amount

    def read_ledger(self, after: int, limit: int, now: datetime) -> Ledger:
        """Entries after sequence ``after``. Raises VenueError for a cursor this ledger never gave out."""
        return self.page(after, limit, len(self.ledger), now)

    def page(self, after: int, limit: int, last: int, as_of: datetime) -> Ledger:
        """The same of the ledger as it was when ``last`` was its last sequence."""
        if not 0 <= after <= last:
            raise VenueError("bad_request", f"the ledger of {self.name} ends at {last}, not {after}")
        end = min(after + limit, last)
        return Ledger(tuple(self.ledger[after:end]), str(end), as_of, more=end < last)

    def read_positions(self, now: datetime, block_number: int | None) -> Positions:
        return positions(self.balances, self.sequence, now, block_number)

    def evidence(self, status: Any, now: datetime, entries: tuple[LedgerEntry, ...], **facts: Any) -> OrderFound:
        """What the account's ledger says of an order. With no entries both cursors are the ledger's end."""
        before: str | None
        after: str | None
        if not entries:
            before = after = str(self.sequence)
        else:
            first, last = (entry.sequence or 0 for entry in (entries[0], entries[-1]))
            adjoin = last - first + 1 == len(entries)
            before, after = (str(first - 1), str(last)) if adjoin else (None, None)
        return OrderFound(status, now, entries=entries, cursor_before=before, cursor_after=after, **facts)


def positions(balances: dict[str, Decimal], sequence: int, as_of: datetime, block_number: int | None) -> Positions:
    """What is held, when ``sequence`` is the last of the ledger."""
    held = {key: amount for key, amount in balances.items() if amount}
    return Positions(as_of, held, str(sequence), venue_sequence=sequence, block_number=block_number)
