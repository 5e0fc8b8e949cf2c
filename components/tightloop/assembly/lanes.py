"""From the configuration's lanes and accounts to the :class:`~tightloop.domain.directory.Directory`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec.structs import replace

from tightloop.domain.directory import Directory, LaneSpec
from tightloop.domain.ids import is_strategy_id
from tightloop.domain.transfers import ADDRESS
from tightloop.domain.venues import VenueSpec
from tightloop.errors import ExecutionError
from tightloop.venues.registry import Registry
from tightloop.venues.sim.settings import ExchangeSettings, SimSettings

if TYPE_CHECKING:
    from tightloop.assembly.config import Account, Lane

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")  # part of topics' names, and after a dot of accounts'


def directory_of(
    lanes: Mapping[str, Lane], accounts: Mapping[str, Account], registry: Registry, send_window_s: float
) -> Directory:
    """``send_window_s``: of lanes that say nothing else. Raises ExecutionError EIF-010 for what is unknown or does not
    hold together.
    """
    specs = {name: lane_spec(name, lane, registry, send_window_s) for name, lane in lanes.items()}
    chains: dict[int, str] = {}
    for spec in specs.values():
        if spec.chain_id is not None and chains.setdefault(spec.chain_id, spec.name) != spec.name:
            raise _wrong(spec.name, f"chain {spec.chain_id} is the lane {chains[spec.chain_id]} already")
    for name, account in accounts.items():
        _check_account(name, account, specs)
    given = {(account.lane, name): account.strategy for name, account in accounts.items()}
    directory = Directory(registry.venues, specs.values(), given)
    for name, account in accounts.items():
        _check_nobody_else_trades(name, account, accounts, directory)
    return directory


def _wrong(lane: str, what: str) -> ExecutionError:
    return ExecutionError("EIF-010", f"lanes.{lane}: {what}")


# --- lanes ------------------------------------------------------------------------------------------------------------


def lane_spec(name: str, lane: Lane, registry: Registry, send_window_s: float) -> LaneSpec:
    """Raises ExecutionError EIF-010."""
    if not _NAME.fullmatch(name):
        raise _wrong(name, "a lane's name has 1 to 40 of a to z, 0 to 9 and '-', and begins with a letter")
    if lane.venue is not None:
        spec = _exchange(name, lane.venue, registry)
    elif lane.chain_id is not None or lane.venues is not None:
        spec = _chain(name, lane, registry)
    else:
        spec = registry.lane(name)
    if lane.kind not in (None, spec.kind):
        raise _wrong(name, f"its kind is {spec.kind}, not {lane.kind}")
    if lane.acceptance_window is not None and spec.kind == "chain":
        raise _wrong(name, "acceptance_window: is an exchange's")
    if lane.confirmations is not None and spec.kind == "exchange":
        raise _wrong(name, "confirmations: are a chain's")
    if lane.endpoint is not None:
        _check_endpoint(name, lane)
    if lane.withdraws_to:
        _check_addresses(name, lane, spec)
    return replace(
        spec,
        simulated=lane.simulated,
        endpoint=lane.endpoint,
        send_window_s=lane.send_window or send_window_s,
        acceptance_window_s=lane.acceptance_window or spec.acceptance_window_s,
        confirmations=lane.confirmations or spec.confirmations,
        withdraws_to=lane.withdraws_to,
    )


def _check_addresses(name: str, lane: Lane, spec: LaneSpec) -> None:
    if lane.simulated or spec.kind != "exchange":
        raise _wrong(name, "withdraws_to: is a live exchange's")
    for address in lane.withdraws_to:
        if not ADDRESS.fullmatch(address):
            raise _wrong(name, f"withdraws_to: {address!r} is no address: it has 20 to 100 letters and digits")


def _check_endpoint(name: str, lane: Lane) -> None:
    if lane.simulated:
        raise _wrong(name, "endpoint: is a live lane's; the simulated venues' address is `simulator`")
    try:
        parts = urlsplit(lane.endpoint or "")
        good = parts.scheme in ("http", "https", "ws", "wss") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        raise _wrong(name, "endpoint: must be a URL with its host, such as https://testnet.binance.vision")
    if parts.username or parts.password:
        raise _wrong(name, "endpoint: must hold no user and password; credentials come from variables of their own")


def _exchange(name: str, venue: str, registry: Registry) -> LaneSpec:
    spec = _known(name, venue, registry)
    if spec.kind != "exchange":
        raise _wrong(name, f"venue: {spec.name} is a {spec.kind}; it belongs in the `venues` of a chain's lane")
    return replace(registry.lane(spec.name), name=name)


def _chain(name: str, lane: Lane, registry: Registry) -> LaneSpec:
    venues = lane.venues
    if lane.chain_id is None or venues is None:
        by_name = registry.lane(name)  # one of the two may be left out where the name says it
        if by_name.kind != "chain":
            raise _wrong(name, f"{by_name.home} is an exchange; a lane of its own has `venue`")
        chain_id, venues = lane.chain_id or by_name.chain_id, by_name.venues if venues is None else venues
    else:
        chain_id = lane.chain_id
    specs = [_known(name, venue, registry) for venue in venues]
    wallets = [spec.name for spec in specs if spec.kind == "wallet"]
    for spec in specs:
        if spec.kind == "exchange":
            raise _wrong(name, f"venues: {spec.name} is an exchange, and a lane of its own")
    if len(wallets) != 1:
        raise _wrong(name, f"venues: one must be the wallet that signs, and not {' and '.join(wallets) or 'none'}")
    unique = tuple(dict.fromkeys(spec.name for spec in specs))
    return LaneSpec(name=name, kind="chain", home=wallets[0], venues=unique, chain_id=chain_id)


def _known(lane: str, venue: str, registry: Registry) -> VenueSpec:
    try:
        return registry.plugin(venue).spec
    except ExecutionError as error:
        raise _wrong(lane, error.message) from error


# --- accounts ---------------------------------------------------------------------------------------------------------


def _check_account(name: str, account: Account, lanes: Mapping[str, LaneSpec]) -> None:
    if account.lane not in lanes:
        configured = ", ".join(lanes)
        raise ExecutionError("EIF-010", f"account {name!r} is on lane {account.lane!r}; configured are {configured}")
    for what, text in (("account", name), ("strategy", account.strategy)):
        if not is_strategy_id(text):
            raise ExecutionError(
                "EIF-010", f"account {name!r}: {what} {text!r} is not 1 to 100 of letters, digits, '.', '_', '-'"
            )


def _check_nobody_else_trades(
    name: str, account: Account, accounts: Mapping[str, Account], directory: Directory
) -> None:
    """A strategy without an account on a lane has one of its own there, whose name must not be another account's: not
    another strategy's on that lane, nor one of its own on a further lane of the same venue, where positions are told
    apart by the account's name.
    """
    lane = directory.lanes[account.lane]
    for other in sorted({one.strategy for one in accounts.values()} - {account.strategy}):
        if name == directory.own_account(other, lane) and not directory.accounts_of(other, lane):
            raise ExecutionError(
                "EIF-010",
                f"account {name!r} on {lane.name} is given to {account.strategy}, and strategy {other}, which has no "
                f"other there, would trade it too: give {other} an account on {lane.name}, or rename this one",
            )
    for further in directory.lanes.values():
        shared = sorted(set(further.venues) & set(lane.venues))
        if further.name != lane.name and shared and name == directory.own_account(account.strategy, further):
            raise ExecutionError(
                "EIF-010",
                f"account {name!r} on {lane.name} has the name of {account.strategy}'s own account on {further.name}: "
                f"its positions at {', '.join(shared)} could not be told apart; rename it",
            )


# --- simulated venues -------------------------------------------------------------------------------------------------


def with_lanes(settings: SimSettings, lanes: Mapping[str, LaneSpec], registry: Registry) -> SimSettings:
    """The simulated venues with every simulated lane among them; one that ``settings`` has stays as it is.

    Raises ExecutionError EIF-007 for a venue that has no simulation.
    """
    there = {one.lane for one in settings.exchanges} | {one.lane for one in settings.chains}
    for lane in lanes.values():
        if lane.simulated and lane.name not in there:
            simulate = registry.plugin(lane.home).simulate
            if simulate is None:
                raise ExecutionError("EIF-007", f"lane {lane.name}: {lane.home} has no simulation")
            made = simulate(lane)
            if isinstance(made, ExchangeSettings):
                settings = replace(settings, exchanges=(*settings.exchanges, made))
            else:
                settings = replace(settings, chains=(*settings.chains, made))
    return settings
