"""Aave: lending on a chain."""

from __future__ import annotations

from tightloop.domain.venues import VenueSpec
from tightloop.venues.plugin import VenuePlugin

SPEC = VenueSpec(name="aave", kind="protocol", operations=("supply", "withdraw", "borrow", "repay", "set_collateral"))
PLUGIN = VenuePlugin(spec=SPEC)
