"""Transfers on and between live exchanges: what the exchanges share. What differs is asked of a :class:`Transfers`;
what is refused before anything is sent is in ``preparing_transfers.py``.

A withdrawal bears the intent's id, and is found by it. A movement between an account's own wallets may have none: it is
found in the history by what it was and when, so that two alike within one such time are not told apart. The second is
therefore not prepared within ``APART_S`` of the first, nor while nobody knows whether the first acted, and may act yet;
and where two are there all the same, nothing is known of either.

"Not there" counts once nothing that was sent can act any more, and ``HISTORY_LAG_S`` longer: histories lag behind.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from tightloop.domain import money
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

FAILED, INVALID, UNSUPPORTED = "EXI-001", "EXI-007", "EXI-013"
HISTORY_LAG_S = 20.0  # how long after it acted a transfer may be missing in its history
APART_S = 6.0  # more than the clocks may be off at both ends, and less than an executor tries to prepare
CLOCKS_S = 2.0  # how far the exchange's clock, and the whole seconds of its histories, may be from ours


class Network(Struct, frozen=True, kw_only=True):
    """How an asset comes and goes on one network. ``name``: its chain's, as lanes are called, where that is known;
    ``id``: the exchange's. ``tagged``: an address alone does not do there. Amounts in units of the asset.
    """

    name: str
    id: str
    usual: bool
    sends: bool
    takes: bool
    tagged: bool
    fee: Decimal
    step: Decimal
    least_withdrawal: Decimal
    most_withdrawal: Decimal
    least_deposit: Decimal


class Moved(Struct, frozen=True, kw_only=True):
    """A transfer as the exchange shows it. ``sent``: what left the source, without the fee; ``over_at``: when what
    could not be sent was given back.
    """

    id: str
    status: Literal["open", "filled", "reverted", "rejected"]
    at: datetime
    sent: Decimal
    fee: Decimal = money.ZERO
    tx_hash: str | None = None
    over_at: datetime | None = None
    message: str | None = None
    raw: str = ""


class Deposited(Struct, frozen=True, kw_only=True):
    """What arrived in the spot wallet."""

    id: str
    asset: str
    amount: Decimal
    at: datetime


class Transfers(Protocol):
    """What differs between exchanges. Everything that asks raises NotLeft, Broken, Said; what acts GateShut as well;
    ValueError for what can't be told for certain.
    """

    verdicts: Verdicts

    def key(self, wallet: str, asset: str) -> str:
        """The position key of what lies in ``spot`` or ``perp``."""

    async def time(self) -> datetime:
        """The exchange's own, in UTC."""

    async def networks(self, asset: str) -> Sequence[Network]:
        """None for an asset that it does not move."""

    async def margins(self) -> Collection[str]:
        """The assets that the perpetuals' wallet takes as margin."""

    async def withdraw(self, client_order_id: str, what: PreparedTransfer, gate: Gate) -> str:
        """Asks for it once; the exchange's id of it."""

    async def withdrawal(
        self, client_order_id: str, what: PreparedTransfer, since: datetime, until: datetime
    ) -> Moved | None:
        """The one with that id of ours. Raises ValueError for several, and for one that is not ``what``."""

    async def move(self, what: PreparedTransfer, gate: Gate) -> str:
        """Asks for it once; the exchange's id of it."""

    async def movements(self, what: PreparedTransfer, since: datetime, until: datetime) -> Sequence[Moved]:
        """All between the same wallets of the same asset and amount."""

    async def deposited(self, reference: str) -> Deposited | None:
        """None: it has not arrived, or not for good. Raises ValueError for one elsewhere than in the spot wallet."""

    async def address(self, asset: str, network: Network) -> str | None:
        """None: it needs a tag besides, without which nothing arrives."""


class Times(NamedTuple):
    """When a transfer may have acted."""

    since: datetime
    until: datetime


# Of movements of which nobody knows yet whether they acted: until when they may
Recent = dict[tuple[str, str | None, str, Decimal], datetime]


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


# --- sent, and found --------------------------------------------------------------------------------------------------


async def submit(entry: JournalEntry, lane: LaneSpec, of: Transfers, gate: Gate, recent: Recent) -> Submitted:
    """Asks for it once, and how it stands then."""
    what = prepared_as(entry)
    if what is None:
        return Refused(INVALID, "the journal holds no transfer to ask for")
    if what.address is not None and not is_allowed(lane, what.address):
        return refused_address(lane, what.address)
    until = _times(entry, lane).until
    if what.address is not None:
        done = await acted(of.withdraw(entry.client_order_id, what, gate))
    else:
        before = recent.get(name_of(what))
        recent[name_of(what)] = until
        done = await acted(of.move(what, gate))
        if before is None and _did_nothing(of.verdicts, done):
            recent.pop(name_of(what), None)
    if isinstance(done, Said):
        return of.verdicts.of_act(done)
    if not isinstance(done, str):
        return done
    found = await answered(of.verdicts, _look(entry, what, lane, of, done))
    if isinstance(found, OrderFound):
        _remember(recent, what, until, found)
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
    _remember(recent, what, _times(entry, lane).until, found)
    return found


def _remember(recent: Recent, what: PreparedTransfer, until: datetime, found: Found) -> None:
    """A movement that is over is in the history, and is told from others there."""
    name = name_of(what)
    if what.address is not None:
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
    times = _times(entry, lane)
    if what.address is not None:
        found = await of.withdrawal(entry.client_order_id, what, *times)
    else:
        alike = await of.movements(what, *times)
        if known_id is not None:
            alike = [one for one in alike if one.id == known_id]
        if len(alike) > 1:
            raise ValueError(f"{len(alike)} movements are what was asked for, and none can be told from the others")
        found = alike[0] if alike else None
    if found is None:
        counts_at = times.until + timedelta(seconds=HISTORY_LAG_S)
        if as_of < counts_at:
            return Unavailable(UNAVAILABLE, f"{lane.name} does not show it yet, which counts from {counts_at} on")
        return NotFound(as_of)
    return _evidence(entry, what, of, found, as_of)


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


def acting_s(lane: LaneSpec) -> float:
    """From its journal record until a request can't act any more."""
    return lane.send_window_s + lane.acceptance_window_s


def _times(entry: JournalEntry, lane: LaneSpec) -> Times:
    """Of everything that may have been sent for this intent."""
    clocks = timedelta(seconds=CLOCKS_S)
    return Times(entry.first_journalled_at - clocks, entry.journalled_at + timedelta(seconds=acting_s(lane)) + clocks)


def name_of(what: PreparedTransfer) -> tuple[str, str | None, str, Decimal]:
    return what.source, what.destination, what.asset, what.amount


def _plain(address: str) -> str:
    return address.lower() if address.startswith("0x") else address
