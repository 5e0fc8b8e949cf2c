"""Bybit: spot and USDT perpetuals of the unified account.

The simulated markets have the rules of ccxt's recorded market descriptions (``instruments-info`` as of 2025, in ccxt's
repository, ``ts/src/test/static/markets/bybit.json`` at 1f8d53ec), which have the fees too, and the maintenance margin
of BTCUSDT from Bybit's page of margin parameters (announcement-info/margin-parameters), here for every perpetual.
Perpetuals are counted in base units. Fees in MNT are not to be had for orders that come over the API
(bybit.com/help-center, "FAQ: Paying Trading Fees with MNT", 2025-10-14), so there is no coin for fees here.
"""

from __future__ import annotations

from decimal import Decimal

from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.venues.adapter import VenueAdapter, VenueReader
from tightloop.venues.credentials import Credentials
from tightloop.venues.endpoints import check_endpoint
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.sim.settings import ExchangeSettings, exchange, perpetual, spot, tiers

SPEC = VenueSpec(
    name="bybit",
    kind="exchange",
    markets=("spot", "perp"),
    unified=("USDT", "USDC"),  # what perpetuals settle in
    production=(  # https://bybit-exchange.github.io/docs/v5/guide: the same exchange, by region
        *(f"api.{host}" for host in ("bybit.com", "bytick.com", "bybit.nl", "bybit.com.hk", "bybit.eu", "bybit.kz")),
        *(f"api.{host}" for host in ("bybit-tr.com", "bybitgeorgia.ge", "bybit.ae", "bybit.id")),
    ),
    credentials=("CEX__BYBIT_API_KEY", "CEX__BYBIT_SECRET"),
    read_credentials=("CEX__BYBIT_READONLY_API_KEY", "CEX__BYBIT_READONLY_SECRET"),
)


MARKETS = (
    spot("BTC/USDT", tick="0.1", lot="0.000001", min_amount="0.000011", max_amount="83", max_notional="8000000"),
    spot(
        "ETH/USDT", tick="0.01", lot="0.00001", min_amount="0.00029", max_amount="4616.1353715", max_notional="7000000"
    ),
    spot(
        "LTC/USDT", tick="0.01", lot="0.00001", min_amount="0.00923", max_amount="22975.3015508", max_notional="600000"
    ),
    spot("XRP/USDT", tick="0.0001", lot="0.01", min_amount="0.44", max_amount="2390343.014223", max_notional="4000000"),
    spot("DOGE/USDT", tick="0.00001", lot="0.1", min_amount="3", max_amount="22340128.455739", max_notional="4000000"),
    perpetual("BTC/USDT", tick="0.1", lot="0.001", min_amount="0.001", max_amount="1190", max_market_amount="119"),
    perpetual("ETH/USDT", tick="0.01", lot="0.01", min_amount="0.01", max_amount="7240", max_market_amount="724"),
    perpetual("LTC/USDT", tick="0.01", lot="0.1", min_amount="0.1", max_amount="28740", max_market_amount="6160"),
    perpetual("XRP/USDT", tick="0.0001", lot="1", min_amount="1", max_amount="10965300", max_market_amount="2467800"),
    perpetual("DOGE/USDT", tick="0.00001", lot="1", min_amount="1", max_amount="43678900", max_market_amount="5991100"),
)
UNRECORDED = (  # no recorded description was at hand: SOL has the steps of LTC, USDC those of the markets in USDT
    spot("SOL/USDT", tick="0.01", lot="0.00001"),
    spot("BTC/USDC", tick="0.1", lot="0.000001"),
    spot("ETH/USDC", tick="0.01", lot="0.00001"),
    spot("USDC/USDT", tick="0.0001", lot="0.01"),
    perpetual("SOL/USDT", tick="0.01", lot="0.1"),
)


def settings(lane: str, acceptance_window_s: float = SPEC.acceptance_window_s) -> ExchangeSettings:
    """What the simulated exchange of that name is made of."""
    return exchange(
        lane,
        venue=SPEC.name,
        acceptance_window_s=acceptance_window_s,
        symbols=(*MARKETS, *UNRECORDED),
        unified=SPEC.unified,
        spot_maker=Decimal("0.001"),
        fee_on_top=True,  # feeType 0, the default: "input the actual amount received" (Bybit API v5, Withdraw)
        spot_taker=Decimal("0.001"),
        perp_maker=Decimal("0.0001"),
        perp_taker=Decimal("0.0006"),
        maintenance=tiers(
            ("2000000", "0.005"),
            ("2600000", "0.0056"),
            ("3200000", "0.0063"),
            ("3800000", "0.0067"),
            ("4400000", "0.0071"),
            ("5000000", "0.0077"),
            ("5600000", "0.0091"),
            ("8500000", "0.01"),
            ("10000000", "0.013"),
            ("14000000", "0.015"),
            ("20000000", "0.016"),
            ("28000000", "0.02"),
            ("38000000", "0.025"),
            ("50000000", "0.029"),
            ("55000000", "0.03"),
            ("60000000", "0.035"),
            ("65000000", "0.036"),
            ("70000000", "0.038"),
            ("75000000", "0.04"),
            (None, "0.045"),
        ),
        liquidation_fee=Decimal("0.0006"),
    )


def simulate(lane: LaneSpec) -> ExchangeSettings:
    return settings(lane.name, lane.acceptance_window_s)


def connect(lane: LaneSpec, credentials: Credentials) -> VenueAdapter:
    """Raises ExecutionError EIF-011 when ccxt is not installed."""
    from tightloop.venues.live.bybit import Bybit  # loads ccxt: for those that trade live
    from tightloop.venues.live.exchange import LiveExchange

    return LiveExchange(lane, Bybit(lane, credentials, reading=False))


def connect_reader(lane: LaneSpec, credentials: Credentials) -> VenueReader:
    """Raises ExecutionError EIF-011 when ccxt is not installed."""
    from tightloop.venues.live.bybit import Bybit
    from tightloop.venues.live.exchange import LiveReader

    return LiveReader(lane, Bybit(lane, credentials, reading=True))


PLUGIN = VenuePlugin(spec=SPEC, simulate=simulate, connect=connect, connect_reader=connect_reader, check=check_endpoint)
