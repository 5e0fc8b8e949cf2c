"""Calls that only look may be performed before the events that asked for them are durable; the others may not."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.support.lanes import REGISTRY, account
from tests.support.waking_handler import NOW, woken

from tightloop.handlers.api import Context
from tightloop.handlers.calls import Call, FindOrder, ReadLedger, ReadPositions, Unavailable
from tightloop.records.types import AccountRef
from tightloop.runners.clock import SystemClock
from tightloop.runners.performer import CallLoop, Performer
from tightloop.runners.shapes import Started
from tightloop.runners.worker import PartitionWorker

READ = ReadPositions(account("binance", "s"))
LEDGER = ReadLedger(account("binance", "s"), None)
ANSWER = Unavailable("EXI-003", "not now")


def asked(asks: Mapping[str, Call]) -> PartitionWorker:
    """A worker whose handler has just asked, nothing of it committed."""

    def ask(context: Context) -> None:
        for call_id, call in asks.items():
            context.call(call_id, call)

    return woken(ask)


def answered(worker: PartitionWorker, started: Started) -> bool:
    return worker.answer(started.key, started.call_id, started.serial, ANSWER, NOW)


def names(worker: PartitionWorker) -> list[str]:
    return [name for _, name, _ in worker.changes()]


def test_a_read_can_be_answered_in_the_batch_that_asked_for_it() -> None:
    worker = asked({"a": READ, "b": LEDGER})
    first, second = worker.reads()
    assert answered(worker, first) and answered(worker, second)
    assert names(worker) == ["answer|a", "answer|b"]
    assert worker.commit() == []  # nothing is left to start


def test_a_read_that_another_replaces_at_once_is_never_made() -> None:
    def ask(context: Context) -> None:
        context.call("a", READ)
        context.call("a", LEDGER)

    worker = woken(ask)
    assert [one.call for one in worker.reads()] == [LEDGER]


def test_what_is_no_mere_read_waits_for_the_commit() -> None:
    find = FindOrder(None)  # type: ignore[arg-type]  # nobody looks into it here
    worker = asked({"a": find, "b": READ})
    assert [one.call_id for one in worker.reads()] == ["b"]
    assert worker.reads() == []
    assert [one.call_id for one in worker.commit()] == ["a"]


def test_an_answer_that_comes_after_the_commit_is_handled_then() -> None:
    worker = asked({"a": READ})
    (started,) = worker.reads()
    worker.commit()
    assert worker.calls_under_way == 1
    assert answered(worker, started)
    assert not answered(worker, started)


def test_of_a_batch_undone_no_answer_is_handled_and_the_read_is_asked_for_again() -> None:
    worker = asked({"a": READ})
    (before,) = worker.reads()
    assert answered(worker, before)
    worker.rollback()
    assert names(worker) == [] and worker.calls_under_way == 0
    assert not answered(worker, before)
    worker.wake(NOW)
    (again,) = worker.reads()
    assert answered(worker, again)


def test_undoing_brings_back_the_call_that_was_under_way_before_the_batch() -> None:
    worker = asked({"a": READ})
    (committed,) = worker.reads()
    worker.commit()
    worker.restored(NOW)
    worker.commit()
    worker.wake(NOW)  # asks again under the same id
    (replacing,) = worker.reads()
    assert not answered(worker, committed)
    assert answered(worker, replacing)
    worker.rollback()
    assert answered(worker, committed)


class Reading:
    """A venue that answers when it is let to."""

    lane = REGISTRY.lane("binance")

    def __init__(self) -> None:
        self.go = threading.Event()

    async def open(self) -> datetime:
        return datetime.now(UTC)

    async def positions(self, account: AccountRef) -> Unavailable:
        self.go.wait(10)
        return ANSWER

    async def close(self) -> None:
        return None


def test_waiting_ends_with_an_answer_or_with_the_time() -> None:
    venue: Any = Reading()
    effects: CallLoop[str] = CallLoop(Performer({"binance": venue}, SystemClock()))
    try:
        effects.start([("owner", Started("s", "a", 1, READ))])
        assert not effects.wait(0.01)
        venue.go.set()
        assert effects.wait(10.0)
        assert [answer.message for _, _, answer in effects.take(10)] == [ANSWER.message]
        assert effects.outstanding == 0
    finally:
        effects.stop()
