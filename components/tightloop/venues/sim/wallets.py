"""A wallet's books on a simulated chain: receipts, lending shares, and the draft a transaction works on."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from tightloop.handlers.calls import Ledger, LedgerEntry, Positions
from tightloop.records.types import Delta
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO, Account, positions
from tightloop.venues.sim.market import LendingIndices

if TYPE_CHECKING:
    from tightloop.venues.sim.blocks import Undo

SUPPLIED = "aave:aToken:"
OWED = "aave:debtToken:"


class Transaction(Struct, frozen=True, kw_only=True):
    """The receipt of a mined transaction. ``status``: ``filled``, ``reverted``, ``cancelled`` (a part of it failed)."""

    tx_hash: str
    client_order_id: str
    nonce: int
    status: str
    entry: LedgerEntry
    code: str | None = None
    message: str | None = None


class Reverted(Exception):
    """A step failed and must be undone. ``code`` is one of ``errors.CODES``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Lending:
    """Balances that follow from shares and an index: supplies rounded down, debts up, to the token's decimals."""

    def __init__(self, indices: LendingIndices, decimals: dict[str, int]) -> None:
        self.indices = indices
        self._decimals = decimals

    def index(self, key: str, step: int) -> Decimal:
        token = key.rpartition(":")[2]
        pair = self.indices.at(token, step)
        if pair is None:
            raise Reverted("invalid_order", f"{token} has no lending market")
        return pair[1] if key.startswith(OWED) else pair[0]

    def balance(self, key: str, shares: Decimal, step: int) -> Decimal:
        context = rounding.UP if key.startswith(OWED) else rounding.DOWN
        unit = rounding.unit(self._decimals[key.rpartition(":")[2]])
        return context.quantize(context.multiply(shares, self.index(key, step)), unit)

    def shares(self, key: str, amount: Decimal, step: int, up: bool) -> Decimal:
        context = rounding.UP if up else rounding.DOWN
        return context.quantize(context.divide(amount, self.index(key, step)), rounding.RAY)


class WalletAccount(Account):
    """A wallet: ``shares`` of the lending market by position key, ``nonce`` the next one, receipts by hash.

    ``undos``: the wallet before each of the latest blocks that changed it. ``shown``: the one that readers see the
    wallet as, because what came after it may still go away; None: as it is.
    """

    __slots__ = ("nonce", "shares", "shown", "step", "transactions", "undos")

    def __init__(
        self, name: str, opening: dict[str, Decimal], opened_at: datetime, settled_to: datetime, lending: Lending
    ) -> None:
        super().__init__(name, opening, opened_at, settled_to)
        self.nonce = 0
        self.step = lending.indices.step_of(settled_to)  # the interest step it is settled to
        self.transactions: dict[str, Transaction] = {}
        self.undos: deque[Undo] = deque()
        self.shown: Undo | None = None
        self.shares: dict[str, Decimal] = {}
        for key, amount in opening.items():
            if key.startswith((SUPPLIED, OWED)) and amount:
                self.reshare(key, amount, lending)

    def reshare(self, key: str, amount: Decimal, lending: Lending) -> None:
        """Set the shares to what gives this balance."""
        shares = lending.shares(key, amount, self.step, up=key.startswith(SUPPLIED))
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


class Draft:
    """A wallet as a transaction would leave it. Nothing reaches the account before :meth:`keep`."""

    def __init__(self, account: WalletAccount, lending: Lending) -> None:
        self.account = account
        self.lending = lending
        self.deltas: list[Delta] = []
        self._balances: dict[str, Decimal] = {}
        self._shares: dict[str, Decimal] = {}

    def balance(self, key: str) -> Decimal:
        changed = self._balances.get(key)
        return self.account.balance(key) if changed is None else changed

    def shares(self, key: str) -> Decimal:
        changed = self._shares.get(key)
        return self.account.shares.get(key, ZERO) if changed is None else changed

    def move(self, key: str, amount: Decimal, source: str) -> None:
        """Raises Reverted when the balance would fall below zero."""
        after = self.balance(key) + amount
        if after < 0:
            raise Reverted("insufficient_balance", f"{key}: {-amount} is needed, {self.balance(key)} is there")
        self._balances[key] = after
        if amount:
            self.deltas.append(Delta(position_key=key, amount=amount, source=source))

    def set_shares(self, key: str, shares: Decimal) -> None:
        """Change a lending position; the balance moves to what the shares are worth."""
        worth = self.lending.balance(key, shares, self.account.step)
        self._shares[key] = shares
        self.move(key, worth - self.balance(key), "trade")

    def branch(self) -> Draft:
        """A copy to try one more step on."""
        copy = Draft(self.account, self.lending)
        copy.deltas = list(self.deltas)
        copy._balances = dict(self._balances)
        copy._shares = dict(self._shares)
        return copy

    def keep(self) -> None:
        """Write the shares to the account; its balances follow when the deltas are posted."""
        for key, shares in self._shares.items():
            if shares:
                self.account.shares[key] = shares
            else:
                self.account.shares.pop(key, None)
