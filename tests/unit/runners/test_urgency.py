"""Which transactions may wait a moment, and what an undone one brings back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.waking_handler import NOW, Act, fresh, note, woken

from tightloop.handlers.api import Context
from tightloop.handlers.effects import FindOrder
from tightloop.runners.kafka import batch
from tightloop.runners.kafka.batch import Batch

SOON = NOW + timedelta(milliseconds=50)


def changes_state(context: Context) -> None:
    context.put("head", note(context))
    context.wake_at(NOW + timedelta(seconds=1))


def tells(context: Context) -> None:
    context.emit("fills", note(context))


def asks(context: Context) -> None:
    context.call("a", FindOrder(None))  # type: ignore[arg-type]  # nobody looks into it here


def wants_to_be_woken_soon(context: Context) -> None:
    context.wake_at(SOON)


def test_what_only_changes_state_is_held_back_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr(batch.time, "monotonic", lambda: clock)
    worker, held = woken(changes_state), Batch()
    assert not held.is_open
    assert held.may_linger([worker], NOW) and held.is_open
    clock += batch.LINGER_S / 2
    assert held.may_linger([worker], NOW)
    clock += batch.LINGER_S / 2 + 0.001
    assert not held.may_linger([worker], NOW)


@pytest.mark.parametrize("act", [tells, asks, wants_to_be_woken_soon])
def test_what_somebody_waits_for_is_not(act: Act) -> None:
    assert woken(act).is_urgent(SOON)
    assert not Batch().may_linger([woken(changes_state), woken(act)], NOW)


def test_nor_is_very_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST_EVENTS", 1)
    assert not Batch().may_linger([woken(changes_state)], NOW)


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
