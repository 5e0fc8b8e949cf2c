"""Who trades where: the lanes, the venues and accounts on each, and the strategy each account belongs to. Pure.

Made once, of configuration and registry; handlers get it with their settings. What holds:

1. An account belongs to one lane and to one strategy. Its name is unique among the lanes that share a venue, so that
   ``venue@account`` in a position key says which lane it is on: there may be an ``aave`` on several chains.
2. A strategy to which no account of a simulated lane was given has one of its own there. It bears the strategy's name
   on the venue's default lane (an exchange's: the lane of its name; a chain's: ``ethereum``), and the name
   ``<strategy>.<lane>`` on any other. What it is called depends on nothing else of the configuration.
3. A position key without an account means the account of the strategy's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from tightloop.domain.positions import TRANSIT, parse_key, position_key
from tightloop.domain.venues import Venues, VenueSpec
from tightloop.errors import ExecutionError
from tightloop.records.types import AccountRef, Delta, Instruction

CACHED_PLACES = 65536  # position keys whose place is remembered


class LaneSpec(Struct, frozen=True, kw_only=True):
    """What signs: an exchange with its accounts, or a chain with its wallets.

    ``home``: the venue that its accounts are named after in loops without an instruction: the exchange, or the wallet.
    ``venues``: all of them, by their own names. ``send_window_s``: a request that changes something leaves no later
    than so long after its journal record's time. ``acceptance_window_s``: its exchange refuses a request whose signed
    time is older. ``chain_id``: by EIP-155, and ``confirmations``: how many blocks must hold a transaction, its own
    among them, before it is final (chains). ``endpoint``: of a lane that is not simulated, the
    address of a stand-in or a test network; None: the venue's own, of the environment. ``withdraws_to``: the addresses
    to which a live exchange's lane may withdraw.
    """

    name: str
    kind: Literal["exchange", "chain"]
    home: str
    venues: tuple[str, ...]
    simulated: bool = True
    send_window_s: float = 3.0
    acceptance_window_s: float = 2.0
    chain_id: int | None = None
    confirmations: int = 1
    endpoint: str | None = None
    withdraws_to: tuple[str, ...] = ()

    @property
    def policy(self) -> Literal["window", "nonce"]:
        """What keeps a late request from acting: its signed time, or the wallet's nonce."""
        return "nonce" if self.kind == "chain" else "window"


class Place(Struct, frozen=True):
    """Where a position lies.

    ``key``: the one spelling of the position among the strategy's own, without its default account or an alias.
    ``account`` is ``None`` for what is in transit, which no account holds.
    """

    key: str
    account: AccountRef | None


class Directory:
    """``accounts``: ``(lane, account)`` -> the strategy that may trade it.

    ``place_of(key, strategy_id)`` is asked for every delta and every check, and is cached. It raises ExecutionError
    PUH-007 for a key that can't be read or names no venue.
    """

    place_of: Callable[[str, str], Place]

    def __init__(
        self, venues: Venues, lanes: Iterable[LaneSpec], accounts: Mapping[tuple[str, str], str] | None = None
    ) -> None:
        self.venues = venues
        self.lanes = {lane.name: lane for lane in lanes}
        self.accounts = dict(accounts or {})
        self.place_of = lru_cache(maxsize=CACHED_PLACES)(self._place_of)
        self._lanes_of = {
            spec.name: tuple(lane for lane in self.lanes.values() if spec.name in lane.venues) for spec in venues
        }
        self._given: dict[tuple[str, str], tuple[AccountRef, ...]] = {}
        for (lane, account), strategy in self.accounts.items():
            ref = self._ref(self.lanes[lane], account)
            self._given[strategy, lane] = (*self._given.get((strategy, lane), ()), ref)

    # --- lanes --------------------------------------------------------------------------------------------------------

    def lanes_of(self, venue: str) -> tuple[LaneSpec, ...]:
        """The lanes that a venue is on: none where none is configured. Raises ExecutionError EIM-006."""
        return self._lanes_of[self.venues.find(venue).name]

    def is_simulated(self, lane: str) -> bool:
        found = self.lanes.get(lane)
        return found is not None and found.simulated

    def has_venue(self, lane: str, venue: str) -> bool:
        """Is this venue on that lane?"""
        found, spec = self.lanes.get(lane), self.venues.get(venue)
        return found is not None and spec is not None and spec.name in found.venues

    # --- accounts -----------------------------------------------------------------------------------------------------

    def own_account(self, strategy_id: str, lane: LaneSpec) -> str:
        """What a strategy's own account on a simulated lane is called, where none was given to it."""
        is_default = lane.name == self.venues.find(lane.home).default_lane
        return strategy_id if is_default else f"{strategy_id}.{lane.name}"

    def accounts_of(self, strategy_id: str, lane: LaneSpec) -> tuple[AccountRef, ...]:
        """Those that it may trade there. Its own is not among them where that name was given to another strategy."""
        given = self._given.get((strategy_id, lane.name), ())
        if given or not lane.simulated:
            return given
        own = self.own_account(strategy_id, lane)
        return () if (lane.name, own) in self.accounts else (self._ref(lane, own),)

    def account_of(self, instruction: Instruction) -> AccountRef:
        """The account an instruction acts on: by its venue, and where that is on several lanes by chain and account.

        Raises ExecutionError EIM-002 (no lane has the venue), EIM-006 (there is no such venue), EIM-007 (no such chain
        or account, another strategy's, or several: the message has the choices).
        """
        strategy_id, name = instruction.strategy_id, instruction.account
        lanes = self._lanes_for(instruction)
        choices = [account for lane in lanes for account in self.accounts_of(strategy_id, lane)]
        wanted = [account for account in choices if name in (None, account.account)]
        if len(wanted) == 1:
            return wanted[0]
        if not choices:
            self._refuse_if_given_away(strategy_id, lanes)
        shown = ", ".join(f"{one.account} on {one.lane}" for one in choices) or "none"
        said = "it names no account, and there are several" if name is None and choices else f"account {name!r}"
        raise ExecutionError(
            "EIM-007",
            f"{said}: {strategy_id} has {shown}",
            remedy="Name the account, or for actions on a chain its `chain_id`; publish again under a new id.",
        )

    def account_at(self, venue: str, account: str | None, strategy_id: str) -> AccountRef:
        """The account of that name at a venue; ``None``: that of the strategy's name. Raises ExecutionError EIM-006."""
        spec, name = self.venues.find(venue), account or strategy_id
        return AccountRef(lane=self._lane_with(spec, name, strategy_id), venue=spec.name, account=name)

    def _lanes_for(self, instruction: Instruction) -> tuple[LaneSpec, ...]:
        spec = self.venues.find(instruction.venue)
        lanes = self._lanes_of[spec.name]
        if not lanes:
            raise ExecutionError("EIM-002", f"venue {spec.name} is on none of the lanes here: {', '.join(self.lanes)}")
        action = instruction.smart_contract_action
        if action is None:
            return lanes
        found = tuple(lane for lane in lanes if lane.chain_id == action.chain_id)
        if not found:
            chains = ", ".join(f"{lane.name} ({lane.chain_id})" for lane in lanes)
            what = f"smart_contract_action.chain_id: {spec.name} is not on chain {action.chain_id}, but on {chains}"
            raise ExecutionError("EIM-007", what)
        return found

    def _refuse_if_given_away(self, strategy_id: str, lanes: Iterable[LaneSpec]) -> None:
        for lane in lanes:
            other = self.accounts.get((lane.name, self.own_account(strategy_id, lane)))
            if other is not None:
                raise ExecutionError(
                    "EIM-007",
                    f"{strategy_id} has no account on {lane.name}: the one of its own name belongs to {other} by "
                    "configuration",
                    remedy=f"Give {strategy_id} an account of its own on {lane.name}, in `accounts`.",
                )

    @staticmethod
    def _ref(lane: LaneSpec, account: str) -> AccountRef:
        return AccountRef(lane=lane.name, venue=lane.home, account=account)

    # --- positions ----------------------------------------------------------------------------------------------------

    def _place_of(self, key: str, strategy_id: str) -> Place:
        parts = parse_key(key)
        if parts.venue == TRANSIT:
            return Place(key, None)
        spec = self.venues.get(parts.venue)
        if spec is None:
            raise ExecutionError("PUH-007", f"{key!r}: there is no venue {parts.venue!r}")
        account = parts.account_of(strategy_id)
        plain = position_key(spec.name, parts.kind, parts.symbol, account=account, strategy_id=strategy_id)
        lane = self._lane_with(spec, account, strategy_id)
        return Place(plain, AccountRef(lane=lane, venue=spec.name, account=account))

    def _lane_with(self, spec: VenueSpec, account: str, strategy_id: str) -> str:
        """The lane of an account at a venue. An account that is not configured any more keeps its lane: a position must
        stay where it is when the configuration changes.
        """
        lanes = self._lanes_of[spec.name]
        if len(lanes) == 1:
            return lanes[0].name
        for lane in lanes:
            if (lane.name, account) in self.accounts:
                return lane.name
        for lane in lanes:
            if account == self.own_account(strategy_id, lane):
                return lane.name
        return spec.default_lane

    def plain_deltas(self, deltas: tuple[Delta, ...], strategy_id: str) -> tuple[Delta, ...]:
        """The same deltas, each key in its one spelling. Raises ExecutionError PUH-007 as ``place_of``."""
        place_of = self.place_of
        for delta in deltas:
            if place_of(delta.position_key, strategy_id).key != delta.position_key:
                return tuple(replace(one, position_key=place_of(one.position_key, strategy_id).key) for one in deltas)
        return deltas


def same_account(one: AccountRef, other: AccountRef) -> bool:
    """On a chain the venues of a wallet are one account."""
    return one.lane == other.lane and one.account == other.account
