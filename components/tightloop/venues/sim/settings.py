"""What the simulated venues are made of: lanes, rules, fees, opening balances, clocks. Plain data.

Everything here but ``host``, ``port`` and ``data_dir`` decides what the books become, and is therefore written at the
head of the command log: a restart with other settings is refused.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import Struct

from tightloop.venues.sim.chain_settings import ChainSettings, chain

D = Decimal


class SymbolRules(Struct, frozen=True, kw_only=True):
    """One market of an exchange: prices are multiples of ``tick``, amounts (base units) multiples of ``lot``."""

    symbol: str
    market: Literal["spot", "perp"]
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_notional: Decimal = D(5)
    liquidity: Decimal | None = None  # the most base units one trade takes; None: one trade, whatever the size
    level_bps: Decimal = D(1)  # how much worse each further trade of an order is


class ExchangeSettings(Struct, frozen=True, kw_only=True):
    """One exchange. Rates are fractions; ``slippage_bps`` is what a taker pays beyond the last market price."""

    lane: str
    venue: str  # what position keys and the market's series begin with
    acceptance_window_s: float = 2.0
    ahead_window_s: float = 1.0  # how far a signed time may be ahead of the venue's clock
    spot_maker: Decimal = D("0.001")
    spot_taker: Decimal = D("0.001")
    perp_maker: Decimal = D("0.0002")
    perp_taker: Decimal = D("0.0005")
    slippage_bps: Decimal = D(1)
    leverage: Decimal = D(10)
    symbols: tuple[SymbolRules, ...] = ()
    opening: dict[str, Decimal] = {}


def _symbols() -> tuple[SymbolRules, ...]:
    return (
        SymbolRules(symbol="BTC/USDT", market="spot", base="BTC", quote="USDT", tick=D("0.01"), lot=D("0.00001")),
        SymbolRules(symbol="ETH/USDT", market="spot", base="ETH", quote="USDT", tick=D("0.01"), lot=D("0.0001")),
        SymbolRules(symbol="BTC/USDT:USDT", market="perp", base="BTC", quote="USDT", tick=D("0.1"), lot=D("0.001")),
        SymbolRules(symbol="ETH/USDT:USDT", market="perp", base="ETH", quote="USDT", tick=D("0.01"), lot=D("0.001")),
    )


def exchange(lane: str, venue: str | None = None, acceptance_window_s: float = 2.0) -> ExchangeSettings:
    """An exchange with BTC and ETH, spot and perpetual, and ample opening balances. ``venue`` None: as the lane."""
    venue = venue or lane
    opening = {
        f"{venue}:BaseToken:USDT": D(1_000_000),
        f"{venue}:BaseToken:BTC": D(10),
        f"{venue}:BaseToken:ETH": D(100),
        f"{venue}:MarginBalance:USDT": D(1_000_000),
    }
    return ExchangeSettings(
        lane=lane, venue=venue, acceptance_window_s=acceptance_window_s, symbols=_symbols(), opening=opening
    )


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
    exchanges: tuple[ExchangeSettings, ...] = msgspec.field(
        default_factory=lambda: (exchange("binance"), exchange("bybit"), exchange("okx"))
    )
    chains: tuple[ChainSettings, ...] = msgspec.field(default_factory=lambda: (chain("ethereum"),))
