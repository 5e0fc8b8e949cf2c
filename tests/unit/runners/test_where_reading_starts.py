"""Where the client is told to read, and from when; and what can never be committed."""

from __future__ import annotations

import pytest
from tests.support.scripted_kafka import Replica
from tests.unit.runners.test_partitions_change_hands import (
    FIRST,
    KEYS,
    SECOND,
    MakeReplica,
    Noting,
    make_replica,
    names,
)

from tightloop.runners.kafka import runner, undoing
from tightloop.runners.kafka.transaction import MustExit

__all__ = ["make_replica"]


def test_the_client_is_given_a_partition_once_it_is_restored_and_where_its_last_commit_stands(
    make_replica: MakeReplica,
) -> None:
    replica = make_replica(2)
    cluster, consumer, restorer = replica.cluster, replica.consumer, replica.restorer
    for number in range(3):
        cluster.instruct(KEYS[0], 0, f"old-{number}")
    cluster.committed[FIRST] = 3
    restorer.held = True
    seen: list[int | None] = []

    def restored() -> None:
        seen.append(consumer.stands_at(FIRST))
        restorer.held = False

    replica.when(lambda: replica.runner.assignment.restoring == 2, restored)
    replica.when(lambda: replica.active == {0, 1}, lambda: seen.append(consumer.stands_at(FIRST)))
    replica.run(until=lambda: True)
    assert seen == [None, 3]
    assert consumer.sought == {}, "it was never anywhere else"
    assert names(replica) == []


def test_a_partition_that_is_always_undone_makes_the_process_unready_and_then_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(undoing, "PAUSE_S", 0.0)
    replica = Replica(monkeypatch, Noting(), 2)
    ready: list[bool] = []

    def undoes(transaction: object) -> bool:
        ready.append(replica.runner.ready)
        return True

    replica.cluster.undoes = undoes
    replica.cluster.instruct(KEYS[0], 0, "tell")
    with pytest.raises(MustExit, match=r"the work of partitions \[0\] was undone 10 times in a row: .*as scripted"):
        replica.run(until=lambda: False)
    assert ready == [True] * undoing.A_FEW + [False] * (undoing.MOST - undoing.A_FEW)


def test_offsets_past_transaction_markers_are_committed(
    make_replica: MakeReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "KEEP_UP_S", 0.0)
    replica = make_replica(2)
    replica.cluster.committed[SECOND] = 0

    def pass_by_markers() -> None:
        replica.consumer._at[SECOND] = 4
        replica.consumer._has_read.add(SECOND)

    replica.when(lambda: replica.active == {0, 1}, pass_by_markers)
    replica.run(until=lambda: replica.cluster.committed[SECOND] == 4)
    assert [(one.offsets, one.written) for one in replica.cluster.transactions] == [({SECOND: 4}, [])]
