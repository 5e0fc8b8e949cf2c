"""Fixtures for pytest. The installed package brings them to every test run; ``docs/testing.md`` shows each.

What takes time to import is imported by the fixture that needs it: a project that uses none of them pays nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tightloop.runners.clock import ManualClock
    from tightloop.testing.brokers import Broker
    from tightloop.testing.builders import Builders
    from tightloop.testing.bus_topics import BusTopics
    from tightloop.testing.driver import LoopDriver

OPTION = "--tightloop-broker"
SETTING = "tightloop_broker"
VARIABLE = "TIGHTLOOP_TEST_BOOTSTRAP"
_SAID = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    words = "auto, embedded, container, or HOST:PORT of one that runs already"
    parser.getgroup("tightloop").addoption(OPTION, metavar="WHICH", default=None, help=f"The tests' Kafka: {words}.")
    parser.addini(SETTING, f"The tests' Kafka where {OPTION} and ${VARIABLE} say nothing: {words}.", default="auto")


def broker_choice(config: pytest.Config) -> str:
    """The option, else the variable ``TIGHTLOOP_TEST_BOOTSTRAP``, else the setting ``tightloop_broker``."""
    return str(config.getoption(OPTION) or os.environ.get(VARIABLE) or config.getini(SETTING))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands on to the run which broker it started."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[SETTING] = session.config.stash.get(_SAID, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The run takes what a worker of pytest-xdist hands on; one that crashed hands on nothing."""
    said = getattr(node, "workeroutput", {}).get(SETTING, [])
    node.config.stash[_SAID] = [*node.config.stash.get(_SAID, []), *said]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which broker the tests had."""
    for line in config.stash.get(_SAID, []):
        terminalreporter.write_line(f"tightloop: {line}")


@pytest.fixture(scope="session")
def tightloop_broker(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One Kafka for the whole test run, for all workers of pytest-xdist too: ``.bootstrap`` is its address.

    It is shared: a test that kills a broker starts its own (``tightloop.broker.EmbeddedBroker``).
    """
    from tightloop.testing.brokers import running_broker
    from tightloop.testing.shared_broker import shared_broker

    said: list[str] = []
    pytestconfig.stash[_SAID] = said
    start = partial(running_broker, broker_choice(pytestconfig), said.append)
    if hasattr(pytestconfig, "workerinput"):
        with shared_broker(tmp_path_factory.getbasetemp().parent, start) as broker:
            yield broker
    else:
        with start() as broker:
            yield broker


@pytest.fixture
def tightloop_prefix(request: pytest.FixtureRequest) -> str:
    """Begins the names of this test's topics and groups; unique, and says whose they are."""
    from tightloop.testing.bus_topics import unique_prefix

    return unique_prefix(request.node.name)


@pytest.fixture
def tightloop_topics(tightloop_broker: Broker, tightloop_prefix: str) -> Iterator[BusTopics]:
    """All topics of a system on the broker, for this test alone, with a publisher and a consumer of them."""
    from tightloop.testing.bus_topics import bus_topics

    with bus_topics(tightloop_broker.bootstrap, tightloop_prefix) as topics:
        yield topics


@pytest.fixture
def tightloop_clock() -> ManualClock:
    """Stands still, at noon of 2024-05-12 UTC, until the test (or the driver) advances it."""
    from tightloop.runners.clock import ManualClock
    from tightloop.testing.driver import START

    return ManualClock(START)


@pytest.fixture
def tightloop_driver(tightloop_clock: ManualClock) -> LoopDriver:
    """A whole loop of its own for the test, in process: simulated venues, the test's clock."""
    from tightloop.testing.driver import LoopDriver

    return LoopDriver(clock=tightloop_clock)


@pytest.fixture
def tightloop_records(tightloop_clock: ManualClock) -> Builders:
    """Makes valid records, decided at the time of the test's clock."""
    from tightloop.testing.builders import Builders

    return Builders(tightloop_clock)
