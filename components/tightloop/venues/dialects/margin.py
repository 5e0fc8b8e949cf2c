"""What an account's perpetuals are worth and bind now: cross margin, as the engine has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from tightloop.venues.dialects.prices import Prices
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.margin import maintenance
from tightloop.venues.sim.orders import Listing
from tightloop.venues.sim.settings import ExchangeSettings
from tightloop.venues.sim.trades import ExchangeAccount

Leverage = dict[tuple[str, str], str]  # as it was set, by account and symbol; it moves no money, and is not kept


class CrossMargin:
    """``held``: the positions, in base units, by listing. ``leverage``: where it is not the exchange's usual one."""

    def __init__(
        self,
        account: ExchangeAccount,
        listings: Iterable[Listing],
        settings: ExchangeSettings,
        leverage: Mapping[tuple[str, str], str],
        prices: Prices,
        at: datetime,
    ) -> None:
        self.account = account
        self.held: dict[Listing, Decimal] = {
            listing: amount for listing in listings if (amount := account.balance(listing.base_key))
        }
        self._settings = settings
        self._leverage = leverage
        self._prices = prices
        self._at = at

    def leverage(self, listing: Listing) -> str:
        usual = f"{self._settings.leverage.normalize():f}"
        return self._leverage.get((self.account.name, listing.rules.symbol), usual)

    def mark(self, listing: Listing) -> Decimal:
        return self._prices.last(listing, self._at)

    def notional(self, listing: Listing) -> Decimal:
        return abs(self.held.get(listing, ZERO)) * self.mark(listing)

    def kept(self, listing: Listing) -> Decimal:
        """Maintenance margin."""
        return rounding.UP.quantize(maintenance(self._settings.maintenance, self.notional(listing)), rounding.PENNY)

    def bound(self, listing: Listing) -> Decimal:
        """Initial margin."""
        share = rounding.UP.divide(self.notional(listing), Decimal(self.leverage(listing)))
        return rounding.UP.quantize(share, rounding.PENNY)

    def cost(self, listing: Listing) -> Decimal:
        """What the position was entered for, signed."""
        return self.account.perps.get(listing.rules.symbol, ZERO)

    def entry_price(self, listing: Listing) -> Decimal:
        return rounding.NEAREST.quantize(
            rounding.NEAREST.divide(self.cost(listing), self.held[listing]), rounding.PENNY
        )

    def unrealised(self, listing: Listing) -> Decimal:
        return self.held.get(listing, ZERO) * self.mark(listing) - self.cost(listing)

    def settling_in(self, coin: str) -> list[Listing]:
        return [listing for listing in self.held if listing.rules.quote == coin]
