"""A wallet's books on a simulated chain: balances, receipts, and shares of lending markets."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from tightloop.handlers.calls import Ledger, LedgerEntry, Positions
from tightloop.venues.sim.books import Account, positions
from tightloop.venues.sim.protocols.lending import Lending, is_shared

if TYPE_CHECKING:
    from tightloop.venues.sim.blocks import Undo


class Transaction(Struct, frozen=True, kw_only=True):
    """The receipt of a mined transaction. ``status``: ``filled``, ``reverted``, ``cancelled`` (a part of it failed)."""

    tx_hash: str
    client_order_id: str
    nonce: int
    status: str
    entry: LedgerEntry
    code: str | None = None
    message: str | None = None


class WalletAccount(Account):
    """A wallet: ``shares`` of lending markets by position key, ``not_collateral`` the tokens whose supply on Aave is no
    collateral, ``nonce`` the next one, receipts by hash.

    ``undos``: the wallet before each of the latest blocks that changed it. ``shown``: the one that readers see the
    wallet as, because what came after it may still go away; None: as it is.
    """

    __slots__ = ("nonce", "not_collateral", "shares", "shown", "step", "transactions", "undos")

    def __init__(
        self, name: str, opening: dict[str, Decimal], opened_at: datetime, settled_to: datetime, lending: Lending
    ) -> None:
        super().__init__(name, opening, opened_at, settled_to)
        self.nonce = 0
        self.step = lending.steps.step_of(settled_to)  # the interest step it is settled to
        self.transactions: dict[str, Transaction] = {}
        self.undos: deque[Undo] = deque()
        self.shown: Undo | None = None
        self.shares: dict[str, int] = {}
        self.not_collateral: frozenset[str] = frozenset()
        for key, amount in opening.items():
            if is_shared(key) and amount:
                self.reshare(key, amount, lending)

    def reshare(self, key: str, amount: Decimal, lending: Lending) -> None:
        """Set the shares to what gives this balance."""
        shares = lending.shares_of(key, amount, self.settled_to)
        if shares:
            self.shares[key] = shares
        else:
            self.shares.pop(key, None)

    @property
    def shown_to(self) -> int:
        return len(self.ledger) if self.shown is None else self.shown.sequence

    def read_ledger(self, after: int, limit: int, now: datetime) -> Ledger:
        """As of any account, up to what is final. A chain knows the hash of what caused an entry, and no id of ours."""
        shown = self.shown
        page = (
            super().read_ledger(after, limit, now)
            if shown is None
            else self.page(after, limit, shown.sequence, shown.at)
        )
        return replace(page, entries=tuple([replace(entry, client_order_id=None) for entry in page.entries]))

    def read_positions(self, now: datetime, block_number: int | None) -> Positions:
        """As of any account, by what is final."""
        shown = self.shown
        if shown is None:
            return super().read_positions(now, block_number)
        return positions(shown.balances, shown.sequence, shown.at, block_number)
