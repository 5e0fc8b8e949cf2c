"""Transfers on and between live exchanges: what the exchanges share. What differs is asked of a
:class:`~.wallets.Transfers`; what is refused before anything is sent is in ``preparing_transfers.py``.

A withdrawal bears the intent's id, and is found by it where the exchange shows it. Where it does not, and for a
movement between an account's own wallets, which may have none, it is found in the history by what it was and when, so
that two alike within one such time are not told apart. The second is therefore not prepared within ``APART_S`` of the
first, nor while nobody knows whether the first acted, and may act yet; and where two are there all the same, nothing is
known of either.

"Not there" counts once nothing that was sent can act any more, and ``HISTORY_LAG_S`` longer: histories lag behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from tightloop.domain.directory import LaneSpec
from tightloop.domain.transfers import transfer_of
from tightloop.domain.venues import SPOT
from tightloop.handlers.calls import (
    Arrived,
    GateClosed,
    LedgerEntry,
    NotFound,
    NotSent,
    OrderFound,
    Refused,
    Unavailable,
)
from tightloop.records.types import Delta, Fee, JournalEntry, PreparedTransfer
from tightloop.venues.adapter import Found, Gate, Submitted
from tightloop.venues.live.attempts import UNREADABLE, acted, answered
from tightloop.venues.live.session import Said
from tightloop.venues.live.verdicts import UNAVAILABLE, Verdicts
from tightloop.venues.live.wallets import Moved, Transfers

FAILED, INVALID, UNSUPPORTED = "EXI-001", "EXI-007", "EXI-013"
HISTORY_LAG_S = 20.0  # how long after it acted a transfer may be missing in its history
APART_S = 6.0  # more than the clocks may be off at both ends, and less than an executor tries to prepare
CLOCKS_S = 2.0  # how far the exchange's clock, and the whole seconds of its histories, may be from ours


class Times(NamedTuple):
    """When a transfer may have acted."""

    since: datetime
    until: datetime


Name = tuple[str, str | None, str, Decimal | None]
# Of transfers without an id, of which nobody knows yet whether they acted: until when they may
Recent = dict[Name, datetime]


def is_transfer(entry: JournalEntry) -> bool:
    """Is the intent a transfer?"""
    return transfer_of(entry.routed.instruction) is not None or prepared_as(entry) is not None


def prepared_as(entry: JournalEntry) -> PreparedTransfer | None:
    """What the journal says is to be asked for."""
    return entry.submissions[-1].transfer if entry.submissions else None


# --- addresses --------------------------------------------------------------------------------------------------------


def is_allowed(lane: LaneSpec, address: str) -> bool:
    """Does the lane's configuration name this address? Of one in hexadecimal, upper and lower case are the same."""
    return _plain(address) in {_plain(one) for one in lane.withdraws_to}


def refused_address(lane: LaneSpec, address: str) -> Refused:
    named = ", ".join(lane.withdraws_to) or "none"
    return Refused(
        UNSUPPORTED, f"{lane.name}: {address} is no address that lanes.{lane.name}.withdraws_to names ({named})"
    )


def one_wallet(lane: LaneSpec) -> Refused:
    return Refused(INVALID, f"{lane.name} has one wallet for both its markets: nothing is moved inside")


# --- sent, and found --------------------------------------------------------------------------------------------------


async def submit(entry: JournalEntry, lane: LaneSpec, of: Transfers, gate: Gate, recent: Recent) -> Submitted:
    """Asks for it once, and how it stands then."""
    what = prepared_as(entry)
    if what is None:
        return Refused(INVALID, "the journal holds no transfer to ask for")
    if what.address is not None and not is_allowed(lane, what.address):
        return refused_address(lane, what.address)
    until = _times(entry, lane, of).until
    if what.address is not None:
        asked = of.withdraw(entry.client_order_id, what, gate)
    elif of.between is not None:
        asked = of.between.move(what, gate)
    else:
        return one_wallet(lane)
    name = name_of(what)
    before = recent.get(name)
    if not has_id(what, of):
        recent[name] = until
    done = await acted(asked)
    if before is None and _did_nothing(of.verdicts, done):
        recent.pop(name, None)
    if isinstance(done, Said):
        return of.verdicts.of_act(done)
    if not isinstance(done, str):
        return done
    found = await answered(of.verdicts, _look(entry, what, lane, of, done))
    if isinstance(found, OrderFound):
        _remember(recent, what, of, until, found)
        return found
    return OrderFound("open", entry.journalled_at, done)  # it was taken, for certain; what it did is still to be shown


def _did_nothing(verdicts: Verdicts, done: object) -> bool:
    """For certain."""
    answer = verdicts.of_act(done) if isinstance(done, Said) else done
    return isinstance(answer, Refused | NotSent | GateClosed)


async def find(entry: JournalEntry, lane: LaneSpec, of: Transfers, recent: Recent) -> Found:
    what = prepared_as(entry)
    if what is None:
        return Unavailable(UNREADABLE, "the journal holds no transfer to look for")
    found = await answered(of.verdicts, _look(entry, what, lane, of, entry.venue_order_id))
    _remember(recent, what, of, _times(entry, lane, of).until, found)
    return found


def _remember(recent: Recent, what: PreparedTransfer, of: Transfers, until: datetime, found: Found) -> None:
    """One that is over is in the history, and is told from others there."""
    name = name_of(what)
    if has_id(what, of):
        return
    if not isinstance(found, OrderFound) or found.status == "open":
        recent[name] = max(recent.get(name, until), until)
    elif recent.get(name) == until:
        del recent[name]


async def find_arrival(of: Transfers, reference: str) -> Arrived | NotFound | Unavailable:
    async def work() -> Arrived | NotFound:
        as_of = await of.time()
        found = await of.deposited(reference)
        if found is None:
            return NotFound(as_of)
        delta = Delta(position_key=of.key(SPOT, found.asset), amount=found.amount, source="transfer")
        entry = LedgerEntry(f"deposit-{found.id}", None, "deposit", found.at, (delta,), tx_hash=reference)
        return Arrived(entry, as_of)

    return await answered(of.verdicts, work())


async def _look(
    entry: JournalEntry, what: PreparedTransfer, lane: LaneSpec, of: Transfers, known_id: str | None
) -> Found:
    """``known_id``: the exchange's, where it has told one."""
    as_of = await of.time()
    times = _times(entry, lane, of)
    alike = await told_of(entry.client_order_id, what, of, *times, known_id)
    if len(alike) > 1 and has_id(what, of):
        raise ValueError(f"{len(alike)} withdrawals bear the id {entry.client_order_id}")
    if len(alike) > 1:
        raise ValueError(f"{len(alike)} transfers are what was asked for, and none can be told from the others")
    if not alike:
        counts_at = times.until + timedelta(seconds=HISTORY_LAG_S)
        if as_of < counts_at:
            return Unavailable(UNAVAILABLE, f"{lane.name} does not show it yet, which counts from {counts_at} on")
        return NotFound(as_of)
    _check_sum(what, of, alike[0])
    return _evidence(entry, what, of, alike[0], as_of)


async def told_of(
    client_order_id: str,
    what: PreparedTransfer,
    of: Transfers,
    since: datetime,
    until: datetime,
    known_id: str | None = None,
) -> Sequence[Moved]:
    """All in the exchange's histories that may be this one. ``known_id``: the exchange's."""
    if what.address is not None:
        return await of.withdrawals(client_order_id, what, since, until, known_id)
    if of.between is None:
        return ()
    alike = await of.between.movements(what, since, until)
    return [one for one in alike if known_id in (None, one.id)]


def _check_sum(what: PreparedTransfer, of: Transfers, found: Moved) -> None:
    """Raises ValueError for another amount than was asked for."""
    asked = found.sent if of.fee_on_top else found.sent + found.fee
    if asked != what.amount:
        raise ValueError(
            f"{found.sent} was sent for {found.fee}, which is not the {what.amount} {what.asset} that was asked for"
        )


def _evidence(entry: JournalEntry, what: PreparedTransfer, of: Transfers, found: Moved, as_of: datetime) -> OrderFound:
    failed = found.status in ("reverted", "rejected")
    return OrderFound(
        found.status,
        as_of,
        found.id,
        _entries(entry, what, of, found),
        tx_hash=found.tx_hash if found.status == "filled" else None,
        code=FAILED if failed else None,
        message=(found.message or "the exchange did not carry it out") if failed else None,
        raw=found.raw,
    )


def _entries(entry: JournalEntry, what: PreparedTransfer, of: Transfers, found: Moved) -> tuple[LedgerEntry, ...]:
    """What it did: out of the source, and back where it failed."""
    source = of.key(what.source, what.asset)
    deltas = [Delta(position_key=source, amount=-found.sent, source="transfer")]
    fees: tuple[Fee, ...] = ()
    if what.address is None:
        if found.status != "filled":
            return ()  # nothing is said of when a movement takes what it moves: it counts once it is done
        there = of.key(what.destination or SPOT, what.asset)
        deltas.append(Delta(position_key=there, amount=found.sent, source="transfer"))
    elif found.fee:
        deltas.append(Delta(position_key=source, amount=-found.fee, source="fee"))
        fees = (Fee(position_key=source, amount=found.fee, kind="network"),)
    debit = LedgerEntry(
        f"{'movement' if what.address is None else 'withdrawal'}-{found.id}",
        None,
        "transfer",
        found.at,
        tuple(deltas),
        fees=fees,
        client_order_id=entry.client_order_id,
        symbol=what.asset,
        amount=what.amount,
    )
    if found.status != "reverted":
        return (debit,)
    return debit, LedgerEntry(
        f"{debit.entry_id}-back",
        None,
        "transfer",
        found.over_at or found.at,
        tuple(Delta(position_key=one.position_key, amount=-one.amount, source=one.source) for one in deltas),
        fees=tuple(Fee(position_key=one.position_key, amount=-one.amount, kind=one.kind) for one in fees),
        client_order_id=entry.client_order_id,
        symbol=what.asset,
    )


# --- times and names --------------------------------------------------------------------------------------------------


def acting_s(lane: LaneSpec, of: Transfers) -> float:
    """From its journal record until a request can't act any more."""
    return lane.send_window_s + (lane.acceptance_window_s if of.taken_for_s is None else of.taken_for_s)


def _times(entry: JournalEntry, lane: LaneSpec, of: Transfers) -> Times:
    """Of everything that may have been sent for this intent."""
    clocks = timedelta(seconds=CLOCKS_S)
    return Times(
        entry.first_journalled_at - clocks, entry.journalled_at + timedelta(seconds=acting_s(lane, of)) + clocks
    )


def has_id(what: PreparedTransfer, of: Transfers) -> bool:
    """Is it found by an id of ours?"""
    return what.address is not None and of.named


def name_of(what: PreparedTransfer) -> Name:
    """What it is told from others by, where it has no id. Not by a withdrawal's amount: which one a history will show,
    with its fee or without it, is not always said.
    """
    if what.address is not None:
        return what.source, _plain(what.address), what.asset, None
    return what.source, what.destination, what.asset, what.amount


def _plain(address: str) -> str:
    return address.lower() if address.startswith("0x") else address
