"""Every component of a loop in this process, on simulated venues and a clock that is moved: for backtests and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from tightloop.assembly import build
from tightloop.assembly.config import Config
from tightloop.assembly.lanes import with_lanes
from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.handlers.api import Handler
from tightloop.records.types import Recording
from tightloop.runners.clock import ManualClock
from tightloop.runners.performer import Performer
from tightloop.runners.price_source import PriceSource
from tightloop.runners.stepped import SteppedRunner
from tightloop.venues import registry
from tightloop.venues.adapter import VenueAdapter
from tightloop.venues.sim.inprocess import InProcessChain, InProcessExchange
from tightloop.venues.sim.last_prices import LastPrices
from tightloop.venues.sim.market import Market
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import SimSettings


class Engine(SteppedRunner):
    """``config``: as for the components. ``venues``: adapters by lane, instead of the simulated ones.

    ``sandbox`` holds the simulated venues' books; its time is ``clock``'s, and its market is synthetic unless ``sim``
    or ``market`` says otherwise. ``handlers``: by component name, those that replace the configured ones. ``bus``: the
    topics; nothing on them is kept but by those who subscribe. ``prices``: what limits are checked against, instead of
    the simulated venues' prices.
    """

    def __init__(
        self,
        config: Config,
        clock: ManualClock,
        *,
        venues: Mapping[str, VenueAdapter] | None = None,
        sim: SimSettings | None = None,
        market: Market | None = None,
        handlers: Mapping[str, Handler] | None = None,
        partitions: int = 1,
        encodes: bool = False,
        record: Callable[[Recording], None] | None = None,
        prices: PriceSource | None = None,
    ) -> None:
        adapters = dict(venues or {})
        lanes = {name: lane for name, lane in config.directory().lanes.items() if name not in adapters}
        settings = sim or SimSettings(market_origin=clock.now() - timedelta(days=30))
        self.sandbox = Sandbox(with_lanes(settings, lanes, registry.known()), clock.now, market)
        adapters |= {name: _simulated(lane, self.sandbox) for name, lane in lanes.items()}
        made = [build.make_handler(component, lane, config) for component, lane in build.every_component(config)]
        replaced = dict(handlers or {})
        super().__init__(
            [replaced.get(handler.name, handler) for handler in made],
            Performer(adapters, clock, config.timing.clock_margin, prices or self._last_prices()),
            clock,
            partitions=partitions,
            encodes=encodes,
            on_time=lambda now: self.sandbox.catch_up(),
            record=record,
        )

    def _last_prices(self) -> PriceSource:
        return LastPrices(self.sandbox.market, self.sandbox.market_clock, self.sandbox.now)


def _simulated(lane: LaneSpec, sandbox: Sandbox) -> VenueAdapter:
    """Raises ExecutionError EIF-007 for a lane that is not simulated."""
    if not lane.simulated:
        raise ExecutionError("EIF-007", f"lane {lane.name} is not simulated: give its adapter, in `venues`")
    adapter = InProcessChain if lane.kind == "chain" else InProcessExchange
    return adapter(lane, sandbox, quotes_found=False)
