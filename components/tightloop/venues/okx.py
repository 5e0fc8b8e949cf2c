"""OKX."""

from __future__ import annotations

from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.sim.settings import ExchangeSettings, exchange

SPEC = VenueSpec(
    name="okx",
    kind="exchange",
    markets=("spot", "perp"),
    credentials=("CEX__OKX_API_KEY", "CEX__OKX_SECRET", "CEX__OKX_PASSPHRASE"),
    read_credentials=("CEX__OKX_READONLY_API_KEY", "CEX__OKX_READONLY_SECRET", "CEX__OKX_PASSPHRASE"),
)


def simulate(lane: LaneSpec) -> ExchangeSettings:
    """Two assets, spot and perpetual, with ample opening balances."""
    return exchange(lane.name, venue=SPEC.name, acceptance_window_s=lane.acceptance_window_s)


PLUGIN = VenuePlugin(spec=SPEC, simulate=simulate)
