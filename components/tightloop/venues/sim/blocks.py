"""The blocks of a simulated chain: their numbers, hashes and times, and what undoes the latest of them.

Only a block that holds transactions is kept, with the wallets and the pools as they were before it; empty ones are
counted. A block that is gone is replaced by an empty one of the same number and another hash, so that the chain never
gets shorter.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.sim.books import Drifted
from tightloop.venues.sim.mempool import Pending
from tightloop.venues.sim.protocols.pools import Pools
from tightloop.venues.sim.wallets import WalletAccount

KEPT = 64  # blocks that can be undone


class Undo:
    """A wallet as it was right before a block."""

    __slots__ = (
        "_not_collateral",
        "_settled_to",
        "_shares",
        "_step",
        "account",
        "at",
        "balances",
        "drifts",
        "nonce",
        "number",
        "sequence",
    )

    def __init__(self, account: WalletAccount, number: int, at: datetime) -> None:
        self.account = account
        self.number = number
        self.at = at
        self.nonce = account.nonce
        self.sequence = account.sequence
        self.balances = dict(account.balances)
        self._shares = dict(account.shares)
        self._not_collateral = account.not_collateral
        self._step = account.step
        self._settled_to = account.settled_to
        self.drifts = len(account.drifts)

    def restore(self) -> list[Drifted | LedgerEntry]:
        """Put the wallet back. What drifted or was deposited since is not of the block: it is returned, in the order in
        which it came, to be done once more.
        """
        account = self.account
        drifts = account.drifts[self.drifts :]
        deposits = [entry for entry in account.ledger[self.sequence :] if entry.kind == "deposit"]
        del account.drifts[self.drifts :]
        del account.ledger[self.sequence :]
        account.nonce = self.nonce
        account.balances = dict(self.balances)
        account.shares = dict(self._shares)
        account.not_collateral = self._not_collateral
        account.step = self._step
        account.settled_to = self._settled_to
        return sorted([*drifts, *deposits], key=_came_at)


def _came_at(one: Drifted | LedgerEntry) -> datetime:
    return one.at if isinstance(one, Drifted) else one.event_time


class Block:
    """A block with transactions, in the order in which they were run."""

    __slots__ = ("at", "base_fee", "hash", "number", "pools_before", "transactions", "undos")

    def __init__(self, number: int, block_hash: str, at: datetime, base_fee: Decimal, pools: Pools) -> None:
        self.number = number
        self.hash = block_hash
        self.at = at
        self.base_fee = base_fee
        self.pools_before = dict(pools)
        self.transactions: list[Pending] = []
        self.undos: list[Undo] = []


class Blocks:
    """``head`` is the number of the latest block."""

    def __init__(self, first: int, name: str) -> None:
        self.head = first
        self.kept: deque[Block] = deque()
        self._first = first
        self._name = name
        self._forks = 0  # how often blocks were replaced

    @property
    def head_hash(self) -> str:
        latest = self.kept[-1] if self.kept else None
        return latest.hash if latest is not None and latest.number == self.head else self._hash_of(self.head)

    def _hash_of(self, number: int) -> str:
        """No two blocks of a chain have the same: of one number there is one between two reorganisations."""
        return "0x" + blake2b(f"{self._name}|{number}|{self._forks}".encode(), digest_size=32).hexdigest()

    def next(self, at: datetime, base_fee: Decimal, pools: Pools) -> Block:
        """The block that would come now. It is part of the chain once it is appended."""
        number = self.head + 1
        return Block(number, self._hash_of(number), at, base_fee, pools)

    def append(self, block: Block) -> None:
        self.head = block.number
        self.kept.append(block)
        while self.kept[0].number <= self.head - KEPT:
            for undo in self.kept.popleft().undos:
                undo.account.undos.popleft()

    def append_empty(self, count: int) -> None:
        self.head += count

    @property
    def most_undone(self) -> int:
        """How many blocks a reorganisation can replace at most."""
        return min(KEPT, self.head - self._first)

    def undo(self, count: int) -> list[Block]:
        """Replace the latest ``count`` blocks by empty ones; those with transactions, the latest first."""
        gone = []
        while self.kept and self.kept[-1].number > self.head - count:
            gone.append(self.kept.pop())
        self._forks += 1
        return gone
