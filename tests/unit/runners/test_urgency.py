"""Which transactions may wait a moment, and what an undone one brings back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tightloop.handlers.api import Context, Inbound
from tightloop.handlers.effects import Answer, FindOrder
from tightloop.records.errors import ExecutionError
from tightloop.records.types import ExecutorHead
from tightloop.runners.kafka import batch
from tightloop.runners.kafka.batch import Batch
from tightloop.runners.worker import PartitionWorker

NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)
SOON = NOW + timedelta(milliseconds=50)
Act = Callable[[Context], None]


class Doing:
    """Does at each wake-up what it was told, and asks to be woken for it when its state is restored."""

    name = "doing"
    failure_code = "EXI-001"
    inputs = ("instructions",)
    changelog = "loop_state"

    def __init__(self, act: Act) -> None:
        self.act = act
        self.restored: list[str] = []

    def on_record(self, context: Context, record: Inbound) -> None:
        raise NotImplementedError

    def on_time(self, context: Context) -> None:
        self.act(context)

    def on_answer(self, context: Context, call_id: str, answer: Answer) -> None:
        raise NotImplementedError

    def on_restore(self, context: Context) -> None:
        self.restored.append(context.key)
        context.wake_at(context.now)

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        raise error


def head(context: Context) -> ExecutorHead:
    return ExecutorHead(strategy_id=context.key, produced_at=context.now)


def after(act: Act) -> PartitionWorker:
    """A worker that has just done this, nothing of it committed."""
    worker = fresh(act)
    worker.restored(NOW)
    worker.commit()
    assert worker.wake(NOW) == 1
    return worker


def fresh(act: Act) -> PartitionWorker:
    worker = PartitionWorker(Doing(act), 0, 1)
    worker.state.load("s", "head", b"")
    return worker


def changes_state(context: Context) -> None:
    context.put("head", head(context))
    context.wake_at(NOW + timedelta(seconds=1))


def tells(context: Context) -> None:
    context.emit("fills", head(context))


def asks(context: Context) -> None:
    context.call("a", FindOrder(None))  # type: ignore[arg-type]  # nobody looks into it here


def wants_to_be_woken_soon(context: Context) -> None:
    context.wake_at(SOON)


def test_what_only_changes_state_is_held_back_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr(batch.time, "monotonic", lambda: clock)
    worker, held = after(changes_state), Batch()
    assert not held.is_open
    assert held.may_linger([worker], NOW) and held.is_open
    clock += batch.LINGER_S / 2
    assert held.may_linger([worker], NOW)
    clock += batch.LINGER_S / 2 + 0.001
    assert not held.may_linger([worker], NOW)


@pytest.mark.parametrize("act", [tells, asks, wants_to_be_woken_soon])
def test_what_somebody_waits_for_is_not(act: Act) -> None:
    assert after(act).is_urgent(SOON)
    assert not Batch().may_linger([after(changes_state), after(act)], NOW)


def test_nor_is_very_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST_EVENTS", 1)
    assert not Batch().may_linger([after(changes_state)], NOW)


def test_the_keys_of_a_restored_partition_are_told_again_when_that_was_undone() -> None:
    worker = fresh(changes_state)
    worker.restored(NOW)
    assert not worker.is_fresh
    worker.rollback()
    assert worker.is_fresh and worker.next_wake() is None
    worker.restored(NOW)
    worker.commit()
    assert worker.next_wake() == NOW
    worker.rollback()
    assert not worker.is_fresh
