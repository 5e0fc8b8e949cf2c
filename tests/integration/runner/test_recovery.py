"""What comes back after a process is gone: the key goes on, with the state it had, and nothing happens twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer
from tests.chaos import workload
from tests.chaos.harness import System
from tests.chaos.settled import settled
from tests.integration.runner.conftest import MakeSystem
from tests.integration.runner.support import keys_by_partition

from tightloop.records.types import ControlCommand

pytestmark = pytest.mark.timeout(240)
# The aim is 3 s (`tightloop bench` measures it); here a machine that is busy with other tests must do.
RECOVERY_S = 20.0
COMPONENTS = ("interface-manager", "binance", "position-update-handler", "reconciliation")


def round_trip(system: System, key: str, name: str, seconds: float = RECOVERY_S) -> float:
    """Publish an order; the seconds until its result is there."""
    began = time.monotonic()
    system.publish(workload.instruction(key, name, **workload.market()))
    system.until_results(seconds, pause_s=0.05)
    return time.monotonic() - began


def assert_sound(system: System) -> None:
    system.until(lambda: settled(system.watch), 30, "every loop has ended")
    verdict = system.watch.judge()
    assert verdict.passed, f"{verdict}\n{system.describe()}"


def test_the_key_goes_on_after_any_component_is_killed(
    make_system: MakeSystem, record_property: Callable[[str, object], None]
) -> None:
    with make_system() as system:
        for name in COMPONENTS:
            (process,) = system.replicas_of(name)
            process.kill()
            record_property(f"seconds after SIGKILL of {name}", round_trip(system, "key-0", f"killed-{name}"))
        assert_sound(system)


@pytest.mark.parametrize("point", ["in_transaction", "after_transaction"])
def test_the_key_goes_on_after_a_component_is_killed_around_a_commit(
    make_system: MakeSystem, record_property: Callable[[str, object], None], point: str
) -> None:
    with make_system() as system:
        for name in COMPONENTS:
            (process,) = system.replicas_of(name)
            process.arm(point, "kill")
            seconds = round_trip(system, "key-0", f"killed-{name}")
            assert process.was_hit(point), f"{name} was never at {point}"
            record_property(f"seconds after SIGKILL of {name} at {point}", seconds)
        assert_sound(system)


def test_a_standby_takes_over_when_nobody_restarts_the_dead(make_system: MakeSystem) -> None:
    with make_system(replicas=dict.fromkeys(("interface-manager", "executor"), 2)) as system:
        for name in ("interface-manager", "binance"):
            for process in system.replicas_of(name)[:1]:
                process.end()
        round_trip(system, "key-0", "taken-over")
        assert_sound(system)


def test_all_state_is_there_again_after_a_stop_and_a_start(make_system: MakeSystem) -> None:
    with make_system() as system:
        round_trip(system, "key-0", "before")
        system.control(workload.halt("key-halted", "stays"))
        system.until(lambda: _halts(system, "key-halted"), 20, "the key is halted")  # no order between topics
        system.publish(workload.instruction("key-halted", "refused-before", **workload.market()))
        system.until_results(RECOVERY_S)
        codes = [process.end(grace_s=10) for process in system.components.values()]
        assert codes == [0] * len(codes), system.describe()
        for process in system.components.values():
            process.wanted = True
        again = next(seen.value for seen in system.watch.data.instructions if seen.value["instruction_id"] == "before")
        system.publish(_same(again))
        system.publish(workload.instruction("key-halted", "refused-after", **workload.market()))
        round_trip(system, "key-0", "after")
        assert_sound(system)
        versions = [seen.value["position_version"] for seen in system.watch.data.updates]
        assert versions == list(range(1, len(versions) + 1)), "the numbering starts anew"
        status = {seen.value["instruction_id"]: seen.value["status"] for seen in system.watch.data.results}
        assert status == dict.fromkeys(("first", "before", "after"), "reconciled") | dict.fromkeys(
            ("refused-before", "refused-after"), "refused"
        )


def test_replicas_join_and_leave_while_keys_trade(make_system: MakeSystem) -> None:
    keys = [key for keys in keys_by_partition(4).values() for key in keys[:2]]
    with make_system(partitions=4, first=keys[0]) as system:
        for turn in range(3):
            for component, lane in (("interface-manager", None), ("executor", "binance"), ("reconciliation", None)):
                if turn == 0:
                    system.add(component, lane, 1)
                elif turn == 1:
                    leaving = system.components[f"{lane or component}-0"]
                    assert leaving.end(grace_s=10) == 0, leaving.output()
                for number in range(4):  # the later ones are only queued, which is committed a little later
                    for key in keys:
                        name = f"{component}-{turn}-{number}"
                        system.publish(workload.instruction(key, name, **workload.market()))
        system.until_results(60)
        assert_sound(system)
        assert {seen.value["status"] for seen in system.watch.data.results} == {"reconciled"}


def test_keys_of_an_active_partition_do_not_wait_while_another_is_restored(make_system: MakeSystem) -> None:
    """An open transaction on the changelog holds the restore of its partition up for as long as it stays open."""
    by_partition = keys_by_partition(2)
    first, second = by_partition[0][0], by_partition[1][0]
    with make_system(partitions=2, replicas={"position-update-handler": 2}, first=first) as system:
        round_trip(system, second, "before")
        handlers = system.replicas_of("position-update-handler")
        system.until(lambda: len(_holders(system)) == 2, 20, "each replica holds a partition")
        dying = _holders(system)[1]
        blocker = _open_transaction(system, partition=1)
        try:
            handlers[dying].end()
            system.until(lambda: _is_restoring(system, 1 - dying), 20, "the survivor restores the other partition")
            system.publish(workload.instruction(second, "waits", **workload.market()))
            round_trips = []
            for number in range(5):
                name = f"goes-on-{number}"
                began = time.monotonic()
                system.publish(workload.instruction(first, name, **workload.market()))
                system.until(lambda name=name: _has_result(system, name), 10, f"{name} has its result", 0.05)
                round_trips.append(time.monotonic() - began)
            assert not _has_result(system, "waits"), "the restore was not held up: this test shows nothing"
            assert _is_restoring(system, 1 - dying)
        finally:
            blocker.abort_transaction(20)
        system.until_results(30)
        assert_sound(system)


def test_a_partition_goes_on_while_another_one_restored_with_it_waits(make_system: MakeSystem) -> None:
    """What a dead owner left open holds up the partitions it wrote to, and no other."""
    by_partition = keys_by_partition(2)
    first, second = by_partition[0][0], by_partition[1][0]
    with make_system(partitions=2, first=first) as system:
        round_trip(system, second, "before")
        blocker = _open_transaction(system, partition=1)
        try:
            (handler,) = system.replicas_of("position-update-handler")
            handler.kill()
            for number in range(2):
                round_trip(system, first, f"goes-on-{number}")
            assert _is_restoring(system, 0), "the restore was not held up: this test shows nothing"
            system.publish(workload.instruction(second, "waits", **workload.market()))
        finally:
            blocker.abort_transaction(20)
        system.until_results(30)
        assert_sound(system)


def _open_transaction(system: System, partition: int) -> Producer:
    """It has written to this partition of the position update handler's changelog."""
    blocker = Producer(
        {
            "bootstrap.servers": system.bootstrap,
            "transactional.id": f"{system.prefix}blocker",
            "transaction.timeout.ms": 60_000,
        }
    )
    blocker.init_transactions(20)
    blocker.begin_transaction()
    blocker.produce(f"{system.prefix}positions", None, "nobody|nothing", partition)
    blocker.flush(20)
    return blocker


def _same(value: dict[str, object]) -> workload.Instruction:
    """The instruction that was published before, content and all."""
    return workload.instruction_of(value)


def _has_result(system: System, name: str) -> bool:
    return any(seen.value["instruction_id"] == name for seen in system.watch.look().results)


def _holders(system: System) -> dict[int, int]:
    """By partition: the replica of the position update handler that works on it."""
    found: dict[int, int] = {}
    for number, process in enumerate(system.replicas_of("position-update-handler")):
        for partition in process.status()["partitions"] if process.is_up else ():
            found[partition] = number
    return found


def _is_restoring(system: System, number: int) -> bool:
    return bool(system.replicas_of("position-update-handler")[number].status()["restoring"])


def test_an_operator_can_resume_after_everything_was_restarted(make_system: MakeSystem) -> None:
    with make_system() as system:
        system.control(workload.halt("key-0", "for-a-while"))
        system.until(lambda: _halts(system, "key-0"), 20, "the key is halted")
        for process in system.components.values():
            process.kill()
        system.control(
            ControlCommand(
                command_id="go-on",
                strategy_id="key-0",
                command="resume",
                expected_halt_ids=tuple(_halts(system, "key-0")),
                actor="test",
                reason="restarted",
                issued_at=datetime.now(UTC),
            )
        )
        system.until(lambda: not _halts(system, "key-0"), 30, "the halt is cleared, after a verification")
        round_trip(system, "key-0", "resumed")
        assert_sound(system)
        assert [seen.value["status"] for seen in system.watch.data.results] == ["reconciled", "reconciled"]


def _halts(system: System, key: str) -> list[str]:
    head = system.watch.look().heads().get(key)
    return [halt["halt_id"] for halt in head["halts"]] if head else []
