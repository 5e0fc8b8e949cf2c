"""Answers as records and back, and what a recording that does not fit says."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import get_args

import pytest
from msgspec.structs import replace

from tightloop.handlers import calls
from tightloop.handlers.manager.handler import InterfaceManager
from tightloop.records.types import (
    Delta,
    Fee,
    MarketPrice,
    PreparedOrder,
    PreparedTransaction,
    PreparedTransfer,
    RecordedEvent,
    Recording,
    TopicRecord,
    VenueAnswer,
)
from tightloop.runners.recording import recorder as recorder_module
from tightloop.runners.recording.answer_records import as_answer, as_record
from tightloop.runners.recording.parts import LARGEST_PART, joined, parts
from tightloop.runners.recording.recorder import Recorder
from tightloop.runners.recording.replay import Replay
from tightloop.runners.shapes import RawRecord
from tightloop.testing import LoopDriver, trade
from tightloop.wire import codec

D = Decimal
NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)
DELTA = Delta(position_key="binance:BaseToken:BTC", amount=D("0.5"), source="trade")
ENTRY = calls.LedgerEntry(
    entry_id="e1",
    sequence=7,
    kind="trade",
    event_time=NOW,
    deltas=(DELTA,),
    fees=(Fee(position_key="binance:BaseToken:BTC", amount=D("0.001"), kind="trading"),),
    client_order_id="c1",
    symbol="BTC/USDT",
    side="buy",
    amount=D("0.5"),
    cost=D(20_000),
    liquidity="taker",
    realised_pnl=D("-1"),
    tx_hash="0x1",
    block_number=3,
    block_hash="0x2",
    gas_used=21_000,
    effective_gas_price=D("0.00000001"),
)
ORDER = PreparedOrder(
    market="spot", symbol="BTC/USDT", side="buy", order_type="limit", amount=D("0.5"), price=D(1), rounded_off=D("0.01")
)
TRANSACTION = PreparedTransaction(
    chain_id=1,
    nonce=4,
    to="0x3",
    data=b"\x01",
    gas_limit=50_000,
    max_fee_per_gas=D("0.00000003"),
    max_priority_fee_per_gas=D("0.000000001"),
    tx_hash="0x4",
)
TRANSFER = PreparedTransfer(
    asset="USDT", amount=D(1000), source="spot", address="0x5", network="ethereum", fee=D("0.5")
)
PRICE = MarketPrice(
    venue="binance", symbol="BTC/USDT", price=D(1), price_venue="bybit", price_symbol="BTC/USDT", event_time=NOW
)
ANSWERS: list[calls.Answer] = [
    calls.Prepared(ORDER),
    calls.Prepared(TRANSACTION, NOW, NOW),
    calls.Prepared(TRANSFER, NOW, NOW),
    calls.OrderFound("filled", NOW, "v1", (ENTRY,), D(0), "0x1", "EXI-001", "told", "1", "2", 12, "raw", NOW),
    calls.NotFound(NOW, 4, 3, 99, "raw", NOW),
    calls.NotFound(NOW),
    calls.Refused("EXI-006", "no", "raw"),
    calls.NotSent("EXI-002", "later", 1.25, "raw"),
    calls.GateClosed("window"),
    calls.Ambiguous("lost", "raw"),
    calls.Unavailable("EXI-003", "away", NOW),
    calls.Ledger((ENTRY,), "8", NOW, more=True),
    calls.Positions(NOW, {"binance:BaseToken:BTC": D("0.5")}, "8", 8, 3, complete=False),
    calls.PricesRead((PRICE, MarketPrice(venue="okx", symbol="A/B"))),
]


def test_there_is_a_case_for_every_kind_of_answer() -> None:
    assert {type(answer) for answer in ANSWERS} == set(get_args(calls.Answer))


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: type(answer).__name__)
def test_an_answer_comes_back_from_its_record(answer: calls.Answer) -> None:
    assert as_answer(as_record(answer)) == answer
    assert Recorder("executor-binance", 0, keeps_values=True).answered("s1", "c", answer, NOW) == answer


def test_what_is_handled_is_what_was_written() -> None:
    """To the place: an amount of another exponent, and a pause of more digits than are written."""
    recorder = Recorder("executor-binance", 0, keeps_values=True)
    found = recorder.answered("s1", "c", calls.OrderFound("open", NOW, remaining=D("1.500")), NOW)
    assert isinstance(found, calls.OrderFound) and str(found.remaining) == "1.5"
    later = recorder.answered("s1", "c", calls.NotSent("EXI-002", "later", 0.1234567), NOW)
    assert isinstance(later, calls.NotSent) and later.retry_after_s == 0.123457
    batch = recorder.batch()
    assert batch is not None and [as_answer(one.answer) for one in batch.events if one.answer] == [found, later]
    recorder.committed()
    assert recorder.batch() is None


def test_events_of_an_undone_batch_are_left_out() -> None:
    recorder = Recorder("executor-binance", 0, keeps_values=True)
    recorder.restored(NOW)
    assert recorder.batch() is not None
    recorder.undone()
    recorder.woken(1, NOW)
    batch = recorder.batch()
    assert batch is not None and [one.kind for one in batch.events] == ["woken"] and batch.number == 1


def test_a_large_commit_is_several_records_and_comes_back_as_one() -> None:
    recorder = Recorder("executor-binance", 3, keeps_values=True)
    for number in range(40):
        recorder.fed(RawRecord("instructions.binance", 3, number, b"s1", b"v" * 100_000), NOW)
    batch = recorder.batch()
    assert batch is not None
    records = [codec.decode_as(one, Recording) for one in parts(batch)]
    assert len(records) > 1 and [one.more for one in records] == [True] * (len(records) - 1) + [False]
    assert max(len(codec.encode(one)) for one in records) <= LARGEST_PART
    other = replace(batch, partition=4, events=())
    mixed = [records[0], other, *records[1:]]
    assert list(joined(mixed)) == [other, batch]
    assert list(joined(mixed[:-1])) == [other], "what is not whole is no commit"


def test_an_answer_that_no_record_holds_is_handled_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "LARGEST_ANSWER", 5000)
    recorder = Recorder("interface-manager", 0, keeps_values=True)
    answer = calls.Positions(NOW, {f"binance:BaseToken:A{number}": D(1) for number in range(500)}, "8")
    assert recorder.answered("s1", "c", answer, NOW) == answer
    batch = recorder.batch()
    assert batch is not None and [one.answer for one in batch.events] == [None]
    assert len(codec.encode(batch)) < 200


def test_a_commit_that_is_missing_is_noticed() -> None:
    made: list[Recording] = []
    driver = LoopDriver(record=made.append)
    for number in range(3):
        driver.feed(trade(f"i{number}", driver.now))
    handler = next(seats[0].worker.handler for seats in driver.runner._seats.values())
    mine = [one for one in made if one.component == handler.name]
    assert [one.number for one in mine] == list(range(1, len(mine) + 1))
    with pytest.raises(ValueError, match="it begins in the middle"):
        Replay([handler], 1).play(mine[1])
    replay = Replay([handler], 1)
    replay.play(mine[0])
    with pytest.raises(ValueError, match="after commit 1 some are missing"):
        replay.play(mine[2])


def test_values_that_are_in_their_topics_are_asked_for() -> None:
    made: list[Recording] = []
    driver = LoopDriver(record=made.append)
    driver.feed(trade("i1", driver.now))
    manager = next(seats[0] for name, seats in driver.runner._seats.items() if name == "interface-manager")
    handler, partitions = manager.worker.handler, driver.runner.partitions
    values: dict[tuple[str, int, int], TopicRecord] = {}
    bare = []
    mine = [one for one in made if one.component == handler.name]
    recorder = Recorder(handler.name, mine[0].partition, keeps_values=False)
    for one in mine:
        for event in one.events:
            assert event.record is not None  # nothing else happens to a manager here
            record = event.record
            values[record.topic, record.partition, record.offset] = record
            raw = RawRecord(record.topic, record.partition, record.offset, record.key, record.value)
            recorder.fed(raw, event.at)
        batch = recorder.batch()
        places = [event.record for event in batch.events] if batch else []
        assert batch is not None and all(one and one.key is None and one.value is None for one in places)
        bare.append(batch)
        recorder.committed()

    def value_of(record: TopicRecord) -> RawRecord:
        kept = values[record.topic, record.partition, record.offset]
        return RawRecord(record.topic, record.partition, record.offset, kept.key, kept.value)

    whole, by_place = Replay([handler], partitions), Replay([handler], partitions, value_of)
    assert [whole.play(one).changes for one in mine] == [by_place.play(one).changes for one in bare]
    with pytest.raises(ValueError, match="is in its topic, and not here"):
        Replay([handler], partitions).play(bare[0])


def recording(*events: RecordedEvent) -> Recording:
    return Recording(component="interface-manager", partition=0, number=1, events=events, produced_at=NOW)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (RecordedEvent(kind="woken", at=NOW, count=2), "2 moments had come, and 0 here"),
        (
            RecordedEvent(kind="answered", at=NOW, key="s1", call_id="c", answer=VenueAnswer(kind="gate_closed")),
            "which nothing has asked",
        ),
        (RecordedEvent(kind="UNKNOWN", at=NOW), "kind UNKNOWN"),
    ],
)
def test_a_recording_that_does_not_fit_is_refused(event: RecordedEvent, words: str) -> None:
    handler = next(
        seats[0].worker.handler
        for seats in LoopDriver().runner._seats.values()
        if isinstance(seats[0].worker.handler, InterfaceManager)
    )
    with pytest.raises(ValueError, match=words):
        Replay([handler], 1).play(recording(event))
