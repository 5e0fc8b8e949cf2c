"""What retention has removed: a component goes on where it stood; what it has not read yet is missed aloud."""

from __future__ import annotations

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from tests.chaos import workload
from tests.chaos.harness import System
from tests.chaos.processes import Process
from tests.chaos.settled import settled
from tests.integration.runner.conftest import MakeSystem
from tests.integration.runner.support import keys_by_partition
from tests.integration.runner.test_recovery import COMPONENTS, assert_sound, round_trip

from tightloop.assembly import build

pytestmark = pytest.mark.timeout(240)
RESTARTS = 3


def test_every_component_starts_again_after_retention_removed_what_it_has_read(make_system: MakeSystem) -> None:
    with make_system() as system:
        for turn in range(2):
            round_trip(system, "key-0", f"before-{turn}")
        system.control(workload.halt("another", "something on every input"))
        system.producer.produce(f"{system.prefix}instructions", b"nothing of ours", "another")
        system.producer.flush(20)
        _until_all_is_read(system, {"control", "dead_letters"})  # what is removed now is missed by nobody
        removed = _remove_what_was_read(system)
        assert all(first > 0 for first in removed.values()), removed
        processes = [process for name in COMPONENTS for process in system.replicas_of(name)]
        for turn in range(RESTARTS):
            for process in processes:
                process.kill()
            system.until(lambda: all(_works_on(one, {0}) for one in processes), 30, "all are active again", 0.05)
            round_trip(system, "key-0", f"after-{turn}")
        assert [one.exits for one in processes] == [[-9] * RESTARTS] * len(processes), system.describe()


def test_partitions_change_hands_after_retention_removed_what_was_read(make_system: MakeSystem) -> None:
    keys = [keys[0] for keys in keys_by_partition(2).values()]
    with make_system(partitions=2, first=keys[0]) as system:
        for key in keys:
            round_trip(system, key, "before")
        assert_sound(system)
        _remove_what_was_read(system)
        for component, lane in build.every_component(system.config):
            first, second = system.replicas_of(lane or component)[0], system.add(component, lane, 1)
            both = (first, second)
            system.until(lambda both=both: all(_count(one) == 1 for one in both), 30, f"two of {component} share")
            for key in keys:
                round_trip(system, key, f"{lane or component}-joined")
            assert second.end(grace_s=10) == 0, second.output()
            system.until(lambda first=first: _works_on(first, {0, 1}), 30, f"one {component} has both again")
            for key in keys:
                round_trip(system, key, f"{lane or component}-left")
            assert first.exits == [], first.output()


def test_a_component_that_retention_has_overtaken_says_where_and_does_not_go_on(make_system: MakeSystem) -> None:
    """It is not known whose records they were, so the component must not go on."""
    with make_system() as system:
        (executor,) = system.replicas_of("binance")
        assert executor.end(grace_s=10) == 0
        stood = _committed(system, "executor-binance")["instructions.binance", 0]
        system.publish(workload.instruction("key-0", "lost", **workload.market()))
        system.until(lambda: _end(system, "instructions.binance", 0) > stood, 20, "it is routed")
        end = _end(system, "instructions.binance", 0)
        _remove(system, {("instructions.binance", 0): end})
        for _ in range(2):
            executor.start()
            assert executor.wait(30) != 0
        said = executor.output()
        assert "TLC-012" in said
        assert f"instructions.binance/0: the committed offset is {stood}, and the log begins at {end}" in said
        _go_on_from(system, "executor-binance", {("instructions.binance", 0): end})  # as docs/operators.md says
        executor.start()
        system.until(lambda: _works_on(executor, {0}), 20, "it goes on once somebody has decided so")


def test_markers_at_a_logs_end_are_not_taken_for_records_that_were_missed(make_system: MakeSystem) -> None:
    """An aborted transaction leaves offsets that no record of the reader ever reaches: they are committed all the same,
    or retention would later seem to have removed something unread.
    """
    with make_system() as system:
        (handler,) = system.replicas_of("position-update-handler")
        assert_sound(system)
        before = _committed(system, "position-update-handler")["fills", 0]
        _abort_a_transaction(system, "fills")
        end = _end(system, "fills", 0)
        assert end > before
        system.until(lambda: _committed(system, "position-update-handler")["fills", 0] == end, 30, "it is committed")
        _remove(system, {("fills", 0): end})
        handler.kill()
        system.until(lambda: _works_on(handler, {0}), 20, "it is active again", 0.02)
        round_trip(system, "key-0", "after")


def _works_on(process: Process, partitions: set[int]) -> bool:
    return process.is_up and set(process.status()["partitions"]) == partitions


def _count(process: Process) -> int:
    return len(process.status()["partitions"]) if process.is_up else 0


def _admin(system: System) -> AdminClient:
    return AdminClient({"bootstrap.servers": system.bootstrap})


def _groups(system: System) -> list[str]:
    return [build.make_handler(component, lane, system.config).name for component, lane in _components(system)]


def _components(system: System) -> list[tuple[str, str | None]]:
    return list(build.every_component(system.config))


def _committed(system: System, component: str) -> dict[tuple[str, int], int]:
    group = ConsumerGroupTopicPartitions(system.prefix + component)
    admin = _admin(system)
    (future,) = admin.list_consumer_group_offsets([group], require_stable=True).values()
    return {
        (one.topic.removeprefix(system.prefix), one.partition): one.offset for one in future.result(20).topic_partitions
    }


def _until_all_is_read(system: System, topics: set[str]) -> None:
    """By every component that reads these topics, of which each has a record."""

    def read() -> bool:
        committed = [_committed(system, group) for group in _groups(system)]
        return all(offset > 0 for one in committed for (topic, _), offset in one.items() if topic in topics)

    system.until(lambda: settled(system.watch) and read(), 30, "all is read")


def _remove_what_was_read(system: System) -> dict[tuple[str, int], int]:
    """From every input of every component, what all its readers have committed; the offsets they now begin at."""
    read: dict[tuple[str, int], int] = {}
    for group in _groups(system):
        for place, offset in _committed(system, group).items():
            read[place] = min(offset, read.get(place, offset))
    _remove(system, read)
    return read


def _remove(system: System, before: dict[tuple[str, int], int]) -> None:
    asked = [TopicPartition(system.prefix + topic, number, offset) for (topic, number), offset in before.items()]
    admin = _admin(system)
    for future in admin.delete_records(asked).values():
        future.result(20)


def _end(system: System, topic: str, partition: int) -> int:
    place = TopicPartition(system.prefix + topic, partition)
    admin = _admin(system)
    (future,) = admin.list_offsets({place: OffsetSpec.latest()}).values()  # type: ignore[no-untyped-call]
    offset: int = future.result(20).offset
    return offset


def _go_on_from(system: System, component: str, places: dict[tuple[str, int], int]) -> None:
    asked = [TopicPartition(system.prefix + topic, number, offset) for (topic, number), offset in places.items()]
    group = ConsumerGroupTopicPartitions(system.prefix + component, asked)
    admin = _admin(system)
    for future in admin.alter_consumer_group_offsets([group]).values():
        future.result(20)


def _abort_a_transaction(system: System, topic: str) -> None:
    writer = Producer({"bootstrap.servers": system.bootstrap, "transactional.id": f"{system.prefix}aborts"})
    writer.init_transactions(20)
    writer.begin_transaction()
    writer.produce(system.prefix + topic, b"nothing", "key-0", 0)
    writer.flush(20)
    writer.abort_transaction(20)
