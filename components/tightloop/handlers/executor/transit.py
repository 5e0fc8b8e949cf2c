"""What a transfer between two accounts of a strategy does to the money under way. Pure.

What leaves the source moves to ``transit:<instruction_id>:<asset>``, in the same report; what arrives moves on from
there. What did not arrive was taken on the way: a fee.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from tightloop.domain import money
from tightloop.domain.directory import Directory
from tightloop.domain.transfers import destination_of, position_at, transfer_of, transit_key
from tightloop.handlers import calls
from tightloop.handlers.executor.submissions import latest
from tightloop.records.types import AccountRef, Delta, JournalEntry, RoutedInstruction, TransferMark, Transit

ZERO = Decimal(0)


def begun(routed: RoutedInstruction, home: str, directory: Directory) -> Transit | None:
    """Where a transfer to another account of the strategy stands at first; None: it is none. ``home``: the lane's."""
    instruction = routed.instruction
    transfer = transfer_of(instruction)
    if instruction is None or transfer is None:
        return None
    source = AccountRef(lane=routed.lane, venue=home, account=routed.account)
    destination = destination_of(instruction, source, directory)
    if destination is None:
        return None
    key = position_at(destination, transfer.asset, routed.strategy_id, directory.venues)
    return Transit(asset=transfer.asset, destination=destination, position_key=key)


def is_under_way(entry: JournalEntry) -> bool:
    """Has it left the source for good, so that the destination is to be asked?"""
    return entry.transit is not None and entry.transit.reference is not None


def is_of_exchange(entry: JournalEntry) -> bool:
    """Is the intent a transfer that an exchange was, or is, asked for? Nobody can call it back."""
    last = latest(entry)
    return last is not None and last.transfer is not None


def frees_at_debit(entry: JournalEntry) -> bool:
    transfer = transfer_of(entry.routed.instruction)
    return transfer is not None and transfer.release == "on_debit"


def question(entry: JournalEntry) -> calls.FindOrder | calls.FindArrival:
    """What is to be asked about this intent: its source, or its destination."""
    transit = entry.transit
    if transit is None or transit.reference is None:
        return calls.FindOrder(entry)
    return calls.FindArrival(transit.destination, transit.reference)


def mark_of(entry: JournalEntry) -> TransferMark | None:
    """What others are to know: by what its arrival is found, and where."""
    transit = entry.transit
    if transit is None or transit.reference is None:
        return None
    return TransferMark(reference=transit.reference, destination=transit.destination)


def moved(entry: JournalEntry, shown: calls.LedgerEntry) -> calls.LedgerEntry:
    """A line of either account's ledger, with what it did to the money under way."""
    transit = entry.transit
    if transit is None:
        return shown
    amount = -_transferred(shown)
    if not amount:
        return shown
    key = transit_key(entry.instruction_id, transit.asset)
    return replace(shown, deltas=(*shown.deltas, Delta(position_key=key, amount=amount, source="transfer")))


def counted(entry: JournalEntry, told: calls.LedgerEntry) -> JournalEntry:
    """After ``told``, as :func:`moved` has it, was reported: what travels now."""
    transit = entry.transit
    if transit is None:
        return entry
    key = transit_key(entry.instruction_id, transit.asset)
    amount = sum((one.amount for one in told.deltas if one.position_key == key), transit.amount or ZERO)
    return replace(entry, transit=replace(transit, amount=money.tidy(amount)))


def arrival(entry: JournalEntry, found: calls.LedgerEntry) -> calls.LedgerEntry:
    """What the destination shows, as this intent's loop tells it: it fills nothing more.

    The destination's sequence and block say nothing of the source, whose report this is.
    """
    transit = entry.transit
    deltas = found.deltas
    missing = _transferred(found) - ((transit.amount if transit else None) or ZERO)
    if transit is not None and missing:  # what is more than travelled was somebody else's
        key = transit_key(entry.instruction_id, transit.asset)
        deltas = (*deltas, Delta(position_key=key, amount=missing, source="fee" if missing < 0 else "correction"))
    return replace(
        found,
        kind="transfer",
        deltas=deltas,
        amount=ZERO,
        client_order_id=entry.client_order_id,
        sequence=None,
        block_number=None,
        block_hash=None,
    )


def what(entry: JournalEntry) -> str:
    """For a person."""
    transit = entry.transit
    if transit is None:
        return f"the transfer {entry.instruction_id}"
    amount = money.text(transit.amount or ZERO)
    return f"the transfer {entry.instruction_id} of {amount} {transit.asset} to {transit.destination.account}"


def _transferred(shown: calls.LedgerEntry) -> Decimal:
    return money.tidy(sum((delta.amount for delta in shown.deltas if delta.source == "transfer"), ZERO))
