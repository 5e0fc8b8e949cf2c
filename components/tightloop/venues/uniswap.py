"""Uniswap: swaps on a chain."""

from __future__ import annotations

from tightloop.domain.venues import VenueSpec
from tightloop.venues.plugin import VenuePlugin

SPEC = VenueSpec(name="uniswap", kind="protocol", operations=("swap",))
PLUGIN = VenuePlugin(spec=SPEC)
