"""The broker in a container. Skipped where it can't be had, unless ``TIGHTLOOP_TEST_CONTAINERS=required``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.integration.broker.clients import create_topic, produce, read_in_group

from tightloop.testing import brokers
from tightloop.testing.brokers import Broker


@pytest.fixture(scope="module")
def container() -> Iterator[Broker]:
    required = os.environ.get("TIGHTLOOP_TEST_CONTAINERS") == "required"
    missing = brokers.why_no_container()
    if missing and not required:
        pytest.skip(f"no broker in a container: {missing}")
    from docker.errors import DockerException

    running = brokers.running_broker("container", print)
    try:
        broker = running.__enter__()
    except DockerException as error:
        if required:
            raise
        pytest.skip(f"no broker in a container: {error}")
    yield broker
    running.__exit__(None, None, None)


def test_transactions_and_groups_work_in_a_container(container: Broker) -> None:
    create_topic(container.bootstrap, "topic")
    produce(container.bootstrap, "topic", b"a", b"b")
    assert read_in_group(container.bootstrap, "topic", 2) == [b"a", b"b"]
