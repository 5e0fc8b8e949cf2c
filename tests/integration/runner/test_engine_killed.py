"""An engine with a journal is killed at every point, on each lane: nothing is lost, and nothing happens twice.

The venues are a server outside, and the judge goes by their books and their log of requests.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.chaos.instruments import VENUE_POINTS
from tests.support.engine_process import OTHER_POINTS, OWN_POINTS, STRATEGIES, instructions, written
from tests.support.venue_faces import HttpFace

from tightloop.records.types import InstructionResult, PositionUpdate
from tightloop.testing.driver import added_up
from tightloop.venues.sim.settings import SimSettings
from tightloop.wire import codec

ROOT = Path(__file__).parents[3]
LOOPS = 6
MOST_STARTS = 6


@pytest.fixture
def venues(tmp_path: Path) -> Iterator[HttpFace]:
    folder = tmp_path / "venues"
    folder.mkdir()
    face = HttpFace(folder, SimSettings(), manual=False)
    yield face
    face.close()


class System:
    """The engine's process, started as often as it is killed."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        folder.mkdir()
        self.created_at = datetime.now(UTC)
        self._spec = folder / "spec.json"
        spec = {"folder": str(folder), "port": port, "created_at": self.created_at.isoformat(), "loops": LOOPS}
        self._spec.write_text(json.dumps(spec))

    def arm(self, point: str, strategy: str) -> None:
        (self.folder / f"armed.{point}").write_text(json.dumps({"action": "kill", "strategy": strategy}))

    def was_hit(self, point: str) -> bool:
        return (self.folder / f"hit.{point}").exists()

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.engine_process", str(self._spec)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "components"), str(ROOT)])},
        )

    def run(self) -> int:
        """Its exit code; of one that was killed the signal's number, negative."""
        process = self.start()
        try:
            return process.wait(90)
        finally:
            process.kill()
            process.wait()

    def run_to_the_end(self) -> int:
        """How often it was killed on the way."""
        for killed in range(MOST_STARTS):
            code = self.run()
            if code != -signal.SIGKILL:
                assert code == 0, code
                return killed
        raise AssertionError(f"killed {MOST_STARTS} times")


def judge(system: System, venues: HttpFace) -> None:
    records: dict[str, dict[tuple[int, int], bytes]] = {}
    for line in written(system.folder):
        place, value = (line["partition"], line["offset"]), base64.b64decode(line["value"])
        assert records.setdefault(line["topic"], {}).setdefault(place, value) == value, "told twice, and otherwise"
    for topic, found in records.items():
        assert [offset for _, offset in sorted(found)] == list(range(len(found))), f"{topic} has a gap"
    values = {topic: [codec.decode(found[place]) for place in sorted(found)] for topic, found in records.items()}
    assert "dead_letters" not in values
    wanted = [one.instruction_id for one in instructions(system.created_at, LOOPS)]
    results: list[Any] = values["instruction_results"]
    assert all(isinstance(one, InstructionResult) for one in results)
    assert Counter(one.instruction_id for one in results) == Counter(wanted)
    assert {one.status for one in results} == {"reconciled"} and {one.outcome for one in results} == {"filled"}
    for strategy, lane in STRATEGIES.items():
        acted = Counter(one["client_order_id"] for one in venues.requests(strategy) if one["result"] == "acted")
        assert set(acted.values()) == {1} and len(acted) == LOOPS, acted
        updates = [one for one in values["position_updates"] if isinstance(one, PositionUpdate)]
        own = [one for one in updates if one.strategy_id == strategy]
        assert [one.position_version for one in own] == list(range(1, len(own) + 1))
        assert added_up(own) == {key: amount for key, amount in venues.amounts(lane, strategy).items() if amount}


@pytest.mark.parametrize("point", [*OWN_POINTS, *OTHER_POINTS, *VENUE_POINTS])
def test_an_engine_that_is_killed_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, venues: HttpFace, point: str
) -> None:
    system = System(tmp_path / "engine", venues._port)
    killed = 0
    for strategy in STRATEGIES:
        for hit in system.folder.glob("hit.*"):
            hit.unlink()
        system.arm(point, "" if point in OTHER_POINTS else strategy)
        assert system.run() == -signal.SIGKILL and system.was_hit(point)
        killed += 1
    assert system.run_to_the_end() == 0 and killed == len(STRATEGIES)
    judge(system, venues)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_that_dies_while_the_venue_acts_finds_what_it_did(tmp_path: Path, venues: HttpFace, strategy: str) -> None:
    """The request has left, the venue has acted, and its answer is on the way."""
    venues.fault("late_after", strategy, delay_s=3.0, count=1)
    system = System(tmp_path / "engine", venues._port)
    process = system.start()
    try:
        venues.eventually(lambda: venues.requests(strategy), "the first request")
    finally:
        process.kill()
        process.wait()
    assert system.run_to_the_end() == 0
    judge(system, venues)


def test_one_that_is_left_alone_ends_and_is_judged_alike(tmp_path: Path, venues: HttpFace) -> None:
    system = System(tmp_path / "engine", venues._port)
    assert system.run_to_the_end() == 0
    judge(system, venues)
    assert sum(venues.amounts("binance", "s1").values()) > Decimal(0)
