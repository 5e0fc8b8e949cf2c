"""Orders and a chain as a person, or a judge, is shown them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from tightloop.venues.sim.chain import Chain
from tightloop.venues.sim.mempool import Pending
from tightloop.venues.sim.trades import ExchangeAccount


class OrderView(Struct, frozen=True, kw_only=True):
    """An order: ``limit`` None takes any price; ``trades`` are the ids of its ledger entries."""

    venue_order_id: str
    client_order_id: str
    symbol: str
    side: str
    status: str
    amount: Decimal
    filled: Decimal
    cost: Decimal
    limit: Decimal | None
    created_at: datetime
    updated_at: datetime
    code: str | None
    message: str | None
    trades: tuple[str, ...]


def order_views(account: ExchangeAccount, working_only: bool = False) -> list[OrderView]:
    """All orders of an account, or those that work, oldest first within a client order id."""
    return [
        OrderView(
            venue_order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.listing.rules.symbol,
            side=order.side,
            status=order.status,
            amount=order.amount,
            filled=order.filled,
            cost=order.cost,
            limit=order.limit,
            created_at=order.created_at,
            updated_at=order.updated_at,
            code=order.code,
            message=order.message,
            trades=tuple([entry.entry_id for entry in order.entries]),
        )
        for history in account.orders.values()
        for order in history
        if not working_only or order.status == "open"
    ]


class TransferView(Struct, frozen=True, kw_only=True):
    """A transfer that was taken. ``status``: ``open``, ``filled`` (sent), ``reverted`` (given back). ``source`` and
    ``destination``: wallets of the account; what leaves the exchange has an ``address`` instead of a destination.
    """

    transfer_id: str
    client_order_id: str
    asset: str
    amount: Decimal
    source: str
    destination: str | None
    address: str | None
    status: str
    tx_hash: str | None


class SentView(Struct, frozen=True, kw_only=True):
    """A transaction that the chain has: what names it, and what it pays, native units per gas."""

    account: str
    client_order_id: str
    nonce: int
    tx_hash: str
    max_fee_per_gas: Decimal
    max_priority_fee_per_gas: Decimal


class BlockView(Struct, frozen=True, kw_only=True):
    number: int
    hash: str
    at: datetime
    base_fee: Decimal
    transactions: list[SentView]


class ChainView(Struct, frozen=True, kw_only=True):
    """A chain. ``final_block`` is the latest that is deep enough; ``base_fee`` that of a block which came now.

    ``blocks``: of those that a reorganisation can still replace, the ones with transactions, oldest first. ``pools``:
    what each that was touched holds, by token.
    """

    lane: str
    as_of: datetime
    head: int
    head_hash: str
    final_block: int
    confirmations: int
    automine: bool
    block_time_s: float | None
    base_fee: Decimal
    tip: Decimal
    pending: list[SentView]
    blocks: list[BlockView]
    pools: dict[str, dict[str, Decimal]]


def chain_view(chain: Chain, now: datetime) -> ChainView:
    return ChainView(
        lane=chain.lane,
        as_of=now,
        head=chain.blocks.head,
        head_hash=chain.blocks.head_hash,
        final_block=chain.block_number,
        confirmations=chain.settings.confirmations,
        automine=chain.automine,
        block_time_s=chain.block_time_s,
        base_fee=chain.base_fee(now),
        tip=chain.settings.tip,
        pending=[_sent(pending) for pending in chain.pool.all()],
        blocks=[
            BlockView(
                number=block.number,
                hash=block.hash,
                at=block.at,
                base_fee=block.base_fee,
                transactions=[_sent(pending) for pending in block.transactions],
            )
            for block in chain.blocks.kept
        ],
        pools=chain.books.holdings(),
    )


def sent_views(chain: Chain, account: str) -> list[SentView]:
    """What of an account's waits in the mempool."""
    return [_sent(pending) for pending in chain.pool.all() if pending.account == account]


def _sent(pending: Pending) -> SentView:
    transaction = pending.transaction
    return SentView(
        account=pending.account,
        client_order_id=pending.client_order_id,
        nonce=transaction.nonce,
        tx_hash=transaction.tx_hash,
        max_fee_per_gas=transaction.max_fee_per_gas,
        max_priority_fee_per_gas=transaction.max_priority_fee_per_gas,
    )
