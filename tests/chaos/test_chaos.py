"""The guarantees, under everything that goes wrong at once: processes, broker, venues.

``TIGHTLOOP_CHAOS_SEED`` runs a schedule again, ``TIGHTLOOP_CHAOS_SECONDS`` makes it longer (120 by default).
``python -m tests.chaos.run`` runs one by hand.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.chaos.instruments import VENUE_POINTS
from tests.chaos.run import DRAIN_S, new_seed, run

SECONDS = float(os.environ.get("TIGHTLOOP_CHAOS_SECONDS", "120"))
SEED = int(os.environ.get("TIGHTLOOP_CHAOS_SEED", "0")) or new_seed()
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS + 3 * DRAIN_S)]


def test_guarantees_hold_in_a_storm(tmp_path: Path, topic_prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    def tell(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(text)

    storm, verdict = run(SEED, SECONDS, max(60, int(2 * SECONDS)), topic_prefix, tmp_path, tell)
    assert verdict.passed, f"TIGHTLOOP_CHAOS_SEED={SEED} runs it again; logs and records in {tmp_path}\n{verdict}"
    if SECONDS >= 100:
        assert verdict.instructions >= 200
        for point in VENUE_POINTS:
            assert storm.happened[f"point {point} stop"] and storm.happened[f"point {point} kill"], storm.happened
