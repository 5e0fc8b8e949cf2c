"""What an asset is worth in the currency of the limits, by the last market data. Pure.

Assets at par count one for one. The wrapped forms of a chain's assets are worth what they wrap. Everything else needs a
price of its market against the currency, such as ``ETH/USDT``; market data that is too old, or dated ahead of our
clock, is no price.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from tightloop.domain import money
from tightloop.handlers.calls import Market
from tightloop.handlers.manager.limits.scopes import Limits
from tightloop.records.types import MarketPrice

_WRAPS = {"WETH": "ETH", "WBTC": "BTC"}


class Unmeasured(Exception):
    """It can't be told what an instruction comes to. The message says why, and after ``;`` what to do."""


class Prices:
    """What was answered of the markets asked about. ``margin_s``: how far ahead of our clock a venue's may be.
    ``problem``: why nothing could be answered.
    """

    def __init__(
        self,
        limits: Limits,
        prices: Iterable[MarketPrice],
        now: datetime,
        margin_s: float,
        problem: str | None = None,
    ) -> None:
        self._problem = problem
        self._limits = limits
        self._now = now
        self._margin = timedelta(seconds=margin_s)
        self.known: dict[Market, MarketPrice] = {(one.venue, one.symbol): one for one in prices}

    def price(self, venue: str, symbol: str) -> Decimal:
        """In quote per base. Raises Unmeasured."""
        found = self.known.get((venue, symbol))
        if found is None or found.price is None or found.event_time is None:
            why = self._problem or f"there is no price of {symbol} at {venue}"
            raise Unmeasured(f"{why}; see that market data of it arrives")
        age = (self._now - found.event_time).total_seconds()
        most = self._limits.price_max_age_s
        if age > most:
            raise Unmeasured(
                f"the last price of {symbol} at {venue} is {age:.0f} s old, and may be {most:g}; see that market data "
                "arrives, or raise limits.price_max_age"
            )
        if found.event_time > self._now + self._margin:
            raise Unmeasured(
                f"the last price of {symbol} at {venue} is dated {-age:.0f} s ahead; correct the clock of what "
                "publishes market data"
            )
        return found.price

    def worth(self, venue: str, asset: str, amount: Decimal) -> Decimal:
        """Raises Unmeasured. Without a sign."""
        market = market_of(self._limits, venue, asset)
        amount = amount.copy_abs()
        return amount if market is None else money.CONTEXT.multiply(amount, self.price(*market))


def market_of(limits: Limits, venue: str, asset: str) -> Market | None:
    """The market whose price is the asset's worth; ``None``: it counts one for one."""
    if asset in limits.at_par:
        return None
    return venue, f"{_WRAPS.get(asset, asset)}/{limits.currency}"
