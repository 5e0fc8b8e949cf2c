"""What an intent was, or is, to be sent as: the list in its journal entry. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from tightloop.handlers.calls import LedgerEntry, Prepared
from tightloop.records.types import JournalEntry, PreparedOrder, PreparedTransaction, PreparedTransfer, Submission

Kind = Literal["first", "bump", "cancel"]


def latest(entry: JournalEntry) -> Submission | None:
    """The one that is sent next, or was sent last; None: the intent was never prepared."""
    return entry.submissions[-1] if entry.submissions else None


def is_cancel(entry: JournalEntry) -> bool:
    """Is the latest of them an empty transaction that takes the intent's nonce?"""
    last = latest(entry)
    return last is not None and last.kind == "cancel"


def held_nonce(entry: JournalEntry) -> int | None:
    """The wallet's nonce that all its submissions share (chains)."""
    last = latest(entry)
    return last.transaction.nonce if last and last.transaction else None


def hash_of(entry: JournalEntry) -> str | None:
    """The one that the chain has shown; before that, the latest sent (chains)."""
    last = latest(entry)
    return entry.tx_hash or (last.transaction.tx_hash if last and last.transaction else None)


def has_caused(entry: JournalEntry, shown: LedgerEntry) -> bool:
    """Is this line of the ledger what one of them did?"""
    if shown.client_order_id is not None:
        return shown.client_order_id == entry.client_order_id
    hashes = (one.transaction.tx_hash for one in entry.submissions if one.transaction)
    return shown.tx_hash is not None and shown.tx_hash in hashes


def times_sent(entry: JournalEntry) -> int:
    """How many times one of them was journalled to be sent."""
    return sum([one.sent_count for one in entry.submissions])


def with_prepared(entry: JournalEntry, kind: Kind, prepared: Prepared, now: datetime) -> JournalEntry:
    """The entry with one submission more, which was not journalled to be sent yet."""
    what = prepared.what
    one = Submission(
        number=len(entry.submissions) + 1,
        kind=kind,
        journalled_at=now,
        sent_count=0,
        order=what if isinstance(what, PreparedOrder) else None,
        transaction=what if isinstance(what, PreparedTransaction) else None,
        transfer=what if isinstance(what, PreparedTransfer) else None,
    )
    return replace(entry, submissions=(*entry.submissions, one))


def journalled_again(entry: JournalEntry, now: datetime) -> JournalEntry:
    """The entry as it is journalled for (one more) sending of its latest submission."""
    *before, last = entry.submissions
    last = replace(last, journalled_at=now, sent_count=last.sent_count + 1)
    return replace(entry, journalled_at=now, submissions=(*before, last))
