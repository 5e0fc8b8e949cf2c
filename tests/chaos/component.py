"""The entry of a component's process in these tests: the product's own, with ``instruments.py`` around it.

``python -m tests.chaos.component SPEC``: a JSON file with ``component``, ``lane``, ``replica``, ``config`` (of
``tightloop.assembly.config``), ``folder`` (where points are armed), ``parent`` (the process without which this one
ends), ``without`` (the safeguards to take away) and ``defects`` (the mistakes to put in). Its probe's port goes to
``<folder>/probe``. ``venues`` as the component is the simulated venues' server.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos import defects, instruments

from tightloop.assembly import build, process
from tightloop.assembly.config import Config
from tightloop.assembly.probe import Probe
from tightloop.handlers.positions import reported
from tightloop.runners.kafka import runner
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.venues.adapter import VenueAdapter
from tightloop.venues.sim import server

VENUES = "venues"


def main(spec: dict[str, Any]) -> int:
    threading.Thread(target=_end_with, args=(spec["parent"],), daemon=True).start()
    if spec["component"] == VENUES:
        server.main(spec["arguments"])
        return 0
    return _run(spec, Config.model_validate(spec["config"]))


def _end_with(parent: int) -> None:
    """No process outlives the test run, however that ends."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _run(spec: dict[str, Any], config: Config) -> int:
    without = frozenset(spec["without"])
    points = instruments.Points(Path(spec["folder"]))
    component, lane = spec["component"], spec["lane"]
    for defect in spec.get("defects", ()):
        defects.put_in(defect)
    if instruments.DEDUPE in without:
        reported.is_duplicate = lambda loop, report, digest: False
    early = (
        instruments.EarlyCalls(build.make_adapters(component, lane, config)) if instruments.JOURNAL in without else None
    )
    runner.Transaction = instruments.pointed_transaction(points, without, early)
    process.KafkaRunner = instruments.pointed_runner(points)
    process.SystemClock = partial(instruments.SkewedClock, Path(spec["folder"]))
    process.Probe = _probe_that_says_where(Path(spec["folder"]))
    adapters = {
        name: instruments.PointedAdapter(adapter, points, without, early)
        if isinstance(adapter, VenueAdapter)
        else adapter
        for name, adapter in build.make_adapters(component, lane, config).items()
    }
    return process.run_handler(
        build.make_handler(
            component, lane, _not_found_counts_at_once(config) if instruments.SEND_WINDOW in without else config
        ),
        adapters,
        KafkaSettings(bootstrap=config.bootstrap, prefix=config.prefix, replica=spec["replica"], record=config.record),
        build.outputs_of(component, tuple(config.lanes)),
        probe_port=0,
    )


def _probe_that_says_where(folder: Path) -> Callable[[Any, int, str], Probe]:
    def start(runner: Any, port: int, host: str) -> Probe:
        probe = Probe(runner, port, host)
        (folder / "probe").write_text(str(probe.port))
        return probe

    return start


def _not_found_counts_at_once(config: Config) -> Config:
    timing = config.timing.model_copy(update={"send_window": 0.01, "clock_margin": 0.0})
    specs = config.directory().lanes
    lanes = {
        name: lane.model_copy(update={"acceptance_window": 0.01}) if specs[name].kind == "exchange" else lane
        for name, lane in config.lanes.items()
    }
    return config.model_copy(update={"timing": timing, "lanes": lanes})


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
