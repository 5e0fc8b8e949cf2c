"""Binance: spot, and USD-M perpetuals.

The simulated markets have the rules of ccxt's recorded market descriptions (``exchangeInfo`` as of 2023, in ccxt's
repository, ``ts/src/test/static/markets/binance.json`` at 0dca8ac0), fees those of ccxt 4.5.90 for the lowest tier, the
maintenance margin of BTCUSDT as announced on 2021-06-22 (binance.com/en/support/announcement, f55d2569), here for every
perpetual, and the liquidation fee of ``exchangeInfo``.
"""

from __future__ import annotations

from decimal import Decimal

from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.venues.adapter import VenueAdapter, VenueReader
from tightloop.venues.credentials import Credentials
from tightloop.venues.endpoints import check_endpoint
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.sim.settings import ExchangeSettings, FeeCoin, exchange, perpetual, spot, tiers

SPEC = VenueSpec(
    name="binance",
    kind="exchange",
    markets=("spot", "perp"),
    production=(
        *(f"api{number}.binance.com" for number in ("", "1", "2", "3", "4", "-gcp")),
        *(f"{part}api.binance.com" for part in ("f", "d", "e", "p")),
    ),
    credentials=(
        "CEX__BINANCE_SPOT_API_KEY",
        "CEX__BINANCE_SPOT_SECRET",
        "CEX__BINANCE_FUTURES_API_KEY",
        "CEX__BINANCE_FUTURES_SECRET",
    ),
    read_credentials=(
        "CEX__BINANCE_SPOT_READONLY_API_KEY",
        "CEX__BINANCE_SPOT_READONLY_SECRET",
        "CEX__BINANCE_FUTURES_READONLY_API_KEY",
        "CEX__BINANCE_FUTURES_READONLY_SECRET",
    ),
)


MARKETS = (
    spot(
        "BTC/USDT",
        tick="0.01",
        lot="0.00001",
        min_amount="0.00001",
        max_amount="9000",
        max_market_amount="128.52621715",
        max_notional="9000000",
    ),
    spot(
        "ETH/USDT",
        tick="0.01",
        lot="0.0001",
        min_amount="0.0001",
        max_amount="9000",
        max_market_amount="3277.54882761",
        max_notional="9000000",
    ),
    spot(
        "LTC/USDT",
        tick="0.01",
        lot="0.001",
        min_amount="0.001",
        max_amount="90000",
        max_market_amount="20716.23115062",
        max_notional="9000000",
    ),
    spot(
        "XRP/USDT",
        tick="0.0001",
        lot="1",
        min_amount="1",
        max_amount="9222449",
        max_market_amount="6858819.29288702",
        max_notional="9000000",
    ),
    spot(
        "DOGE/USDT",
        tick="0.00001",
        lot="1",
        min_amount="1",
        max_amount="9000000",
        max_market_amount="28160624.66945606",
        max_notional="9000000",
    ),
    perpetual("BTC/USDT", tick="0.1", lot="0.001", min_amount="0.001", max_amount="1000", max_market_amount="120"),
    perpetual("ETH/USDT", tick="0.01", lot="0.001", min_amount="0.001", max_amount="10000", max_market_amount="2000"),
    perpetual("LTC/USDT", tick="0.01", lot="0.001", min_amount="0.001", max_amount="10000", max_market_amount="5000"),
    perpetual(
        "XRP/USDT", tick="0.0001", lot="0.1", min_amount="0.1", max_amount="10000000", max_market_amount="2000000"
    ),
    perpetual(
        "DOGE/USDT", tick="0.00001", lot="1", min_amount="1", max_amount="50000000", max_market_amount="30000000"
    ),
)
UNRECORDED = (  # no recorded description was at hand: SOL has the steps of LTC, USDC those of the markets in USDT
    spot("SOL/USDT", tick="0.01", lot="0.001"),
    spot("BTC/USDC", tick="0.01", lot="0.00001"),
    spot("ETH/USDC", tick="0.01", lot="0.0001"),
    spot("USDC/USDT", tick="0.0001", lot="1"),
    perpetual("SOL/USDT", tick="0.01", lot="0.001"),
)


def settings(lane: str, acceptance_window_s: float = SPEC.acceptance_window_s) -> ExchangeSettings:
    """What the simulated exchange of that name is made of."""
    return exchange(
        lane,
        venue=SPEC.name,
        acceptance_window_s=acceptance_window_s,
        symbols=(*MARKETS, *UNRECORDED),
        spot_maker=Decimal("0.001"),
        spot_taker=Decimal("0.001"),
        perp_maker=Decimal("0.0002"),
        perp_taker=Decimal("0.0005"),
        # "you can save 25% on Spot and Margin trading fees and 10% on Futures trading fees" (support/faq/115000583311)
        fee_coin=FeeCoin(asset="BNB", spot_discount=Decimal("0.25"), perp_discount=Decimal("0.1")),
        maintenance=tiers(
            ("50000", "0.004"),
            ("250000", "0.005"),
            ("1000000", "0.01"),
            ("5000000", "0.025"),
            ("20000000", "0.05"),
            ("50000000", "0.1"),
            ("100000000", "0.125"),
            ("200000000", "0.15"),
            ("300000000", "0.25"),
            (None, "0.5"),
        ),
        liquidation_fee=Decimal("0.0125"),
    )


def simulate(lane: LaneSpec) -> ExchangeSettings:
    return settings(lane.name, lane.acceptance_window_s)


def connect(lane: LaneSpec, credentials: Credentials) -> VenueAdapter:
    """Raises ExecutionError EIF-011 when ccxt is not installed."""
    from tightloop.venues.live.binance import Binance  # loads ccxt: for those that trade live
    from tightloop.venues.live.exchange import LiveExchange

    return LiveExchange(lane, Binance(lane, credentials, reading=False))


def connect_reader(lane: LaneSpec, credentials: Credentials) -> VenueReader:
    """Raises ExecutionError EIF-011 when ccxt is not installed."""
    from tightloop.venues.live.binance import Binance
    from tightloop.venues.live.exchange import LiveReader

    return LiveReader(lane, Binance(lane, credentials, reading=True))


PLUGIN = VenuePlugin(spec=SPEC, simulate=simulate, connect=connect, connect_reader=connect_reader, check=check_endpoint)
