"""Bad input ends with the code of its error; other keys go on, and nothing stops. On both runners."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.contract.runner.loops import CONFIG, PARTITIONS, Loop

from tightloop.errors import MESSAGE_CHARS
from tightloop.handlers import calls
from tightloop.handlers.manager.bounds import HALTS
from tightloop.records.types import Delta, JournalEntry
from tightloop.runners.partitioner import partition_of
from tightloop.testing import halt, resume, trade
from tightloop.venues.sim.inprocess import InProcessExchange
from tightloop.wire import codec

D = Decimal
UNSCALED_10_60 = (10**78).to_bytes(33, "big", signed=True)  # 10^60 with 18 places, as Avro writes a decimal's digits


def neighbour(key: str, number: int = 0) -> str:
    """Another key of the same partition."""
    here = partition_of(key.encode(), PARTITIONS)
    found = (f"{key}-next-{tried}" for tried in range(1000))
    return [name for name in (next(found) for _ in range(40)) if partition_of(name.encode(), PARTITIONS) == here][
        number
    ]


def neighbours_go_on(loop: Loop, key: str) -> None:
    """Those of the same partition, whose records are in the same transactions."""
    for number in range(2):
        other = neighbour(key, number)
        loop.feed(trade("n1", loop.now, strategy_id=other))
        assert loop.result(other, "n1").status == "reconciled"


def other_keys_go_on(loop: Loop, key: str) -> None:
    other = f"{key}-other"
    loop.feed(trade("o1", loop.now, strategy_id=other))
    assert loop.result(other, "o1").status == "reconciled"


def good(loop: Loop, key: str) -> bytes:
    return codec.encode(trade("bad", loop.now, strategy_id=key, amount=D("0.5")))


def with_amount(loop: Loop, key: str, digits: bytes) -> bytes:
    """The instruction's bytes with other digits in place of its amount of 0.5."""
    plain = (5 * 10**17).to_bytes(8, "big", signed=True)
    value = good(loop, key)
    assert value.count(bytes([16]) + plain) == 1
    length = (
        bytes([len(digits) * 2]) if len(digits) < 64 else bytes([(len(digits) * 2 & 0x7F) | 0x80, len(digits) * 2 >> 7])
    )
    return value.replace(bytes([16]) + plain, length + digits)


def unknown_side(loop: Loop, key: str) -> bytes:
    """Side `buy` is symbol 0; the last symbol of every enum is UNKNOWN."""
    return codec.encode(trade("bad", loop.now, strategy_id=key, side="UNKNOWN"))


BAD: dict[str, tuple[Callable[[Loop, str], bytes], str]] = {
    "garbage": (lambda loop, key: b"garbage", "TLC-001"),
    "empty": (lambda loop, key: b"", "TLC-001"),
    "unknown schema id": (lambda loop, key: b"\x00\x00\x0f\x42\x40" + good(loop, key)[5:], "TLC-002"),
    "truncated": (lambda loop, key: good(loop, key)[:-9], "TLC-003"),
    "too long": (lambda loop, key: good(loop, key) + b"\x00", "TLC-003"),
    "another type": (lambda loop, key: codec.encode(halt("c", loop.now, strategy_id=key)), "TLC-004"),
    "amount of 10^60": (lambda loop, key: with_amount(loop, key, UNSCALED_10_60), "TLC-009"),
    "unknown enum": (unknown_side, "TLC-008"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_kept_byte_for_byte_and_halts_its_key(loop: Loop, key: str, name: str) -> None:
    make, code = BAD[name]
    value = make(loop, key)
    loop.feed_bytes("instructions", key.encode(), value)
    (letter,) = loop.dead_letters("instructions", key=key.encode())
    assert (letter.value, letter.error.code, letter.halts) == (value, code, True)
    assert (letter.component, letter.strategy_id) == ("interface-manager", key)
    loop.halted(key, code)
    loop.feed(trade("i1", loop.now, strategy_id=key))
    refused = loop.result(key, "i1")
    assert refused.error is not None
    assert (refused.status, refused.error.code) == ("refused", "EIM-011")
    other_keys_go_on(loop, key)


def test_an_amount_that_is_no_number_cannot_be_written(loop: Loop, key: str) -> None:
    """Avro's decimal has no NaN: a writer that tries is refused before anything is published."""
    made = trade("bad", loop.now, strategy_id=key)
    assert made.cex_trade is not None
    with pytest.raises(ValueError, match="TLC-009"):
        codec.encode(replace(made, cex_trade=replace(made.cex_trade, amount=D("NaN"))))


def test_a_halt_for_a_record_that_cannot_be_read_is_cleared_by_a_resume(loop: Loop, key: str) -> None:
    loop.feed_bytes("instructions", key.encode(), b"garbage")
    loop.halted(key, "TLC-001")
    loop.feed(resume(f"{key}-r", loop.now, *(one.halt_id for one in loop.halts(key)), strategy_id=key))
    loop.halted(key)
    loop.feed(trade("i1", loop.now, strategy_id=key))
    assert loop.result(key, "i1").status == "reconciled"


@pytest.mark.parametrize("raw", [None, b"", b"\xff\xfe"])
def test_a_record_without_a_key_is_kept_and_halts_nobody(loop: Loop, key: str, raw: bytes | None) -> None:
    value = codec.encode(trade(f"keyless-{raw!r}", loop.now, strategy_id=key))
    loop.feed_bytes("instructions", raw, value, 0)
    (letter,) = loop.dead_letters("instructions", value=value)
    assert (letter.error.code, letter.halts) == ("TLC-005", False)
    loop.halted(key)
    other_keys_go_on(loop, key)


def test_a_record_on_the_wrong_partition_names_the_setting_and_halts_nobody(loop: Loop, key: str) -> None:
    value = good(loop, key)
    loop.feed_bytes("instructions", key.encode(), value, 1 - partition_of(key.encode(), PARTITIONS))
    (letter,) = loop.dead_letters("instructions", key=key.encode())
    assert (letter.error.code, letter.halts) == ("TLC-006", False)
    assert "partitioner=murmur2_random" in letter.error.message
    loop.feed(trade("i1", loop.now, strategy_id=key))
    assert loop.result(key, "i1").status == "reconciled"


def test_where_key_and_strategy_differ_the_kafka_key_is_halted(loop: Loop, key: str) -> None:
    innocent = f"{key}-innocent"
    loop.feed(trade("bad", loop.now, strategy_id=innocent), key=key)
    loop.dead_letters("instructions", key=key.encode())
    loop.halted(key, "TLC-007")
    loop.feed(trade("i1", loop.now, strategy_id=innocent))
    assert loop.result(innocent, "i1").status == "reconciled"


def test_the_same_id_again_changes_nothing_and_with_other_content_goes_to_dead_letters(loop: Loop, key: str) -> None:
    made = trade("i1", loop.now, strategy_id=key)
    loop.feed(made)
    loop.feed(made)
    loop.result(key, "i1")
    loop.feed(made)
    loop.feed(replace(made, metadata={"other": "content"}))
    (letter,) = loop.dead_letters("instructions", key=key.encode())
    assert (letter.error.code, letter.halts) == ("EIM-009", False)
    assert len(loop.acted(key)) == 1
    assert loop.result(key, "i1").status == "reconciled"
    loop.halted(key)


def test_a_record_of_two_megabytes_is_refused_with_a_result(loop: Loop, key: str) -> None:
    notes = {str(number): "x" * 1000 for number in range(2000)}
    loop.feed(trade("large", loop.now, strategy_id=key, metadata=notes))
    result = loop.result(key, "large")
    assert result.error is not None
    assert (result.status, result.error.code) == ("refused", "EIM-007")
    loop.feed(trade("i1", loop.now, strategy_id=key))
    assert loop.result(key, "i1").status == "reconciled"


def test_two_megabytes_of_garbage_are_kept_whole(loop: Loop, key: str) -> None:
    value = b"x" * (2 * 1024 * 1024)
    loop.feed_bytes("instructions", key.encode(), value)
    (letter,) = loop.dead_letters("instructions", key=key.encode())
    assert letter.value == value
    loop.halted(key, "TLC-001")


# A poisoned record on each topic of the loop: who reads it keeps it, and the manager halts the key.
READERS = {
    "instructions.binance": ["executor-binance"],
    "instructions.ethereum": ["executor-ethereum"],
    "fills": ["position-update-handler"],
    "position_updates": ["reconciliation"],
    "reconciliation_results": ["interface-manager"],
    "control": [
        *(f"executor-{lane}" for lane in sorted(CONFIG.lanes)),
        "interface-manager",
        "position-update-handler",
    ],
}


@pytest.mark.parametrize("topic", READERS)
@pytest.mark.parametrize("poison", [b"poison", b"\x00\x00\x00\x00\x01\xff"])
def test_a_poisoned_record_on_each_topic_halts_its_key_alone(loop: Loop, key: str, topic: str, poison: bytes) -> None:
    loop.feed(trade("i1", loop.now, strategy_id=key))
    loop.result(key, "i1")
    loop.feed_bytes(topic, key.encode(), poison)
    letters = loop.dead_letters(topic, len(READERS[topic]), key=key.encode())
    assert sorted(letter.component for letter in letters) == READERS[topic]
    assert {letter.value for letter in letters} == {poison}
    loop.eventually(lambda: loop.halts(key), "the halt")
    other_keys_go_on(loop, key)
    loop.feed(resume(f"{key}-r", loop.now, *(one.halt_id for one in loop.halts(key)), strategy_id=key))
    loop.halted(key)
    loop.feed(trade("i2", loop.now, strategy_id=key))
    assert loop.result(key, "i2").status == "reconciled"


def test_a_poisoned_dead_letter_halts_its_key_and_is_not_kept_again(loop: Loop, key: str) -> None:
    loop.feed_bytes("dead_letters", key.encode(), b"poison")
    loop.halted(key, "TLC-001")
    other_keys_go_on(loop, key)
    assert not [one for one in loop.all_records("dead_letters") if one.topic == "dead_letters"]


def test_a_report_in_the_middle_that_cannot_be_read_leaves_a_gap_that_halts(loop: Loop, key: str) -> None:
    """The report after it is applied all the same: deltas add up in any order."""
    loop.feed(trade("i1", loop.now, strategy_id=key))
    loop.result(key, "i1")
    last: Any = loop.records("fills", key)[-1]
    moved = (Delta(position_key="binance:BaseToken:BTC", amount=D(1), source="trade"),)
    late = replace(last, report_id="late", report_no=3, loop_no=9, kind="working", deltas=moved, fees=())
    final = replace(last, report_id="final", report_no=4, loop_no=9, kind="final", deltas=(), fees=())
    before = loop.expected(key)
    loop.feed(late, "fills")
    loop.feed(final, "fills")
    loop.eventually(lambda: "PUH-006" in [one.code for one in loop.halts(key)], "the halt")
    assert loop.expected(key)["binance:BaseToken:BTC"] == before["binance:BaseToken:BTC"] + 1
    other_keys_go_on(loop, key)


# --- what cannot be written -------------------------------------------------------------------------------------------


def test_an_amount_that_no_record_can_carry_costs_the_key_whose_venue_told_it(
    loop: Loop, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue shows 19 places, whenever it is asked: no evidence. The loop ends unknown, and nobody else notices."""

    def spoilt(answer: Any) -> Any:
        if not isinstance(answer, calls.OrderFound):
            return answer
        odd = tuple(Delta(position_key="binance:BaseToken:BTC", amount=D("1e-19"), source="trade") for _ in range(1))
        return replace(answer, entries=tuple(replace(entry, deltas=odd) for entry in answer.entries))

    for name in ("submit", "find"):
        whole = getattr(InProcessExchange, name)

        async def told(self: Any, entry: JournalEntry, *more: Any, whole: Any = whole) -> Any:
            answer = await whole(self, entry, *more)
            return spoilt(answer) if entry.account == key else answer

        monkeypatch.setattr(InProcessExchange, name, told)
    loop.feed(trade("i1", loop.now, strategy_id=key))
    neighbours_go_on(loop, key)
    result = loop.result(key, "i1")
    assert (result.status, result.outcome) == ("halted", "unknown")
    loop.halted(key, "EXI-005", "REC-002")  # what it did is in its balance, and in no report
    (unknown,) = [one.message for one in loop.halts(key) if one.code == "EXI-005"]
    assert "EXI-016" in unknown and "deltas.amount of binance:BaseToken:BTC" in unknown
    assert len(loop.acted(key)) == 1
    neighbours = [neighbour(key, number) for number in range(2)]
    assert not [one for one in loop.all_records("dead_letters") if one.strategy_id in (key, *neighbours)]


def test_an_id_of_megabytes_is_refused_with_a_result_that_cuts_it(loop: Loop, key: str) -> None:
    made = trade("x" * 1_800_000, loop.now, strategy_id=key, trace_id="t" * 300_000)
    loop.feed(made)
    loop.feed(made)  # the same again changes nothing
    neighbours_go_on(loop, key)
    (result,) = loop.eventually(lambda: loop.records("instruction_results", key), "the result")
    assert result.instruction_id.startswith("x" * 100 + "...") and len(result.instruction_id) < 200
    assert result.error is not None
    assert (result.status, result.error.code) == ("refused", "EIM-007")
    loop.feed(trade("i1", loop.now, strategy_id=key))
    assert loop.result(key, "i1").status == "reconciled"


def test_records_of_four_megabytes_whose_key_is_anothers_are_kept_whole(loop: Loop, key: str) -> None:
    """Three of them in one transaction, each with a strategy_id that fills it."""
    values = [codec.encode(trade(f"i{n}", loop.now, strategy_id="x" * 4_190_000)) for n in range(3)]
    for value in values:
        loop.feed_bytes("instructions", key.encode(), value)
    letters = loop.dead_letters("instructions", 3, key=key.encode())
    assert [one.value for one in letters] == values
    assert {one.error.code for one in letters} == {"TLC-007"}
    loop.halted(key, "TLC-007", "TLC-007", "TLC-007")
    neighbours_go_on(loop, key)


def test_a_key_of_kilobytes_is_kept_in_a_letter_without_a_key(loop: Loop, key: str) -> None:
    long = (key * 1000).encode()[:20_000]
    loop.feed_bytes("instructions", long, b"x")
    (letter,) = loop.dead_letters("instructions", key=long)
    assert (letter.error.code, letter.halts, letter.strategy_id, letter.value) == ("TLC-015", False, None, b"x")
    other_keys_go_on(loop, key)


def test_the_halts_of_a_key_are_bounded_and_a_resume_must_name_what_stands_for_the_others(loop: Loop, key: str) -> None:
    for number in range(HALTS + 20):
        loop.feed(halt(f"h{number}", loop.now, strategy_id=key, reason="r" * 100_000, actor="a" * 10_000))
    loop.eventually(lambda: "20 more halts" in " ".join(one.message for one in loop.halts(key)), "the last halt")
    standing = loop.halts(key)
    assert [one.code for one in standing] == ["EIM-011"] * HALTS + ["EIM-017"]
    assert all(len(one.message) <= MESSAGE_CHARS and len(one.actor or "") <= 200 for one in standing)
    head = loop.head(key)
    assert head is not None and len(codec.encode(head)) < 100_000
    loop.feed(resume("r1", loop.now, *(one.halt_id for one in standing[:-1]), strategy_id=key))
    loop.halted(key, "EIM-017")
    loop.feed(resume("r2", loop.now, standing[-1].halt_id, strategy_id=key))
    loop.halted(key)
    loop.feed(trade("i1", loop.now, strategy_id=key))
    assert loop.result(key, "i1").status == "reconciled"
    neighbours_go_on(loop, key)
