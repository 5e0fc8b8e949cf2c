"""Binance."""

from __future__ import annotations

from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.sim.settings import ExchangeSettings, exchange

SPEC = VenueSpec(
    name="binance",
    kind="exchange",
    markets=("spot", "perp"),
    credentials=(
        "CEX__BINANCE_SPOT_API_KEY",
        "CEX__BINANCE_SPOT_SECRET",
        "CEX__BINANCE_FUTURES_API_KEY",
        "CEX__BINANCE_FUTURES_SECRET",
    ),
    read_credentials=(
        "CEX__BINANCE_SPOT_READONLY_API_KEY",
        "CEX__BINANCE_SPOT_READONLY_SECRET",
        "CEX__BINANCE_FUTURES_READONLY_API_KEY",
        "CEX__BINANCE_FUTURES_READONLY_SECRET",
    ),
)


def simulate(lane: LaneSpec) -> ExchangeSettings:
    """Two assets, spot and perpetual, with ample opening balances."""
    return exchange(lane.name, venue=SPEC.name, acceptance_window_s=lane.acceptance_window_s)


PLUGIN = VenuePlugin(spec=SPEC, simulate=simulate)
