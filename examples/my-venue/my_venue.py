"""An exchange of one's own, `my-venue`: all that tightloop needs to know of it, in one module.

`SPEC` says what it is, `simulate` what the simulated venues have of it, `connect` and `connect_reader` build the
adapters of a lane that is live. `PLUGIN` holds all of them; `pyproject.toml` names it as an entry point, and that is
enough: the configuration, the components, the command line and the classes for Python find the venue from then on.
"""

from __future__ import annotations

from decimal import Decimal

from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.errors import ExecutionError
from tightloop.venues.adapter import VenueAdapter, VenueReader
from tightloop.venues.credentials import Credentials
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.sim.settings import ExchangeSettings, exchange, perpetual, spot, tiers

ADDRESS = "MY_VENUE__ADDRESS"  # in the variable BASIS_DEV__MY_VENUE__ADDRESS, or the file that ..._ADDRESS_FILE names

SPEC = VenueSpec(
    name="my-venue",
    kind="exchange",
    aliases=("mine",),
    markets=("spot", "perp"),
    credentials=(ADDRESS, "MY_VENUE__API_KEY"),
    read_credentials=(ADDRESS,),  # what only looks holds no key
    acceptance_window_s=2.5,  # it refuses requests whose signed time is older
)


def simulate(lane: LaneSpec) -> ExchangeSettings:
    """Its markets and rules: steps and bounds, fees, margin. Everything else has a default."""
    return exchange(
        lane.name,
        venue=SPEC.name,
        acceptance_window_s=lane.acceptance_window_s,
        symbols=(
            spot("BTC/USDT", tick="0.5", lot="0.0001", min_amount="0.0001", max_amount="500"),
            spot("ETH/USDT", tick="0.05", lot="0.001", min_notional="1", max_amount="5000"),
            perpetual("BTC/USDT", contract="0.001", tick="0.5", lot="1", min_amount="1", max_amount="1000000"),
        ),
        spot_maker=Decimal("0.0005"),
        spot_taker=Decimal("0.002"),
        perp_taker=Decimal("0.0007"),
        maintenance=tiers(("100000", "0.01"), (None, "0.05")),
        liquidation_fee=Decimal("0.01"),
    )


def connect(lane: LaneSpec, credentials: Credentials) -> VenueAdapter:
    """The adapter of a live lane. It opens no connection; its `open` does, and says what is wrong.

    This exchange's API is that of the simulated venues' server, so that the example can be tried. Yours has another:
    write a class with the methods of `tightloop.venues.adapter.VenueAdapter`, and put it under the execution cases.
    """
    from tightloop.venues.sim.client import SimExchange  # loads aiohttp: for those that ask a venue

    return SimExchange(lane, *_address(credentials))


def connect_reader(lane: LaneSpec, credentials: Credentials) -> VenueReader:
    """What reconciliation reads with: no method of it changes anything."""
    from tightloop.venues.sim.client import SimReader

    return SimReader(lane, *_address(credentials))


def _address(credentials: Credentials) -> tuple[str, int]:
    host, _, port = credentials.reveal(ADDRESS).rpartition(":")
    if not host or not port.isdigit():
        raise ExecutionError("EIF-010", f"{SPEC.name}: {ADDRESS} must be HOST:PORT")
    return host, int(port)


PLUGIN = VenuePlugin(spec=SPEC, simulate=simulate, connect=connect, connect_reader=connect_reader)
