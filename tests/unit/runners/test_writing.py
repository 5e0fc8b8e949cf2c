"""What an event writes is encoded and measured inside it; the dead letter always fits; a halt is never lost."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.waking_handler import NOW

from tightloop.errors import MESSAGE_CHARS, ExecutionError
from tightloop.handlers.api import Context, Inbound
from tightloop.records.topics import all_topics, contract_of
from tightloop.records.types import DeadLetter, ExpectedPosition, UnwrittenHalt
from tightloop.runners import writing
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.shapes import RawRecord
from tightloop.runners.state import UNWRITTEN_HALT, parse_changelog_key
from tightloop.runners.worker import PartitionWorker
from tightloop.testing import trade
from tightloop.wire import codec

D = Decimal
Act = Callable[[Context, Inbound], None]
MEGABYTE = 1024 * 1024
ONE = D(1)


class Acting:
    """Does with each record what a test told it, and notes in its state what was dead-lettered."""

    name = "acting"
    failure_code = "EXI-001"
    inputs = ("instructions",)
    changelog = "loop_state"

    def __init__(self, act: Act) -> None:
        self.act = act
        self.broken = False  # then it fails on dead letters, too

    def on_record(self, context: Context, record: Inbound) -> None:
        context.put("head", position(context))
        self.act(context, record)

    def on_dead(self, context: Context, topic: str, offset: int, error: ExecutionError) -> None:
        if self.broken:
            raise RuntimeError("a defect")
        context.put(f"dead|{offset}", position(context))

    def on_time(self, context: Context) -> None:
        context.put("woken", position(context))

    def on_answer(self, context: Context, call_id: str, answer: Any) -> None:
        raise AssertionError("nothing was asked")

    def on_restore(self, context: Context) -> None:
        context.wake_at(context.now)


def position(context: Context, amount: Decimal = ONE, key: str = "binance:BaseToken:BTC") -> ExpectedPosition:
    return ExpectedPosition(
        strategy_id=context.key, position_key=key, amount=amount, position_version=1, produced_at=context.now
    )


def emits(**changes: Any) -> Act:
    def act(context: Context, record: Inbound) -> None:
        context.emit("instructions", replace(record.value, **changes))

    return act


def puts(amount: Decimal = ONE, key: str = "k") -> Act:
    return lambda context, record: context.put("large", position(context, amount, key))


def worker_of(act: Act) -> PartitionWorker:
    return PartitionWorker(Acting(act), 0, 1)


def fed(worker: PartitionWorker, key: str = "s1", offset: int = 0, **more: Any) -> PartitionWorker:
    raw = RawRecord("instructions", 0, offset, key.encode(), codec.encode(trade("i1", NOW, strategy_id=key)), **more)
    worker.feed(raw, NOW)
    return worker


def letters(worker: PartitionWorker) -> list[DeadLetter]:
    return [one.record for one in worker.outputs if isinstance(one.record, DeadLetter)]


def names(worker: PartitionWorker) -> list[str]:
    return [name for _, name, _ in worker.changes()]


@pytest.mark.parametrize(
    ("act", "code", "words"),
    [
        (puts(D("0.1234567890123456789")), "TLC-009", ("state entry large", "amount")),
        (puts(key="x" * 9 * MEGABYTE), "TLC-014", ("loop_state", "state entry large", "bytes")),
        (emits(instruction_id="x" * 5 * MEGABYTE), "TLC-014", ("instructions", "Instruction", "bytes")),
        (emits(sequence="one"), "TLC-011", ("instructions", "sequence")),
    ],
    ids=["19 places in an entry", "a large entry", "a large record", "a record of another shape"],
)
def test_an_event_that_cannot_be_written_is_undone_alone(act: Act, code: str, words: tuple[str, ...]) -> None:
    def chosen(context: Context, record: Inbound) -> None:
        if context.key == "s1":
            act(context, record)

    worker = worker_of(chosen)
    fed(worker, "before", 0)
    fed(worker, "s1", 1)
    fed(worker, "after", 2)
    (letter,) = letters(worker)
    assert (letter.error.code, letter.strategy_id, letter.offset, letter.halts) == (code, "s1", 1, True)
    assert all(word in letter.error.message for word in words)
    assert [(key, name) for key, name, _ in worker.changes()] == [
        ("before", "head"),
        ("s1", "dead|1"),
        ("after", "head"),
    ]


def test_a_record_is_measured_with_its_key_and_its_headers() -> None:
    """The id stands in the record three times over, and in two headers."""
    limit = contract_of("instructions").max_message_bytes
    at_the_limit = limit // 3 - 3000
    assert not letters(fed(worker_of(emits(instruction_id="x" * (limit // 2 - 4000), trace_id=None))))
    assert letters(fed(worker_of(emits(instruction_id="x" * (at_the_limit + 1), trace_id="x" * at_the_limit))))


def test_bytes_are_made_once_and_are_those_of_the_last_version(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    whole = codec.encode

    def counted(record: Any) -> bytes:
        made.append(type(record).__name__)
        return whole(record)

    monkeypatch.setattr(codec, "encode", counted)

    def several(context: Context, record: Inbound) -> None:
        for number in range(5):
            context.put("large", position(context, D(number)))
        context.put("gone", position(context))
        context.delete("gone")
        context.emit("instructions", record.value)

    worker = fed(worker_of(several))
    made.clear()
    fed(worker, offset=1)
    changed = worker.changes()
    # the test itself has made the record that it feeds
    assert sorted(made) == ["ExpectedPosition", "ExpectedPosition", "Instruction", "Instruction"]
    decoded = {name: codec.decode(value) for _, name, value in changed if value is not None}
    assert sorted(decoded) == ["head", "large"] and decoded["large"].amount == 4  # type: ignore[attr-defined]
    assert [codec.decode(one.value) for one in worker.outputs] == [one.record for one in worker.outputs]


def test_an_undone_event_leaves_the_bytes_of_the_one_before_it() -> None:
    def act(context: Context, record: Inbound) -> None:
        context.put("large", position(context, D(record.offset)))
        if record.offset == 2:
            raise ExecutionError("TLC-004", "no")

    worker = worker_of(act)
    for offset in (1, 2):
        fed(worker, offset=offset)
    (value,) = [value for _, name, value in worker.changes() if name == "large"]
    assert codec.decode_as(value or b"", ExpectedPosition).amount == 1
    worker.rollback()
    assert worker.changes() == []


# --- letters ----------------------------------------------------------------------------------------------------------


def garbage(value: bytes, key: bytes = b"s1", headers: tuple[tuple[str, bytes], ...] = ()) -> DeadLetter:
    worker = worker_of(emits())
    worker.feed(RawRecord("instructions", 0, 7, key, value, lambda: headers), NOW)
    (letter,) = letters(worker)
    (output,) = worker.outputs
    limit = contract_of("dead_letters").max_message_bytes
    assert len(output.value) + len(output.key or b"") < limit and codec.decode(output.value) == letter
    return letter


def test_the_largest_record_that_a_topic_takes_is_kept_whole() -> None:
    value, note = b"x" * 7 * MEGABYTE, b"y" * MEGABYTE
    letter = garbage(value, headers=(("note", note),))
    assert (letter.value, letter.headers[0].value, letter.left_out) == (value, note, ())


def test_a_dead_letter_of_a_larger_record_says_what_it_leaves_out() -> None:
    """Where a topic was given a higher limit than its contract's. Never a part of the value: all of it, or none."""
    letter = garbage(b"x" * 17 * MEGABYTE, headers=(("note", b"y" * 100),))
    assert (letter.value, letter.headers, letter.left_out) == (None, (), ("headers", "value"))
    assert "value of 17825792 bytes (blake2b-128" in letter.error.message and letter.error.code == "TLC-010"
    assert (letter.topic, letter.partition, letter.offset, letter.key) == ("instructions", 0, 7, b"s1")
    assert garbage(b"x", headers=(("note", b"y" * 17 * MEGABYTE),)).left_out == ("headers",)


def test_a_key_that_is_too_long_leaves_no_state() -> None:
    worker = worker_of(emits())
    for key in (b"k" * (writing.KEY_BYTES + 1), b"k" * 4 * MEGABYTE):
        worker.feed(RawRecord("instructions", 0, 7, key, b"x" * MEGABYTE), NOW)
        letter, output = letters(worker)[-1], worker.outputs[-1]
        assert (letter.error.code, letter.halts, letter.key, letter.value) == ("TLC-015", False, key, b"x" * MEGABYTE)
        assert output.key is None and letter.strategy_id is None
    assert worker.changes() == []


def test_headers_with_names_that_are_not_text_are_left_out_of_a_dead_letter() -> None:
    def unreadable() -> tuple[tuple[str, bytes], ...]:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no")

    worker = worker_of(emits())
    worker.feed(RawRecord("instructions", 0, 7, b"s1", b"x", unreadable), NOW)
    assert letters(worker)[0].headers == ()


def test_an_errors_message_is_cut_and_can_always_be_written() -> None:
    error = ExecutionError("EXI-001", "\ud800" + "x" * 9 * MEGABYTE)
    assert len(error.message) <= MESSAGE_CHARS + 10 and "more characters)" in error.message
    error.message.encode()

    def fails(context: Context, record: Inbound) -> None:
        raise RuntimeError("\udcff" + "y" * 10_000)

    (letter,) = letters(fed(worker_of(fails)))
    assert letter.error.code == "EXI-001" and len(letter.error.message) <= MESSAGE_CHARS + 10


# --- a halt that cannot be written ------------------------------------------------------------------------------------


def stuck() -> tuple[PartitionWorker, Acting]:
    """Key ``s1`` has a dead letter, and the component failed on that, too."""
    worker = worker_of(emits())
    worker.handler.broken = True  # type: ignore[attr-defined]
    worker.feed(RawRecord("instructions", 0, 1, b"s1", b"garbage"), NOW)
    return worker, worker.handler  # type: ignore[return-value]


def test_a_halt_that_cannot_be_written_stops_its_key_alone_until_it_can() -> None:
    worker, _ = stuck()
    assert names(worker) == [UNWRITTEN_HALT]
    fed(worker, offset=2)
    fed(worker, "other", offset=3)
    assert [(one.error.code, one.offset) for one in letters(worker)] == [("TLC-001", 1), ("TLC-016", 2)]
    assert [(key, name) for key, name, _ in worker.changes()] == [("s1", UNWRITTEN_HALT), ("other", "head")]
    unwritten = worker.state.get("s1", UNWRITTEN_HALT, UnwrittenHalt)
    assert unwritten is not None and (unwritten.error.code, unwritten.offset) == ("TLC-001", 1)


def test_an_unwritten_halt_survives_a_restart_and_is_written_as_soon_as_possible() -> None:
    worker, _ = stuck()
    successor = worker_of(emits())
    for key, name, value in worker.changes():
        successor.state.load(*parse_changelog_key(f"{key}|{name}".encode()), value)
    successor.handler.broken = True  # type: ignore[attr-defined]
    successor.restored(NOW)
    successor.commit()
    assert successor.next_wake() is None and not successor.state.has("s1", "head")
    successor.handler.broken = False  # type: ignore[attr-defined]
    fed(successor, offset=2)
    assert not letters(successor)
    assert [(name, value is None) for _, name, value in successor.changes()] == [
        ("dead|1", False),
        (UNWRITTEN_HALT, True),
        ("head", False),
    ]


def test_a_command_for_all_does_not_reach_a_key_whose_halt_is_not_written_yet() -> None:
    worker, _ = stuck()
    found: list[list[str]] = []
    worker.handler.act = lambda context, record: found.append(context.keys())  # type: ignore[attr-defined]
    fed(worker, "other", offset=2)
    assert found == [["other"]]


# --- Kafka ------------------------------------------------------------------------------------------------------------


def test_a_batch_of_small_records_fits_into_every_topic_that_components_write() -> None:
    """The broker holds a topic's limit against the whole batch, and a batch of several is below `batch.size`."""
    batch = KafkaSettings(bootstrap="none").producer("x")["batch.size"]
    written = [one for one in all_topics(["binance"]) if one.writers not in (("operators",), ("market-data",))]
    assert written and all(batch + writing.ROOM <= one.max_message_bytes for one in written)


def test_the_dead_letters_limit_holds_any_other_topics_record() -> None:
    letters_limit = contract_of("dead_letters").max_message_bytes
    others = [one.max_message_bytes for one in all_topics(["binance"]) if one.name != "dead_letters"]
    assert max(others) + 4 * MESSAGE_CHARS + 4 * writing.KEY_BYTES + writing.ROOM < letters_limit
