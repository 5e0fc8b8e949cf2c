"""What each component is made of: its handler, and the adapters that perform its calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from tightloop.runners.price_source import PriceSource
from tightloop.venues import connections
from tightloop.venues.adapter import VenueReader

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

    Raises ExecutionError for a lane that is not simulated, before anything is built: EIF-003 and EIF-006 for its
    credentials, EIF-007 when its venue has no live adapter, EIF-008 and EIF-010 for what does not belong together,
    EIF-013 for an executor on prod without the switch.
    """
    lanes, around = config.directory().lanes, surroundings(config)
    if component in (EXECUTOR, RECONCILIATION):
        _check_accounts(config)
    if component == EXECUTOR and lane is not None:
        return {lane: connections.adapter(lanes[lane], around), **_others(lane, lanes, around)}
    if component == RECONCILIATION:
        return {one.name: connections.reader(one, around) for one in lanes.values()}
    return {}


def _others(lane: str, lanes: Mapping[str, LaneSpec], around: connections.Surroundings) -> dict[str, VenueReader]:
    """Readers of the other lanes, to which transfers may go. Where one can't be read, none goes there from here."""
    readers = {}
    for one in lanes.values():
        if one.name != lane:
            with suppress(ExecutionError):  # no live reader, or no credentials of one: an executor needs its own alone
                readers[one.name] = connections.reader(one, around)
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


def _check_accounts(config: Config) -> None:
    """A live exchange's key is one account's: a second account would be traded with the first one's."""
    for lane in config.directory().lanes.values():
        names = sorted(name for name, account in config.accounts.items() if account.lane == lane.name)
        if lane.kind == "exchange" and not lane.simulated and len(names) > 1:
            raise ExecutionError(
                "EIF-010",
                f"lane {lane.name} is live, its key is one account's, and it has {', '.join(names)} in `accounts`",
                remedy="Give each account a lane of its own, with `venue` and credentials of its own.",
            )


def surroundings(config: Config) -> connections.Surroundings:
    """Where this configuration's adapters are built."""
    return connections.Surroundings(
        environment=config.environment, simulator=config.simulator_address, live_trading=config.live_trading
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
