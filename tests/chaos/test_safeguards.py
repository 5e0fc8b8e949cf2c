"""The judge can find violations: without its safeguard each scenario does harm, and the judge sees it. With the
safeguard the same scenario does none.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.chaos import workload
from tests.chaos.harness import System
from tests.chaos.processes import Process
from tests.chaos.scenarios import KEY, SCENARIOS, lane_of
from tests.chaos.settled import settled

from tightloop.assembly.build import EXECUTOR
from tightloop.checker import Violation

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]
VIOLATION_S = 60.0
SEEN_AT_THE_END = {"journalled-hash"}  # the harm is that something was never told
EXPECTED = {
    "journal": "acted-twice",
    "read-back": "acted-twice",
    "send-window": "acted-twice",
    "offsets": "report-twice",
    "dedupe": "applied-twice",
    "journalled-hash": "fill-unreported",
}


@pytest.mark.parametrize("safeguard", SCENARIOS)
def test_without_a_safeguard_the_judge_finds_a_violation(
    safeguard: str, broker: Any, topic_prefix: str, tmp_path: Path
) -> None:
    with _system(safeguard, broker, topic_prefix, tmp_path, without=[safeguard]) as system:
        began = time.monotonic()
        SCENARIOS[safeguard](system)
        if safeguard in SEEN_AT_THE_END:
            system.until_results(VIOLATION_S)
            found = {one.kind for one in system.watch.judge().violations}
            assert EXPECTED[safeguard] in found, found
            return
        for found in _judged_until(system, began + VIOLATION_S):
            if found:
                assert EXPECTED[safeguard] in {one.kind for one in found}, found
                return
        pytest.fail(f"without the safeguard {safeguard!r} nothing was found in {VIOLATION_S} s\n{system.describe()}")


@pytest.mark.parametrize("safeguard", SCENARIOS)
def test_with_its_safeguard_the_same_scenario_does_no_harm(
    safeguard: str, broker: Any, topic_prefix: str, tmp_path: Path
) -> None:
    with _system(safeguard, broker, topic_prefix, tmp_path) as system:
        SCENARIOS[safeguard](system)
        system.until_results(60)
        system.until(lambda: not _stopped(system), 30, "the zombie has woken")
        system.publish(workload.instruction(KEY, "afterwards", **_payload(safeguard)))
        system.until_results(60)
        system.until(lambda: settled(system.watch), 60, "every loop has ended")
        verdict = system.watch.judge()
        assert verdict.passed, f"{verdict}\n{system.describe()}"
        assert {one.value["status"] for one in system.watch.data.results} == {"reconciled"}


def _payload(safeguard: str) -> dict[str, Any]:
    return workload.swap() if lane_of(safeguard) == "ethereum" else workload.market()


def _system(safeguard: str, broker: Any, prefix: str, folder: Path, without: list[str] | None = None) -> System:
    system = System(
        broker.bootstrap,
        prefix,
        folder,
        partitions=1,
        replicas={EXECUTOR: 2},
        lanes=(lane_of(safeguard),),
        without=without or (),
    )
    return system.warmed_up(workload.instruction(KEY, "first", **_payload(safeguard)))


def _judged_until(system: System, deadline: float) -> Iterator[list[Violation]]:
    while time.monotonic() < deadline:
        yield system.watch.wrong_by_now()
        time.sleep(0.3)


def _stopped(system: System) -> list[Process]:
    return [process for process in system.components.values() if process.is_stopped]
