"""The embedded broker as its users see it: it comes up, keeps what it should, takes faults, and goes away."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource
from tests.integration.broker.clients import (
    answers,
    await_that,
    create_topic,
    is_gone,
    produce,
    read,
    read_in_group,
)

from tightloop.broker import EmbeddedBroker
from tightloop.errors import ExecutionError
from tightloop.testing.brokers import Broker


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A broker that these tests may treat badly; its data is kept, and holds one topic with one record."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kept") / "with a space") as broker:
        create_topic(broker.bootstrap, "kept")
        produce(broker.bootstrap, "kept", b"first")
        yield broker


def test_transactions_and_groups_work_on_the_broker_of_the_test_run(broker: Broker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}topic"
    create_topic(broker.bootstrap, topic)
    produce(broker.bootstrap, topic, b"a", b"b")
    assert read_in_group(broker.bootstrap, topic, 2) == [b"a", b"b"]


def test_settings_that_the_runner_needs_are_in_force(own: EmbeddedBroker) -> None:
    broker = ConfigResource(ConfigResource.Type.BROKER, "1")
    admin = AdminClient({"bootstrap.servers": own.bootstrap})
    found = admin.describe_configs([broker])[broker].result(10)
    assert found["group.consumer.session.timeout.ms"].value == "1500"
    assert found["group.consumer.min.session.timeout.ms"].value == "1000"
    assert found["transaction.abort.timed.out.transaction.cleanup.interval.ms"].value == "1000"
    assert found["auto.create.topics.enable"].value == "false"


def test_a_restart_keeps_data_and_port(own: EmbeddedBroker) -> None:
    before = own.bootstrap, own.pid
    own.restart()
    assert own.bootstrap == before[0]
    assert own.pid != before[1]
    assert is_gone(before[1])
    assert read(own.bootstrap, "kept", 1) == [b"first"]


def test_a_killed_broker_comes_back_with_what_was_committed(own: EmbeddedBroker) -> None:
    address, pid = own.bootstrap, own.pid
    own.kill()
    assert is_gone(pid)
    assert not own.is_running
    with pytest.raises(ExecutionError, match="BRK-005"):
        own.pause()
    own.start()
    assert own.bootstrap == address
    assert read(address, "kept", 1) == [b"first"]


def test_a_paused_broker_answers_nothing_until_it_is_resumed(own: EmbeddedBroker) -> None:
    own.pause()
    try:
        assert own.is_running
        assert not answers(own.bootstrap, 0.5)
    finally:
        own.resume()
    await_that(lambda: answers(own.bootstrap, 1), "the resumed broker answers")


def test_a_second_broker_on_the_same_data_is_refused(own: EmbeddedBroker) -> None:
    with pytest.raises(ExecutionError, match=rf"BRK-005.*pid {own.pid}"):
        EmbeddedBroker(own.data_dir).start()
    assert own.is_running


def test_stop_ends_a_paused_broker_and_deletes_temporary_data() -> None:
    broker = EmbeddedBroker().start()
    pid, data_dir = broker.pid, broker.data_dir
    broker.pause()
    broker.stop()
    assert is_gone(pid)
    assert not data_dir.exists()
    broker.stop()  # a second time changes nothing


def test_a_port_in_use_is_refused_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        broker = EmbeddedBroker(port=port)
        with pytest.raises(ExecutionError, match=rf"BRK-005.*port {port} "):
            broker.start()
        broker.stop()


def test_a_broker_that_does_not_come_up_says_what_its_log_says() -> None:
    broker = EmbeddedBroker(settings={"group.consumer.session.timeout.ms": "1"}, start_timeout_s=30)
    began = time.monotonic()
    try:
        with pytest.raises(ExecutionError, match=r"(?s)BRK-004.*group\.consumer\.session\.timeout\.ms") as refused:
            broker.start()
        assert time.monotonic() - began < 30, "it waited for a process that had ended"
        assert str(broker.log_file) in str(refused.value)
        assert broker.log_file.exists(), "the log that the error names was deleted"
    finally:
        broker.stop()


_OWNER = """
import sys
from tightloop.broker import EmbeddedBroker
directory = sys.argv[1] if len(sys.argv) > 1 else None
broker = EmbeddedBroker(directory, detached=directory is not None).start()
print(broker.pid, broker.data_dir, broker.bootstrap, flush=True)
if directory is None:
    sys.stdin.read()
"""


def test_the_broker_ends_when_its_owner_is_killed() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment()
    )
    assert owner.stdin is not None and owner.stdout is not None
    with owner.stdin, owner.stdout:
        try:
            pid, data_dir, _ = owner.stdout.readline().split()
        finally:
            owner.send_signal(signal.SIGKILL)
            owner.wait()
    await_that(lambda: is_gone(int(pid)), f"the broker (pid {pid}) of the killed owner is gone", 5)
    await_that(lambda: not Path(data_dir).exists(), f"its temporary data {data_dir} is deleted", 5)


def test_a_detached_broker_outlives_its_starter_and_is_found_again(tmp_path: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-c", _OWNER, str(tmp_path)], capture_output=True, text=True, check=True, env=_environment()
    )
    pid, _, address = started.stdout.split()
    broker = EmbeddedBroker.attach(tmp_path)
    try:
        assert (str(broker.pid), broker.bootstrap) == (pid, address)
        assert answers(address, 10)
    finally:
        broker.stop()
    assert is_gone(int(pid))
    with pytest.raises(ExecutionError, match="BRK-005"):
        EmbeddedBroker.attach(tmp_path)


def _environment() -> dict[str, str]:
    """This process's, with its import path: the package need not be installed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
