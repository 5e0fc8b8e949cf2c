"""A state entry that can't be read costs its key, which is halted for good and named; other keys go on."""

from __future__ import annotations

from typing import Literal

import pytest
from tests.support.lanes import directory

from tightloop.handlers.manager.handler import InterfaceManager
from tightloop.handlers.manager.settings import ManagerSettings
from tightloop.handlers.manager.turn import UNREAD
from tightloop.records.types import ControlCommand, DeadLetter, Instruction, LoopHead, SharedHalts
from tightloop.runners.partitioner import partition_of
from tightloop.runners.shapes import RawRecord
from tightloop.runners.state import PartitionState, changelog_key, parse_changelog_key
from tightloop.runners.worker import PartitionWorker
from tightloop.testing import LoopDriver, trade
from tightloop.testing.driver import START
from tightloop.wire import codec

BROKEN = b"\x00\x00\x0f\xff\xff" + b"of a later version"
LANES = ("binance", "ethereum")


def manager() -> PartitionWorker:
    return PartitionWorker(InterfaceManager(ManagerSettings(directory=directory(LANES))), 0, 1)


def restored(before: PartitionWorker, broken: dict[tuple[str, str], bytes] | None = None) -> PartitionWorker:
    """Its successor, told of the state that was committed, with some entries broken."""
    worker = manager()
    for key, name, value in before.state.entries():
        worker.state.load(key, name, value)
    for (key, name), value in (broken or {}).items():
        worker.state.load(key, name, value)
    worker.restored(START)
    return worker


def feed(worker: PartitionWorker, value: Instruction | ControlCommand, offset: int) -> None:
    topic = "instructions" if isinstance(value, Instruction) else "control"
    key = value.strategy_id.encode() if value.strategy_id else b"*"
    worker.feed(RawRecord(topic, 0, offset, key, codec.encode(value)), START)


def letters(worker: PartitionWorker) -> list[DeadLetter]:
    return [one.record for one in worker.outputs if isinstance(one.record, DeadLetter)]


def routed(worker: PartitionWorker) -> list[str | None]:
    return [one.record.strategy_id for one in worker.outputs if one.topic == "instructions.binance"]


def head(worker: PartitionWorker, key: str) -> LoopHead:
    found = worker.state.get(key, "head", LoopHead)
    assert found is not None
    return found


def shared(worker: PartitionWorker) -> SharedHalts:
    found = worker.state.get("", "halts", SharedHalts)
    assert found is not None
    return found


def for_all(command: Literal["halt", "resume"], halts: tuple[str, ...], cancel_working: bool = False) -> ControlCommand:
    return ControlCommand(
        command_id=command,
        command=command,
        scope="all",
        cancel_working=cancel_working,
        expected_halt_ids=halts,
        actor="test",
        reason="a test",
        issued_at=START,
    )


def two_keys() -> PartitionWorker:
    """``s1`` and ``s2`` have a loop under way."""
    worker = manager()
    for number, key in enumerate(("s1", "s2")):
        feed(worker, trade(f"{key}-1", START, strategy_id=key), number)
    worker.commit()
    return worker


def test_an_unreadable_entry_is_named_with_topic_partition_key_and_reason_at_each_read() -> None:
    state = PartitionState("loop_state/3")
    state.load("s/1", "head", BROKEN)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"TLC-013.*loop_state/3: the entry s%2F1\|head of 23 bytes.*TLC-002"):
            state.get("s/1", "head", LoopHead)
    assert list(state.entries()) == [("s/1", "head", BROKEN)] and state.changes() == []


def test_an_entry_of_another_record_type_cannot_be_read() -> None:
    state = PartitionState("loop_state/3")
    state.load("s1", "head", codec.encode(trade("i1", START)))
    with pytest.raises(ValueError, match=r"TLC-013.*TLC-004 holds an Instruction, not a LoopHead"):
        state.get("s1", "head", LoopHead)


def test_an_unreadable_head_of_the_manager_refuses_every_record_of_its_key_and_of_no_other() -> None:
    worker = restored(two_keys(), {("s1", "head"): BROKEN})
    (letter,) = letters(worker)
    assert (letter.strategy_id, letter.error.code, letter.halts) == ("s1", "TLC-013", True)
    assert "loop_state/0: the entry s1|head" in letter.error.message
    feed(worker, trade("s1-2", START), 2)
    feed(worker, trade("s3-1", START, strategy_id="s3"), 3)
    assert [one.topic for one in letters(worker)] == ["interface-manager:restore", "instructions"]
    assert routed(worker) == ["s3"]
    assert not [one for one in worker.outputs if one.topic == "instruction_results"]
    assert not [place for *place, _ in worker.changes() if place == ["s1", "head"]], "it is not overwritten"


def test_a_key_stays_halted_once_its_head_can_be_read_again() -> None:
    before = two_keys()
    whole = next(value for key, name, value in before.state.entries() if (key, name) == ("s1", "head"))
    worker = restored(before, {("s1", "head"): BROKEN})
    worker.commit()
    for _ in range(2):  # however often the process starts anew
        worker = restored(worker)
        worker.commit()
    worker = restored(worker, {("s1", "head"): whole})
    assert [one.code for one in head(worker, "s1").halts] == ["TLC-013"]
    assert ("s1", UNREAD, None) in worker.changes()
    worker.commit()
    worker = restored(worker)
    assert [one.code for one in head(worker, "s1").halts] == ["TLC-013"]
    assert head(worker, "s2").halts == ()


def test_another_entry_of_the_key_halts_it_in_its_head() -> None:
    worker = restored(two_keys(), {("s1", "seen|s1-2"): BROKEN})
    assert not letters(worker), "nobody needed it yet"
    feed(worker, trade("s1-2", START), 2)
    (letter,) = letters(worker)
    assert (letter.topic, letter.offset, letter.error.code) == ("instructions", 2, "TLC-013")
    assert "the entry s1|seen|s1-2" in letter.error.message
    assert [one.code for one in head(worker, "s1").halts] == ["TLC-013"]


@pytest.mark.parametrize("command", ["halt", "resume"])
def test_a_command_for_all_reaches_the_keys_that_can_be_read(command: Literal["halt", "resume"]) -> None:
    worker = restored(two_keys(), {("s1", "head"): BROKEN})
    worker.commit()
    feed(worker, for_all("halt", (), cancel_working=True), 0)
    (halt,) = shared(worker).halts
    if command == "resume":
        feed(worker, for_all("resume", (halt.halt_id,)), 1)
        assert shared(worker).halts == ()
    assert not letters(worker)


def test_an_invalid_changelog_key_halts_the_strategy_it_seems_to_belong_to() -> None:
    worker = manager()
    for offset, raw in enumerate((b"s1|", b"s1", b"s%2D2|head", b"\xff|head")):
        worker.state.load_record(raw, BROKEN, offset)
    worker.restored(START)
    told = [(one.strategy_id, one.topic, one.offset, one.key, one.value, one.halts) for one in letters(worker)]
    assert told == [
        ("s1", "loop_state", 0, b"s1|", BROKEN, True),
        ("s-2", "loop_state", 2, b"s%2D2|head", BROKEN, True),
        (None, "loop_state", 3, b"\xff|head", BROKEN, False),
    ]
    assert [one.key for one in worker.outputs] == [b"s1", b"s-2", b"\xff|head"]
    assert "nor can 1 more" in letters(worker)[0].error.message
    assert [one.code for one in head(worker, "s1").halts] == ["TLC-013"]
    feed(worker, trade("s3-1", START, strategy_id="s3"), 3)
    assert routed(worker) == ["s3"]


def test_a_tombstone_removes_an_invalid_changelog_key() -> None:
    worker = manager()
    worker.state.load_record(b"s1|", BROKEN, 0)
    worker.state.load_record(b"s1|", None, 1)
    worker.restored(START)
    assert letters(worker) == []


@pytest.mark.parametrize("key", ["s1", "a|b", "é/1", "100%", ""])
def test_every_key_that_is_written_is_read(key: str) -> None:
    assert parse_changelog_key(changelog_key(key, "seen|a|b%")) == (key, "seen|a|b%")


@pytest.mark.parametrize("component", ["executor-binance", "position-update-handler", "reconciliation"])
def test_an_entry_of_any_other_component_halts_its_key_through_the_manager(component: str) -> None:
    loop = LoopDriver()
    for key in ("s1", "s2"):
        loop.feed(trade(f"{key}-1", loop.now, strategy_id=key))
    worker = loop.runner._seats[component][partition_of(b"s1", loop.runner.partitions)].worker
    worker.state.load("s1", "head", BROKEN)
    loop.restart(component)
    for key in ("s1", "s2"):
        loop.feed(trade(f"{key}-2", loop.now, strategy_id=key))
        loop.advance(1)
    assert {one.code for one in loop.halts("s1")} == {"TLC-013"}
    assert {(one.component, one.strategy_id, one.error.code) for one in loop.dead_letters()} == {
        (component, "s1", "TLC-013")
    }
    assert loop.result("s2-2").status == "reconciled"
