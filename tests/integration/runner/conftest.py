"""A small system for the recovery tests: one exchange lane, few partitions, every component a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.chaos import workload
from tests.chaos.harness import System

MakeSystem = Callable[..., System]


@pytest.fixture
def make_system(broker: Any, topic_prefix: str, tmp_path: Path) -> MakeSystem:
    """``make_system(partitions=1, replicas={...})``; entering it waits until a first instruction went round."""

    def make(
        *, partitions: int = 1, replicas: Mapping[str, int] | None = None, first: str = "key-0", record: bool = False
    ) -> System:
        system = System(
            broker.bootstrap,
            topic_prefix,
            tmp_path,
            partitions=partitions,
            replicas=replicas or {},
            lanes=("binance",),
            record=record,
        )
        return system.warmed_up(workload.instruction(first, "first", **workload.market()))

    return make
