"""What all tests share: one broker for the whole run, and names of topics that no other test uses."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings

from tightloop.broker import EmbeddedBroker

# How fast examples are made, and tried, is the machine's affair: a busy one must not fail a property.
settings.register_profile("tests", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("tests")


@dataclass(frozen=True)
class ExistingBroker:
    """A broker that runs already, and is left running."""

    bootstrap: str


@pytest.fixture(scope="session")
def broker() -> Iterator[EmbeddedBroker | ExistingBroker]:
    """The broker of this test run: embedded, or the one whose address ``TIGHTLOOP_TEST_BOOTSTRAP`` holds.

    It is shared: a test that kills or restarts a broker starts its own.
    """
    existing = os.environ.get("TIGHTLOOP_TEST_BOOTSTRAP")
    if existing:
        yield ExistingBroker(existing)
    else:
        with EmbeddedBroker() as embedded:
            yield embedded


@pytest.fixture
def topic_prefix(request: pytest.FixtureRequest) -> str:
    """Begins the names of this test's topics and groups; unique, and says whose they are."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")[:60]
    return f"{name}-{uuid.uuid4().hex[:8]}."
