"""A hint reaches the partition that asked about its order, in a transaction, and no other."""

from __future__ import annotations

import pytest
from tests.integration.runner.support import keys_by_partition
from tests.support.scripted_kafka import Replica

from tightloop.handlers.api import Context
from tightloop.runners.hints import Hinted
from tightloop.runners.worker import PartitionWorker

from .test_partitions_change_hands import Noting, names, note

KEY, OTHER = (keys[0] for keys in keys_by_partition(2).values())


class Hinting(Noting):
    def on_hint(self, context: Context, client_order_id: str) -> None:
        context.put(f"hint|{client_order_id}", note(context))


def hint(replica: Replica, worker: PartitionWorker, client_order_id: str) -> None:
    """As the stream's thread leaves it."""
    replica.runner._effects._hints._waiting.append(Hinted(worker, KEY, client_order_id))


def test_a_hint_is_handled_between_two_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica(monkeypatch, Hinting(), 2)
    replica.when(lambda: replica.active == {0, 1}, lambda: replica.cluster.instruct(KEY, 0, "here"))
    replica.when(
        lambda: "here" in names(replica), lambda: hint(replica, replica.runner.assignment.active[0], "an order")
    )
    replica.run(until=lambda: "hint|an order" in names(replica))
    assert names(replica).count("hint|an order") == 1


def test_a_hint_for_a_partition_that_has_gone_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica(monkeypatch, Hinting(), 2)
    gone: list[PartitionWorker] = []

    def leave() -> None:
        gone.append(replica.runner.assignment.active[0])
        replica.consumer.revoke(0)

    replica.when(lambda: replica.active == {0, 1}, lambda: replica.cluster.instruct(KEY, 0, "here"))
    replica.when(lambda: "here" in names(replica), lambda: replica.consumer.in_poll.append(leave))
    replica.when(lambda: replica.active == {1}, lambda: hint(replica, gone[0], "an order"))
    replica.when(lambda: not replica.runner._effects._hints.waiting, lambda: replica.cluster.instruct(OTHER, 1, "more"))
    replica.run(until=lambda: "more" in names(replica))
    assert "hint|an order" not in names(replica) and gone[0].events == 0


def test_a_component_that_takes_no_hints_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica(monkeypatch, Noting(), 2)
    replica.when(lambda: replica.active == {0, 1}, lambda: hint(replica, replica.runner.assignment.active[0], "one"))
    replica.when(lambda: not replica.runner._effects._hints.waiting, lambda: replica.cluster.instruct(KEY, 0, "more"))
    replica.run(until=lambda: "more" in names(replica))
    assert not [name for name in names(replica) if name.startswith("hint")]
