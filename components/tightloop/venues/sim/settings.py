"""What the simulated venues are made of: lanes, rules, fees, opening balances, clocks. Plain data.

Everything here but ``host``, ``port`` and ``data_dir`` decides what the books become, and is therefore written at the
head of the command log: a restart with other settings is refused.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tightloop.domain.venues import balance_type
from tightloop.venues.sim.chain_settings import ChainSettings, chain

D = Decimal


class SymbolRules(Struct, frozen=True, kw_only=True):
    """One market of an exchange: prices are multiples of ``tick``, amounts (base units) multiples of ``lot``.

    Amounts are base units and notionals quote units everywhere. None: the exchange has no such bound. ``contract``:
    how many base units one contract of a perpetual is, where the exchange counts those. ``funding_hours``: how often a
    perpetual pays funding, counted from midnight UTC, where the market has no recorded rates.
    """

    symbol: str
    market: Literal["spot", "perp"]
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    contract: Decimal = D(1)
    min_amount: Decimal = D(0)
    max_amount: Decimal | None = None
    max_market_amount: Decimal | None = None
    min_notional: Decimal = D(5)
    max_notional: Decimal | None = None
    max_market_notional: Decimal | None = None
    funding_hours: int = 8
    liquidity: Decimal | None = None  # the most base units one trade takes; None: one trade, whatever the size
    level_bps: Decimal = D(1)  # how much worse each further trade of an order is


class MarginTier(Struct, frozen=True, kw_only=True):
    """Of the part of a position's notional up to ``up_to`` (None: of all the rest), ``rate`` must stay as equity."""

    up_to: Decimal | None
    rate: Decimal


class NetworkRules(Struct, frozen=True, kw_only=True):
    """How an asset moves in and out of an exchange on one network, which is a chain's lane. In units of the asset."""

    asset: str
    network: str
    fee: Decimal
    least_withdrawal: Decimal
    least_deposit: Decimal = D(0)


class FeeCoin(Struct, frozen=True, kw_only=True):
    """The coin in which an account may pay its fees, and what that takes off them, as fractions."""

    asset: str
    spot_discount: Decimal
    perp_discount: Decimal


class ExchangeSettings(Struct, frozen=True, kw_only=True):
    """One exchange. Rates are fractions; ``slippage_bps`` is what a taker pays beyond the last market price.

    ``leverage``: the account's: an order needs notional over leverage as equity. ``maintenance``: what a position needs
    to be kept, tier by tier from the lowest. ``liquidation_fee``: of the notional of what is liquidated.
    """

    lane: str
    venue: str  # what position keys and the market's series begin with
    acceptance_window_s: float = 2.0
    ahead_window_s: float = 1.0  # how far a signed time may be ahead of the venue's clock
    spot_maker: Decimal = D("0.001")
    spot_taker: Decimal = D("0.001")
    perp_maker: Decimal = D("0.0002")
    perp_taker: Decimal = D("0.0005")
    fee_coin: FeeCoin | None = None
    slippage_bps: Decimal = D(1)
    leverage: Decimal = D(10)
    maintenance: tuple[MarginTier, ...] = (MarginTier(up_to=None, rate=D("0.005")),)
    liquidation_fee: Decimal = D("0.0005")
    symbols: tuple[SymbolRules, ...] = ()
    unified: tuple[str, ...] = ()  # assets of which spot and perpetuals share one balance, the margin balance
    opening: dict[str, Decimal] = {}
    networks: tuple[NetworkRules, ...] = ()
    fee_on_top: bool = False  # a withdrawal's fee comes on top of its amount; otherwise out of it
    withdrawal_s: float = 2.0  # from the request until it is sent
    network_s: float = 1.0  # from then until it is credited
    deposit_confirmations: int = 1  # blocks that must hold a deposit's transaction; never less than the chain's own
    ids_once: bool = False  # a client order id is taken once, and not again when its order has ended
    funding: bool = False  # deposits come to an account of their own, which withdrawals leave, beside the trading one
    post_only_ends: bool = False  # a post-only order that would trade is taken, and ends at once; otherwise refused

    def networks_of(self, asset: str) -> list[NetworkRules]:
        """How it comes and goes; the usual way first."""
        return [one for one in self.networks if one.asset == asset]

    def balance_key(self, market: str, asset: str) -> str:
        """The position that a market, ``spot`` or ``perp``, pays in this asset from."""
        return f"{self.venue}:{balance_type(self.unified, market, asset)}:{asset}"

    def deposit_key(self, asset: str) -> str:
        """Where deposits come, and withdrawals leave."""
        return f"{self.venue}:Funding:{asset}" if self.funding else self.balance_key("spot", asset)


def _networks(network: str = "ethereum") -> tuple[NetworkRules, ...]:
    return (
        NetworkRules(asset="USDT", network=network, fee=D("2"), least_withdrawal=D("10"), least_deposit=D("0.01")),
        NetworkRules(asset="USDC", network=network, fee=D("2"), least_withdrawal=D("10"), least_deposit=D("0.01")),
        NetworkRules(asset="ETH", network=network, fee=D("0.0005"), least_withdrawal=D("0.01")),
    )


def exchange(lane: str, venue: str | None = None, acceptance_window_s: float = 2.0, **rules: Any) -> ExchangeSettings:
    """An exchange with ample opening balances. ``venue`` None: as the lane. ``rules``: what differs from the defaults
    of ExchangeSettings; without ``symbols`` it has BTC and ETH, spot and perpetual.
    """
    chosen = {"symbols": _plain_symbols(), "networks": _networks(), **rules}
    made = ExchangeSettings(lane=lane, venue=venue or lane, acceptance_window_s=acceptance_window_s, **chosen)
    return made if "opening" in rules else replace(made, opening=_opening(made))


def _opening(settings: ExchangeSettings) -> dict[str, Decimal]:
    held = (("spot", "USDT", 1_000_000), ("spot", "BTC", 10), ("spot", "ETH", 100), ("perp", "USDT", 1_000_000))
    return {settings.balance_key(market, asset): D(amount) for market, asset, amount in held}


def _plain_symbols() -> tuple[SymbolRules, ...]:
    return (
        spot("BTC/USDT", tick="0.01", lot="0.00001"),
        spot("ETH/USDT", tick="0.01", lot="0.0001"),
        perpetual("BTC/USDT", tick="0.1", lot="0.001"),
        perpetual("ETH/USDT", tick="0.01", lot="0.001"),
    )


def spot(pair: str, *, tick: str, lot: str, **bounds: str) -> SymbolRules:
    """A spot market. ``bounds``: the further fields of SymbolRules that are Decimals, as text."""
    base, quote = pair.split("/")
    chosen: dict[str, Any] = {name: D(text) for name, text in bounds.items()}
    return SymbolRules(symbol=pair, market="spot", base=base, quote=quote, tick=D(tick), lot=D(lot), **chosen)


def perpetual(pair: str, *, tick: str, lot: str, contract: str = "1", **bounds: str) -> SymbolRules:
    """A perpetual that is margined and settled in its quote. ``lot``, ``min_amount``, ``max_amount`` and
    ``max_market_amount`` are contracts, as the exchange tells them, and become base units here.
    """
    base, quote = pair.split("/")
    size = D(contract)
    chosen: dict[str, Any] = {
        name: D(text) * size if name.endswith("_amount") else D(text) for name, text in bounds.items()
    }
    return SymbolRules(
        symbol=f"{pair}:{quote}",
        market="perp",
        base=base,
        quote=quote,
        tick=D(tick),
        lot=D(lot) * size,
        contract=size,
        **chosen,
    )


def tiers(*given: tuple[str | None, str]) -> tuple[MarginTier, ...]:
    """Of pairs of notional and rate, lowest first."""
    return tuple(MarginTier(up_to=None if up_to is None else D(up_to), rate=D(rate)) for up_to, rate in given)


def _every_exchange() -> tuple[ExchangeSettings, ...]:
    from tightloop.venues import binance, bybit, okx  # they build on this module

    return tuple(venue.settings(venue.SPEC.name) for venue in (binance, bybit, okx))


class SimSettings(Struct, frozen=True, kw_only=True):
    """The sandbox. ``market_dir`` None: a synthetic market from ``seed``. ``data_dir`` None: books in memory only.

    ``market_origin`` is the wall time that stands for the market's first record; None: the moment the books were
    first opened. With ``clock`` ``manual`` the venue's time moves only by the control endpoint.
    """

    host: str = "127.0.0.1"
    port: int = 0
    data_dir: str | None = None
    market_dir: str | None = None
    seed: int = 1
    market_origin: datetime | None = None
    clock: Literal["wall", "manual"] = "wall"
    interest_step_s: int = 3600
    exchanges: tuple[ExchangeSettings, ...] = msgspec.field(default_factory=_every_exchange)
    chains: tuple[ChainSettings, ...] = msgspec.field(default_factory=lambda: (chain("ethereum"),))
