"""Commands as the operators' client writes them are what the components take."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.support.lanes import directory

from tightloop.handlers.manager.handler import InterfaceManager
from tightloop.handlers.manager.settings import ManagerSettings
from tightloop.records.types import ControlCommand, DeadLetter, LoopHead, SharedHalts
from tightloop.runners.bus import EVERYONE
from tightloop.runners.partitioner import partition_of
from tightloop.runners.shapes import RawRecord
from tightloop.runners.worker import PartitionWorker
from tightloop.wire import codec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PARTITIONS = 4


def command(key: str | None, scope: str, venue: str | None = None) -> ControlCommand:
    return ControlCommand(
        command_id="c1",
        strategy_id=key,
        command="halt",
        scope=scope,  # type: ignore[arg-type]
        venue=venue,
        actor="somebody",
        reason="a reason",
        issued_at=NOW,
        produced_at=NOW,
    )


def fed(partition: int, kafka_key: bytes, record: ControlCommand) -> PartitionWorker:
    worker = PartitionWorker(InterfaceManager(ManagerSettings(directory=directory(["binance"]))), partition, PARTITIONS)
    worker.feed(RawRecord("control", partition, 0, kafka_key, codec.encode(record)), NOW)
    return worker


def refusals(worker: PartitionWorker) -> list[str]:
    return [one.record.error.code for one in worker.outputs if isinstance(one.record, DeadLetter)]


@pytest.mark.parametrize("partition", range(PARTITIONS))
@pytest.mark.parametrize(("scope", "venue"), [("all", None), ("venue", "binance")])
def test_a_command_for_more_than_one_key_is_taken_on_every_partition(
    partition: int, scope: str, venue: str | None
) -> None:
    worker = fed(partition, EVERYONE.encode(), command(None, scope, venue))
    shared = worker.state.get("", "halts", SharedHalts)
    assert refusals(worker) == []
    assert shared is not None
    assert [one.cause_id for one in shared.halts] == ["c1"]


def test_a_command_for_a_key_halts_it() -> None:
    partition = partition_of(b"s1", PARTITIONS)
    worker = fed(partition, b"s1", command("s1", "key"))
    head = worker.state.get("s1", "head", LoopHead)
    assert refusals(worker) == []
    assert head is not None
    assert [one.cause_id for one in head.halts] == ["c1"]


def test_a_command_for_all_under_a_key_is_refused() -> None:
    partition = partition_of(b"s1", PARTITIONS)
    assert refusals(fed(partition, b"s1", command("s1", "all"))) == ["TLC-007"]


def test_a_command_for_a_key_without_it_is_refused() -> None:
    assert refusals(fed(0, EVERYONE.encode(), command(None, "key"))) == ["TLC-007"]
