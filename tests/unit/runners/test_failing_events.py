"""An event that fails leaves only its dead letter, and what the handler writes because of that."""

from __future__ import annotations

from tests.support.lanes import account
from tests.support.waking_handler import NOW, Waking, note

from tightloop.errors import ExecutionError
from tightloop.handlers.api import Context
from tightloop.handlers.calls import FindOrder, ReadPositions
from tightloop.runners.worker import PartitionWorker


class Noting(Waking):
    """Its first key does its part, its second one fails when it has done as much."""

    def __init__(self) -> None:
        super().__init__(self._act)

    def _act(self, context: Context) -> None:
        context.put("did", note(context))
        context.delete("before")
        context.emit("fills", note(context))
        context.call("find", FindOrder(None))  # type: ignore[arg-type]  # nobody looks into it here
        context.call("read", ReadPositions(account("binance", context.key)))
        context.wake_at(NOW)
        if context.key == "fails":
            raise ValueError("as the test wants it")

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        context.put("dead", note(context))


def test_a_failing_event_is_undone_alone() -> None:
    worker = PartitionWorker(Noting(), 0, 1)
    for key in ("does", "fails"):
        worker.state.put(key, "before", note(_Key(key)))  # type: ignore[arg-type]
    worker.state.commit()
    worker.restored(NOW)
    worker.commit()
    assert worker.wake(NOW) == 2
    assert [(one.topic, one.key) for one in worker.outputs] == [("fills", b"does"), ("dead_letters", b"fails")]
    changed = {(key, name): record is not None for key, name, record in worker.changes()}
    assert changed == {("does", "did"): True, ("does", "before"): False, ("fails", "dead"): True}
    assert [one.key for one in worker.reads()] == ["does"]
    assert [(one.key, one.call_id) for one in worker.commit()] == [("does", "find")]
    assert worker.wake(NOW) == 1


class _Key:
    """As much of a context as a note needs."""

    now = NOW

    def __init__(self, key: str) -> None:
        self.key = key
