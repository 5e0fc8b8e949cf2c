"""The clients of the bus, on a real broker: publisher, consumer, and the reader of the loops' state."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas
import pytest
from confluent_kafka import Consumer

from tightloop import ExecutionError, InstructionPublisher, ResultConsumer
from tightloop.assembly.config import Config
from tightloop.client.connect import offsets_since
from tightloop.client.control import write_raw
from tightloop.client.key_states import LoopStateReader
from tightloop.client.market_publisher import MarketPublisher
from tightloop.client.reader import TopicReader
from tightloop.interfaces.recorded_prices import TopicPrices
from tightloop.records.topics import all_topics
from tightloop.records.types import (
    AccountRef,
    CexTrade,
    Halt,
    Instruction,
    InstructionResult,
    KnownAccount,
    LoopHead,
    MarketData,
    QueuedInstruction,
    SharedHalts,
)
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.topic_admin import TopicAdmin
from tightloop.runners.partitioner import partition_of
from tightloop.runners.state import changelog_key
from tightloop.wire import codec

NOW = datetime.now(UTC)
PARTITIONS = 8


@pytest.fixture
def settings(broker: Any, topic_prefix: str) -> KafkaSettings:
    found = KafkaSettings(bootstrap=broker.bootstrap, prefix=topic_prefix)
    TopicAdmin(found).create(all_topics(["binance"]))
    return found


@pytest.fixture
def publisher(settings: KafkaSettings) -> Iterator[InstructionPublisher]:
    with InstructionPublisher(settings.bootstrap, prefix=settings.prefix) as publisher:
        yield publisher


def instruction(number: int, key: str = "s1", **changes: Any) -> Instruction:
    trade = CexTrade(market="spot", symbol="BTC/USDT", side="buy", order_type="market", amount=Decimal("0.1"))
    fields: dict[str, Any] = {"type": "cex_trade", "venue": "binance", "created_at": NOW, "cex_trade": trade}
    return Instruction(instruction_id=f"i{number}", strategy_id=key, **{**fields, **changes})


def result(number: int, key: str = "s1") -> InstructionResult:
    return InstructionResult(
        instruction_id=f"i{number}",
        strategy_id=key,
        type="cex_trade",
        venue="binance",
        status="refused",
        received_at=NOW,
        finished_at=NOW,
        produced_at=NOW,
    )


def put(settings: KafkaSettings, topic: str, key: str, record: Any, name: str | None = None) -> None:
    raw = key.encode() if name is None else changelog_key(key, name)
    write_raw(settings, [(topic, partition_of(key.encode(), PARTITIONS), raw, codec.encode(record), {})])


def consumed(settings: KafkaSettings, from_: Any) -> list[str]:
    with ResultConsumer(
        "instructions", settings.bootstrap, prefix=settings.prefix, from_=from_, follow=False
    ) as consumer:
        return [record.instruction_id for record in consumer if isinstance(record, Instruction)]


def test_instructions_of_a_key_lie_in_order_on_its_partition(
    settings: KafkaSettings, publisher: InstructionPublisher
) -> None:
    published = publisher.publish_all([instruction(1), instruction(2), instruction(3, key="s2")])
    assert [one.offset for one in published if one.strategy_id == "s1"] == [0, 1]
    assert {one.partition for one in published if one.strategy_id == "s1"} == {partition_of(b"s1", PARTITIONS)}
    assert publisher.publish(instruction(4)) == 2


def test_a_mapping_is_published_as_the_record_it_describes(
    settings: KafkaSettings, publisher: InstructionPublisher
) -> None:
    block = {"instruction_id": "m1", "strategy_id": "s1", "type": "cex_trade", "venue": "binance", "amount": 0.1}
    publisher.publish({**block, "market": "spot", "symbol": "BTC/USDT", "side": "buy", "order_type": "market"})
    with ResultConsumer(
        "instructions", settings.bootstrap, prefix=settings.prefix, from_="beginning", follow=False
    ) as consumer:
        (record,) = consumer
    assert isinstance(record, Instruction)
    assert record.cex_trade is not None
    assert record.cex_trade.amount == Decimal("0.1")


def test_of_several_nothing_is_sent_when_one_is_not_possible(
    settings: KafkaSettings, publisher: InstructionPublisher
) -> None:
    with pytest.raises(ExecutionError, match="EIM-006"):
        publisher.publish_all([instruction(1), instruction(2, venue="nowhere")])
    assert consumed(settings, "beginning") == []


def test_a_group_is_sent_whole_or_not_at_all(settings: KafkaSettings, publisher: InstructionPublisher) -> None:
    legs = [instruction(number, group_id="g", group_index=number, group_size=2) for number in range(2)]
    with pytest.raises(ExecutionError, match=r"EIM-018.*group_index 1 is missing, of 2 legs"):
        publisher.publish(legs[0])
    with pytest.raises(ExecutionError, match=r"EIM-018.*group_index 0 is there twice"):
        publisher.publish_all([*legs, instruction(3, group_id="g", group_index=0, group_size=2)])
    with pytest.raises(ExecutionError, match=r"EIM-018.*needs a first leg that is a cex_trade with an amount"):
        by_quote = CexTrade(market="spot", symbol="A/B", side="buy", order_type="market", quote_amount=Decimal(5))
        scales = instruction(1, group_id="g", group_index=1, group_size=2, scale_to_filled=True)
        publisher.publish_all([instruction(0, group_id="g", group_index=0, group_size=2, cex_trade=by_quote), scales])
    assert consumed(settings, "beginning") == []
    publisher.publish_all([legs[0]], partial_groups=True)
    publisher.publish_all(legs)
    assert consumed(settings, "beginning") == ["i0", "i0", "i1"]


def test_reading_begins_where_it_is_told(settings: KafkaSettings, publisher: InstructionPublisher) -> None:
    publisher.publish_all([instruction(number) for number in range(4)])
    partition = partition_of(b"s1", PARTITIONS)
    assert consumed(settings, "beginning") == ["i0", "i1", "i2", "i3"]
    assert consumed(settings, "end") == []
    assert consumed(settings, {("instructions", partition): 2}) == ["i2", "i3"]
    assert consumed(settings, datetime.now(UTC) - timedelta(hours=1)) == ["i0", "i1", "i2", "i3"]
    assert consumed(settings, datetime.now(UTC) + timedelta(hours=1)) == []


def test_what_came_before_a_time_is_not_read_from_it_on(
    settings: KafkaSettings, publisher: InstructionPublisher
) -> None:
    """The broker's times are whole milliseconds, and a time between two of them is after the first."""
    publisher.publish(instruction(1))
    time.sleep(0.05)
    publisher.publish(instruction(2))
    with TopicReader(settings, ["instructions"], "beginning") as reader:
        first, _ = [one.time for one in reader.to_end()]
    assert consumed(settings, first) == ["i1", "i2"]
    assert consumed(settings, first + timedelta(microseconds=1)) == ["i2"]


@pytest.mark.parametrize(
    ("start", "behind"), [("end", "assign"), (NOW - timedelta(minutes=1), "assign"), (NOW, "offsets_since")]
)
def test_what_comes_while_a_reader_finds_its_start_is_read(
    settings: KafkaSettings,
    publisher: InstructionPublisher,
    start: Any,
    behind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a result that is there a moment after it began to be awaited."""
    published = []

    class Slow(Consumer):
        def assign(self, places: Any) -> None:
            if behind == "assign":
                published.append(publisher.publish(instruction(1)))
            super().assign(places)

    def slow_offsets(*arguments: Any) -> Any:
        found = offsets_since(*arguments)
        if behind == "offsets_since":
            published.append(publisher.publish(instruction(1)))
        return found

    monkeypatch.setattr("tightloop.client.reader.Consumer", Slow)
    monkeypatch.setattr("tightloop.client.reader.offsets_since", slow_offsets)
    with TopicReader(settings, ["instructions"], start) as reader:
        found = [one.offset for one in reader.to_end()]
    assert found == published == [0]


def test_a_result_is_awaited_also_when_it_was_there_before(
    settings: KafkaSettings, publisher: InstructionPublisher
) -> None:
    publisher.publish(instruction(1))
    put(settings, "instruction_results", "s1", result(2))
    put(settings, "instruction_results", "s1", result(1))
    assert publisher.await_result("i1", 30).instruction_id == "i1"
    assert publisher.await_result("i2", 30, strategy_id="s1").status == "refused"


def test_a_result_that_does_not_come_is_not_awaited_for_ever(publisher: InstructionPublisher) -> None:
    publisher.publish(instruction(1))
    with pytest.raises(TimeoutError, match="i1"):
        publisher.await_result("i1", 0.3)


def test_a_topic_that_is_missing_is_named(broker: Any) -> None:
    with pytest.raises(ExecutionError, match="nothing-here"):
        ResultConsumer("fills", broker.bootstrap, prefix="nothing-here.")


def frames(settings: KafkaSettings, topics: list[str], **options: Any) -> ResultConsumer:
    return ResultConsumer(topics, settings.bootstrap, prefix=settings.prefix, **{"from_": "beginning", **options})


def test_frames_hold_the_records_of_one_topic_each(settings: KafkaSettings, publisher: InstructionPublisher) -> None:
    publisher.publish_all([instruction(number) for number in range(5)])
    put(settings, "instruction_results", "s1", result(1))
    with frames(settings, ["instructions", "instruction_results", "fills"], follow=False) as consumer:
        found = list(consumer.frames(rows=2))
    sizes = [(len(one), *one["kafka_topic"].unique()) for one in found]
    assert sorted(sizes) == [(0,), (1, "instruction_results"), (1, "instructions"), *[(2, "instructions")] * 2]
    orders = pandas.concat(one for one in found if "cex_trade.amount" in one)
    assert list(orders["instruction_id"]) == ["i0", "i1", "i2", "i3", "i4"]
    assert list(orders["kafka_offset"]) == [0, 1, 2, 3, 4]
    assert orders["cex_trade.amount"].sum() == Decimal("0.5")


def test_frames_are_given_out_while_one_follows(settings: KafkaSettings, publisher: InstructionPublisher) -> None:
    publisher.publish(instruction(1))
    with frames(settings, ["instructions"], idle_s=20) as consumer:
        arriving = consumer.frames(seconds=0.1)
        assert list(next(arriving)["instruction_id"]) == ["i1"]
        publisher.publish(instruction(2))
        assert list(next(arriving)["instruction_id"]) == ["i2"]


def test_a_record_that_cannot_be_read_costs_no_other(settings: KafkaSettings, publisher: InstructionPublisher) -> None:
    publisher.publish(instruction(1))
    partition = partition_of(b"s1", PARTITIONS)
    write_raw(settings, [("instructions", partition, b"s1", b"garbage", {})])
    publisher.publish(instruction(2))
    with frames(settings, ["instructions"], follow=False) as consumer:
        arriving = consumer.frames()
        assert list(next(arriving)["instruction_id"]) == ["i1"]
        with pytest.raises(ExecutionError, match=rf"TLC-001.*instructions/{partition}@1"):
            next(arriving)
        assert [list(one["instruction_id"]) for one in consumer.frames()] == [["i2"]]
    with frames(settings, ["instructions"], follow=False) as consumer:
        records = iter(consumer)
        next(records)
        with pytest.raises(ExecutionError, match=rf"TLC-001.*instructions/{partition}@1"):
            next(records)
        assert [one.instruction_id for one in consumer if isinstance(one, Instruction)] == ["i2"]


def test_the_loops_state_is_read_as_its_last_records_say(settings: KafkaSettings) -> None:
    account = AccountRef(lane="binance", venue="binance", account="s1")
    halt = Halt(halt_id="h1", code="REC-002", message="differs", severity="HIGH", since=NOW)
    accounts = (KnownAccount(account=account, adopted=True),)
    put(settings, "loop_state", "s1", LoopHead(strategy_id="s1", halts=(halt,), produced_at=NOW), "head")
    put(settings, "loop_state", "s1", LoopHead(strategy_id="s1", accounts=accounts, produced_at=NOW), "head")
    queued = QueuedInstruction(
        strategy_id="s1",
        instruction=instruction(1),
        account=account,
        expires_at=NOW,
        received_at=NOW,
        produced_at=NOW,
    )
    put(settings, "loop_state", "s1", queued, "queue|000000000001")
    put(settings, "loop_state", "s1", queued, "queue|000000000002")
    tombstone = changelog_key("s1", "queue|000000000001")
    partition = partition_of(b"s1", PARTITIONS)
    write_raw(settings, [("loop_state", partition, tombstone, None, {})])
    states = LoopStateReader(settings, Config().directory()).read()
    assert states.keys["s1"].phase == "idle"
    assert len(states.keys["s1"].queue) == 1

    everyone = Halt(halt_id="h2", code="EIM-011", message="stop", severity="HIGH", scope="all", since=NOW)
    shared = codec.encode(SharedHalts(halts=(everyone,), produced_at=NOW))
    write_raw(
        settings, [("loop_state", number, changelog_key("", "halts"), shared, {}) for number in range(PARTITIONS)]
    )
    states = LoopStateReader(settings, Config().directory()).read("s1")
    assert [one.halt_id for one in states.shared] == ["h2"]
    assert states.keys["s1"].phase == "halted"


# --- market data ------------------------------------------------------------------------------------------------------


def test_market_data_lies_under_its_market_and_is_read_back_exactly(settings: KafkaSettings) -> None:
    quotes = [
        MarketData(
            venue="binance",
            symbol=symbol,
            kind="trade",
            event_time=NOW + timedelta(seconds=second),
            observed_at=NOW,
            last=Decimal(f"{second}.123456789012345678"),
        )
        for second in range(3)
        for symbol in ("BTC/USDT", "ETH/USDT")
    ]
    with MarketPublisher(settings.bootstrap, prefix=settings.prefix) as publisher:
        assert publisher.publish(quotes) == 6
    consumer = ResultConsumer(
        "market_data", from_="beginning", follow=False, bootstrap=settings.bootstrap, prefix=settings.prefix
    )
    with consumer as results:
        found: list[Any] = list(results)
    for symbol in ("BTC/USDT", "ETH/USDT"):
        assert [one for one in found if one.symbol == symbol] == [one for one in quotes if one.symbol == symbol]
    prices = TopicPrices(settings.bootstrap, prefix=settings.prefix)
    told = prices.get_market_data(NOW + timedelta(seconds=1, milliseconds=1))["binance:ETH/USDT"]
    assert told == {"price": Decimal("1.123456789012345678"), "timestamp": NOW + timedelta(seconds=1)}
    with pytest.raises(ExecutionError, match="there is no price"):
        TopicPrices(settings.bootstrap, prefix=settings.prefix, until=NOW - timedelta(days=1))
    with TopicReader(settings, ["market_data"]) as reader:
        received = reader.poll(10)
    assert received is not None
    assert received.key in (b"binance:BTC/USDT", b"binance:ETH/USDT")
    assert received.partition == partition_of(received.key, 8)
