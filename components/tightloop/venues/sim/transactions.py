"""A transaction as it is signed: the wallet's address, the calldata, and the hash over all of it.

A wallet has delegated to a batch of calls (as by EIP-7702), so that its contract actions are one transaction to itself
whose calldata holds them all. A transfer of the native asset has no calldata: its value moves to whom it is sent. An
empty transaction to oneself does nothing but take its nonce.

Both sides use this module: the adapter to prepare a transaction, the simulated chain to check and run it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from hashlib import blake2b

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tightloop.domain import money
from tightloop.records.types import PreparedTransaction
from tightloop.venues.sim.commands import ChainAction, Moment


class Calldata(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A batch of actions. ``decided_at``: from when the market's price is taken; after ``deadline`` it reverts."""

    actions: tuple[ChainAction, ...]
    decided_at: Moment
    atomic: bool = False
    deadline: Moment | None = None
    first: int = 0  # the number of the first of them in its chain, for what is said of it


class Call(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a transaction is to do, before it is one. With neither calldata nor value it does nothing."""

    to: str
    value: Decimal = Decimal(0)
    data: bytes = b""


class Simulated(Struct, frozen=True, kw_only=True):
    """What a node tells before a transaction is made; fees in native units per gas, all by its latest block.

    ``gas`` is what the call would take, ``balance`` what the wallet has of the native asset.
    """

    chain_id: int
    nonce: int
    base_fee: Decimal
    tip: Decimal
    gas: int
    balance: Decimal
    block_number: int
    as_of: datetime


encode_calldata = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Calldata).decode


def decode_calldata(data: bytes) -> Calldata | None:
    """None: there is no calldata. Raises msgspec.DecodeError."""
    return _decode(data) if data else None


def wallet_address(account: str) -> str:
    """Where an account's wallet is: the same on every chain."""
    return "0x" + blake2b(account.encode(), digest_size=20).hexdigest()


def signed(account: str, transaction: PreparedTransaction) -> PreparedTransaction:
    """The transaction with its hash."""
    return replace(transaction, tx_hash=transaction_hash(account, transaction))


def transaction_hash(account: str, transaction: PreparedTransaction) -> str:
    """Over the sender and every field but the hash: what differs in anything is another transaction."""
    hashed = blake2b(digest_size=32)
    for part in (
        wallet_address(account),
        str(transaction.chain_id),
        str(transaction.nonce),
        transaction.to,
        money.text(transaction.value),
        str(transaction.gas_limit),
        money.text(transaction.max_fee_per_gas),
        money.text(transaction.max_priority_fee_per_gas),
    ):
        hashed.update(part.encode() + b"|")
    authorisation = transaction.authorisation or b""
    hashed.update(b"%d|%b|%b" % (len(authorisation), authorisation, transaction.data))
    return "0x" + hashed.hexdigest()


def sent_to(transaction: PreparedTransaction, call: Calldata | None, native: str) -> tuple[str, str]:
    """Which token it moves to which address; an empty token: none, or of several actions more than one does."""
    if call is None:
        return native, transaction.to
    moving = [one for one in call.actions if (one.protocol, one.operation) == ("wallet", "transfer")]
    if len(moving) != 1:
        return "", ""
    return moving[0].token_in or "", moving[0].parameters.get("to", "")
