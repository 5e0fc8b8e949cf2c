"""Morpho: lending by market on a chain."""

from __future__ import annotations

from tightloop.domain.venues import VenueSpec
from tightloop.venues.plugin import VenuePlugin

SPEC = VenueSpec(
    name="morpho",
    kind="protocol",
    operations=("supply", "withdraw", "borrow", "repay", "supply_collateral", "withdraw_collateral"),
)
PLUGIN = VenuePlugin(spec=SPEC)
