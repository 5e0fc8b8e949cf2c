"""For each safeguard the one misfortune against which it stands, aimed at the moment where it matters.

One strategy on one lane with one partition, so that one executor works and the other stands by: what happens is the
same in every run. Every scenario leaves a system alone that has all its safeguards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from tests.chaos import instruments, workload
from tests.chaos.harness import ZOMBIE_S, System

KEY = "directed"


def killed_before_the_journal_commits(system: System) -> None:
    """The journal before the call: a process that calls first and is killed before the commit leaves no trace."""
    _aim(system, "before_submit", "kill")


def the_answer_is_lost(system: System) -> None:
    """The read-back after a timeout: the venue acted and its answer is lost; who just sends again, acts again."""
    system.fault("lost_after", lane="binance", account=KEY, operations=["order"], count=1)
    system.publish(_order("lost"))


def a_zombie_wakes_before_the_last_check(system: System) -> None:
    """The send window: the successor has acted by the time the zombie comes to send what it journalled."""
    _aim(system, "before_check", "stop")


def a_zombie_wakes_with_an_answer(system: System) -> None:
    """The offset in every transaction: the successor has reported what the zombie is about to report."""
    _aim(system, "before_answers", "stop")


def a_report_comes_twice(system: System) -> None:
    """The dedupe of reports: a record of ``fills`` is there again, byte for byte."""
    system.publish(_order("reported"))
    system.until_results(30)
    report = system.watch.data.reports[-1]
    name = system.prefix + report.topic
    consumer = Consumer({"bootstrap.servers": system.bootstrap, "group.id": f"{system.prefix}again", "log_level": 3})
    try:
        consumer.assign([TopicPartition(name, report.partition, report.offset)])
        again = consumer.consume(1, 20)[0]
    finally:
        consumer.close()
    offsets: list[int] = []
    system.producer.produce(
        name,
        again.value(),
        again.key(),
        report.partition,
        headers=again.headers(),
        on_delivery=lambda error, message: offsets.append(message.offset()),
    )
    system.producer.flush(20)
    system.watch.ignored.add((report.topic, report.partition, offsets[0]))  # this test's doing, not the system's


def killed_between_broadcast_and_answer(system: System) -> None:
    """The journalled hash: the chain has the transaction, and a successor must recognise it by what was signed then."""
    _aim(system, "after_answer", "kill", workload.swap())


SCENARIOS: dict[str, Callable[[System], None]] = {
    instruments.JOURNAL: killed_before_the_journal_commits,
    instruments.READ_BACK: the_answer_is_lost,
    instruments.SEND_WINDOW: a_zombie_wakes_before_the_last_check,
    instruments.OFFSETS: a_zombie_wakes_with_an_answer,
    instruments.DEDUPE: a_report_comes_twice,
    instruments.JOURNALLED_HASH: killed_between_broadcast_and_answer,
}


def lane_of(safeguard: str) -> str:
    """Where it is needed: on the chain's lane, or on the exchange's."""
    return "ethereum" if safeguard == instruments.JOURNALLED_HASH else "binance"


def _order(name: str) -> workload.Instruction:
    return workload.instruction(KEY, name, **workload.market())


def _aim(system: System, point: str, action: str, payload: dict[str, Any] | None = None) -> None:
    """Publish an order (or ``payload``), and let the executor that works on it stop or die at ``point``."""
    replicas = system.executors
    for process in replicas:
        process.arm(point, action, seconds=ZOMBIE_S, strategy=KEY if point in instruments.VENUE_POINTS else "")
    system.publish(workload.instruction(KEY, f"{action}-{point}", **(payload or workload.market())))
    system.until(lambda: any(process.was_hit(point) for process in replicas), 30, f"an executor reaches {point}", 0.02)
    for process in replicas:
        process.disarm()
