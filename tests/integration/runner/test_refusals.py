"""A component that can't keep its promises does not start, and says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions
from tests.chaos import workload
from tests.chaos.processes import Process
from tests.integration.runner.conftest import MakeSystem

from tightloop.assembly.config import Config
from tightloop.records import topics
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.topic_admin import TopicAdmin

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def manager(broker: Any, topic_prefix: str, tmp_path: Path) -> Iterator[Process]:
    """An interface manager, not started."""
    config = Config(bootstrap=broker.bootstrap, prefix=topic_prefix, lanes=("binance",))
    spec = {
        "component": "interface-manager",
        "lane": None,
        "replica": "0",
        "config": config.model_dump(mode="json"),
        "without": [],
    }
    process = Process("interface-manager-0", tmp_path / "manager", spec)
    yield process
    process.end()


def _create_topics(config: dict[str, Any], leave_out: str = "") -> None:
    contracts = [one for one in topics.all_topics(config["lanes"]) if one.name != leave_out]
    settings = KafkaSettings(bootstrap=config["bootstrap"], prefix=config["prefix"])
    TopicAdmin(settings).create(contracts, partitions=1)


def test_a_missing_topic_is_named(manager: Process) -> None:
    _create_topics(manager.spec["config"], leave_out="instruction_results")
    manager.start()
    assert manager.wait(30) != 0
    assert "EIF-010" in manager.output()
    assert "topics are missing: instruction_results" in manager.output()


def test_topics_with_different_numbers_of_partitions_are_refused(manager: Process) -> None:
    config = manager.spec["config"]
    _create_topics(config)
    admin = AdminClient({"bootstrap.servers": config["bootstrap"]})
    name = f"{config['prefix']}reconciliation_results"
    admin.create_partitions([NewPartitions(name, 3)])[name].result(20)
    manager.start()
    assert manager.wait(30) != 0
    assert "EIF-010" in manager.output()
    assert "'reconciliation_results': 3" in manager.output()


def test_a_start_behind_the_state_is_refused(make_system: MakeSystem) -> None:
    """The group's offsets were reset: going on from there would do again what the state knows was done."""
    with make_system() as system:
        (executor,) = system.replicas_of("binance")
        assert executor.end(grace_s=10) == 0
        name = f"{system.prefix}instructions.binance"
        group = ConsumerGroupTopicPartitions(f"{system.prefix}executor-binance", [TopicPartition(name, 0, 0)])
        admin = AdminClient({"bootstrap.servers": system.bootstrap})
        for future in admin.alter_consumer_group_offsets([group]).values():
            future.result(20)
        executor.start()
        assert executor.wait(30) != 0
        assert "PUH-008" in executor.output()
        assert "instructions.binance/0: the committed offset is 0, but the state goes up to" in executor.output()


def test_a_group_whose_offsets_are_gone_is_refused(make_system: MakeSystem) -> None:
    with make_system() as system:
        (handler,) = system.replicas_of("position-update-handler")
        assert handler.end(grace_s=10) == 0
        admin = AdminClient({"bootstrap.servers": system.bootstrap})
        (future,) = admin.delete_consumer_groups([f"{system.prefix}position-update-handler"]).values()
        future.result(20)
        handler.start()
        assert handler.wait(30) != 0
        assert "fills/0: the committed offset is missing, but the state goes up to" in handler.output()


def test_a_component_that_is_told_to_stop_commits_the_answers_under_way(make_system: MakeSystem) -> None:
    """SIGTERM while the venue takes its time: the answer is still committed, so that nobody has to ask for it again."""
    with make_system() as system:
        (executor,) = system.replicas_of("binance")
        system.fault("late_after", lane="binance", account="key-0", operations=["order"], delay_s=1.0, count=1)
        before = len(system.watch.look().reports)
        system.publish(workload.instruction("key-0", "late", **workload.market()))
        system.until(lambda: executor.status()["calls_under_way"], 20, "the order is on its way", 0.02)
        assert executor.end(grace_s=10) == 0
        reports = system.watch.look().reports[before:]
        assert [seen.value["instruction_id"] for seen in reports] == ["late"]
        executor.wanted = True
        system.until_results(30)
        verdict = system.watch.judge()
        assert verdict.passed, verdict
