"""What a handler may ask of the outside, and what the outside may answer: data only, no I/O.

A handler asks with a *call*; the runner performs it, and hands the *answer* back. A call that changes something, and a
question about one, is performed only after the transaction that asked for it has committed; what only reads may be
performed before that. The adapters in ``tightloop.venues`` translate a venue's own language into these words, so that
the executor and reconciliation never see one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from tightloop.records.types import (
    AccountRef,
    Delta,
    Fee,
    JournalEntry,
    MarketPrice,
    PreparedOrder,
    PreparedTransaction,
    PreparedTransfer,
)

Market = tuple[str, str]  # venue, unified symbol


class LedgerEntry(Struct, frozen=True, gc=False):
    """One line of an account's ledger at the venue: a trade, a transaction, or something that accrued.

    ``deltas`` is complete (what is bought, what pays, fees, gas); ``fees`` and ``realised_pnl`` explain parts of it.
    ``sequence`` counts up within the account; None: the venue does not count. What an order caused bears its
    ``client_order_id``; what a transaction of the wallet caused, its ``tx_hash``: a chain knows no other id of it.
    """

    entry_id: str
    sequence: int | None
    kind: Literal["trade", "transaction", "transfer", "funding", "interest", "reward", "deposit"]
    event_time: datetime
    deltas: tuple[Delta, ...]
    fees: tuple[Fee, ...] = ()
    client_order_id: str | None = None
    symbol: str | None = None
    side: str | None = None
    amount: Decimal = Decimal(0)
    cost: Decimal | None = None
    liquidity: str | None = None
    realised_pnl: Decimal | None = None
    tx_hash: str | None = None
    block_number: int | None = None
    block_hash: str | None = None
    gas_used: int | None = None
    effective_gas_price: Decimal | None = None  # native units per gas


# --- calls ------------------------------------------------------------------------------------------------------------


class Prepare(Struct, frozen=True, gc=False):
    """What exactly is to be sent for this intent, which has no submission yet? Reads only, and changes nothing.

    ``least_nonce``: a chain's answer takes no nonce below it, however far the node that answers lags.
    """

    entry: JournalEntry
    least_nonce: int | None = None


class Replace(Struct, frozen=True, gc=False):
    """What exactly is to be sent as a sibling of this intent's submissions, under their nonce? Reads only (chains).

    ``bump``: the latest transaction with fees high enough to replace all its siblings; ``cancel``: an empty transaction
    of the wallet to itself, with such fees. Neither pays more than the instruction's ``max_fee``.
    """

    entry: JournalEntry
    kind: Literal["bump", "cancel"]


class Submit(Struct, frozen=True, gc=False):
    """Send the latest of this intent's journalled submissions, and nothing else, once. The gate refuses it when the
    send window, or the instruction's time, has passed.
    """

    entry: JournalEntry


class FindOrder(Struct, frozen=True, gc=False):
    """How does this intent stand at the venue, by any of its submissions? Changes nothing."""

    entry: JournalEntry


class CancelOrder(Struct, frozen=True, gc=False):
    """Cancel what still works of this intent; the answer is the order as it then is (exchanges)."""

    entry: JournalEntry


class ReadLedger(Struct, frozen=True, gc=False):
    """The account's ledger after ``cursor`` (``None``: from its beginning)."""

    account: AccountRef
    cursor: str | None


class ReadPositions(Struct, frozen=True, gc=False):
    """A complete snapshot of what the account holds."""

    account: AccountRef


class ReadPrices(Struct, frozen=True, gc=False):
    """The last price of each of these markets: venue and unified symbol. Answered by what follows market data, not by a
    venue.
    """

    markets: tuple[Market, ...]


class FindArrival(Struct, frozen=True, gc=False):
    """Has a transfer arrived in its destination, an account of any lane? Changes nothing.

    The answer is a :class:`Ledger` with the line that brought it, :class:`NotFound` or :class:`Unavailable`.
    """

    account: AccountRef
    reference: str


Call = Prepare | Replace | Submit | FindOrder | CancelOrder | ReadLedger | ReadPositions | FindArrival | ReadPrices

# --- answers ----------------------------------------------------------------------------------------------------------
#
# Position keys are the account's own: they name no account (``binance:BaseToken:BTC``). The performer makes the
# strategy's keys of them. A ``cursor`` is read by its adapter alone: a place in the ledger, or, where the venue has
# none, what the adapter compares with.
#
# ``as_of`` is the venue's time, by its own clock. ``asked_at`` is ours (UTC), taken before the question left: the
# performer stamps it, so that an answer that is handled late (after a slow commit, a stop of the process, a transaction
# that was undone) keeps its age. An answer without the stamp counts as older than everything.

#
# ``raw`` is what the venue said, word for word, kept for the audit where it decides something.

NEVER = datetime.min.replace(tzinfo=UTC)


class Prepared(Struct, frozen=True, gc=False):
    """Exactly what is to be sent. What can't be prepared is :class:`Refused`, before anything is journalled.

    ``as_of`` is None where nothing had to be asked.
    """

    what: PreparedOrder | PreparedTransaction | PreparedTransfer
    as_of: datetime | None = None
    asked_at: datetime = NEVER


class OrderFound(Struct, frozen=True, omit_defaults=True, gc=False):
    """The venue's evidence of an order or a transaction.

    ``entries`` holds every ledger entry of the order so far, oldest first. ``cursor_before`` and ``cursor_after`` are
    the account's cursor right before the first and right after the last of them when nothing else lies between
    (``None`` when something does, or when the venue can't tell).

    On a chain a transaction is ``open`` until it is as deep as the lane's confirmations say; ``confirmations`` is how
    many blocks hold it by now, its own included (``None``: it is pending), ``tx_hash`` which submission it is.
    """

    status: Literal["open", "filled", "cancelled", "rejected", "reverted"]
    as_of: datetime
    venue_order_id: str | None = None
    entries: tuple[LedgerEntry, ...] = ()
    remaining: Decimal | None = None
    tx_hash: str | None = None
    code: str | None = None
    message: str | None = None
    cursor_before: str | None = None
    cursor_after: str | None = None
    confirmations: int | None = None
    raw: str | None = None
    asked_at: datetime = NEVER


class NotFound(Struct, frozen=True, gc=False):
    """The venue knows nothing of any of the intent's submissions.

    On a chain, all of one view of it: ``nonce`` is the wallet's next by its latest block, ``settled_nonce`` by the
    block that is as deep as the lane's confirmations say, ``block_number`` the latest block.
    """

    as_of: datetime
    nonce: int | None = None
    settled_nonce: int | None = None
    block_number: int | None = None
    raw: str | None = None
    asked_at: datetime = NEVER

    @property
    def holds_at(self) -> datetime:
        """The time up to which this is known, by whichever of the two clocks is behind."""
        return min(self.asked_at, self.as_of)


class Refused(Struct, frozen=True, gc=False):
    """The venue refused, for certain: nothing was done and nothing will be. ``code`` is one of the catalogue."""

    code: str
    message: str
    raw: str | None = None


class NotSent(Struct, frozen=True, gc=False):
    """Nothing was done, for certain; the same intent may be tried again (rate limit, no connection, late timestamp)."""

    code: str
    message: str
    retry_after_s: float = 0.0
    raw: str | None = None


class GateClosed(Struct, frozen=True, gc=False):
    """The last check before the socket refused: ``window`` (journal again), ``expired`` (its time has passed)."""

    reason: Literal["window", "expired"]


class Ambiguous(Struct, frozen=True, gc=False):
    """Neither success nor rejection: only the venue can tell what happened. Ask it."""

    message: str
    raw: str | None = None


class Unavailable(Struct, frozen=True, gc=False):
    """A question could not be answered (reads only)."""

    code: str
    message: str
    asked_at: datetime = NEVER


class Ledger(Struct, frozen=True, gc=False):
    """Entries after the asked cursor, oldest first, and the cursor after the last of them."""

    entries: tuple[LedgerEntry, ...]
    cursor: str
    as_of: datetime
    more: bool = False


class DepositAddress(Struct, frozen=True, gc=False):
    """Where an asset is to be sent so that it arrives in an account, on which network, by the venue's names.

    ``least``: what is less does not arrive, in units of the asset.
    """

    address: str
    network: str
    least: Decimal = Decimal(0)


class Arrived(Struct, frozen=True, gc=False):
    """A transfer has arrived in an account: the ledger entry that brought it."""

    entry: LedgerEntry
    as_of: datetime


class Positions(Struct, frozen=True, gc=False):
    """What the account holds: every position that is not zero, by position key, at one point of the venue's time."""

    as_of: datetime
    amounts: dict[str, Decimal]
    cursor: str
    venue_sequence: int | None = None
    block_number: int | None = None
    complete: bool = True


class PricesRead(Struct, frozen=True, gc=False):
    """One entry for each market that was asked about, without a price where none was seen."""

    prices: tuple[MarketPrice, ...]


Answer = (
    Prepared
    | OrderFound
    | NotFound
    | Refused
    | NotSent
    | GateClosed
    | Ambiguous
    | Unavailable
    | Ledger
    | Positions
    | PricesRead
)
