"""A record on a partition that is not its key's leaves a dead letter there, and no state of the key."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.support.lanes import directory

from tightloop.errors import ExecutionError, error_info
from tightloop.handlers.manager.handler import InterfaceManager
from tightloop.handlers.manager.settings import ManagerSettings
from tightloop.records.types import DeadLetter
from tightloop.runners.bus import EVERYONE
from tightloop.runners.partitioner import partition_of
from tightloop.runners.shapes import RawRecord
from tightloop.runners.worker import DEAD_LETTERS, PartitionWorker
from tightloop.testing import builders
from tightloop.wire import codec

NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)
PARTITIONS = 8
WRONG = (partition_of(b"s1", PARTITIONS) + 1) % PARTITIONS


def manager(partition: int) -> PartitionWorker:
    return PartitionWorker(InterfaceManager(ManagerSettings(directory=directory(["binance"]))), partition, PARTITIONS)


def letter(*, halts: bool, component: str = "executor-binance") -> bytes:
    error = error_info(ExecutionError("TLC-006", "on the wrong partition"))
    return codec.encode(
        DeadLetter(
            topic="instructions",
            partition=WRONG,
            offset=0,
            error=error,
            component=component,
            halts=halts,
            failed_at=NOW,
            produced_at=NOW,
        )
    )


def test_a_record_on_a_wrong_partition_and_its_dead_letter_make_no_head_there() -> None:
    worker = manager(WRONG)
    worker.feed(RawRecord("instructions", WRONG, 0, b"s1", codec.encode(builders.trade("i1", NOW))), NOW)
    (output,) = worker.outputs
    assert (output.topic, output.record.error.code) == (DEAD_LETTERS, "TLC-006")
    worker.feed(RawRecord(DEAD_LETTERS, WRONG, 0, b"s1", codec.encode(output.record)), NOW)
    assert worker.state.strategies() == []


@pytest.mark.parametrize("key", [b"s1", EVERYONE.encode(), None])
def test_a_dead_letter_of_no_key_of_the_partition_makes_no_state_even_where_it_would_halt(key: bytes | None) -> None:
    for partition in range(PARTITIONS):
        if key == b"s1" and partition != WRONG:
            continue
        worker = manager(partition)
        worker.feed(RawRecord(DEAD_LETTERS, partition, 0, key, letter(halts=True)), NOW)
        assert len(worker.state) == 0


def test_a_dead_letter_that_halts_nothing_makes_no_state_of_a_key_that_has_none() -> None:
    own = partition_of(b"s1", PARTITIONS)
    worker = manager(own)
    worker.feed(RawRecord(DEAD_LETTERS, own, 0, b"s1", letter(halts=False)), NOW)
    assert len(worker.state) == 0
    worker.feed(RawRecord(DEAD_LETTERS, own, 1, b"s1", letter(halts=True)), NOW)
    assert worker.state.strategies() == ["s1"]
