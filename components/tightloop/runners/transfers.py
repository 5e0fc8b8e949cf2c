"""What a call about a transfer asks of the other end's reader."""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.domain import money
from tightloop.domain.directory import LaneSpec
from tightloop.domain.transfers import transfer_of
from tightloop.handlers import calls
from tightloop.records.types import JournalEntry
from tightloop.venues.adapter import VenueReader

_UNSUPPORTED = "EXI-013"


async def addressed(
    entry: JournalEntry, reader: VenueReader, source: LaneSpec
) -> JournalEntry | calls.Refused | calls.Unavailable:
    """The intent as its own venue understands it: to an address, on a network. ``reader``: of the destination.

    What a chain's wallet sends travels on that chain and no other: only an address for it will do.
    """
    instruction, transit = entry.routed.instruction, entry.transit
    transfer = transfer_of(instruction)
    if instruction is None or transfer is None or transit is None:
        raise ValueError(f"the intent of {entry.instruction_id} is no transfer")
    chain = source.name if source.kind == "chain" else None
    if chain is not None and transfer.network not in (None, chain):
        return calls.Refused(
            _UNSUPPORTED, f"what leaves {chain!r} travels on it, and on no network {transfer.network!r}"
        )
    told = await reader.deposit_address(transit.destination, transit.asset, transfer.network or chain)
    if not isinstance(told, calls.DepositAddress):
        return told
    if transfer.amount < told.least:
        amount, least = money.text(transfer.amount), money.text(told.least)
        where = transit.destination.venue
        return calls.Refused("EXI-007", f"{amount} {transit.asset} is below the least deposit at {where}, {least}")
    there = replace(transfer, destination=told.address, network=told.network)
    return replace(entry, routed=replace(entry.routed, instruction=replace(instruction, wallet_transfer=there)))


def as_ledger(found: calls.Arrived | calls.NotFound | calls.Unavailable) -> calls.Answer:
    """What a handler is told: the line that brought it, as of a ledger."""
    if isinstance(found, calls.Arrived):
        return calls.Ledger((found.entry,), "", found.as_of)
    return found
