"""Bad input ends as architecture.md says, with its code; other keys go on; nothing stops. On both runners."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.contract.runner.loops import PARTITIONS, Loop

from tightloop.records import codec
from tightloop.records.types import Delta
from tightloop.runners.partitioner import partition_of
from tightloop.testing import halt, resume, trade

D = Decimal
UNSCALED_10_60 = (10**78).to_bytes(33, "big", signed=True)  # 10^60 with 18 places, as Avro writes a decimal's digits


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
    "control": ["executor-binance", "executor-ethereum", "interface-manager", "position-update-handler"],
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
