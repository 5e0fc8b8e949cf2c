"""The tokens of a chain: amounts in smallest units and back, and what the market says that they are worth."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tightloop.venues.sim.books import Reverted
from tightloop.venues.sim.market import Market

_LARGEST = 40  # digits before the point of an amount that is reckoned with at all


class Tokens:
    def __init__(self, decimals: dict[str, int], market: Market) -> None:
        self.decimals = decimals
        self._market = market

    def units(self, token: str, amount: Decimal) -> int:
        """Rounded down to whole units."""
        if amount.adjusted() > _LARGEST:
            raise Reverted("invalid_order", f"{amount} of {token} is more than there can be")
        return int(amount.scaleb(self.decimals[token]))

    def amount(self, token: str, units: int) -> Decimal:
        return Decimal(units).scaleb(-self.decimals[token])

    def worth(self, token: str, at: datetime) -> Decimal:
        """Of one token, in USDT."""
        worth = self._market.worth("", token, at)
        if worth is None or worth <= 0:
            raise Reverted("no_price", f"the market has no price of {token}")
        return worth

    def price(self, token: str, at: datetime, places: int) -> int:
        """The same as a whole number of so many places."""
        return int(self.worth(token, at).scaleb(places))
