"""``loop``: a fresh one in process, and one on Kafka that the module's tests share (each has a key of its own)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.runner.kafka_loop import KafkaLoop
from tests.contract.runner.loops import InProcessLoop, Loop


@pytest.fixture(scope="module")
def kafka_loop(broker: Any) -> Iterator[KafkaLoop]:
    """Its components are threads, which would run on beside all later tests of the process."""
    with KafkaLoop(broker.bootstrap, f"contract-{uuid.uuid4().hex[:8]}.") as loop:
        yield loop


@pytest.fixture(params=["in process", "kafka"])
def loop(request: pytest.FixtureRequest) -> Loop:
    if request.param == "kafka":
        shared: KafkaLoop = request.getfixturevalue("kafka_loop")
        return shared
    return InProcessLoop()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A strategy that no other test uses."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")
    return f"{name[:60]}-{uuid.uuid4().hex[:8]}"
