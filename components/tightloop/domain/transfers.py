"""Where a transfer comes from and goes to, in the words of the instruction. Pure.

A source or destination is a venue account, written ``venue[@account][:wallet]`` (``wallet``, ``binance:spot``,
``binance@desk:perp``), or an address. Without an account the strategy's only one there is meant; without a wallet an
exchange's ``spot``, where deposits arrive and withdrawals start.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from msgspec import Struct
from msgspec.structs import replace

from tightloop.domain.directory import Directory, LaneSpec, same_account
from tightloop.domain.positions import TRANSIT, position_key
from tightloop.domain.venues import PERP, SPOT, Venues, VenueSpec
from tightloop.errors import ExecutionError
from tightloop.records.types import AccountRef, Instruction, WalletTransfer

_FROM, _TO = "wallet_transfer.source", "wallet_transfer.destination"
ADDRESS = re.compile(r"[A-Za-z0-9]{20,100}")


class Endpoint(Struct, frozen=True):
    """One end of a transfer. ``wallet``: which of an exchange's; None: the venue has but one."""

    venue: VenueSpec
    account: str | None
    wallet: str | None


def is_address(text: str, venues: Venues) -> bool:
    """Is it an address outside, and no venue account?"""
    return venues.get(_venue_of(text)) is None and ADDRESS.fullmatch(text) is not None


def endpoint(field: str, text: str, venues: Venues) -> Endpoint:
    """The parts of a venue account. Raises ExecutionError EIM-007 that names ``field``."""
    head, _, wallet = text.partition(":")
    name, at, account = head.partition("@")
    spec = venues.get(name)
    if spec is None:
        near = get_close_matches(name, [one.name for one in venues], n=1)
        hint = f"did you mean {near[0]!r}?" if near else "it is like wallet, or binance:spot"
        raise _refused(field, f"{name!r} is no venue and no address; {hint}")
    if spec.kind == "protocol" or (at and not account):
        raise _refused(field, f"{text!r} holds nothing that can be transferred; it is like wallet, or binance:spot")
    if spec.kind == "wallet":
        if wallet:
            raise _refused(field, f"{spec.name} has no further wallets such as {wallet!r}")
        return Endpoint(spec, account or None, None)
    wallet = wallet or SPOT
    if wallet not in spec.markets:
        raise _refused(field, f"{spec.name} has the wallets {' and '.join(spec.markets)}, not {wallet!r}")
    if spec.unified and wallet == PERP:
        raise _refused(field, f"{spec.name} has one wallet for both its markets, {spec.name}:{SPOT}, not {wallet!r}")
    return Endpoint(spec, account or None, wallet)


def transit_key(instruction_id: str, asset: str) -> str:
    return f"{TRANSIT}:{instruction_id}:{asset}"


def transfer_of(instruction: Instruction | None) -> WalletTransfer | None:
    return instruction.wallet_transfer if instruction else None


def destination_of(instruction: Instruction, source: AccountRef, directory: Directory) -> AccountRef | None:
    """The account of the strategy that a transfer goes to; None: an address outside, or the source's own account.

    Raises ExecutionError EIM-007 for one that is not its own, that does not exist, or cannot be reached from there;
    EIM-002 where no lane has its venue.
    """
    transfer = transfer_of(instruction)
    if transfer is None or is_address(transfer.destination, directory.venues):
        return None
    end = endpoint(_TO, transfer.destination, directory.venues)
    if end.account is None and end.venue.name == source.venue and end.venue.kind == "exchange":
        return None  # between the wallets of the source's own account
    found = _account(end, instruction.strategy_id, directory, transfer.network)
    if same_account(found, source):
        if end.venue.kind == "wallet":
            raise _refused(_TO, "is the same as the source")
        return None
    lane = directory.lanes[found.lane]
    if end.wallet == PERP:
        raise _refused(_TO, f"what comes to {end.venue.name} from elsewhere arrives in its spot wallet")
    _check_reachable(directory.lanes[source.lane], lane)
    return found


def position_at(account: AccountRef, asset: str, strategy_id: str, venues: Venues) -> str:
    """The position that an arrival there adds to, in the strategy's spelling."""
    kind = venues.find(account.venue).balance_type(SPOT, asset)
    return position_key(account.venue, kind, asset, account=account.account, strategy_id=strategy_id)


def check_ends(transfer: WalletTransfer, account: str | None, place: VenueSpec, venues: Venues) -> None:
    """What needs no directory. ``account``, ``place``: the instruction's account and venue. Raises ExecutionError
    EIM-007.
    """
    source = endpoint(_FROM, transfer.source, venues)
    if source.venue is not place:
        what = f"a transfer runs at the venue of its source, {source.venue.name}, not at {place.name}"
        raise _refused(_FROM, what)
    if source.account not in (None, account):
        raise _refused(_FROM, f"names the account {source.account}: say it in the instruction's own `account`")
    if is_address(transfer.destination, venues):
        to = None
    else:
        to = endpoint(_TO, transfer.destination, venues)
        if to == source or to == replace(source, account=account):
            raise _refused(_TO, "is the same as the source")
    leaves = to is None or to.venue is not source.venue or to.account not in (None, account)
    if source.wallet == PERP and leaves:
        raise _refused(_FROM, f"what leaves {place.name} leaves from its spot wallet: move it first")


def _account(end: Endpoint, strategy_id: str, directory: Directory, network: str | None) -> AccountRef:
    """``network``: of wallets on several chains, the one on the chain of that name."""
    lanes = directory.lanes_of(end.venue.name)
    if not lanes:
        there = ", ".join(directory.lanes)
        raise ExecutionError("EIM-002", f"{_TO}: {end.venue.name} is on none of the lanes here: {there}")
    own = [one for lane in lanes for one in directory.accounts_of(strategy_id, lane)]
    wanted = [one for one in own if end.account in (None, one.account)]
    if len(wanted) > 1:
        wanted = [one for one in wanted if one.lane == network] or wanted
    if len(wanted) == 1:
        return wanted[0]
    others = [owner for (lane, name), owner in directory.accounts.items() if name == end.account]
    if others and not wanted:
        raise _refused(_TO, f"the account {end.account} belongs to the strategy {others[0]}, not to {strategy_id}")
    shown = ", ".join(f"{one.account} on {one.lane}" for one in own) or "none"
    raise _refused(_TO, f"{end.venue.name}@{end.account or '?'} is not one account: {strategy_id} has {shown}")


def _check_reachable(source: LaneSpec, destination: LaneSpec) -> None:
    if source.kind == destination.kind == "chain" and source.name != destination.name:
        raise _refused(_TO, f"no bridge leads from {source.name} to {destination.name}; go by way of an exchange")
    if source.kind == destination.kind == "exchange" and source.name == destination.name:
        raise _refused(_TO, f"between two accounts of {source.name} nothing is transferred by this version")


def _venue_of(text: str) -> str:
    return text.partition(":")[0].partition("@")[0]


def _refused(field: str, problem: str) -> ExecutionError:
    return ExecutionError("EIM-007", f"{field}: {problem}")
