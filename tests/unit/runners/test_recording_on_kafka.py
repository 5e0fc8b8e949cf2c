"""What a replica on Kafka records: exactly what it commits, in the same transaction; nothing unless it is told to."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.scripted_kafka import Replica, Transaction
from tests.unit.runners.test_partitions_change_hands import FIRST, KEYS, Noting

from tightloop.records.types import Recording
from tightloop.runners.recording.parts import TOPIC
from tightloop.runners.recording.replay import Replay
from tightloop.runners.shapes import RawRecord
from tightloop.wire import codec


def recordings(transaction: Transaction) -> list[Recording]:
    return [codec.decode_as(one.value or b"", Recording) for one in transaction.written if one.topic == TOPIC]


@pytest.mark.parametrize("undone", [1, 2, 3], ids=["the first", "the second", "the third"])
def test_a_transaction_records_what_it_is_made_of_also_after_one_was_undone(
    monkeypatch: pytest.MonkeyPatch, undone: int
) -> None:
    replica = Replica(monkeypatch, Noting(), 1, record=True)
    cluster = replica.cluster
    tries: list[Any] = []

    def undoes(transaction: Transaction) -> bool:
        tries.append(transaction)
        return len(tries) == undone

    cluster.undoes = undoes
    cluster.instruct(KEYS[0], 0, "ask")
    replica.when(lambda: len(cluster.transactions) == 2, lambda: cluster.instruct(KEYS[0], 0, "tell"))
    replica.run(until=lambda: len(cluster.transactions) == 3)
    assert len(cluster.undone) == 1
    commits = [one for transaction in cluster.transactions for one in recordings(transaction)]
    assert [one.number for one in commits] == [1, 2, 3]
    assert [[event.kind for event in one.events] for one in commits] == [["restored", "fed"], ["answered"], ["fed"]]
    assert {(one.component, one.partition) for one in commits} == {("noting", 0)}

    def record(place: Any) -> RawRecord:
        found = cluster.logs[FIRST][place.offset]
        return RawRecord(place.topic, place.partition, place.offset, found.key(), found.value())

    replay = Replay([Noting()], 1, record)
    played = [[(out.topic, out.value) for out in replay.play(one).outputs] for one in commits]
    outputs = [
        [(one.topic, one.value) for one in transaction.written if one.topic not in (TOPIC, Noting.changelog)]
        for transaction in cluster.transactions
    ]
    assert played == outputs


def test_without_the_switch_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica(monkeypatch, Noting(), 1)
    replica.cluster.instruct(KEYS[0], 0, "tell")
    replica.run(until=lambda: len(replica.cluster.transactions) == 1)
    assert recordings(replica.cluster.transactions[0]) == []
