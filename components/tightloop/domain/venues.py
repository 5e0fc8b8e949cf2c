"""The catalogue of venues: which lane signs for each, and what can be done there."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal

from msgspec import Struct

from tightloop.errors import ExecutionError

VenueKind = Literal["exchange", "protocol", "wallet"]


class Venue(Struct, frozen=True):
    """``kind``: an ``exchange`` trades, a ``protocol`` acts on a chain, a ``wallet`` transfers and holds."""

    name: str
    kind: VenueKind
    lane: str

    @property
    def types(self) -> tuple[str, ...]:
        """The instruction types that can run there, ``cancel`` among them everywhere."""
        return _TYPES[self.kind]


class Lane(Struct, frozen=True):
    """What signs: an exchange with its accounts, or a chain with its wallets."""

    name: str
    kind: Literal["exchange", "chain"]


_TYPES: dict[VenueKind, tuple[str, ...]] = {
    "exchange": ("cex_trade", "wallet_transfer", "cancel"),
    "protocol": ("smart_contract_action", "cancel"),
    # a wallet's own chain runs chains of actions over several protocols, too
    "wallet": ("wallet_transfer", "smart_contract_action", "cancel"),
}

LANES: dict[str, Lane] = {
    lane.name: lane
    for lane in (
        Lane("binance", "exchange"),
        Lane("bybit", "exchange"),
        Lane("okx", "exchange"),
        Lane("ethereum", "chain"),
    )
}

VENUES: dict[str, Venue] = {
    venue.name: venue
    for venue in (
        Venue("binance", "exchange", "binance"),
        Venue("bybit", "exchange", "bybit"),
        Venue("okx", "exchange", "okx"),
        Venue("uniswap", "protocol", "ethereum"),
        Venue("curve", "protocol", "ethereum"),
        Venue("aave", "protocol", "ethereum"),
        Venue("morpho", "protocol", "ethereum"),
        Venue("wallet", "wallet", "ethereum"),
    )
}

ALIASES = {"alchemy": "wallet"}  # a provider, not a place
INSTRUCTION_TYPES = ("cex_trade", "smart_contract_action", "wallet_transfer", "cancel")


def canonical(name: str) -> str:
    """The venue's own name: ``alchemy`` means ``wallet``. Unknown names come back as they are."""
    return ALIASES.get(name, name)


def is_known(name: str) -> bool:
    return canonical(name) in VENUES


def venue(name: str) -> Venue:
    """The venue of that name or alias. Raises ExecutionError EIM-006, with the nearest name."""
    found = VENUES.get(canonical(name))
    if found is None:
        near = get_close_matches(name, [*VENUES, *ALIASES], n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(VENUES)}"
        raise ExecutionError("EIM-006", f"unknown venue {name!r}: {hint}")
    return found


def lane_of(name: str) -> str:
    """The lane that signs for a venue. Raises ExecutionError EIM-006."""
    return venue(name).lane


def home_of(lane: str) -> str:
    """The venue that a lane's accounts are named after in loops without an instruction: the exchange, or the wallet."""
    return "wallet" if LANES[lane].kind == "chain" else lane
