"""Fixtures for pytest: ``pytest_plugins = ["tightloop.testing.pytest_plugin"]`` in a ``conftest.py``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tightloop.broker import EmbeddedBroker
from tightloop.testing.driver import LoopDriver


@pytest.fixture
def loop_driver() -> LoopDriver:
    """A loop of its own for the test: simulated venues, a clock that stands still."""
    return LoopDriver()


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[EmbeddedBroker]:
    """A real Apache Kafka for the whole test run, gone with it."""
    with EmbeddedBroker() as broker:
        yield broker
