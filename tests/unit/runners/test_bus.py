"""Topics within one process: who is given what, and that nothing else is kept of it."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import UTC, datetime

import pytest

from tightloop.assembly.config import Config
from tightloop.assembly.engine import Engine
from tightloop.runners.bus import Kept, Stored, Topics
from tightloop.runners.clock import ManualClock
from tightloop.testing import trade
from tightloop.wire import avro

NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)


class Inbox:
    def __init__(self) -> None:
        self.inbox: list[Stored] = []
        self.woken = 0

    def arrived(self) -> None:
        self.woken += 1


def test_a_reader_has_its_partition_and_a_sink_its_topics() -> None:
    topics, reader, fills, everything = Topics(ManualClock(NOW), 2), Inbox(), Kept(), Kept()
    topics.read("fills", 1, reader)
    topics.put("fills", 1, b"s1", b"before")
    topics.subscribe(fills, ["fills"])
    topics.subscribe(everything)
    topics.put("fills", 0, b"s2", b"a")
    topics.put("fills", 1, b"s1", b"b")
    topics.put("control", 1, b"s1", b"c")
    assert [(one.offset, one.value) for one in reader.inbox] == [(0, b"before"), (1, b"b")] and reader.woken == 2
    assert [(one.partition, one.offset, one.value) for one in fills.topics["fills"]] == [(0, 0, b"a"), (1, 1, b"b")]
    assert {topic: len(kept) for topic, kept in everything.topics.items()} == {"fills": 2, "control": 1}
    assert {one.appended_at for one in reader.inbox} == {NOW}


def test_a_record_passed_on_by_reference_has_the_bytes_it_would_have_had() -> None:
    topics, kept, record = Topics(ManualClock(NOW), 1), Kept(), trade("i1", NOW)
    topics.subscribe(kept)
    topics.publish(record)
    topics.append("instructions", 0, b"s1", record, datetime(2024, 5, 12, tzinfo=UTC))
    encoded, referred = kept.topics["instructions"]
    assert encoded.value == referred.value and encoded.record == referred.record == record
    assert referred.record is record
    topics.put("instructions", 0, b"s1", None)
    with pytest.raises(ValueError, match="without a value"):
        _ = kept.topics["instructions"][-1].record


def left_behind(loops: int) -> int:
    """Bytes that so many loops leave in an engine and its process, the simulated venue's own books left out."""
    tracemalloc.start()
    try:
        ended: list[bool] = []
        engine = Engine(Config(), ManualClock(NOW))
        engine.bus.subscribe(lambda stored: ended.append(stored.record.verified), ["reconciliation_results"])  # type: ignore[attr-defined]
        for number in range(loops):
            side = "sell" if number % 2 else "buy"
            engine.bus.publish(trade(f"i{number}", engine.clock.now(), side=side, sequence=number + 1))
            engine.advance(1)
        assert ended.count(True) >= loops
        ended.clear()
        account = engine.sandbox.exchanges["binance"].accounts["s1"]
        account.ledger.clear()
        account.orders.clear()
        engine.sandbox.requests._lines.clear()
        for remembered in (avro.read_times, avro.written_times, avro.read_amounts, avro.written_amounts):
            remembered.clear()  # caches of the codec, bounded
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_an_engine_does_not_grow_with_what_nobody_keeps() -> None:
    """A result alone is some 400 bytes. By 1,500 loops the manager remembers as many ids as it ever will."""
    left_behind(10)  # what is made once, and kept
    assert left_behind(1900) - left_behind(1500) < 400 * 20
