"""One simulated exchange: orders in, evidence out. Pure: time is passed in, nothing is read or written elsewhere.

A client order id is refused only while an order with it is open, and taken again afterwards as a new order, as some
real exchanges do: a request that is sent twice buys twice. Others take an id once (``ids_once`` of the settings).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from tightloop.handlers.calls import OrderFound
from tightloop.venues.sim import rounding
from tightloop.venues.sim.accruals import settle_exchange
from tightloop.venues.sim.books import ZERO, VenueError
from tightloop.venues.sim.changing import change
from tightloop.venues.sim.clock import MarketClock
from tightloop.venues.sim.commands import (
    ChangeWorking,
    Effect,
    FillWorking,
    MoveFunds,
    PlaceOrder,
    SetFees,
    SetPositionMode,
)
from tightloop.venues.sim.fees import USUAL, changed
from tightloop.venues.sim.margin import check_free, check_margin
from tightloop.venues.sim.market import Market
from tightloop.venues.sim.network import Network
from tightloop.venues.sim.orders import Level, Listing, Order, Part, amount_of, by_rules, levels, worst_price
from tightloop.venues.sim.settings import ExchangeSettings
from tightloop.venues.sim.trades import ExchangeAccount, book_trade
from tightloop.venues.sim.withdrawals import Transfers

_NO_EFFECT = Effect()


class Exchange:
    """All accounts of one exchange lane."""

    kind = "exchange"
    block_number: int | None = None

    def __init__(self, settings: ExchangeSettings, market: Market, clock: MarketClock, network: Network) -> None:
        self.lane = settings.lane
        self.settings = settings
        self.accounts: dict[str, ExchangeAccount] = {}
        self._orders_taken = 0
        self.transfers = Transfers(settings, network)
        self._clock = clock
        self.listings = {rules.symbol: Listing(settings, rules, market) for rules in settings.symbols}
        self._window = timedelta(seconds=settings.acceptance_window_s)
        self._ahead = timedelta(seconds=settings.ahead_window_s)

    def open(self, name: str, opening: dict[str, Decimal] | None, now: datetime) -> None:
        chosen = dict(self.settings.opening if opening is None else opening)
        self.accounts[name] = ExchangeAccount(name, chosen, now, self._clock.market(now), self.listings)

    def settle(self, account: ExchangeAccount, now: datetime) -> None:
        settle_exchange(account, self.settings, self._clock, self._clock.market(now))

    # --- orders ---------------------------------------------------------------------------------------------------

    def place(
        self, account: ExchangeAccount, command: PlaceOrder, now: datetime, late: timedelta, effect: Effect | None
    ) -> OrderFound:
        """Raises VenueError when nothing was done."""
        self._check_time(command.timestamp, now + late)
        effect = effect or _NO_EFFECT
        history = account.orders.get(command.client_order_id)
        if history and (history[-1].status == "open" or self.settings.ids_once):
            raise VenueError(
                "duplicate_client_order_id", f"the order {command.client_order_id} is {history[-1].status}"
            )
        if effect.reject is not None and not effect.as_order:
            raise VenueError(effect.reject, effect.message or "refused by an injected fault")
        order, met = self._prepare(account, command, now, effect)
        self._orders_taken += 1
        order.number = self._orders_taken
        account.orders.setdefault(command.client_order_id, []).append(order)
        if effect.reject is not None:
            order.end("rejected", now, effect.reject, effect.message or "rejected by an injected fault")
        else:
            self._execute(account, command, order, met, now, effect)
        return self.evidence(account, order, now)

    def transfer(
        self, account: ExchangeAccount, command: MoveFunds, now: datetime, late: timedelta, effect: Effect | None
    ) -> OrderFound:
        """Raises VenueError when nothing was done."""
        self._check_time(command.timestamp, now + late)
        found = self.transfers.move(account, command, now, effect or _NO_EFFECT, self._clock.market(now))
        account.next_due = None
        return found

    @property
    def deposit_depth(self) -> int:
        """How many blocks must hold a deposit's transaction."""
        return self.settings.deposit_confirmations

    def deposit_key(self, token: str, network: str, amount: Decimal) -> str | None:
        """The position that a deposit adds to; None: the exchange does not take it, and it is lost."""
        for rules in self.settings.networks:
            if (rules.asset, rules.network) == (token, network) and amount >= rules.least_deposit:
                return self.settings.deposit_key(token)
        return None

    def _check_time(self, signed: datetime, now: datetime) -> None:
        if now - signed > self._window:
            raise VenueError("stale_timestamp", f"signed at {signed.isoformat()}, too old at {now.isoformat()}")
        if signed - now > self._ahead:
            raise VenueError("future_timestamp", f"signed at {signed.isoformat()}, ahead of {now.isoformat()}")

    def _prepare(
        self, account: ExchangeAccount, command: PlaceOrder, now: datetime, effect: Effect
    ) -> tuple[Order, list[Level]]:
        """Check everything that can refuse an order, and find what it would trade with at once."""
        listing = self.listings.get(command.symbol)
        if listing is None or listing.rules.market != command.market:
            raise VenueError("invalid_order", f"{self.lane} has no {command.market} market {command.symbol}")
        if command.side not in ("buy", "sell") or command.order_type not in ("market", "limit"):
            raise VenueError("invalid_order", f"unknown side {command.side} or type {command.order_type}")
        if listing.perp and account.hedged:
            raise VenueError("position_mode", "the account is in hedge mode, and the order names no side of a position")
        at = self._clock.decided(command.decided_at)
        price = listing.price(at)
        limit = worst_price(command, listing, price)
        amount = amount_of(command, listing.rules, price)
        amount, limit = by_rules(listing.rules, amount, price, limit, command.reduce_only)
        number = len(account.orders.get(command.client_order_id, ())) + 1
        order_id = f"{self.lane}-{command.client_order_id}-{number}"
        order = Order(order_id, command, listing, amount, limit, now)
        takes = self._reducible(account, order) if command.reduce_only else amount
        met = [
            level
            for level in levels(listing, order.buy, takes, price, effect.slippage_bps)
            if limit is None or (level.price <= limit if order.buy else level.price >= limit)
        ]
        if met and order.post_only and not self.settings.post_only_ends:
            raise VenueError("invalid_order", f"a post-only order at {limit} would trade at {met[0].price}")
        self._check_funds(account, order, met, price, at)
        return order, met

    def _reducible(self, account: ExchangeAccount, order: Order) -> Decimal:
        held = account.balance(order.listing.base_key)
        if not order.listing.perp or not held or (held > 0) == order.buy:
            raise VenueError("invalid_order", f"a reduce-only {order.side} has no position to reduce")
        return min(order.amount, abs(held))

    def _check_funds(
        self, account: ExchangeAccount, order: Order, met: list[Level], price: Decimal, at: datetime
    ) -> None:
        leverage = self.settings.leverage
        if order.listing.perp:
            check_margin(account, order, price, leverage, at)
        elif not order.buy:
            check_free(account, order.listing.base_key, order.amount, leverage, at)
        else:
            rest = order.amount - sum((level.amount for level in met), ZERO)
            cost = sum((level.amount * level.price for level in met), ZERO)
            check_free(account, order.listing.quote_key, cost + rest * (order.limit or ZERO), leverage, at)

    def _execute(
        self,
        account: ExchangeAccount,
        command: PlaceOrder,
        order: Order,
        met: list[Level],
        now: datetime,
        effect: Effect,
    ) -> None:
        if met and order.post_only:
            order.end("cancelled", now, "order_rejected", f"a post-only order, and it would trade at {met[0].price}")
            return
        reachable = sum((level.amount for level in met), ZERO)
        at_once = reachable
        if effect.fill is not None:
            at_once = rounding.multiple_down(reachable * effect.fill, order.listing.rules.lot)
        elif command.time_in_force == "FOK" and reachable < order.amount:
            order.end("cancelled", now, "slippage_limit", f"only {reachable} of {order.amount} could be filled")
            return
        left = at_once
        for level in met:
            taken = min(level.amount, left)
            if taken:
                book_trade(account, order, taken, level.price, "taker", now, self._clock.decided(command.decided_at))
                left -= taken
        if at_once < reachable and effect.rest != "cancel":
            if effect.rest == "later":
                self._schedule(order, reachable - at_once, met[-1].price, effect, self._clock.market(now))
            account.working[order.order_id] = order
        elif order.filled == order.amount:
            order.end("filled", now)
        elif not order.rests or effect.fill is not None:
            short = None if effect.fill is not None or command.reduce_only else "slippage_limit"
            order.end("cancelled", now, short, f"{order.filled} of {order.amount} was filled" if short else None)
        else:
            account.working[order.order_id] = order
        account.next_due = None

    def _schedule(self, order: Order, amount: Decimal, price: Decimal, effect: Effect, market_now: datetime) -> None:
        piece = rounding.multiple_down(rounding.DOWN.divide(amount, Decimal(effect.parts)), order.listing.rules.lot)
        for number in range(1, effect.parts + 1):
            size = amount if number == effect.parts else piece
            if size:
                order.parts.append(Part(market_now + number * timedelta(seconds=effect.every_s), size, price))
            amount -= size

    def cancel(
        self, account: ExchangeAccount, client_order_id: str, timestamp: datetime, now: datetime, late: timedelta
    ) -> OrderFound:
        """The order as it then is; one that is done stays as it was. Raises VenueError."""
        self._check_time(timestamp, now + late)
        order = self._latest(account, client_order_id)
        if order.status == "open":
            order.end("cancelled", now)
            del account.working[order.order_id]
            account.next_due = None
        return self.evidence(account, order, now)

    def change(self, account: ExchangeAccount, command: ChangeWorking, now: datetime, late: timedelta) -> OrderFound:
        """Raises VenueError when nothing was done."""
        self._check_time(command.timestamp, now + late)
        order = self._latest(account, command.client_order_id)
        change(account, order, command, self.settings.leverage, now, self._clock.market(now))
        return self.evidence(account, order, now)

    def fill(self, account: ExchangeAccount, command: FillWorking, now: datetime) -> OrderFound:
        """Fill a working order from the control endpoint, as maker, at its own price unless one is given."""
        order = self._latest(account, command.client_order_id)
        if order.status != "open":
            raise VenueError("unknown_order", f"the order {command.client_order_id} is {order.status}, not open")
        price = command.price or order.limit or (order.parts[0].price if order.parts else None)
        if price is None:
            price = order.listing.price(self._clock.market(now))
        amount = order.remaining
        if command.amount is not None:
            amount = min(amount, rounding.multiple_down(command.amount, order.listing.rules.lot))
        if amount <= 0:
            raise VenueError("invalid_order", f"there is nothing of {command.amount} to fill")
        order.parts = []
        book_trade(account, order, amount, price, "maker", now, self._clock.market(now))
        if not order.remaining:
            order.end("filled", now)
            del account.working[order.order_id]
        return self.evidence(account, order, now)

    def find(self, account: ExchangeAccount, client_order_id: str, now: datetime) -> OrderFound:
        """The latest order with this id. Raises VenueError when there was none."""
        return self.evidence(account, self._latest(account, client_order_id), now)

    def _latest(self, account: ExchangeAccount, client_order_id: str) -> Order:
        history = account.orders.get(client_order_id)
        if not history:
            raise VenueError("unknown_order", f"no order {client_order_id}")
        return history[-1]

    def evidence(self, account: ExchangeAccount, order: Order, now: datetime) -> OrderFound:
        return account.evidence(
            order.status,
            now,
            tuple(order.entries),
            venue_order_id=order.order_id,
            remaining=order.remaining,
            code=order.code,
            message=order.message,
        )

    def set_up(self, account: ExchangeAccount, command: SetFees | SetPositionMode) -> None:
        """Raises VenueError."""
        if isinstance(command, SetPositionMode):
            if command.hedged != account.hedged and (
                account.perps or any(o.listing.perp for o in account.working.values())
            ):
                raise VenueError("position_mode", "the position mode can't be changed with positions or open orders")
            account.hedged = command.hedged
            return
        before = account.fees.get(command.market, USUAL)
        account.fees[command.market] = changed(self.settings, before, command)

    def drift(self, account: ExchangeAccount, key: str, amount: Decimal, now: datetime) -> None:
        """A perpetual drifts at the market's price: what it is worth does not change at that moment."""
        for symbol, listing in self.listings.items():
            if listing.perp and listing.base_key == key:
                cost = account.perps.get(symbol, ZERO) + amount * listing.price(self._clock.market(now))
                account.perps[symbol] = cost
                if not account.balance(key) + amount:
                    del account.perps[symbol]
        account.drift(key, amount, now)
        account.next_due = None
