"""Which transactions may wait a moment, and what an undone one brings back."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from tests.support.waking_handler import NOW, Act, fresh, note, woken

from tightloop.handlers.api import Context
from tightloop.handlers.calls import FindOrder, Unavailable
from tightloop.runners.kafka import batch
from tightloop.runners.kafka.batch import Batch
from tightloop.runners.shapes import Started

SOON = NOW + timedelta(seconds=batch.LINGER_S)


def changes_state(context: Context) -> None:
    context.put("head", note(context))
    context.wake_at(NOW + timedelta(seconds=1))


def tells(context: Context) -> None:
    context.emit("fills", note(context))


def asks(context: Context) -> None:
    context.call("a", FindOrder(None))  # type: ignore[arg-type]  # nobody looks into it here


def wants_to_be_woken_soon(context: Context) -> None:
    context.wake_at(SOON)


def test_an_event_that_only_changes_state_is_held_back_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr(batch, "time", SimpleNamespace(monotonic=lambda: clock))
    worker, held = woken(changes_state), Batch()
    assert not held.is_open
    assert held.due([worker], NOW) == [] and held.is_open
    clock += batch.LINGER_S / 2
    assert held.due([worker], NOW) == [] and held.lingers_for() == pytest.approx(batch.LINGER_S / 2)
    clock += batch.LINGER_S / 2 + 0.001
    assert held.due([worker], NOW) == [worker]


@pytest.mark.parametrize("act", [tells, asks, wants_to_be_woken_soon])
def test_an_event_that_is_waited_for_is_committed_and_other_partitions_stay_held_back(act: Act) -> None:
    urgent, patient, held = woken(act, partition=1), woken(changes_state, partition=2), Batch()
    assert urgent.is_urgent(SOON)
    assert held.due([patient, urgent], NOW) == [urgent]


def test_more_than_a_limit_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST_EVENTS", 1)
    worker = woken(changes_state)
    assert Batch().due([worker], NOW) == [worker]


def test_a_commit_ends_the_waiting_of_its_own_partitions_alone() -> None:
    one, other, held = woken(tells, partition=1), woken(changes_state, partition=2), Batch()
    held.read |= {("fills", 1), ("control", 1), ("fills", 2)}
    answers = [
        (worker, Started("k", "a", 1, FindOrder(None)), Unavailable("EXI-003", "away")) for worker in (one, other)
    ]  # type: ignore[arg-type]
    held.answers += answers
    assert held.due([one, other], NOW) == [one]
    assert held.read_by([one]) == [("control", 1), ("fills", 1)]
    held.committed([one])
    assert held.is_open and held.read == {("fills", 2)} and held.answers == answers[1:]
    held.committed([other])
    assert not held.is_open and not held.read and not held.answers


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


def test_replaced_wake_ups_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tightloop.runners.worker.MOST_STALE", 10)
    later = iter(range(1, 1000))
    worker = fresh(lambda context: context.wake_at(NOW + timedelta(seconds=next(later))))
    worker.restored(NOW)
    worker.commit()
    due = NOW
    for _ in range(100):
        assert worker.wake(due) == 1
        worker.commit()
        due = worker.next_wake() or due
        worker.wishes.append(("s", due + timedelta(hours=1)))
        worker.wishes.append(("s", due))
        worker.commit()
    assert worker.next_wake() == due and worker.wake(due) == 1
    assert len(worker._heap) <= 12
