"""The guarantees, under everything that goes wrong at once: processes, broker, venues.

``TIGHTLOOP_CHAOS_SEED`` runs a schedule again, ``TIGHTLOOP_CHAOS_SECONDS`` makes it longer (120 by default).
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.chaos import workload
from tests.chaos.harness import System
from tests.chaos.seam import VENUE_POINTS
from tests.chaos.settled import settled
from tests.chaos.storm import HALT_COMMAND, HALTED, Storm

from tightloop.broker import EmbeddedBroker
from tightloop.checker import Terms, Verdict, Watch

SECONDS = float(os.environ.get("TIGHTLOOP_CHAOS_SECONDS", "120"))
SEED = int(os.environ.get("TIGHTLOOP_CHAOS_SEED", "0")) or secrets.randbelow(2**31) + 1
DRAIN_S = 240.0
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS + 3 * DRAIN_S)]


def test_guarantees_hold_in_a_storm(tmp_path: Path, topic_prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    with EmbeddedBroker() as broker, System(broker.bootstrap, topic_prefix, tmp_path) as system:
        with capsys.disabled():
            sys.stdout.write(f"\nchaos: seed {SEED}, {SECONDS:.0f} s, logs in {tmp_path}\n")
        storm = Storm(system, broker, SEED, SECONDS, instructions=max(60, int(2 * SECONDS)))
        try:
            verdict = _run(storm, system)
            with capsys.disabled():
                sys.stdout.write(_told(storm, system, time.monotonic() - began) + f"{verdict}\n")
            again = f"TIGHTLOOP_CHAOS_SEED={SEED} runs it again; logs and records in {tmp_path}"
            assert verdict.passed, f"{again}\n{verdict}"
        except BaseException:
            _keep_evidence(system.watch, tmp_path)
            raise
        if SECONDS >= 100:
            assert verdict.instructions >= 200
            for point in VENUE_POINTS:
                assert storm.happened[f"point {point} stop"] and storm.happened[f"point {point} kill"], storm.happened


def _run(storm: Storm, system: System) -> Verdict:
    """The storm, the calm after it, and what the judge says."""
    system.control(workload.halt(HALTED, HALT_COMMAND))
    system.publish(workload.instruction(HALTED, "refused", **workload.market()))
    storm.blow()
    system.until_results(DRAIN_S)
    system.until(lambda: settled(system.watch), DRAIN_S, "every loop has ended and nothing is unknown", 0.5)
    return system.watch.judge(Terms(drifted=frozenset(storm.drifted), standing={HALTED: [HALT_COMMAND]}))


def _told(storm: Storm, system: System, seconds: float) -> str:
    happened = ", ".join(f"{what} {count}" for what, count in sorted(storm.happened.items()))
    outcomes = Counter(
        f"{one.value['status']}/{one.value['outcome']}"
        for one in system.watch.data.results
        if not one.value["resolves"]
    )
    starts = sum(process.starts for process in system.components.values())
    return f"after {seconds:.0f} s: {happened}; {starts} starts\nresults: {dict(outcomes)}\n"


def _keep_evidence(watch: Watch, folder: Path) -> None:
    """Everything the judge saw, for whoever looks for the cause."""
    with (folder / "records.txt").open("w") as file:
        for topic, records in sorted(watch.data.topics.items()):
            for one in records:
                if topic != "loop_state":
                    file.write(f"{one.at_ms} {one.place} {one.key} {one.kind} {one.value}\n")
        for request in watch.data.venues.requests:
            file.write(f"request {request}\n")
