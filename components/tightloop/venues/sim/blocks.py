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

    def restore(self) -> list[Drifted]:
        """Put the wallet back. What drifted since is not of the block: it is returned, to be done once more."""
        account = self.account
        drifts = account.drifts[self.drifts :]
        del account.drifts[self.drifts :]
        del account.ledger[self.sequence :]
        account.nonce = self.nonce
        account.balances = dict(self.balances)
        account.shares = dict(self._shares)
        account.not_collateral = self._not_collateral
        account.step = self._step
        account.settled_to = self._settled_to
        return drifts


class Block:
    """A block with transactions, in the order in which they were run."""

    __slots__ = ("at", "base_fee", "hash", "number", "parent", "pools_before", "transactions", "undos")

    def __init__(
        self, number: int, block_hash: str, parent: str, at: datetime, base_fee: Decimal, pools: Pools
    ) -> None:
        self.number = number
        self.hash = block_hash
        self.parent = parent  # the hash of the last block before it that held transactions
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
        self._last_hash = _hash(name)
        self._forks = 0

    @property
    def head_hash(self) -> str:
        latest = self.kept[-1] if self.kept else None
        return latest.hash if latest is not None and latest.number == self.head else self._hash_of(self.head)

    def _hash_of(self, number: int) -> str:
        return _hash(self._last_hash, str(number), str(self._forks))

    def next(self, at: datetime, base_fee: Decimal, pools: Pools) -> Block:
        """The block that would come now. It is part of the chain once it is appended."""
        number = self.head + 1
        return Block(number, self._hash_of(number), self._last_hash, at, base_fee, pools)

    def append(self, block: Block) -> None:
        self.head = block.number
        self.kept.append(block)
        self._last_hash = block.hash
        while self.kept[0].number <= self.head - KEPT:
            for undo in self.kept.popleft().undos:
                undo.account.undos.remove(undo)

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
            block = self.kept.pop()
            self._last_hash = block.parent
            gone.append(block)
        self._forks += 1
        return gone


def _hash(*parts: str) -> str:
    return "0x" + blake2b("|".join(parts).encode(), digest_size=32).hexdigest()
