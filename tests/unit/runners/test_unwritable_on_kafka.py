"""On Kafka what can't be written is found before the transaction: only the event at fault is undone, and told of."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.support.scripted_kafka import Replica
from tests.support.waking_handler import note
from tests.unit.runners.test_partitions_change_hands import Noting
from tests.unit.runners.test_writing import position

from tightloop.errors import ExecutionError
from tightloop.handlers.api import Context, Inbound
from tightloop.records.types import DeadLetter
from tightloop.wire import codec

TOO_FINE = Decimal("0.1234567890123456789")


class Unwritable(Noting):
    """Of an instruction called ``bad`` it notes an amount that no record can carry."""

    def on_record(self, context: Context, record: Inbound) -> None:
        super().on_record(context, record)
        if record.value.instruction_id == "bad":
            context.put("amount", position(context, TOO_FINE))

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        context.put("dead", note(context))


def test_one_of_a_batch_that_cannot_be_written_becomes_a_dead_letter_and_the_others_are_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replica = Replica(monkeypatch, Unwritable(), 1)
    for key, instruction_id in (("s1", "tell-1"), ("s2", "bad"), ("s3", "tell-3")):
        replica.cluster.instruct(key, 0, instruction_id)
    replica.run(until=lambda: bool(replica.cluster.transactions))
    (transaction,) = replica.cluster.transactions
    assert not replica.cluster.undone, "no transaction was begun for what could not be written"
    assert transaction.offsets == {("instructions", 0): 3}
    assert sorted(transaction.names()) == [
        *("dead", "dead_letters", "execution_audit", "execution_audit"),
        *("fills", "fills", "fills", "fills", "tell-1", "tell-3"),
    ]
    (letter,) = [codec.decode(one.value or b"") for one in transaction.written if one.topic == "dead_letters"]
    assert isinstance(letter, DeadLetter)
    assert (letter.strategy_id, letter.offset, letter.error.code) == ("s2", 1, "TLC-009")
    assert replica.runner.ready
