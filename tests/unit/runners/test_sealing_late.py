"""A worker that seals late: bytes are made with the commit, and what can't be written is still undone alone."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.support.waking_handler import NOW
from tests.unit.runners.test_writing import Acting, letters, position

from tightloop.errors import ExecutionError
from tightloop.handlers.api import Context, Inbound
from tightloop.records.types import ExpectedPosition
from tightloop.runners.shapes import RawRecord
from tightloop.runners.worker import PartitionWorker
from tightloop.testing import trade
from tightloop.wire import codec

TOO_FINE = Decimal("0.1234567890123456789")
KEYS = ("before", "s1", "after")


def late(act: Callable[[Context, Inbound], None]) -> PartitionWorker:
    return PartitionWorker(Acting(act), 0, 1, seals_late=True)


def feed(worker: PartitionWorker, key: str, offset: int) -> None:
    worker.feed(
        RawRecord("instructions", 0, offset, key.encode(), codec.encode(trade("i1", NOW, strategy_id=key))), NOW
    )


def feed_all(worker: PartitionWorker) -> None:
    for offset, key in enumerate(KEYS):
        feed(worker, key, offset)


def fails_for_one_key(context: Context, record: Inbound) -> None:
    if context.key == "s1":
        context.put("large", position(context, TOO_FINE))
    context.emit("instructions", record.value)


def test_an_entry_that_two_events_wrote_is_encoded_once_as_it_is_at_the_end() -> None:
    worker = late(lambda context, record: context.put("count", position(context, Decimal(record.offset))))
    feed(worker, "s1", 1)
    feed(worker, "s1", 2)
    worker.seal()
    (value,) = [value for _, name, value in worker.changes() if name == "count"]
    assert value is not None
    assert codec.decode_as(value, ExpectedPosition).amount == 2


def test_what_a_later_event_replaces_need_not_be_writable() -> None:
    amounts = iter((TOO_FINE, Decimal(1)))
    worker = late(lambda context, record: context.put("amount", position(context, next(amounts))))
    feed(worker, "s1", 1)
    feed(worker, "s1", 2)
    worker.seal()
    assert {name for _, name, _ in worker.changes()} == {"head", "amount"}
    assert not letters(worker)


def test_outputs_have_their_bytes_after_sealing() -> None:
    worker = late(lambda context, record: context.emit("instructions", record.value))
    feed(worker, "s1", 1)
    assert [one.value for one in worker.outputs] == [b""]
    worker.seal()
    assert [codec.decode(one.value) for one in worker.outputs] == [trade("i1", NOW, strategy_id="s1")]


def test_a_batch_that_cannot_be_written_is_handled_again_and_loses_the_event_at_fault_alone() -> None:
    worker = late(fails_for_one_key)
    feed_all(worker)
    with pytest.raises(ExecutionError, match="state entry large") as raised:
        worker.seal()
    assert raised.value.code == "TLC-009"
    worker.rollback()
    assert not worker.outputs and not len(worker.state)

    feed_all(worker)
    worker.seal()
    (letter,) = letters(worker)
    assert (letter.strategy_id, letter.offset, letter.error.code) == ("s1", 1, "TLC-009")
    assert [(key, name) for key, name, _ in worker.changes()] == [
        ("before", "head"),
        ("s1", "dead|1"),
        ("after", "head"),
    ]
    assert [one.topic for one in worker.outputs] == ["instructions", "dead_letters", "instructions"]
    assert all(one.value for one in worker.outputs)


def test_after_the_commit_it_seals_late_again() -> None:
    worker = late(fails_for_one_key)
    feed_all(worker)
    with pytest.raises(ExecutionError):
        worker.seal()
    worker.rollback()
    feed_all(worker)
    worker.seal()
    worker.commit()
    feed(worker, "after", 3)
    assert [one.value for one in worker.outputs] == [b""]
