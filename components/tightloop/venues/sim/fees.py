"""What a trade costs: at whose rate, in which asset. An account may have rates of its own, below zero (a rebate), and
pay in the exchange's own coin where it has one, with a discount, for as long as it holds enough of it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO, VenueError
from tightloop.venues.sim.commands import SetFees
from tightloop.venues.sim.settings import ExchangeSettings

if TYPE_CHECKING:
    from tightloop.venues.sim.orders import Listing
    from tightloop.venues.sim.trades import ExchangeAccount

Liquidity = Literal["maker", "taker"]
_ONE = Decimal(1)
_MOST = Decimal("0.1")  # of what is traded: a rate beyond it is a mistake


class MarketFees(Struct, frozen=True):
    """Of one account on one market. A rate that is None is the exchange's. ``in_coin``: pay in the exchange's coin."""

    maker: Decimal | None = None
    taker: Decimal | None = None
    in_coin: bool = False


USUAL = MarketFees()


def changed(settings: ExchangeSettings, before: MarketFees, command: SetFees) -> MarketFees:
    """Raises VenueError for a rate that can't be meant, and for a coin that the exchange does not have."""
    for rate in (command.maker, command.taker):
        if rate is not None and not -_MOST <= rate <= _MOST:
            raise VenueError("bad_request", f"a fee rate is a fraction from -{_MOST} to {_MOST}, not {rate}")
    if command.in_coin and settings.fee_coin is None:
        raise VenueError("operation_not_supported", f"{settings.lane} takes its fees in no coin of its own")
    return MarketFees(
        before.maker if command.maker is None else command.maker,
        before.taker if command.taker is None else command.taker,
        before.in_coin if command.in_coin is None else command.in_coin,
    )


def fee_of(amount: Decimal, rate: Decimal) -> Decimal:
    """Charged to the eighth decimal, rounded in the exchange's favour; below zero: a rebate."""
    return rounding.HIGHER.quantize(rounding.HIGHER.multiply(amount, rate), rounding.PENNY)


def rate_of(account: ExchangeAccount, listing: Listing, liquidity: Liquidity) -> Decimal:
    own = account.fees.get(listing.rules.market, USUAL)
    if liquidity == "maker":
        return listing.maker if own.maker is None else own.maker
    return listing.taker if own.taker is None else own.taker


def commission(
    account: ExchangeAccount,
    listing: Listing,
    buy: bool,
    amount: Decimal,
    cost: Decimal,
    liquidity: Liquidity,
    market_time: datetime,
) -> tuple[str, Decimal]:
    """The position key that pays, and how much of it; below zero: a rebate, which is always in the usual asset."""
    rate = rate_of(account, listing, liquidity)
    in_coin = _in_coin(account, listing, fee_of(cost, rate), market_time)
    if in_coin is not None:
        return in_coin
    if listing.perp or not buy:
        return listing.quote_key, fee_of(cost, rate)
    return listing.base_key, fee_of(amount, rate)


def _in_coin(
    account: ExchangeAccount, listing: Listing, in_quote: Decimal, market_time: datetime
) -> tuple[str, Decimal] | None:
    """None: in the usual asset, as the account does not pay in the coin, has too little, or it has no price here."""
    coin = listing.fee_coin
    own = account.fees.get(listing.rules.market, USUAL)
    if coin is None or not own.in_coin or in_quote <= 0 or listing.coin_prices is None:
        return None
    left = _ONE - (coin.perp_discount if listing.perp else coin.spot_discount)
    exact = rounding.HIGHER.divide(rounding.HIGHER.multiply(in_quote, left), listing.coin_prices.at(market_time))
    fee = rounding.HIGHER.quantize(exact, rounding.PENNY)
    free = account.balance(listing.coin_key) - (ZERO if listing.perp else account.reserved(listing.coin_key))
    return (listing.coin_key, fee) if free >= fee else None
