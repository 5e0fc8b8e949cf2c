"""The limits themselves: of each strategy, and beside them of an account and of a venue. Data, made of configuration.

An instruction is measured by up to three scopes at once, each with its own bounds and its own use: its strategy, the
account it acts on, and each venue that it touches. All of them count within one strategy: no loop waits for another
strategy's, so that none knows what another one uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import fields

from tightloop.domain.directory import Directory
from tightloop.records.types import AccountRef, Instruction

MOST_ORDERS = 1000  # that an order rate may count: the time of each is kept


class OrderRate(Struct, frozen=True):
    """At most ``orders`` instructions are dispatched within any ``seconds``."""

    orders: int
    seconds: float


class Bounds(Struct, frozen=True, kw_only=True):
    """``None``: no such limit. Notionals are in the limits' currency, ``max_fee`` in the chain's native asset.

    ``position``: in units of the asset, by the symbol of the position key, or by ``type:symbol``.
    ``price_collar_bps``: in basis points of the market's price. What is a set allows what is in it, and nothing else.
    """

    order_notional: Decimal | None = None
    open_notional: Decimal | None = None
    daily_notional: Decimal | None = None
    order_rate: OrderRate | None = None
    position: Mapping[str, Decimal] | None = None
    price_collar_bps: Decimal | None = None
    max_fee: Decimal | None = None
    symbols: frozenset[str] | None = None
    protocols: frozenset[str] | None = None
    contracts: frozenset[str] | None = None
    destinations: frozenset[str] | None = None

    @property
    def any(self) -> bool:
        """Is any limit set?"""
        return any(getattr(self, one.name) is not None for one in fields(self))

    @property
    def measures_notional(self) -> bool:
        """Is one of the three notionals bounded?"""
        return not (self.order_notional is None and self.open_notional is None and self.daily_notional is None)

    @property
    def needs_prices(self) -> bool:
        """Is the market's price needed to tell whether they are kept?"""
        return self.measures_notional or self.price_collar_bps is not None or bool(self.position)


class Scope(Struct, frozen=True, kw_only=True):
    """``name``: ``strategy s1``, ``account main``, ``venue binance``. ``section``: of the configuration.

    ``inherited``: the bounds that the strategy has from ``limits.default``.
    """

    name: str
    section: str
    bounds: Bounds
    inherited: frozenset[str] = frozenset()

    def key(self, limit: str) -> str:
        """Where this limit stands in the configuration."""
        return f"limits.default.{limit}" if limit in self.inherited else f"{self.section}.{limit}"


class Limits:
    """``default``: what each strategy has unless ``strategies`` says otherwise, bound by bound. ``accounts`` and
    ``venues`` (by their own names) come on top.

    ``currency``: of notionals. ``at_par``: assets that count as one unit of it. ``price_max_age_s``: market data
    that is older is no price.
    """

    def __init__(
        self,
        *,
        currency: str = "USDT",
        at_par: frozenset[str] = frozenset({"USDT", "USDC", "DAI"}),
        price_max_age_s: float = 60.0,
        default: Bounds | None = None,
        strategies: Mapping[str, Bounds] | None = None,
        accounts: Mapping[str, Bounds] | None = None,
        venues: Mapping[str, Bounds] | None = None,
    ) -> None:
        self.currency = currency
        self.at_par = at_par | {currency}
        self.price_max_age_s = price_max_age_s
        self._default = default or Bounds()
        self._strategies = dict(strategies or {})
        self._accounts = dict(accounts or {})
        self._venues = dict(venues or {})
        self._scopes = lru_cache(maxsize=4096)(self._made)

    def scopes_of(self, instruction: Instruction, account: AccountRef, directory: Directory) -> tuple[Scope, ...]:
        """The scopes with bounds that this instruction is measured by; none: it has no limits."""
        return self._scopes(instruction.strategy_id, account.account, venues_of(instruction, directory))

    @property
    def measure_by_price(self) -> bool:
        """Does any of them need market data?"""
        every = (self._default, *self._strategies.values(), *self._accounts.values(), *self._venues.values())
        return any(one.needs_prices for one in every)

    def needs_positions(self, strategy_id: str, account: AccountRef, *, on_chain: bool) -> bool:
        """Might an instruction on that account be measured by what it holds? On a chain an amount can be `all`."""
        every = [*self._scopes(strategy_id, account.account, tuple(self._venues))]
        return any(one.bounds.position or (on_chain and one.bounds.measures_notional) for one in every)

    def _made(self, strategy_id: str, account: str, venues: tuple[str, ...]) -> tuple[Scope, ...]:
        scopes = [self._of_strategy(strategy_id)]
        if account in self._accounts:
            section = f"limits.accounts.{account}"
            scopes.append(Scope(name=f"account {account}", section=section, bounds=self._accounts[account]))
        for venue in venues:
            if venue in self._venues:
                section = f"limits.venues.{venue}"
                scopes.append(Scope(name=f"venue {venue}", section=section, bounds=self._venues[venue]))
        return tuple(scope for scope in scopes if scope.bounds.any)

    def _of_strategy(self, strategy_id: str) -> Scope:
        own, default = self._strategies.get(strategy_id, Bounds()), self._default
        names = [one.name for one in fields(default)]
        inherited = frozenset(name for name in names if getattr(own, name) is None)
        merged = {name: getattr(default if name in inherited else own, name) for name in names}
        section = f"limits.strategies.{strategy_id}"
        name = f"strategy {strategy_id}"
        return Scope(name=name, section=section, bounds=Bounds(**merged), inherited=inherited)


def venues_of(instruction: Instruction, directory: Directory) -> tuple[str, ...]:
    """The venues that it touches, by their own names: its own, and its steps' protocols."""
    names = [instruction.venue]
    if instruction.smart_contract_action is not None:
        names += [step.protocol for step in instruction.smart_contract_action.actions]
    return tuple(dict.fromkeys(directory.venues.find(name).name for name in names))
