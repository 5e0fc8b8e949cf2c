"""A handler that does at each wake-up what a test told it, and keeps a note of each answer in its state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tightloop.errors import ExecutionError
from tightloop.handlers.api import Context, Inbound
from tightloop.handlers.calls import Answer
from tightloop.records.types import ExecutorHead
from tightloop.runners.worker import PartitionWorker

NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)
Act = Callable[[Context], None]


class Waking:
    """Asks to be woken when its state is restored. It takes in no records."""

    name = "waking"
    failure_code = "EXI-001"
    inputs = ("instructions",)
    changelog = "loop_state"

    def __init__(self, act: Act) -> None:
        self.act = act

    def on_record(self, context: Context, record: Inbound) -> None:
        raise AssertionError(f"no test feeds it a record: {record}")

    def on_time(self, context: Context) -> None:
        self.act(context)

    def on_answer(self, context: Context, call_id: str, answer: Answer) -> None:
        context.put(f"answer|{call_id}", note(context))

    def on_restore(self, context: Context) -> None:
        context.wake_at(context.now)

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        raise error


def note(context: Context) -> ExecutorHead:
    """Some record of the key."""
    return ExecutorHead(strategy_id=context.key, produced_at=context.now)


def fresh(act: Act, partition: int = 0) -> PartitionWorker:
    """A worker of one partition with the state of one key, which was not told of it yet."""
    worker = PartitionWorker(Waking(act), partition, partition + 1)
    worker.state.load("s", "head", b"")
    return worker


def woken(act: Act, partition: int = 0) -> PartitionWorker:
    """One whose key has just done it, nothing of that committed."""
    worker = fresh(act, partition)
    worker.restored(NOW)
    worker.commit()
    assert worker.wake(NOW) == 1
    return worker
