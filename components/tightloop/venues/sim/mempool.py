"""What a chain was sent and has not mined: one transaction for each wallet and nonce.

As geth does: another transaction of the same wallet and nonce takes its place when it pays a tenth more, in fee cap and
in tip; one whose nonce is ahead waits until the gap before it is filled.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from tightloop.records.types import PreparedTransaction
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.commands import Broadcast, Effect
from tightloop.venues.sim.transactions import Calldata

REPLACING = Decimal("1.1")  # times the fees of what is replaced, at least


class Pending(Struct, frozen=True):
    """A transaction that was taken, with the fault it meets when it is mined. ``number``: the order of arrival."""

    account: str
    client_order_id: str
    transaction: PreparedTransaction
    call: Calldata | None
    effect: Effect
    number: int


class Mempool:
    def __init__(self) -> None:
        self._by_hash: dict[str, Pending] = {}
        self._by_nonce: dict[tuple[str, int], Pending] = {}
        self._arrived = 0

    def __len__(self) -> int:
        return len(self._by_hash)

    def __contains__(self, tx_hash: str) -> bool:
        return tx_hash in self._by_hash

    def get(self, tx_hash: str) -> Pending | None:
        return self._by_hash.get(tx_hash)

    def at(self, account: str, nonce: int) -> Pending | None:
        return self._by_nonce.get((account, nonce))

    def add(self, command: Broadcast, call: Calldata | None, effect: Effect) -> Pending:
        """Raises VenueError when it pays too little to replace what waits with its nonce."""
        transaction = command.transaction
        waiting = self.at(command.account, transaction.nonce)
        if waiting is not None:
            _check_replacement(waiting.transaction, transaction)
            self.remove(waiting)
        self._arrived += 1
        pending = Pending(command.account, command.client_order_id, transaction, call, effect, self._arrived)
        self.put(pending)
        return pending

    def put(self, pending: Pending) -> None:
        """Also for what comes back from a block that is gone."""
        self._by_hash[pending.transaction.tx_hash] = pending
        self._by_nonce[pending.account, pending.transaction.nonce] = pending

    def remove(self, pending: Pending) -> None:
        del self._by_hash[pending.transaction.tx_hash]
        del self._by_nonce[pending.account, pending.transaction.nonce]

    def all(self, account: str | None = None) -> list[Pending]:
        """Of one account, or of all, in the order of arrival."""
        found: Iterable[Pending] = self._by_hash.values()
        if account is not None:
            found = [pending for pending in found if pending.account == account]
        return sorted(found, key=lambda pending: pending.number)

    def senders(self) -> list[str]:
        """Whose transactions wait, by the arrival of the first of each."""
        return list(dict.fromkeys(pending.account for pending in self.all()))


def _check_replacement(waiting: PreparedTransaction, new: PreparedTransaction) -> None:
    cap, tip = waiting.max_fee_per_gas * REPLACING, waiting.max_priority_fee_per_gas * REPLACING
    if new.max_fee_per_gas < cap or new.max_priority_fee_per_gas < tip:
        raise VenueError(
            "replacement_underpriced",
            f"replacement transaction underpriced: nonce {new.nonce} is held by {waiting.tx_hash}; a replacement pays "
            f"a fee cap of {cap} and a tip of {tip} per gas at least",
        )
