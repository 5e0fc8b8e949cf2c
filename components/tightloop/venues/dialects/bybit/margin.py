"""What an account's perpetuals are worth and bind now: cross margin (``REGULAR_MARGIN``)."""

from __future__ import annotations

from decimal import Decimal

from tightloop.venues.dialects.bybit.calls import Call
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.margin import maintenance
from tightloop.venues.sim.orders import Listing
from tightloop.venues.sim.trades import ExchangeAccount

STABLE = ("USDT", "USDC")


class Margin:
    """``held``: the positions, by listing."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.account: ExchangeAccount = call.account()
        self.held: dict[Listing, Decimal] = {
            listing: amount
            for listing in call.venue.listings["linear"].asked({})
            if (amount := self.account.balance(listing.base_key))
        }

    def leverage(self, listing: Listing) -> str:
        usual = f"{self._call.venue.settings.leverage.normalize():f}"
        return self._call.venue.leverage.get((self.account.name, listing.rules.symbol), usual)

    def mark(self, listing: Listing) -> Decimal:
        return self._call.venue.prices.last(listing, self._call.now)

    def notional(self, listing: Listing) -> Decimal:
        return abs(self.held.get(listing, ZERO)) * self.mark(listing)

    def kept(self, listing: Listing) -> Decimal:
        """Maintenance margin."""
        tiers = self._call.venue.settings.maintenance
        return rounding.UP.quantize(maintenance(tiers, self.notional(listing)), rounding.PENNY)

    def bound(self, listing: Listing) -> Decimal:
        """Initial margin."""
        share = rounding.UP.divide(self.notional(listing), Decimal(self.leverage(listing)))
        return rounding.UP.quantize(share, rounding.PENNY)

    def entry_price(self, listing: Listing) -> Decimal:
        cost = self.account.perps.get(listing.rules.symbol, ZERO)
        return rounding.NEAREST.quantize(rounding.NEAREST.divide(cost, self.held[listing]), rounding.PENNY)

    def unrealised(self, listing: Listing) -> Decimal:
        amount = self.held.get(listing, ZERO)
        return amount * self.mark(listing) - self.account.perps.get(listing.rules.symbol, ZERO)

    def settling_in(self, coin: str) -> list[Listing]:
        return [listing for listing in self.held if listing.rules.quote == coin]

    def dollars(self, coin: str) -> Decimal:
        """What one unit is worth; a coin that nothing is traded of is worth nothing here."""
        if coin in STABLE:
            return Decimal(1)
        for listing in self._call.venue.listings["spot"].asked({}):
            if listing.rules.base == coin and listing.rules.quote in STABLE:
                return self.mark(listing)
        return ZERO
