"""An account's ledger with what it held before and after each entry, as exchanges tell them with trades and funding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.orders import Listing
from tightloop.venues.sim.trades import ExchangeAccount

COINS_OF_AN_ENTRY = 10  # at most


class Line(NamedTuple):
    """``before``, ``after``: of the balances that the entry changes, and of both sides of its symbol."""

    entry: LedgerEntry
    listing: Listing | None
    before: Mapping[str, Decimal]
    after: Mapping[str, Decimal]

    @property
    def number(self) -> int:
        return self.entry.sequence or 0

    @property
    def position(self) -> Decimal:
        """Of its perpetual, after it."""
        return self.after.get(self.listing.base_key, ZERO) if self.listing is not None else ZERO

    @property
    def closed(self) -> Decimal:
        """How much of a position it closed."""
        if self.listing is None or not self.listing.perp:
            return ZERO
        held, left = self.before.get(self.listing.base_key, ZERO), self.position
        return abs(held) if held * left < 0 else max(ZERO, abs(held) - abs(left))


class Change(NamedTuple):
    """Of one coin, by one entry of the ledger. ``place``: among those of the entry."""

    line: Line
    place: int
    key: str

    @property
    def number(self) -> int:
        """Grows along the ledger."""
        return self.line.number * COINS_OF_AN_ENTRY + self.place

    @property
    def coin(self) -> str:
        return self.key.rpartition(":")[2]

    @property
    def amount(self) -> Decimal:
        return self.line.after[self.key] - self.line.before[self.key]


def changes(line: Line) -> Iterator[Change]:
    """The last of an entry first. Of a perpetual it is what it settles in, even where it changed nothing of it."""
    keys = sorted(key for key in line.after if ":Perp:" not in key)
    for place, key in reversed(list(enumerate(keys))):
        yield Change(line, place, key)


class Bookkeeping:
    """Of all accounts. A ledger only grows, so what was read of it once is kept."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[list[Line], dict[str, Decimal], int]] = {}

    def lines(self, account: ExchangeAccount) -> list[Line]:
        """Oldest first."""
        lines, held, drifts = self._read.get(account.name, ([], dict(account.opening), 0))
        for entry in account.ledger[len(lines) :]:
            while drifts < len(account.drifts) and account.drifts[drifts].sequence < (entry.sequence or 0):
                drift = account.drifts[drifts]
                held[drift.position_key] = held.get(drift.position_key, ZERO) + drift.amount
                drifts += 1
            lines.append(_line(account, entry, held))
        self._read[account.name] = lines, held, drifts
        return lines


def _line(account: ExchangeAccount, entry: LedgerEntry, held: dict[str, Decimal]) -> Line:
    listing = account.listings.get(entry.symbol) if entry.symbol else None
    keys = {delta.position_key for delta in entry.deltas}
    if listing is not None:
        keys |= {listing.base_key, listing.quote_key}
    before = {key: held.get(key, ZERO) for key in keys}
    for delta in entry.deltas:
        held[delta.position_key] = held.get(delta.position_key, ZERO) + delta.amount
    return Line(entry, listing, before, {key: held.get(key, ZERO) for key in keys})
