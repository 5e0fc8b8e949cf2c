"""Money on its way between two lanes of the sandbox: out of a wallet's block or an exchange's hands, not yet credited.

Nothing here is state of its own: what left is told again when the log is played again, and an arrival is a command of
the log (``commands.Deposit``), so that it happened at one time and in one place of the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tightloop.venues.sim.commands import Deposit
from tightloop.venues.sim.transactions import wallet_address

if TYPE_CHECKING:
    from tightloop.venues.sim.chain import Chain
    from tightloop.venues.sim.exchange import Exchange

    Lanes = Mapping[str, Exchange | Chain]


def deposit_address(lane: str, account: str) -> str:
    """Where an account of an exchange takes deposits in: the same on every network."""
    return "0x" + blake2b(f"deposit|{lane}|{account}".encode(), digest_size=20).hexdigest()


class Sent(Struct, frozen=True, kw_only=True):
    """So much was sent to an address on a network (a chain's lane). ``account``: the wallet whose transaction it is;
    None: an exchange sent it, at ``due`` or before.
    """

    reference: str
    network: str
    address: str
    token: str
    amount: Decimal
    due: datetime
    account: str | None = None


class Network:
    """What was sent and not credited yet, by address."""

    def __init__(self) -> None:
        self._sent: dict[str, dict[str, Sent]] = {}

    def send(self, sent: Sent) -> None:
        self._sent.setdefault(sent.address.lower(), {})[sent.reference] = sent

    def arrived(self, address: str, reference: str) -> None:
        self._sent.get(address, {}).pop(reference, None)

    def due(self, lanes: Lanes, lane: str, account: str, now: datetime) -> list[Deposit]:
        """What is to be credited to this account by now, the oldest first."""
        if not self._sent:
            return []
        there = lanes[lane]
        is_chain = there.kind == "chain"
        address = wallet_address(account) if is_chain else deposit_address(lane, account)
        found = []
        for sent in list(self._sent.get(address, {}).values()):
            if sent.due > now or (is_chain and sent.network != lane) or not _is_deep(lanes, sent, there, now):
                continue
            key = there.deposit_key(sent.token, sent.network, sent.amount)
            if key is not None:
                found.append(Deposit(account=account, position_key=key, amount=sent.amount, reference=sent.reference))
        return found

    def forget(self, lanes: Lanes, lane: str, deposit: Deposit) -> None:
        """It has been credited."""
        is_chain = lanes[lane].kind == "chain"
        address = wallet_address(deposit.account) if is_chain else deposit_address(lane, deposit.account)
        self.arrived(address, deposit.reference)


def _is_deep(lanes: Lanes, sent: Sent, there: Exchange | Chain, now: datetime) -> bool:
    """Do enough blocks hold the transaction that brings it? What an exchange sends is in no block of this sandbox."""
    chain: Any = lanes.get(sent.network)
    if sent.account is None or chain is None:
        return True
    depth: int = chain.depth(sent.account, sent.reference, now)
    least: int = max(there.deposit_depth, chain.settings.confirmations)
    return depth >= least
