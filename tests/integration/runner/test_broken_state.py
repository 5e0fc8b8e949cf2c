"""A broken entry in a changelog on a real broker: its key is halted and named, other keys of the partition go on."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from tests.chaos import workload
from tests.chaos.harness import System
from tests.chaos.processes import Process
from tests.integration.runner.conftest import MakeSystem

from tightloop.errors import ExecutionError
from tightloop.records.types import LoopHead
from tightloop.wire import codec

pytestmark = pytest.mark.timeout(240)
LARGER_THAN_A_MARKER = 150  # bytes: below that the broker could not even write that a transaction was aborted
OF_A_LATER_VERSION = b"\x00\x00\x0f\xff\xff what this version does not know"


def test_a_managers_broken_head_costs_its_key_until_it_is_mended_and_no_other(make_system: MakeSystem) -> None:
    with make_system() as system:
        _publish(system, "key-1", "before")
        system.until(lambda: "before" in _results(system), 20, "both keys have a state")
        whole = _read(system, "loop_state")[b"key-1|head"]
        (manager,) = system.replicas_of("interface-manager")
        _replace(system, manager, "loop_state", b"key-1|head", OF_A_LATER_VERSION)
        _publish(system, "key-1", "refused")
        _publish(system, "key-0", "goes-on")
        system.until(lambda: "goes-on" in _results(system), 30, "the other key goes on")
        system.until(lambda: "instructions" in _letters(system), 20, "the broken key's instruction is refused")
        letter = _letters(system)["instructions"]
        assert (letter.strategy_id, letter.error.code, letter.halts) == ("key-1", "TLC-013", True)
        assert "loop_state/0: the entry key-1|head" in letter.error.message
        assert _read(system, "loop_state")[b"key-1|head"] == OF_A_LATER_VERSION, "it is still there to be mended"
        assert manager.exits[1:] == [], manager.output()

        _replace(system, manager, "loop_state", b"key-1|head", whole)
        system.until(lambda: _halts(system, "key-1") == ["TLC-013"], 30, "it is halted, durably, once it is mended")
        assert "refused" not in _results(system)


def test_another_components_broken_entry_halts_its_key_through_the_manager(make_system: MakeSystem) -> None:
    with make_system() as system:
        _publish(system, "key-1", "before")
        system.until(lambda: "before" in _results(system), 20, "both keys have a state")
        (handler,) = system.replicas_of("position-update-handler")
        _replace(system, handler, "positions", b"key-1|head", OF_A_LATER_VERSION)
        _publish(system, "key-1", "filled")
        _publish(system, "key-0", "goes-on")
        system.until(lambda: "goes-on" in _results(system), 30, "the other key goes on")
        system.until(lambda: _halts(system, "key-1") == ["TLC-013"], 30, "the broken key is halted")
        assert "positions/0: the entry key-1|head" in _letters(system)["fills"].error.message
        assert handler.exits[1:] == [], handler.output()


def test_what_the_broker_never_takes_ends_the_process_with_its_cause(make_system: MakeSystem) -> None:
    """Undone again and again over the same records: said as an error, not ready any more, and ended after a bound."""
    with make_system() as system:
        (handler,) = system.replicas_of("position-update-handler")
        handler.wanted = False
        _limit(system, "position_updates", LARGER_THAN_A_MARKER)
        _publish(system, "key-0", "never-written")
        system.until(lambda: not handler.status().get("ready", True), 30, "it says that it is not ready", 0.05)
        assert handler.wait(60) == 75
        said = handler.output()
        assert "transaction undone again and again" in said and "Message size too large" in said
        assert "the work of partitions [0] was undone 10 times in a row" in said
        _limit(system, "position_updates", 1_000_000)
        handler.wanted = True
        system.until(lambda: "never-written" in _results(system), 60, "it goes on once the cause is gone")


def _publish(system: System, key: str, name: str) -> None:
    system.publish(workload.instruction(key, name, **workload.market()))
    system.producer.flush(20)


def _replace(system: System, process: Process, topic: str, key: bytes, value: bytes) -> None:
    """While the component is down."""
    assert process.end(grace_s=10) == 0, process.output()
    system.producer.produce(system.prefix + topic, value, key, partition=0)
    assert system.producer.flush(20) == 0
    process.start()


def _read(system: System, topic: str) -> dict[bytes, bytes]:
    """By key what came last."""
    return {key: value for key, value in _records(system, topic) if value is not None}


def _records(system: System, topic: str) -> list[tuple[bytes, bytes | None]]:
    consumer = Consumer(
        {
            "bootstrap.servers": system.bootstrap,
            "group.id": f"{system.prefix}test",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    found: list[tuple[bytes, bytes | None]] = []
    try:
        consumer.assign([TopicPartition(system.prefix + topic, 0, 0)])
        while (message := consumer.poll(20)) is not None and message.error() is None:
            found.append((message.key() or b"", message.value()))
        assert message is not None, f"the end of {topic} was not reached"
    finally:
        consumer.close()
    return found


def _decoded(system: System, topic: str) -> list[Any]:
    return [codec.decode(value) for _, value in _records(system, topic) if value is not None]


def _results(system: System) -> set[str]:
    return {one.instruction_id for one in _decoded(system, "instruction_results")}


def _letters(system: System) -> dict[str, Any]:
    return {one.topic: one for one in _decoded(system, "dead_letters")}


def _halts(system: System, key: str) -> list[str]:
    try:
        head = codec.decode_as(_read(system, "loop_state")[f"{key}|head".encode()], LoopHead)
    except ExecutionError as error:
        return [f"unreadable: {error.code}"]
    return [one.code for one in head.halts]


def _limit(system: System, topic: str, size: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, system.prefix + topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": system.bootstrap})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(20)
