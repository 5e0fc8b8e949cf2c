"""A whole system that is given secrets wherever it takes some, and everything that it puts out, searched for them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from tests.integration.broker.clients import create_topic
from tests.integration.cli.command_line import CommandLine
from tests.support.instruction_blocks import MARKET_BUY
from tests.support.secret_watch import SECRET
from tests.support.topic_bytes import files_with, records

from tightloop.testing.brokers import Broker
from tightloop.venues import registry

# What the supervisor hands to its processes, readable by its owner alone: it may hold a client's password.
ITS_OWN = {"plan.json"}


@pytest.fixture
def tightloop(broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[CommandLine]:
    """Every venue's credentials of every environment, and the password of Kafka's client, are the secret."""
    found = CommandLine(tmp_path)
    for venue in registry.known().venues:
        for environment in ("dev", "staging", "prod"):
            for reading in (False, True):
                found.environment |= dict.fromkeys(venue.variables(environment, reading=reading), SECRET)
    found.environment |= {
        "TIGHTLOOP_BOOTSTRAP": broker.bootstrap,
        "TIGHTLOOP_PREFIX": topic_prefix,
        "TIGHTLOOP_KAFKA__sasl.password": SECRET,
    }
    yield found
    found.end()


def test_nothing_that_a_system_puts_out_holds_a_secret(
    tightloop: CommandLine, broker: Broker, topic_prefix: str
) -> None:
    said: dict[str, str] = {}

    def do(*arguments: str, stdin: str | None = None) -> str:
        done = tightloop.run(*arguments, stdin=stdin)
        said[" ".join(arguments)] = done.stdout + done.stderr
        return done.stdout

    up = json.loads(do("up", "--json"))
    wrong = {**MARKET_BUY, "instruction_id": "i2", "amount": 1000}
    for block in (MARKET_BUY, wrong):
        do("publish", "-", "--wait", "30", "--json", stdin=json.dumps(block))
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(f"{topic_prefix}instructions", b"no record", b"s2")  # a dead letter
    assert producer.flush(30) == 0
    do("halt", "s1", "--reason", "a test")
    for words in ("config --json", "doctor --json", "status --json", "show i1 --json", "dead-letters list --json"):
        do(*words.split())
    do("tail", "fills", "instruction_results", "dead_letters", "--from", "beginning", "--no-follow", "--json")
    for process in up["processes"]:
        if process["component"] != "simulator":
            for path in ("metrics", "status"):
                address = f"http://127.0.0.1:{process['port']}/{path}"
                with urllib.request.urlopen(address, timeout=10) as answer:
                    said[address] = answer.read().decode()
    do("down")

    assert json.loads(said["show i1 --json"])
    assert any("tightloop_" in text for text in said.values())
    assert [what for what, text in said.items() if SECRET in text] == []
    lying = list(records(broker.bootstrap, topic_prefix))
    topics = {place.partition("/")[0].removeprefix(topic_prefix) for place, _ in lying}
    assert {"fills", "loop_state", "positions", "execution_journal.binance", "dead_letters", "control"} <= topics
    assert [place for place, whole in lying if SECRET.encode() in whole] == []
    written = files_with(tightloop.directory, SECRET.encode())
    assert {path.name for path in written} <= ITS_OWN
    assert all(path.stat().st_mode & 0o077 == 0 for path in written)
    for path in written:
        path.unlink()  # the run's own search of its folders would find it


def test_the_search_finds_what_is_there(broker: Broker, topic_prefix: str, tmp_path: Path) -> None:
    planted = b"planted-" + topic_prefix.encode()
    create_topic(broker.bootstrap, f"{topic_prefix}topic")
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(f"{topic_prefix}topic", b"value", b"key", headers=[("h", b"in a header " + planted)])
    assert producer.flush(30) == 0
    assert [planted in whole for _, whole in records(broker.bootstrap, topic_prefix)] == [True]
    (tmp_path / "file").write_bytes(b"x" * ((1 << 22) - 5) + planted)  # across two parts
    assert files_with(tmp_path, planted) == [tmp_path / "file"]
