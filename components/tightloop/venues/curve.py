"""Curve: swaps and liquidity of pools on a chain."""

from __future__ import annotations

from tightloop.domain.venues import VenueSpec
from tightloop.venues.plugin import VenuePlugin

SPEC = VenueSpec(name="curve", kind="protocol", operations=("swap", "add_liquidity", "remove_liquidity"))
PLUGIN = VenuePlugin(spec=SPEC)
