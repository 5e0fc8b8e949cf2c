"""Lanes and accounts for handlers that are tested alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from tightloop.domain.directory import Directory, LaneSpec
from tightloop.handlers.positions.handler import PositionUpdates
from tightloop.handlers.positions.settings import PositionSettings
from tightloop.handlers.reconciliation.settings import ReconciliationSettings
from tightloop.records.types import AccountRef
from tightloop.venues.registry import Registry, known

REGISTRY = Registry()
VENUES = REGISTRY.venues
ARBITRUM = LaneSpec(name="arbitrum", kind="chain", home="wallet", venues=("uniswap", "aave", "wallet"), chain_id=42161)
SECOND_BINANCE = replace(REGISTRY.lane("binance"), name="binance-2")


def directory(
    lanes: Iterable[str | LaneSpec] = ("binance", "ethereum"),
    accounts: Mapping[str, Iterable[AccountRef]] | None = None,
    *,
    simulated: bool = True,
) -> Directory:
    """``lanes``: by name, or whole. ``accounts``: by strategy."""
    specs = [REGISTRY.lane(one) if isinstance(one, str) else one for one in lanes]
    given = {(ref.lane, ref.account): name for name, refs in (accounts or {}).items() for ref in refs}
    return Directory(VENUES, [replace(spec, simulated=simulated) for spec in specs], given)


EVERYWHERE = directory(["binance", "bybit", "okx", "ethereum"])


def account(lane: str, name: str) -> AccountRef:
    """An account of a lane that needs no more than its name, also of a venue that another package brought along."""
    return AccountRef(lane=lane, venue=known().lane(lane).home, account=name)


def position_updates() -> PositionUpdates:
    return PositionUpdates(PositionSettings(directory=EVERYWHERE))


def judging(**settings: Any) -> ReconciliationSettings:
    return ReconciliationSettings(**{"directory": EVERYWHERE, **settings})
