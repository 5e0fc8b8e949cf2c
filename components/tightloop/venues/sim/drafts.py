"""A wallet, and the pools it deals with, as a transaction would leave them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from tightloop.records.types import Delta
from tightloop.venues.sim.books import Reverted
from tightloop.venues.sim.protocols.lending import is_shared
from tightloop.venues.sim.protocols.pools import PoolBooks, ProtocolBooks
from tightloop.venues.sim.wallets import WalletAccount


class Draft:
    """Nothing reaches the books before :meth:`keep`. ``at``: the market time up to which interest counts; None: up to
    when the wallet is settled.
    """

    def __init__(self, account: WalletAccount, books: ProtocolBooks, at: datetime | None = None) -> None:
        self.account = account
        self.books = books
        self.at = at or account.settled_to
        self.deltas: list[Delta] = []
        self.not_collateral = account.not_collateral
        self._balances: dict[str, Decimal] = {}
        self._shares: dict[str, int] = {}
        self._pools: dict[str, PoolBooks[Any]] = {}

    # --- balances -----------------------------------------------------------------------------------------------------

    def balance(self, key: str) -> Decimal:
        changed = self._balances.get(key)
        return self.account.balance(key) if changed is None else changed

    def move(self, key: str, amount: Decimal, source: str) -> None:
        """Raises Reverted when the balance would fall below zero."""
        after = self.balance(key) + amount
        if after < 0:
            raise Reverted("insufficient_balance", f"{key}: {-amount} is needed, {self.balance(key)} is there")
        self._balances[key] = after
        if amount:
            self.deltas.append(Delta(position_key=key, amount=amount, source=source))

    # --- shares of lending markets ------------------------------------------------------------------------------------

    def shares(self, key: str) -> int:
        changed = self._shares.get(key)
        return self.account.shares.get(key, 0) if changed is None else changed

    def units(self, key: str) -> int:
        """What the wallet's shares come to by now, in the token's smallest units."""
        shares = self.shares(key)
        return self.books.lending.units(key, shares, self.at) if shares else 0

    def accrue(self, key: str) -> None:
        """Bring the balance up to now: what it grew since it was last entered is interest."""
        shares = self.shares(key)
        if shares:
            self.move(key, self.books.lending.worth(key, shares, self.at) - self.balance(key), "interest")

    def set_shares(self, key: str, shares: int) -> None:
        """Change a position that was accrued; the balance moves to what the shares are worth."""
        self._shares[key] = shares
        self.move(key, self.books.lending.worth(key, shares, self.at) - self.balance(key), "trade")

    def shared(self) -> list[str]:
        """The positions that are shares, by name."""
        keys = {*self.account.shares, *self._shares}
        return sorted(key for key in keys if is_shared(key) and self.shares(key))

    # --- pools --------------------------------------------------------------------------------------------------------

    def pool(self, name: str) -> PoolBooks[Any] | None:
        """As the transaction has left it so far; None: it has not touched it."""
        return self._pools.get(name)

    def set_pool(self, name: str, pool: PoolBooks[Any]) -> None:
        self._pools[name] = pool

    # --- as a whole ---------------------------------------------------------------------------------------------------

    def branch(self) -> Draft:
        """A copy to try one more step on."""
        copy = Draft(self.account, self.books, self.at)
        copy.deltas = list(self.deltas)
        copy.not_collateral = self.not_collateral
        copy._balances = dict(self._balances)
        copy._shares = dict(self._shares)
        copy._pools = dict(self._pools)
        return copy

    def keep(self) -> None:
        """Write shares and pools to the books; the wallet's balances follow when the deltas are posted."""
        account = self.account
        for key, shares in self._shares.items():
            if shares:
                account.shares[key] = shares
            else:
                account.shares.pop(key, None)
        account.not_collateral = self.not_collateral
        if self._pools:
            self.books.pools.update(self._pools)
