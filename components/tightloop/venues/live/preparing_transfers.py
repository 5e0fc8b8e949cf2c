"""From a transfer's instruction to exactly what a live exchange is asked for. What it does not move, or not so little,
is refused here, before anything is journalled as sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tightloop.domain import money
from tightloop.domain.directory import LaneSpec
from tightloop.domain.transfers import transfer_of
from tightloop.domain.venues import SPOT
from tightloop.errors.nearest import hint
from tightloop.handlers.calls import DepositAddress, Prepared, Refused, Unavailable
from tightloop.records.types import JournalEntry, PreparedTransfer, WalletTransfer
from tightloop.venues.adapter import Addressed, PreparedAs
from tightloop.venues.live.attempts import answered
from tightloop.venues.live.session import Said
from tightloop.venues.live.transfers import (
    APART_S,
    CLOCKS_S,
    INVALID,
    UNSUPPORTED,
    Network,
    Recent,
    Transfers,
    is_allowed,
    name_of,
    refused_address,
)
from tightloop.venues.live.verdicts import UNAVAILABLE, Verdicts
from tightloop.venues.sim import rounding


async def prepare(entry: JournalEntry, lane: LaneSpec, of: Transfers, recent: Recent) -> PreparedAs:
    """Exactly what is to be asked for: the destination is an address by now, or a wallet of the account itself."""
    transfer = transfer_of(entry.routed.instruction)
    if transfer is None:
        return Refused(UNSUPPORTED, f"{lane.name}: the intent is no transfer")

    async def work() -> PreparedAs:
        try:
            if _venue(transfer.destination) in lane.venues:
                return await _inside(transfer, lane, of, recent)
            return await _outside(transfer, lane, of)
        except Said as said:
            return _decided(of.verdicts, said)

    return await answered(of.verdicts, work())


async def deposit_address(lane: LaneSpec, of: Transfers, asset: str, network: str | None) -> Addressed:
    async def work() -> Addressed:
        try:
            found = _chosen(lane, asset, network, await of.networks(asset))
            if isinstance(found, Refused):
                return found
            what = f"{lane.name}: depositing {asset} on {found.name}"
            if not found.takes:
                return Refused(UNSUPPORTED, f"{what} is suspended")
            address = None if found.tagged else await of.address(asset, found)
            if address is None:
                return Refused(UNSUPPORTED, f"{what} needs a tag besides the address")
            return DepositAddress(address, found.name, found.least_deposit)
        except Said as said:
            return _decided(of.verdicts, said)

    return await answered(of.verdicts, work())


async def _outside(transfer: WalletTransfer, lane: LaneSpec, of: Transfers) -> PreparedAs:
    if not is_allowed(lane, transfer.destination):
        return refused_address(lane, transfer.destination)
    found = _chosen(lane, transfer.asset, transfer.network, await of.networks(transfer.asset))
    if isinstance(found, Refused):
        return found
    amount, asset = money.tidy(transfer.amount), transfer.asset
    if found.tagged or not found.sends:
        why = "needs a tag besides the address" if found.tagged else "is suspended"
        return Refused(UNSUPPORTED, f"{lane.name}: withdrawing {asset} on {found.name} {why}")
    least = max(found.least_withdrawal, money.tidy(found.fee + found.step))
    if amount < least:
        why = f"below the least withdrawal, {money.text(least)}"
    elif amount > found.most_withdrawal:
        why = f"above the greatest withdrawal, {money.text(found.most_withdrawal)}"
    elif found.step and rounding.multiple_down(amount, found.step) != amount:
        why = f"no multiple of {money.text(found.step)}"
    else:
        return Prepared(
            PreparedTransfer(
                asset=asset,
                amount=amount,
                source=SPOT,
                address=transfer.destination,
                network=found.id,
                fee=money.tidy(found.fee),
            )
        )
    return Refused(INVALID, f"{money.text(amount)} {asset} is {why}")


async def _inside(transfer: WalletTransfer, lane: LaneSpec, of: Transfers, recent: Recent) -> PreparedAs:
    what = PreparedTransfer(
        asset=transfer.asset,
        amount=money.tidy(transfer.amount),
        source=_wallet(transfer.source),
        destination=_wallet(transfer.destination),
    )
    margins = await of.margins()
    if what.asset not in margins:
        taken = ", ".join(sorted(margins))
        return Refused(INVALID, f"{lane.name} takes no {what.asset} as margin, but {taken}")
    now = await of.time()
    clocks, apart = timedelta(seconds=2 * CLOCKS_S), timedelta(seconds=APART_S)
    may_act_until = recent.get(name_of(what))
    if may_act_until is not None and now < may_act_until + clocks:
        return _too_soon(lane, what, (may_act_until + clocks - now).total_seconds())
    alike = await of.movements(what, now - apart, now + timedelta(seconds=CLOCKS_S))
    if alike:
        return _too_soon(lane, what, max((one.at + apart - now).total_seconds() for one in alike))
    return Prepared(what, now)


def _too_soon(lane: LaneSpec, what: PreparedTransfer, wait_s: float) -> Unavailable:
    moved = f"{money.text(what.amount)} {what.asset} from {what.source} to {what.destination}"
    return Unavailable(
        UNAVAILABLE,
        f"{lane.name} has no id of ours for a movement between wallets, and {moved} was moved a moment ago: another "
        f"one could not be told from it for {wait_s:.0f} s more",
    )


def _chosen(lane: LaneSpec, asset: str, network: str | None, networks: Sequence[Network]) -> Network | Refused:
    if not networks:
        return Refused(UNSUPPORTED, f"{lane.name} moves no {asset}")
    if network is None:
        return next((one for one in networks if one.usual), networks[0])
    for one in networks:
        if network in (one.name, one.id):
            return one
    names = [one.name for one in networks]
    return Refused(UNSUPPORTED, f"{lane.name} moves {asset} on no network {network!r}{hint(network, names)}")


def _decided(verdicts: Verdicts, said: Said) -> Refused:
    """Of a question: what the exchange refuses for good. Raises what was said, where it is anything else."""
    row = verdicts.row(said)
    if row.meaning != "refused":
        raise said
    return Refused(row.code, said.words, said.raw)


def _venue(place: str) -> str:
    return place.partition(":")[0].partition("@")[0]


def _wallet(place: str) -> str:
    return place.partition(":")[2] or SPOT
