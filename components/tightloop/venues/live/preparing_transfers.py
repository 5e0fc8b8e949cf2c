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
    Recent,
    has_id,
    is_allowed,
    name_of,
    one_wallet,
    refused_address,
    told_of,
)
from tightloop.venues.live.verdicts import UNAVAILABLE, Verdicts
from tightloop.venues.live.wallets import Network, Transfers
from tightloop.venues.sim import rounding


async def prepare(entry: JournalEntry, lane: LaneSpec, of: Transfers, recent: Recent) -> PreparedAs:
    """Exactly what is to be asked for: the destination is an address by now, or a wallet of the account itself."""
    transfer = transfer_of(entry.routed.instruction)
    if transfer is None:
        return Refused(UNSUPPORTED, f"{lane.name}: the intent is no transfer")

    async def work() -> PreparedAs:
        try:
            stays = _venue(transfer.destination) in lane.venues
            found = await (_inside(transfer, lane, of) if stays else _outside(transfer, lane, of))
            if isinstance(found, Refused):
                return found
            if has_id(found, of):
                return Prepared(found)
            return await _apart(entry.client_order_id, found, lane, of, recent)
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


async def _outside(transfer: WalletTransfer, lane: LaneSpec, of: Transfers) -> PreparedTransfer | Refused:
    if not is_allowed(lane, transfer.destination):
        return refused_address(lane, transfer.destination)
    found = _chosen(lane, transfer.asset, transfer.network, await of.networks(transfer.asset))
    if isinstance(found, Refused):
        return found
    amount, asset = money.tidy(transfer.amount), transfer.asset
    hindrance = _hindrance(found)
    if hindrance:
        return Refused(UNSUPPORTED, f"{lane.name}: withdrawing {asset} on {found.name} {hindrance}")
    least = found.least_withdrawal if of.fee_on_top else max(found.least_withdrawal, money.tidy(found.fee + found.step))
    if amount < least:
        why = f"below the least withdrawal, {money.text(least)}"
    elif amount > found.most_withdrawal:
        why = f"above the greatest withdrawal, {money.text(found.most_withdrawal)}"
    elif found.step and rounding.multiple_down(amount, found.step) != amount:
        why = f"no multiple of {money.text(found.step)}"
    else:
        return PreparedTransfer(
            asset=asset,
            amount=amount,
            source=SPOT,
            address=transfer.destination,
            network=found.id,
            fee=money.tidy(found.fee),
        )
    return Refused(INVALID, f"{money.text(amount)} {asset} is {why}")


def _hindrance(network: Network) -> str:
    """Why nothing is withdrawn there, if anything is in the way."""
    if network.tagged:
        return "needs a tag besides the address"
    if network.fee_share:
        return f"takes {money.text(network.fee_share)} of the amount besides its fee, which is not reckoned with here"
    return "" if network.sends else "is suspended"


async def _inside(transfer: WalletTransfer, lane: LaneSpec, of: Transfers) -> PreparedTransfer | Refused:
    if of.between is None:
        return one_wallet(lane)
    margins = await of.between.margins()
    if transfer.asset not in margins:
        taken = ", ".join(sorted(margins))
        return Refused(INVALID, f"{lane.name} takes no {transfer.asset} as margin, but {taken}")
    return PreparedTransfer(
        asset=transfer.asset,
        amount=money.tidy(transfer.amount),
        source=_wallet(transfer.source),
        destination=_wallet(transfer.destination),
    )


async def _apart(
    client_order_id: str, what: PreparedTransfer, lane: LaneSpec, of: Transfers, recent: Recent
) -> Prepared | Unavailable:
    """What has no id is prepared once it can be told from the one before that is like it."""
    now = await of.time()
    clocks, apart = timedelta(seconds=2 * CLOCKS_S), timedelta(seconds=APART_S)
    may_act_until = recent.get(name_of(what))
    if may_act_until is not None and now < may_act_until + clocks:
        return _too_soon(lane, what, (may_act_until + clocks - now).total_seconds())
    alike = await told_of(client_order_id, what, of, now - apart, now + timedelta(seconds=CLOCKS_S))
    if alike:
        return _too_soon(lane, what, max((one.at + apart - now).total_seconds() for one in alike))
    return Prepared(what, now)


def _too_soon(lane: LaneSpec, what: PreparedTransfer, wait_s: float) -> Unavailable:
    if what.address is not None:
        kind, moved = "withdrawal", f"{what.asset} to {what.address}"
    else:
        kind, moved = "movement", f"{money.text(what.amount)} {what.asset} from {what.source} to {what.destination}"
    return Unavailable(
        UNAVAILABLE,
        f"{lane.name} shows no id of ours with a {kind}, and {moved} was moved a moment ago: another one could not be "
        f"told from it for {wait_s:.0f} s more",
    )


def _chosen(lane: LaneSpec, asset: str, network: str | None, networks: Sequence[Network]) -> Network | Refused:
    if not networks:
        return Refused(UNSUPPORTED, f"{lane.name} moves no {asset}")
    names = [one.name for one in networks]
    if network is None:
        usual = networks if len(networks) == 1 else [one for one in networks if one.usual]
        if usual:
            return usual[0]
        return Refused(UNSUPPORTED, f"{lane.name} moves {asset} on {', '.join(names)}: say which, as none is the usual")
    for one in networks:
        if network in (one.name, one.id):
            return one
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
