"""What the runner does when partitions come and go, and when a transaction is undone: nothing of another's is handled,
nothing of its own is lost.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.integration.runner.support import keys_by_partition
from tests.support.scripted_kafka import Replica, ScriptedConsumer, Transaction
from tests.support.waking_handler import note

from tightloop.errors import ExecutionError
from tightloop.handlers.api import Context, Inbound
from tightloop.handlers.calls import Answer, FindOrder
from tightloop.runners.kafka import batch
from tightloop.runners.kafka.transaction import MustExit
from tightloop.wire import codec

KEYS = {partition: keys[0] for partition, keys in keys_by_partition(2).items()}
FIRST, SECOND = ("instructions", 0), ("instructions", 1)
MakeReplica = Callable[[int], Replica]


class Noting:
    """Keeps a note of each instruction; of one called ``tell…`` it publishes three, for one called ``ask…`` it asks."""

    name = "noting"
    failure_code = "EXI-001"
    inputs: tuple[str, ...] = ("instructions",)
    changelog = "loop_state"

    def on_record(self, context: Context, record: Inbound) -> None:
        instruction_id = record.value.instruction_id
        context.put(instruction_id, note(context))
        if instruction_id.startswith("ask"):
            context.call("find", FindOrder(None))  # type: ignore[arg-type]  # nobody looks into it here
        elif instruction_id.startswith("tell"):
            for topic in ("fills", "execution_audit", "fills"):
                context.emit(topic, note(context))

    def on_answer(self, context: Context, call_id: str, answer: Answer) -> None:
        context.put("answer", note(context))
        context.emit("fills", note(context))

    def on_restore(self, context: Context) -> None:
        context.wake_at(context.now)

    def on_time(self, context: Context) -> None:
        context.put("woken", note(context))
        context.emit("fills", note(context))

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        raise error


@pytest.fixture
def make_replica(monkeypatch: pytest.MonkeyPatch) -> MakeReplica:
    return lambda partitions: Replica(monkeypatch, Noting(), partitions)


def names(replica: Replica) -> list[str]:
    return [name for transaction in replica.cluster.transactions for name in transaction.names()]


def first_with(name: str) -> Callable[[Transaction], bool]:
    """The first transaction that writes this entry."""
    seen: list[Transaction] = []

    def is_it(transaction: Transaction) -> bool:
        if name in transaction.names() and not seen:
            seen.append(transaction)
            return True
        return False

    return is_it


# --- partitions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", ["in_poll", "in_consume"])
def test_what_was_read_when_a_rebalance_came_is_read_again(make_replica: MakeReplica, inside: str) -> None:
    replica = make_replica(2)

    def reads_while_another_leaves() -> None:
        replica.consumer.sought.clear()
        replica.cluster.instruct(KEYS[0], 0, "tell")
        getattr(replica.consumer, inside).append(lambda: replica.consumer.revoke(1))

    replica.when(lambda: replica.active == {0, 1}, reads_while_another_leaves)
    replica.run(until=lambda: "tell" in names(replica))
    assert replica.consumer.sought == {FIRST: 0}
    assert names(replica).count("tell") == 1
    assert replica.cluster.committed == {FIRST: 1}


def test_what_was_held_back_of_a_partition_is_forgotten_when_it_leaves(
    make_replica: MakeReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another has handled it when the partition comes back: the next transaction commits where that one stands."""
    monkeypatch.setattr(batch, "LINGER_S", 60.0)
    replica = make_replica(2)
    cluster, consumer = replica.cluster, replica.consumer

    def leave_and_come_back() -> None:
        consumer.revoke(1)
        cluster.committed[SECOND] = 2
        consumer.assign(1)

    cluster.instruct(KEYS[1], 1, "tell")
    replica.when(lambda: "tell" in names(replica), lambda: cluster.instruct(KEYS[1], 1, "held back"))
    replica.when(lambda: consumer.stands_at(SECOND) == 2, lambda: consumer.in_poll.append(leave_and_come_back))
    replica.run(until=lambda: "woken" in names(replica))
    assert "held back" not in names(replica)
    assert cluster.transactions[-1].offsets == {SECOND: 2}


def test_a_partition_that_is_revoked_while_it_is_restored_is_not_worked_on(make_replica: MakeReplica) -> None:
    replica = make_replica(2)
    restorer, consumer = replica.restorer, replica.consumer
    for partition, key in KEYS.items():
        replica.cluster.instruct(key, partition, f"tell-{partition}")
    restorer.held = True
    replica.when(lambda: replica.runner.assignment.restoring == 2, lambda: consumer.in_poll.append(revoked(consumer)))
    replica.when(lambda: replica.runner.assignment.restoring == 1, lambda: setattr(restorer, "held", False))
    replica.run(until=lambda: "tell-0" in names(replica))
    assert replica.active == {0}
    assert "tell-1" not in names(replica)


def revoked(consumer: ScriptedConsumer) -> Callable[[], None]:
    return lambda: consumer.revoke(1)


# --- transactions -----------------------------------------------------------------------------------------------------


def test_what_was_undone_is_done_again_and_once(make_replica: MakeReplica) -> None:
    replica = make_replica(1)
    cluster = replica.cluster
    cluster.undoes = first_with("tell-2")
    cluster.instruct(KEYS[0], 0, "tell-1")
    replica.when(lambda: "tell-1" in names(replica), lambda: cluster.instruct(KEYS[0], 0, "tell-2"))
    replica.run(until=lambda: "tell-2" in names(replica))
    once = ["fills", "execution_audit", "fills"]
    assert [name for name in names(replica) if "tell" not in name] == once + once
    assert [one.offsets for one in (*cluster.undone, *cluster.transactions)] == [{FIRST: 2}, {FIRST: 1}, {FIRST: 2}]
    assert replica.consumer.sought == {FIRST: 1}


class Commanded(Noting):
    inputs = ("control", "instructions")


def test_the_offset_of_an_undone_transaction_is_sent_again_whichever_topic_it_is_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replica = Replica(monkeypatch, Commanded(), 1)
    cluster = replica.cluster
    cluster.undoes = first_with("tell-2")
    cluster.instruct(KEYS[0], 0, "tell-1")
    replica.when(lambda: "tell-1" in names(replica), lambda: cluster.instruct(KEYS[0], 0, "tell-2"))
    replica.run(until=lambda: "tell-2" in names(replica))
    assert cluster.transactions[-1].offsets == {FIRST: 2}
    assert cluster.committed == {FIRST: 2, ("control", 0): 0}


def test_the_answer_to_a_call_is_handled_again_when_its_transaction_was_undone(make_replica: MakeReplica) -> None:
    replica = make_replica(1)
    replica.cluster.undoes = first_with("answer")
    replica.cluster.instruct(KEYS[0], 0, "ask")
    replica.run(until=lambda: "answer" in names(replica))
    assert len(replica.cluster.undone) == 1
    assert names(replica) == ["ask", "fills", "answer"]


def test_a_transaction_for_an_answer_alone_names_an_offset_of_its_partition(make_replica: MakeReplica) -> None:
    replica = make_replica(1)
    replica.cluster.instruct(KEYS[0], 0, "ask")
    replica.run(until=lambda: "answer" in names(replica))
    assert [one.offsets for one in replica.cluster.transactions] == [{FIRST: 1}, {FIRST: 1}]


def test_a_replica_whose_partition_another_has_committed_for_ends_after_an_undone_transaction(
    make_replica: MakeReplica,
) -> None:
    """Its session ran out while it stood still: what it would do again has been done."""
    replica = make_replica(1)
    cluster = replica.cluster

    def undone_as_another_commits(transaction: Transaction) -> bool:
        cluster.committed[FIRST] = 5
        return True

    cluster.instruct(KEYS[0], 0, "tell")
    cluster.undoes = undone_as_another_commits
    with pytest.raises(MustExit, match="instructions/0: committed 5, here 0"):
        replica.run(until=lambda: len(cluster.undone) > 1)
    assert len(cluster.undone) == 1


def test_records_of_a_partition_are_published_in_the_order_they_were_emitted(make_replica: MakeReplica) -> None:
    replica = make_replica(1)
    for number in range(3):
        replica.cluster.instruct(KEYS[0], 0, f"tell-{number}")
    replica.run(until=lambda: "tell-2" in names(replica))
    written = replica.cluster.transactions[0].written
    times = [codec.decode(one.value or b"").produced_at for one in written if one.topic == "fills"]
    assert times == sorted(times) and times[0] < times[-1] and len(times) == 6
