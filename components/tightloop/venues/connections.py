"""The one place where adapters are built, for the components on Kafka and for the classes in process.

Whatever can be seen to be wrong is refused first: nothing is built then, and no connection opened. What only the venue
can tell its adapter's ``open`` finds out.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.errors import ExecutionError
from tightloop.venues import registry
from tightloop.venues.adapter import VenueAdapter, VenueReader
from tightloop.venues.credentials import Credentials, from_environment
from tightloop.venues.plugin import VenuePlugin

PRODUCTION = "prod"


class Surroundings(Struct, frozen=True, kw_only=True):
    """Where adapters are built. ``simulator``: the simulated venues' host and port. ``live_trading``: the switch
    without which nothing trades on ``prod``. ``variables``: those that credentials are in; None: this process's own.
    """

    environment: str
    simulator: tuple[str, int]
    live_trading: bool = False
    variables: Mapping[str, str] | None = None


def adapter(lane: LaneSpec, around: Surroundings, given: Credentials | None = None) -> VenueAdapter:
    """All of a lane's adapter. ``given``: its credentials, where they are not to be read.

    Raises ExecutionError EIF-003, EIF-004, EIF-006, EIF-007, EIF-008, EIF-010, EIF-013.
    """
    credentials = check(lane, around, given)
    connect = registry.known().plugin(lane.home).connect
    if credentials is not None and connect is not None:
        return connect(lane, credentials)
    from tightloop.venues.sim.client import SimChain, SimExchange  # loads aiohttp: for those that ask a venue

    return (SimChain if lane.kind == "chain" else SimExchange)(lane, *around.simulator)


def check(lane: LaneSpec, around: Surroundings, given: Credentials | None = None) -> Credentials | None:
    """All that :func:`adapter` refuses, and nothing is built: the lane's credentials, None where it is simulated."""
    if lane.simulated:
        return None
    plugin = registry.known().plugin(lane.home)
    if plugin.connect is None:
        raise _not_live(lane)
    if around.environment == PRODUCTION and not around.live_trading:
        raise ExecutionError(
            "EIF-013",
            f"{lane.name} would trade real money, and live trading is not enabled",
            remedy="Set `live_trading = true` (TIGHTLOOP_LIVE_TRADING=true) when real money is meant to move.",
        )
    return _credentials(plugin, lane, around, given, reading=False)


def reader(lane: LaneSpec, around: Surroundings) -> VenueReader:
    """What only reads. Raises ExecutionError as :func:`adapter`, but EIF-013."""
    if lane.simulated:
        from tightloop.venues.sim.client import SimReader

        return SimReader(lane, *around.simulator)
    plugin = registry.known().plugin(lane.home)
    if plugin.connect_reader is None:
        raise _not_live(lane)
    return plugin.connect_reader(lane, _credentials(plugin, lane, around, None, reading=True))


def _credentials(
    plugin: VenuePlugin, lane: LaneSpec, around: Surroundings, given: Credentials | None, *, reading: bool
) -> Credentials:
    """Those of the lane, when nothing speaks against them."""
    check_endpoint(plugin.spec, lane, around.environment)
    if given is None:
        given = from_environment(plugin.spec, around.environment, around.variables, lane=lane.name, reading=reading)
    if plugin.check is not None:
        plugin.check(lane, given)
    return given


def check_endpoint(venue: VenueSpec, lane: LaneSpec, environment: str) -> None:
    """Does the lane's own endpoint belong to the environment? Raises ExecutionError EIF-008."""
    host = urlsplit(lane.endpoint).hostname if lane.endpoint is not None else None
    if host is None or not venue.production:
        return
    real = host.rstrip(".") in venue.production  # a name that ends with a dot is the same host
    if real and environment != PRODUCTION:
        what = f"{host} is where {venue.name} trades real money, and the environment is {environment}"
    elif not real and environment == PRODUCTION:
        what = (
            f"{host} is none of {venue.name}'s own hosts ({', '.join(venue.production)}), and the environment is prod"
        )
    else:
        return
    raise ExecutionError("EIF-008", f"lanes.{lane.name}.endpoint: {what}")


def _not_live(lane: LaneSpec) -> ExecutionError:
    return ExecutionError(
        "EIF-007",
        f"lane {lane.name} is not simulated, and {lane.home} has no live adapter in this version",
        remedy=f"Take `simulated = false` out of `[lanes.{lane.name}]`.",
    )
