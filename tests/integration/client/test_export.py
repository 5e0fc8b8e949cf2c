"""``tightloop export`` on a real broker: transactions, retention, ranges, and going on where the last one ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.unit.cli.commands.running import run

from tightloop.client.control import write_raw
from tightloop.client.table.parquet import load
from tightloop.records.topics import all_topics
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.topic_admin import TopicAdmin
from tightloop.testing import trade
from tightloop.wire import codec

NOW = datetime.now(UTC)


@pytest.fixture
def settings(broker: Any, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    monkeypatch.chdir(tmp_path)
    found = KafkaSettings(bootstrap=broker.bootstrap, prefix=topic_prefix)
    TopicAdmin(found).create(all_topics(["binance"]))
    return found


def exported(settings: KafkaSettings, *arguments: str, code: int = 0) -> Any:
    done = run("export", *arguments, "--bootstrap", settings.bootstrap, "--prefix", settings.prefix, "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def ids(folder: str, form: str = "jsonl") -> list[str]:
    lines = Path(folder, f"instructions.{form}").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["instruction_id"] for line in lines]


def put(settings: KafkaSettings, *numbers: int, partition: int = 0) -> None:
    write_raw(
        settings,
        [("instructions", partition, b"s1", codec.encode(trade(f"i{number}", NOW)), {}) for number in numbers],
    )


def put_in_transaction(settings: KafkaSettings, number: int, commit: bool | None) -> Producer:
    """``commit`` None: the transaction is left open."""
    producer = Producer({**settings.admin(), "transactional.id": f"{settings.prefix}{number}"})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(f"{settings.prefix}instructions", codec.encode(trade(f"i{number}", NOW)), b"s1", partition=0)
    producer.flush()
    if commit is True:
        producer.commit_transaction()
    elif commit is False:
        producer.abort_transaction()
    return producer


def test_an_export_holds_what_is_committed_and_the_next_one_goes_on(settings: KafkaSettings) -> None:
    put(settings, 1, 2)
    put(settings, 3, partition=3)
    put_in_transaction(settings, 4, commit=True)
    put_in_transaction(settings, 5, commit=False)
    first = exported(settings, "instructions", "--to", "first", "--format", "jsonl")
    assert ids("first") == ["i1", "i2", "i4", "i3"]  # by partition and offset
    (topic,) = first["topics"]
    assert (topic["records"], topic["unreadable"], topic["gone"]) == (4, 0, 0)
    assert topic["next_from"] == "0:6,1:0,2:0,3:1,4:0,5:0,6:0,7:0"  # the ends of two transactions count as offsets

    open_one = put_in_transaction(settings, 6, commit=None)
    put(settings, 7)
    put(settings, 8, partition=3)
    second = exported(settings, "instructions", "--to", "second", "--format", "jsonl", "--from", topic["next_from"])
    assert ids("second") == ["i8"]  # 6 is not decided yet, and 7 lies behind it
    open_one.commit_transaction()
    third = second["topics"][0]["next_from"]
    exported(settings, "instructions", "--to", "third", "--format", "jsonl", "--from", third)
    assert ids("third") == ["i6", "i7"]

    exported(settings, "instructions", "--to", "part", "--format", "jsonl", "--from", "0:1", "--until", "0:2")
    assert ids("part") == ["i2"]
    before = ("--until", (NOW - timedelta(hours=1)).isoformat())
    assert (
        exported(settings, "instructions", "--to", "before", "--format", "jsonl", *before)["topics"][0]["records"] == 0
    )
    exported(settings, "instructions", "--to", "since", "--format", "jsonl", "--from", "1h")
    assert ids("since") == ["i1", "i2", "i4", "i6", "i7", "i3", "i8"]


def test_what_retention_removed_and_what_is_not_there_is_told(settings: KafkaSettings) -> None:
    put(settings, *range(5))
    place = TopicPartition(f"{settings.prefix}instructions", 0, 3)
    admin = AdminClient(settings.admin())
    for future in admin.delete_records([place]).values():
        future.result(30)
    found = exported(settings, "instructions", "--to", "gone", "--format", "jsonl", "--from", "0:1", code=1)
    assert (found["topics"][0]["gone"], ids("gone")) == (2, ["i3", "i4"])
    for wrong in ("0:6", "8:0"):
        done = run(
            *("export", "instructions", "--to", "wrong", "--from", wrong),
            *("--bootstrap", settings.bootstrap, "--prefix", settings.prefix),
        )
        assert (done.exit_code, "BUS-003" in done.stderr) == (2, True)


def test_all_is_every_public_topic_and_what_cannot_be_read_lies_beside(settings: KafkaSettings) -> None:
    put(settings, 1)
    write_raw(settings, [("instructions", 2, b"s2", b"\x00garbage", {})])
    found = exported(settings, "all", "--to", "everything", code=1)
    names = [one["topic"] for one in found["topics"]]
    assert names == sorted(one.name for one in all_topics(["binance"]) if one.visibility == "public")
    files = {one.name for one in Path("everything").iterdir()}
    assert files == {*(f"{name}.parquet" for name in names), "instructions.unreadable.jsonl"}
    _, parquet = load()
    (row,) = parquet.read_table("everything/instructions.parquet").to_pylist()
    assert (row["kafka_topic"], row["kafka_offset"], row["kafka_key"]) == ("instructions", 0, "s1")
    assert row["cex_trade"]["amount"] == trade("i1", NOW).cex_trade.amount  # type: ignore[union-attr]
    assert row["created_at"] == NOW
