"""What each component is made of: its handler, and the adapters that perform its calls."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from tightloop.assembly.config import Config
from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.handlers.api import Handler
from tightloop.handlers.executor.handler import Executor
from tightloop.handlers.executor.settings import ExecutorSettings
from tightloop.handlers.manager.handler import InterfaceManager
from tightloop.handlers.manager.settings import ManagerSettings
from tightloop.handlers.positions.handler import PositionUpdates
from tightloop.handlers.positions.settings import PositionSettings
from tightloop.handlers.reconciliation.handler import Reconciliation
from tightloop.handlers.reconciliation.settings import ReconciliationSettings, Tolerances
from tightloop.records import topics
from tightloop.runners.clock import Clock, SystemClock
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.prices import PriceSource
from tightloop.venues import registry
from tightloop.venues.adapter import VenueReader
from tightloop.venues.credentials import from_environment

MANAGER, EXECUTOR, POSITIONS, RECONCILIATION = (
    "interface-manager",
    "executor",
    "position-update-handler",
    "reconciliation",
)
COMPONENTS = (MANAGER, EXECUTOR, POSITIONS, RECONCILIATION)


def every_component(config: Config) -> list[tuple[str, str | None]]:
    """``(component, lane)`` of all that a system with these lanes consists of."""
    executors: list[tuple[str, str | None]] = [(EXECUTOR, lane) for lane in config.lanes]
    return [(MANAGER, None), *executors, (POSITIONS, None), (RECONCILIATION, None)]


def make_handler(component: str, lane: str | None, config: Config) -> Handler:
    """Raises ExecutionError EIF-010 for a component or lane that there is not."""
    match component:
        case "interface-manager":
            return InterfaceManager(manager_settings(config))
        case "executor" if lane in config.lanes:
            return Executor(executor_settings(lane, config))
        case "executor":
            raise ExecutionError("EIF-010", f"lane {lane!r} is not configured; there are {', '.join(config.lanes)}")
        case "position-update-handler":
            return PositionUpdates(PositionSettings(directory=config.directory()))
        case "reconciliation":
            return Reconciliation(reconciliation_settings(config))
    raise ExecutionError("EIF-010", f"there is no component {component!r}; there are {', '.join(COMPONENTS)}")


def make_adapters(component: str, lane: str | None, config: Config) -> dict[str, VenueReader]:
    """By lane: an executor's own adapter, and readers of the others, to which its transfers may go; for reconciliation
    a reader of each; none for the others. A reader can't trade.

    Raises ExecutionError: EIF-007 for a lane that is not simulated whose venue has no live adapter, EIF-003 and
    EIF-006 for its credentials.
    """
    lanes = config.directory().lanes
    if component == EXECUTOR and lane is not None:
        return {lane: _adapter(lanes[lane], config), **_others(lane, config)}
    if component == RECONCILIATION:
        return {one.name: _reader(one, config) for one in lanes.values()}
    return {}


def _others(lane: str, config: Config) -> dict[str, VenueReader]:
    """Readers of the other lanes, to which transfers may go. Where one can't be read, none goes there from here."""
    readers = {}
    for one in config.directory().lanes.values():
        if one.name != lane:
            with suppress(ExecutionError):  # no live reader, or no credentials of one: an executor needs its own alone
                readers[one.name] = _reader(one, config)
    return readers


def make_prices(
    component: str, config: Config, settings: KafkaSettings, clock: Clock | None = None
) -> PriceSource | None:
    """What answers the interface manager's questions for prices on Kafka; None: nothing asks for any."""
    limits = config.dispatch_limits()
    if component != MANAGER or limits is None or not limits.measure_by_price:
        return None
    from tightloop.runners.kafka.market_view import MarketView  # loads the Kafka client: for those that follow a topic

    return MarketView(settings, clock or SystemClock(), limits.price_max_age_s)


def _adapter(lane: LaneSpec, config: Config) -> VenueReader:
    if lane.simulated:
        from tightloop.venues.sim.client import SimChain, SimExchange  # loads aiohttp: for those that ask a venue

        return (SimChain if lane.kind == "chain" else SimExchange)(lane, *config.simulator_address)
    plugin = registry.known().plugin(lane.home)
    if plugin.connect is None:
        raise _not_live(lane)
    return plugin.connect(lane, from_environment(plugin.spec, config.environment))


def _reader(lane: LaneSpec, config: Config) -> VenueReader:
    if lane.simulated:
        from tightloop.venues.sim.client import SimReader

        return SimReader(lane, *config.simulator_address)
    plugin = registry.known().plugin(lane.home)
    if plugin.connect_reader is None:
        raise _not_live(lane)
    return plugin.connect_reader(lane, from_environment(plugin.spec, config.environment, reading=True))


def _not_live(lane: LaneSpec) -> ExecutionError:
    return ExecutionError(
        "EIF-007",
        f"lane {lane.name} is not simulated, and {lane.home} has no live adapter in this version",
        remedy=f"Take `simulated = false` out of `[lanes.{lane.name}]`.",
    )


def outputs_of(component: str, lanes: Sequence[str]) -> list[str]:
    """The topics a component writes, by the topics' own contracts."""
    return [one.name for one in topics.all_topics(lanes) if component in one.writers]


def manager_settings(config: Config) -> ManagerSettings:
    timing = config.timing
    return ManagerSettings(
        directory=config.directory(),
        limits=config.dispatch_limits(),
        max_age_s=timing.max_age,
        refresh_s=timing.refresh,
        evidence_s=timing.evidence,
        reconcile_s=config.reconciliation.budget,
        suspend_s=timing.suspend,
        arrival_s=timing.arrival,
    )


def executor_settings(lane: str, config: Config) -> ExecutorSettings:
    """Raises ExecutionError EIF-010 for times under which 'not found' would be no evidence."""
    timing, directory = config.timing, config.directory()
    try:
        return ExecutorSettings(
            lane=directory.lanes[lane],
            directory=directory,
            environment=config.environment,
            clock_margin_s=timing.clock_margin,
            evidence_s=timing.evidence,
            replace_s=timing.replace,
            arrival_s=timing.arrival,
        )
    except ValueError as error:
        raise ExecutionError("EIF-010", f"timing: {error}") from error


def reconciliation_settings(config: Config) -> ReconciliationSettings:
    """Raises ExecutionError REC-011 for a tolerance or a duration that cannot be one."""
    given = config.reconciliation
    return ReconciliationSettings(
        directory=config.directory(),
        tolerances=tolerances_of(config),
        budget_s=given.budget,
        mismatch_budget_s=min(given.mismatch_budget, given.budget),
    )


def tolerances_of(config: Config) -> Tolerances:
    """Raises ExecutionError REC-011 for a tolerance that cannot be one."""
    given = config.reconciliation
    relative = {**Tolerances().relative, **given.relative}
    return Tolerances(dust=given.dust, default_dust=given.default_dust, relative=relative)
