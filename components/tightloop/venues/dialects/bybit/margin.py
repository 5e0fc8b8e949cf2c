"""What an account's perpetuals are worth and bind now: cross margin (``REGULAR_MARGIN``)."""

from __future__ import annotations

from decimal import Decimal

from tightloop.venues.dialects.bybit.calls import Call
from tightloop.venues.dialects.margin import CrossMargin
from tightloop.venues.sim.books import ZERO

STABLE = ("USDT", "USDC")


class Margin(CrossMargin):
    def __init__(self, call: Call) -> None:
        venue = call.venue
        super().__init__(
            call.account(), venue.listings["linear"].asked({}), venue.settings, venue.leverage, venue.prices, call.now
        )
        self._spot = venue.listings["spot"]

    def dollars(self, coin: str) -> Decimal:
        """What one unit is worth; a coin that nothing is traded of is worth nothing here."""
        if coin in STABLE:
            return Decimal(1)
        for listing in self._spot.asked({}):
            if listing.rules.base == coin and listing.rules.quote in STABLE:
                return self.mark(listing)
        return ZERO
