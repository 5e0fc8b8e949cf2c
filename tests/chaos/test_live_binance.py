"""The storm on a live lane, a short one: ``python -m tests.chaos.live_binance`` runs longer ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.chaos.live_binance import storm


@pytest.mark.chaos
def test_each_order_is_done_once_whatever_is_lost_and_however_often_the_engine_is_killed(tmp_path: Path) -> None:
    happened = storm(tmp_path / "storm", orders=8, seed=3, every_s=3.0)
    assert happened["kills"] > 0
    assert sum(happened[kind] for kind in ("lost_before", "lost_after", "down", "rate_limit")) > 0
