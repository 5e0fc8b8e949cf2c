"""Between the executor's words and the simulated venues': the same for both faces, HTTP and in process."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from tightloop.handlers.calls import Ambiguous, NotFound, NotSent, OrderFound, Refused, Unavailable
from tightloop.records.types import JournalEntry, PreparedTransaction
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.commands import Broadcast, CancelWorking, MoveFunds, PlaceOrder
from tightloop.venues.sim.errors import meaning

UNSUPPORTED = "EXI-013"
UNAVAILABLE = "EXI-003"
ALREADY_KNOWN = "already_known"  # what a node says of a transaction that it has


def refusal_of_prepare(error: ErrorBody, status: int, raw: str) -> Refused | Unavailable:
    """What a node's refusal to simulate means: the transaction would revert, or could not be tried."""
    meant = meaning(error.code)
    if meant.verdict == "refused":
        return Refused(meant.code, error.message, raw)
    return Unavailable(UNAVAILABLE, f"{status} {error.code}: {error.message}")


def sent_as(entry: JournalEntry) -> PreparedTransaction | Refused:
    """The transaction that the journal says is to be sent."""
    transaction = entry.submissions[-1].transaction if entry.submissions else None
    return Refused("EXI-007", "the journal holds no transaction to send") if transaction is None else transaction


def hashes_of(entry: JournalEntry) -> list[str]:
    """Of everything that may have been sent for the intent, the first first."""
    return [one.transaction.tx_hash for one in entry.submissions if one.transaction is not None]


def place_order(entry: JournalEntry, signed: datetime) -> PlaceOrder:
    """Exactly the order that was journalled."""
    instruction: Any = entry.routed.instruction
    order: Any = entry.submissions[-1].order
    return PlaceOrder(
        account=entry.account,
        strategy_id=entry.strategy_id,
        instruction_id=entry.instruction_id,
        loop_no=entry.loop_no,
        attempt=entry.attempt,
        client_order_id=entry.client_order_id,
        market=order.market,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        timestamp=signed,
        decided_at=instruction.created_at,
        amount=order.amount,
        quote_amount=order.quote_amount,
        price=order.price,
        time_in_force=order.time_in_force,
        reduce_only=order.reduce_only,
        reference_price=order.reference_price,
        max_slippage_bps=order.max_slippage_bps,
    )


def is_transfer(entry: JournalEntry) -> bool:
    """Is it a transfer that the exchange is asked for?"""
    return bool(entry.submissions) and entry.submissions[-1].transfer is not None


def move_funds(entry: JournalEntry, signed: datetime) -> MoveFunds:
    """Exactly the transfer that was journalled."""
    moved: Any = entry.submissions[-1].transfer
    return MoveFunds(
        account=entry.account,
        strategy_id=entry.strategy_id,
        instruction_id=entry.instruction_id,
        loop_no=entry.loop_no,
        attempt=entry.attempt,
        client_order_id=entry.client_order_id,
        asset=moved.asset,
        amount=moved.amount,
        timestamp=signed,
        source=moved.source,
        destination=moved.destination,
        address=moved.address,
        network=moved.network,
    )


def cancel_order(entry: JournalEntry, signed: datetime) -> CancelWorking:
    return CancelWorking(
        account=entry.account,
        strategy_id=entry.strategy_id,
        instruction_id=entry.instruction_id,
        loop_no=entry.loop_no,
        attempt=entry.attempt,
        client_order_id=entry.client_order_id,
        timestamp=signed,
    )


def broadcast(entry: JournalEntry, transaction: PreparedTransaction, signed: datetime) -> Broadcast:
    return Broadcast(
        account=entry.account,
        strategy_id=entry.strategy_id,
        instruction_id=entry.instruction_id,
        loop_no=entry.loop_no,
        attempt=entry.attempt,
        client_order_id=entry.client_order_id,
        transaction=transaction,
        timestamp=signed,
    )


# --- answers ------------------------------------------------------------------------------------------------------


def refusal_of_submit(error: ErrorBody, raw: str) -> Refused | NotSent | Ambiguous:
    """What a venue's refusal of a mutating request means. ``raw``: its words."""
    code, message = error.code, error.message
    meant = meaning(code)
    if meant.verdict == "refused":
        return Refused(meant.code, message, raw)
    if meant.verdict == "retry":
        return NotSent(meant.code, f"{code}: {message}", _wait(error), raw)
    return Ambiguous(f"{code}: {message}", raw)


def _wait(error: ErrorBody) -> float:
    if error.retry_after_s is not None:
        return error.retry_after_s
    return 1.0 if error.code == "rate_limited" else 0.0


def refusal_of_cancel(error: ErrorBody, as_of: datetime, raw: str) -> NotFound | Refused | NotSent | Ambiguous:
    unknown = meaning(error.code).verdict == "unknown"
    return NotFound(as_of, raw=raw) if unknown else refusal_of_submit(error, raw)


def not_found(error: ErrorBody, as_of: datetime, raw: str) -> NotFound:
    return NotFound(as_of, error.nonce, error.settled_nonce, error.block_number, raw)


def order_found(found: OrderFound, raw: str | None = None) -> OrderFound:
    """The catalogue's code for the venue's. ``raw``: its words, where there are any."""
    if raw is None and found.code is None:
        return found
    return replace(found, raw=raw, code=None if found.code is None else meaning(found.code).code)


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the server refuses. ``as_of`` is the venue's time; the rest is what a chain shows, as in ``NotFound``."""

    code: str
    message: str
    as_of: datetime | None = None
    nonce: int | None = None
    settled_nonce: int | None = None
    block_number: int | None = None
    retry_after_s: float | None = None


def error_body(refusal: VenueError, as_of: datetime) -> ErrorBody:
    wallet = refusal.wallet
    if wallet is None:
        return ErrorBody(refusal.code, refusal.message, as_of, retry_after_s=refusal.retry_after_s)
    return ErrorBody(refusal.code, refusal.message, as_of, wallet.nonce, wallet.settled_nonce, wallet.block_number)
