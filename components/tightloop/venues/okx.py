"""OKX: spot, and USDT perpetuals, which it counts in contracts.

The simulated markets have the rules of ccxt's recorded market descriptions (``public/instruments`` as of 2025, in
ccxt's repository, ``ts/src/test/static/markets/okx.json`` at 3802e1a2; that of BTC-USDC is NautilusTrader's,
``crates/adapters/okx/test_data``) and the fees of ccxt 4.5.90 for the lowest tier. The maintenance margin is what OKX's
documented position of BTC-USDT-SWAP has (``account/positions``: ``mmr`` over ``notionalUsd``), here for every perpetual
and size. OKX bounds the amount from below, and no notional.
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
    name="okx",
    kind="exchange",
    markets=("spot", "perp"),
    production=("www.okx.com", "okx.com", "aws.okx.com", "eea.okx.com", "us.okx.com", "app.okx.com", "my.okx.com"),
    unified=("USDT", "USDC"),  # what perpetuals settle in
    credentials=("CEX__OKX_API_KEY", "CEX__OKX_SECRET", "CEX__OKX_PASSPHRASE"),
    read_credentials=("CEX__OKX_READONLY_API_KEY", "CEX__OKX_READONLY_SECRET", "CEX__OKX_PASSPHRASE"),
)


_SPOT = {"min_notional": "0", "max_notional": "20000000", "max_market_notional": "1000000"}
_SWAP = {"min_notional": "0", "max_notional": "20000000"}
MARKETS = (
    spot("BTC/USDT", tick="0.1", lot="0.00000001", min_amount="0.00001", **_SPOT),
    spot("ETH/USDT", tick="0.01", lot="0.000001", min_amount="0.0001", **_SPOT),
    spot("LTC/USDT", tick="0.01", lot="0.000001", min_amount="0.01", **_SPOT),
    spot("XRP/USDT", tick="0.0001", lot="0.000001", min_amount="1", **_SPOT),
    spot("DOGE/USDT", tick="0.00001", lot="0.000001", min_amount="10", **_SPOT),
    spot("BTC/USDC", tick="0.1", lot="0.00000001", min_amount="0.00001", **_SPOT),
    perpetual(
        "BTC/USDT",
        contract="0.01",
        tick="0.1",
        lot="0.1",
        min_amount="0.1",
        max_amount="100000000",
        max_market_amount="12000",
        **_SWAP,
    ),
    perpetual(
        "ETH/USDT",
        contract="0.1",
        tick="0.01",
        lot="0.1",
        min_amount="0.1",
        max_amount="100000000",
        max_market_amount="20000",
        **_SWAP,
    ),
    perpetual(
        "LTC/USDT",
        contract="1",
        tick="0.01",
        lot="0.1",
        min_amount="0.1",
        max_amount="100000000",
        max_market_amount="10000",
        **_SWAP,
    ),
    perpetual(
        "XRP/USDT",
        contract="100",
        tick="0.0001",
        lot="0.1",
        min_amount="0.1",
        max_amount="100000000",
        max_market_amount="15000",
        **_SWAP,
    ),
    perpetual(
        "DOGE/USDT",
        contract="1000",
        tick="0.00001",
        lot="0.1",
        min_amount="0.1",
        max_amount="100000000",
        max_market_amount="12000",
        **_SWAP,
    ),
)
UNRECORDED = (  # no recorded description was at hand: SOL has the steps of LTC, USDC those of the markets in USDT
    spot("SOL/USDT", tick="0.01", lot="0.000001", min_amount="0.01", **_SPOT),
    spot("ETH/USDC", tick="0.01", lot="0.000001", min_amount="0.0001", **_SPOT),
    spot("USDC/USDT", tick="0.0001", lot="0.0001", min_amount="1", **_SPOT),
    perpetual("SOL/USDT", contract="1", tick="0.01", lot="0.1", min_amount="0.1", **_SWAP),
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
        fee_on_top=True,  # "Withdrawal fee is not included in withdrawal amount" (OKX API v5, Withdrawal)
        spot_taker=Decimal("0.0015"),
        perp_maker=Decimal("0.0002"),
        perp_taker=Decimal("0.0005"),
        maintenance=tiers((None, "0.004")),
        liquidation_fee=Decimal("0.0005"),
    )


def simulate(lane: LaneSpec) -> ExchangeSettings:
    return settings(lane.name, lane.acceptance_window_s)


def connect(lane: LaneSpec, credentials: Credentials) -> VenueAdapter:
    """Raises ExecutionError EIF-011 when ccxt is not installed."""
    from tightloop.venues.live.exchange import LiveExchange
    from tightloop.venues.live.okx import Okx  # loads ccxt: for those that trade live

    return LiveExchange(lane, Okx(lane, credentials, reading=False))


def connect_reader(lane: LaneSpec, credentials: Credentials) -> VenueReader:
    """Raises ExecutionError EIF-011 when ccxt is not installed."""
    from tightloop.venues.live.exchange import LiveReader
    from tightloop.venues.live.okx import Okx

    return LiveReader(lane, Okx(lane, credentials, reading=True))


PLUGIN = VenuePlugin(spec=SPEC, simulate=simulate, connect=connect, connect_reader=connect_reader, check=check_endpoint)
