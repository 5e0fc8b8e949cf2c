"""What all tests share: one broker for the whole run, and names of topics that no other test uses.

Both are the fixtures that any project gets from ``tightloop.testing``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from tests.support.alone import pytest_runtest_protocol as pytest_runtest_protocol
from tests.support.secret_watch import SECRET
from tests.support.secret_watch import pytest_runtest_makereport as pytest_runtest_makereport
from tests.support.secret_watch import pytest_sessionfinish as pytest_sessionfinish
from tests.support.topic_bytes import files_with

from tightloop.broker import EmbeddedBroker
from tightloop.testing.brokers import Broker
from tightloop.testing.shared_broker import SharedBroker

# How fast examples are made, and tried, is the machine's affair: a busy one must not fail a property.
settings.register_profile("tests", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--exchange",
        action="append",
        metavar="NAME",
        help="the execution cases against this exchange, not this package's",
    )


@pytest.fixture(scope="session")
def broker(tightloop_broker: Broker) -> Iterator[Broker]:
    """The broker of this test run. It is shared: a test that kills or restarts a broker starts its own.

    In the end all that any test left on an embedded one (topics, changelogs, dead letters) is searched for the tests'
    secret.
    """
    yield tightloop_broker
    if isinstance(tightloop_broker, EmbeddedBroker | SharedBroker) and tightloop_broker.data_dir is not None:
        found = files_with(tightloop_broker.data_dir, SECRET.encode(), "*.log")
        assert not found, f"a secret is on the broker: {', '.join(map(str, found))}"


@pytest.fixture
def topic_prefix(tightloop_prefix: str) -> str:
    """Begins the names of this test's topics and groups; unique, and says whose they are."""
    return tightloop_prefix
