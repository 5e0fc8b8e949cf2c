"""One component as a process: what ``tightloop run`` and every container run."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Mapping
from types import FrameType

import structlog

from tightloop.assembly import build
from tightloop.assembly.config import Config
from tightloop.assembly.probe import LOOPBACK, Probe
from tightloop.domain import money
from tightloop.errors import ExecutionError
from tightloop.handlers.api import Handler
from tightloop.runners.clock import SystemClock
from tightloop.runners.kafka.runner import KafkaRunner
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.transaction import MustExit
from tightloop.runners.performer import CallLoop, Performer
from tightloop.runners.price_source import PriceSource
from tightloop.runners.worker import PartitionWorker
from tightloop.venues.adapter import VenueReader

log = structlog.get_logger()
RESTART_ME = 75  # EX_TEMPFAIL: the supervisor starts the component again


def run_component(
    component: str,
    lane: str | None,
    config: Config,
    *,
    replica: str = "0",
    probe_port: int | None = None,
    probe_host: str = LOOPBACK,
) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Raises ExecutionError for what a restart would not mend."""
    handler = build.make_handler(component, lane, config)
    adapters = build.make_adapters(component, lane, config)
    settings = KafkaSettings(
        bootstrap=config.bootstrap,
        prefix=config.prefix,
        replica=replica,
        client=dict(config.kafka),
        record=config.record,
    )
    outputs = build.outputs_of(component, tuple(config.lanes))
    prices = build.make_prices(component, config, settings)
    return run_handler(handler, adapters, settings, outputs, probe_port, probe_host, config.timing.clock_margin, prices)


def run_handler(
    handler: Handler,
    adapters: Mapping[str, VenueReader],
    settings: KafkaSettings,
    outputs: list[str],
    probe_port: int | None = None,
    probe_host: str = LOOPBACK,
    clock_margin_s: float = 0.5,
    prices: PriceSource | None = None,
) -> int:
    """The same for a handler and adapters of one's own. Raises ExecutionError for a venue that is not the one meant."""
    sys.setswitchinterval(0.0005)  # the loop and the calls take turns often: both have little to do at a time
    money.install()
    clock = SystemClock()
    performer = Performer(adapters, clock, clock_margin_s, prices)
    effects: CallLoop[PartitionWorker] = CallLoop(performer)
    try:
        effects.open()
    except ExecutionError:
        effects.stop()
        raise
    runner = KafkaRunner(handler, settings, effects, clock, outputs)
    probe = Probe(runner, probe_port, probe_host) if probe_port is not None else None
    # What is loaded now stays, and state lives long: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)

    def stop(number: int, frame: FrameType | None) -> None:
        runner.stop()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    try:
        runner.run()
    except MustExit as error:
        log.error("ending, to be started again", component=handler.name, replica=settings.replica, why=str(error))
        return RESTART_ME
    finally:
        if probe is not None:
            probe.close()
    return 0
