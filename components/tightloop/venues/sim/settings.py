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

D = Decimal
NATIVE = "ETH"  # the asset that pays for gas


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


class ChainSettings(Struct, frozen=True, kw_only=True):
    """One chain: a wallet with a nonce, a swap, a lending market, transfers. ``gas`` is in units per operation.

    A transaction is final once so many blocks hold it (``confirmations``, its own included, 1 to 64). ``automine``: a
    transaction that can be mined is, at once, in a block of its own. ``block_time_s``: a block that often, with what
    waits; None: none by time. With more than one confirmation and neither, blocks come by the control endpoint only.
    ``base_fee``: of every block, native units per gas; None: the market's gas price. ``tip``: what the node suggests.
    """

    lane: str
    chain_id: int = 1
    native: str = NATIVE
    first_block: int = 18_900_000
    decimals: dict[str, int] = {}
    swap_fee: Decimal = D("0.0005")
    loan_to_value: Decimal = D("0.8")
    gas: dict[str, int] = {}
    opening: dict[str, Decimal] = {}
    confirmations: int = 1
    automine: bool = True
    block_time_s: float | None = None
    base_fee: Decimal | None = None
    tip: Decimal = D("1e-9")


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


def chain(lane: str, chain_id: int | None = None, confirmations: int = 1) -> ChainSettings:
    """A chain with the tokens of the basis trades, and an ample wallet. ``chain_id`` None: 1."""
    opening = {
        "wallet:BaseToken:ETH": D(100),
        "wallet:BaseToken:WETH": D(100),
        "wallet:BaseToken:WBTC": D(10),
        "wallet:BaseToken:USDT": D(1_000_000),
        "wallet:BaseToken:USDC": D(1_000_000),
    }
    gas = {
        "base": 21_000,
        "uniswap.swap": 130_000,
        "aave.supply": 200_000,
        "aave.withdraw": 220_000,
        "aave.borrow": 290_000,
        "aave.repay": 180_000,
        "wallet.transfer": 44_000,
        "wallet.transfer_native": 0,
    }
    decimals = {"ETH": 18, "WETH": 18, "WBTC": 8, "USDT": 6, "USDC": 6}
    return ChainSettings(
        lane=lane,
        chain_id=chain_id or 1,
        confirmations=confirmations,
        decimals=decimals,
        gas=gas,
        opening=opening,
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
