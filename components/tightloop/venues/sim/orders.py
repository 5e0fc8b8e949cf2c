"""Orders of the exchange: a market's listing, what makes an order valid, and at which prices it would trade."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO, VenueError
from tightloop.venues.sim.bounds import outside
from tightloop.venues.sim.commands import PlaceOrder
from tightloop.venues.sim.market import Market, Series
from tightloop.venues.sim.settings import ExchangeSettings, SymbolRules

_BPS = Decimal("0.0001")
_ONE = Decimal(1)
_DEPTH = 100  # levels of the book; the last takes whatever is left


class Listing:
    """A market as this exchange offers it: rules, position keys, fee rates, series."""

    def __init__(self, settings: ExchangeSettings, rules: SymbolRules, market: Market) -> None:
        venue = settings.venue
        self.lane = settings.lane
        self.rules = rules
        self.perp = rules.market == "perp"
        self.base_key = f"{venue}:Perp:{rules.symbol}" if self.perp else settings.balance_key("spot", rules.base)
        self.quote_key = settings.balance_key(rules.market, rules.quote)
        self.maker = settings.perp_maker if self.perp else settings.spot_maker
        self.taker = settings.perp_taker if self.perp else settings.spot_taker
        self.fee_coin = coin = settings.fee_coin
        asset = "" if coin is None else coin.asset
        self.coin_key = settings.balance_key(rules.market, asset)
        self.coin_prices = None if coin is None else market.price_series(venue, f"{asset}/{rules.quote}")
        self.slippage_bps = settings.slippage_bps
        self.prices: Series[Decimal] | None = market.price_series(venue, rules.symbol)
        self.funding: Series[Decimal] | None = None
        if self.perp:
            self.funding = market.funding(venue, rules.symbol, rules.funding_hours)

    def price(self, at: datetime) -> Decimal:
        if self.prices is None:
            raise VenueError("no_price", f"the market has no price of {self.rules.symbol}")
        return self.prices.at(at)


class Level(Struct, frozen=True):
    """So much can trade at this price."""

    amount: Decimal
    price: Decimal


class Part(Struct, frozen=True):
    """A piece of an order that fills later, in market time."""

    due: datetime
    amount: Decimal
    price: Decimal


class Order:
    """One order, until it is done and after. ``limit`` is its worst price; None: it takes any. ``number`` counts the
    orders that the exchange took; ``command`` is how this one was placed.
    """

    __slots__ = (
        "amount",
        "buy",
        "client_order_id",
        "code",
        "command",
        "cost",
        "created_at",
        "entries",
        "filled",
        "limit",
        "listing",
        "message",
        "number",
        "order_id",
        "parts",
        "reduce_only",
        "rests",
        "side",
        "status",
        "updated_at",
    )

    def __init__(
        self,
        order_id: str,
        command: PlaceOrder,
        listing: Listing,
        amount: Decimal,
        limit: Decimal | None,
        now: datetime,
    ) -> None:
        self.order_id = order_id
        self.number = 0
        self.command = command
        self.client_order_id = command.client_order_id
        self.listing = listing
        self.side = command.side
        self.buy = command.side == "buy"
        self.reduce_only = command.reduce_only
        self.rests = command.order_type == "limit" and command.time_in_force in ("GTC", "PO")
        self.amount = amount
        self.limit = limit
        self.status = "open"
        self.filled = ZERO
        self.cost = ZERO
        self.entries: list[LedgerEntry] = []
        self.parts: list[Part] = []
        self.created_at = now
        self.updated_at = now
        self.code: str | None = None
        self.message: str | None = None

    @property
    def remaining(self) -> Decimal:
        return self.amount - self.filled

    @property
    def post_only(self) -> bool:
        return self.rests and self.command.time_in_force == "PO"

    def end(self, status: str, now: datetime, code: str | None = None, message: str | None = None) -> None:
        self.status, self.updated_at, self.code, self.message = status, now, code, message
        self.parts = []

    def reserves(self) -> tuple[str, Decimal]:
        """Which balance the rest of a working spot order holds back, and how much of it."""
        if not self.buy:
            return self.listing.base_key, self.remaining
        if self.parts:
            return self.listing.quote_key, sum((part.amount * part.price for part in self.parts), ZERO)
        return self.listing.quote_key, self.remaining * (self.limit or ZERO)


def worst_price(command: PlaceOrder, listing: Listing, market_price: Decimal) -> Decimal | None:
    """The limit an order carries: its own, or the slippage bound as an IOC limit, rounded towards the trader."""
    if command.order_type == "limit":
        if command.price is None:
            raise VenueError("invalid_order", "a limit order needs a price")
        return command.price
    if command.max_slippage_bps is None:
        return None
    reference = command.reference_price or market_price
    buy = command.side == "buy"
    bound = reference * (_ONE + (command.max_slippage_bps if buy else -command.max_slippage_bps) * _BPS)
    tick = listing.rules.tick
    return rounding.multiple_down(bound, tick) if buy else rounding.multiple_up(bound, tick)


def amount_of(command: PlaceOrder, rules: SymbolRules, price: Decimal) -> Decimal:
    """The order's size in base units; a quote amount is rounded down to whole lots."""
    if command.amount is not None:
        return command.amount
    if command.quote_amount is None:
        raise VenueError("invalid_order", "an order needs an amount or a quote amount")
    return rounding.multiple_down(rounding.DOWN.divide(command.quote_amount, price), rules.lot)


def by_rules(
    rules: SymbolRules, amount: Decimal, price: Decimal, limit: Decimal | None, closes: bool
) -> tuple[Decimal, Decimal | None]:
    """Amount and limit, written with the places of lot and tick. Raises VenueError when they are no multiples, or the
    order is too small (unless it closes a position) or too large: the exchange rounds nothing for its customers.
    """
    if amount <= 0:
        raise VenueError("invalid_order", f"the amount must be above zero, not {amount}")
    lots = rounding.multiple_down(amount, rules.lot)
    if lots != amount:
        raise VenueError("invalid_order", f"{rules.symbol}: {amount} is not a multiple of the lot {rules.lot}")
    if limit is not None:
        ticks = rounding.multiple_down(limit, rules.tick) if limit > 0 else None
        if ticks != limit:
            raise VenueError("invalid_order", f"{rules.symbol}: {limit} is not a multiple of the tick {rules.tick}")
        limit = ticks
    notional = lots * (price if limit is None else limit)
    wrong = outside(rules, lots, notional, at_market=limit is None, closes=closes)
    if wrong is not None:
        raise VenueError("invalid_order", f"{rules.symbol}: {wrong}")
    return lots, limit


def levels(listing: Listing, buy: bool, amount: Decimal, price: Decimal, extra_bps: Decimal) -> list[Level]:
    """What a taker of ``amount`` would meet, best price first: each further level is ``level_bps`` worse."""
    rules = listing.rules
    size = rules.liquidity or amount
    bps = listing.slippage_bps + extra_bps
    to_tick = rounding.multiple_up if buy else rounding.multiple_down
    met: list[Level] = []
    while amount > 0:
        taken = size if size < amount and len(met) < _DEPTH - 1 else amount
        factor = _ONE + (bps if buy else -bps) * _BPS
        met.append(Level(taken, to_tick(price * factor, rules.tick)))
        amount -= taken
        bps += rules.level_bps
    return met
