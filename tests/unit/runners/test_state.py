"""A partition's keyed state: groups, their order, and what an undone event brings back."""

from __future__ import annotations

from tests.support.waking_handler import NOW

from tightloop.records.types import ExecutorHead
from tightloop.runners.state import PartitionState
from tightloop.wire import codec


def _head(loop_no: int) -> ExecutorHead:
    return ExecutorHead(strategy_id="s", last_loop_no=loop_no, produced_at=NOW)


def _names(state: PartitionState, group: str) -> list[str]:
    return [name for name, _ in state.oldest("s", group, ExecutorHead, 10)]


def _changes(state: PartitionState) -> list[tuple[str, str, bytes | None]]:
    """As at the end of an event."""
    state.seal(state.encoded(0))
    return state.changes()


def _filled(*names: str) -> PartitionState:
    state = PartitionState()
    for number, name in enumerate(names):
        state.put("s", name, _head(number))
    state.commit()
    return state


def test_a_group_holds_the_names_below_it_and_no_other() -> None:
    state = _filled("head", "seen|b", "seen|a", "seenlater|c")
    assert [name for name, _ in state.scan("s", "seen", ExecutorHead)] == ["seen|a", "seen|b"]
    assert _names(state, "seen") == ["seen|b", "seen|a"]
    assert list(state.scan("s", "queue", ExecutorHead)) == [] and list(state.scan("t", "seen", ExecutorHead)) == []
    assert len(state) == 4


def test_an_entry_that_is_written_again_keeps_its_age() -> None:
    state = _filled("seen|b", "seen|a")
    state.put("s", "seen|b", _head(9))
    assert _names(state, "seen") == ["seen|b", "seen|a"]


def test_what_is_deleted_during_a_scan_is_left_out() -> None:
    state = _filled("seen|a", "seen|b")
    scan = state.scan("s", "seen", ExecutorHead)
    assert next(scan)[0] == "seen|a"
    state.delete("s", "seen|b")
    assert list(scan) == []


def test_an_undone_event_leaves_everything_as_it_was_also_which_is_the_oldest() -> None:
    state = _filled("head", "seen|c", "seen|b", "seen|a")
    before = list(state.entries())
    state.put("s", "seen|d", _head(7))
    mark = state.mark()
    state.delete("s", "seen|c")
    state.delete("s", "seen|b")
    state.put("s", "head", _head(8))
    state.delete("s", "nothing")
    state.rollback(mark)
    assert _names(state, "seen") == ["seen|c", "seen|b", "seen|a", "seen|d"]
    assert [name for _, name, _ in _changes(state)] == ["seen|d"]
    state.rollback()
    assert sorted(before, key=str) == sorted(state.entries(), key=str) and _changes(state) == []


def test_a_key_whose_last_entry_goes_is_gone() -> None:
    state = _filled("seen|a")
    state.delete("s", "seen|a")
    assert state.strategies() == [] and len(state) == 0 and _names(state, "seen") == []
    assert _changes(state) == [("s", "seen|a", None)]
    state.rollback()
    assert state.strategies() == ["s"] and _names(state, "seen") == ["seen|a"]


def test_what_is_written_and_deleted_between_two_commits_is_no_change() -> None:
    state = _filled()
    state.put("s", "queue|1", _head(1))
    state.delete("s", "queue|1")
    assert _changes(state) == []


def test_what_the_changelog_says_is_gone_does_not_come_back() -> None:
    state = PartitionState()
    for number, name in enumerate(("seen|a", "seen|b", "seen|a")):
        state.load("s", name, codec.encode(_head(number)))
    state.load("s", "seen|a", None)
    state.load("s", "never", None)
    assert _names(state, "seen") == ["seen|b"] and len(state) == 1 and _changes(state) == []
