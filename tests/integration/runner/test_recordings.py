"""What a system on Kafka recorded, through kills and rebalances, read back and played: the same bytes are published.

And a recording that lacks an answer, or has two in another order, does not pass for one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from msgspec.structs import replace
from tests.chaos import workload
from tests.chaos.harness import System
from tests.chaos.settled import settled
from tests.integration.runner.conftest import MakeSystem
from tests.integration.runner.support import keys_by_partition
from tests.support.recorded_runs import differences, on_topics, played

from tightloop.client.recordings import Recorded, read_recordings
from tightloop.records.types import RecordedEvent, Recording
from tightloop.runners.kafka.settings import KafkaSettings

pytestmark = pytest.mark.timeout(240)
PARTITIONS = 2


def test_what_was_recorded_on_kafka_gives_the_same_bytes_when_it_is_played(make_system: MakeSystem) -> None:
    keys = [key for keys in keys_by_partition(PARTITIONS).values() for key in keys[:2]]
    with make_system(partitions=PARTITIONS, first=keys[0], record=True) as system:
        trade_through_trouble(system, keys)
        codes = [process.end(grace_s=10) for process in system.components.values() if process.wanted]
        assert codes == [0] * len(codes), system.describe()
        there = on_topics(system.config)
        recorded = read_recordings(KafkaSettings(bootstrap=system.bootstrap, prefix=system.prefix))
        starts = Counter(one.component for one in recorded.commits if one.events[0].kind == "restored")
        assert starts["executor-binance"] > PARTITIONS, "no component took over from another: this test shows little"
        assert differences(played(recorded, system.config, PARTITIONS), there) == []
        assert differences(played(spoilt(recorded, without_an_answer), system.config, PARTITIONS), there)
        assert differences(played(spoilt(recorded, with_two_answers_swapped), system.config, PARTITIONS), there)


def trade_through_trouble(system: System, keys: list[str]) -> None:
    """Processes die inside a transaction and behind one, a replica comes and one goes, answers are lost and partial."""
    system.fault("lost_after", lane="binance", account=keys[0], operations=["order"], count=1)
    system.fault("partial", lane="binance", account=keys[1], fill="0.4", parts=2, every_s=0.3, count=2)
    for turn, (name, point) in enumerate(
        (
            ("binance", "in_transaction"),
            ("interface-manager", "in_transaction"),
            ("reconciliation", "after_transaction"),
            ("position-update-handler", "in_transaction"),
        )
    ):
        (process,) = [one for one in system.replicas_of(name) if one.wanted]
        process.arm(point, "kill")
        _publish(system, keys, f"killed-{turn}")
        system.until_results(60)
        assert process.was_hit(point), f"{name} was never at {point}"
    for joins in (("executor", "binance"), ("reconciliation", None)):
        system.add(*joins, 1)
    _publish(system, keys, "joined")
    system.until_results(60)
    for leaves in ("binance-0", "reconciliation-0"):
        assert system.components[leaves].end(grace_s=10) == 0, system.describe()
    _publish(system, keys, "left")
    system.until_results(60)
    system.until(lambda: settled(system.watch), 30, "every loop has ended")


def _publish(system: System, keys: Iterable[str], name: str) -> None:
    for number in range(3):
        for key in keys:
            system.publish(workload.instruction(key, f"{key}-{name}-{number}", **workload.market()))


# a recording that is none any more


def spoilt(recorded: Recorded, spoil: Callable[[tuple[RecordedEvent, ...]], tuple[RecordedEvent, ...]]) -> Recorded:
    """Of the first commit where that makes a difference, other events."""
    commits: list[Recording] = list(recorded.commits)
    for place, one in enumerate(commits):
        events = spoil(one.events)
        if one.component == "reconciliation" and events != one.events:
            commits[place] = replace(one, events=events)
            return replace(recorded, commits=tuple(commits))
    raise AssertionError("there is no such commit")


def without_an_answer(events: tuple[RecordedEvent, ...]) -> tuple[RecordedEvent, ...]:
    first = next((event for event in events if event.kind == "answered"), None)
    return tuple(event for event in events if event is not first)


def with_two_answers_swapped(events: tuple[RecordedEvent, ...]) -> tuple[RecordedEvent, ...]:
    """Answers of two keys: the reports of both are there again, in another order."""
    answered = [event for event in events if event.kind == "answered"]
    if len(answered) < 2 or answered[0].key == answered[1].key:
        return events
    other = {id(answered[0]): answered[1], id(answered[1]): answered[0]}
    return tuple(other.get(id(event), event) for event in events)
