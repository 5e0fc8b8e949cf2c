"""A system brought up, traded on, halted, mended and brought down, by the command line alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import Producer
from tests.integration.cli.command_line import CommandLine, eventually

from tightloop.client.reader import Received, TopicReader
from tightloop.runners.kafka.settings import KafkaSettings


@pytest.fixture
def tightloop(tmp_path: Path) -> Iterator[CommandLine]:
    command_line = CommandLine(tmp_path)
    yield command_line
    command_line.end()


def trade(number: int, key: str = "s1") -> str:
    fields = {"instruction_id": f"{key}-{number}", "strategy_id": key, "type": "cex_trade", "venue": "binance"}
    order = {"market": "spot", "symbol": "BTC/USDT", "side": "buy", "order_type": "market", "amount": 0.1}
    return json.dumps({**fields, **order})


def publish(tightloop: CommandLine, number: int, key: str = "s1", code: int = 0) -> Any:
    (result,) = tightloop.json("publish", "-", "--wait", "60", stdin=trade(number, key), code=code)["results"]
    return result


def records_of(bootstrap: str, topic: str) -> list[Received]:
    with TopicReader(KafkaSettings(bootstrap=bootstrap), [topic]) as reader:
        return list(reader.to_end())


def test_a_system_is_brought_up_traded_on_halted_repaired_and_brought_down(tightloop: CommandLine) -> None:
    (tightloop.directory / "tightloop.toml").write_text("[limits.strategies.s9]\norder_notional = 500\n")
    up = tightloop.json("up")
    assert {one["state"] for one in up["processes"]} == {"ready"}
    second = tightloop.run("up")
    assert (second.returncode, "tightloop down" in second.stderr) == (2, True)
    assert publish(tightloop, 1)["status"] == "reconciled"
    life = tightloop.json("show", "s1-1")
    assert life["status"] == "reconciled"
    assert life["hops"][0]["topic"] == "instructions"
    assert {"fills", "position_updates", "reconciliation_results"} <= {hop["topic"] for hop in life["hops"]}
    status = tightloop.json("status")
    assert {one["health"] for one in status["components"]} == {"ready"}
    assert [(one["strategy_id"], one["phase"]) for one in status["keys"]] == [("s1", "idle")]
    assert tightloop.json("topics", "check") == {"differences": []}
    _breaks_a_limit(tightloop, up["bootstrap"])

    _python_example_of_the_readme(up["bootstrap"])
    _examples_of_the_clients(tightloop, up["bootstrap"])
    _halt_and_resume(tightloop)
    _halt_a_venue(tightloop)
    _groups(tightloop)
    _bury_and_retry(tightloop, up["bootstrap"])
    _adjust(tightloop)
    _kill_one(tightloop)
    _stop_one(tightloop)

    assert tightloop.json("down")["ended"] == len(up["processes"]) + 1
    assert tightloop.left_running() == []


def _python_example_of_the_readme(bootstrap: str) -> None:
    readme = Path(__file__).parents[3] / "README.md"
    example = readme.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    told = subprocess.run(
        [sys.executable, "-c", example.replace("127.0.0.1:20572", bootstrap)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.stdout.strip() == example.rpartition("# ")[2].strip(), told.stderr


def _examples_of_the_clients(tightloop: CommandLine, bootstrap: str) -> None:
    """Those of the docstrings, with the address configured; then what docs/consumers.md does with the same fills."""
    code = """
import doctest
from tightloop.client import consumer, publisher
for module in (publisher, consumer):
    found = doctest.testmod(module)
    assert found.attempted > 2 and found.failed == 0, found
"""
    docs = (Path(__file__).parents[3] / "docs" / "consumers.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in docs.split("```python\n")[1:]]
    (frames,) = [block for block in blocks if "frames()" in block]
    told = subprocess.run(
        [sys.executable, "-c", code + frames],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tightloop.directory,
        env={**tightloop.environment, "TIGHTLOOP_BOOTSTRAP": bootstrap},
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "strategy-1" in told.stdout


def _breaks_a_limit(tightloop: CommandLine, bootstrap: str) -> None:
    """`s9` may trade 500 USDT at a time: measured by what the simulated venues publish that they trade at."""
    eventually(lambda: records_of(bootstrap, "market_data"), what="market data of the simulated venues")
    refused = publish(tightloop, 1, key="s9", code=1)
    assert (refused["status"], refused["outcome"], refused["error"]["code"]) == ("refused", None, "EIM-013")
    assert "order_notional of strategy s9" in refused["error"]["message"]
    assert "raise limits.strategies.s9.order_notional" in refused["error"]["message"]
    name = "binance_XYZUSDT_spot_1h.csv"
    (tightloop.directory / name).write_text("timestamp,open,close\n2024-01-01T00:00:00Z,0.08,0.09\n")
    (told,) = tightloop.json("publish", "--market", name)["files"]
    assert (told["file"], told["records"], told["sent"]) == (name, 1, 1)
    assert [one.key for one in records_of(bootstrap, "market_data")].count(b"binance:XYZ/USDT") == 1


def _halt_and_resume(tightloop: CommandLine) -> None:
    assert tightloop.json("halt", "s1", "--reason", "a test")["state"] == "done"
    refused = publish(tightloop, 2, code=1)
    assert (refused["status"], refused["error"]["code"]) == ("refused", "EIM-011")
    (halt,) = tightloop.json("status", code=1)["keys"][0]["halts"]
    assert halt["message"].endswith("a test")
    assert publish(tightloop, 1, key="s2")["status"] == "reconciled"
    assert tightloop.json("resume", "s1", "--reason", "mended")["state"] == "done"
    assert publish(tightloop, 3)["status"] == "reconciled"


def _halt_a_venue(tightloop: CommandLine) -> None:
    """With ``--cancel-working``: an order that rests there is cancelled; by the halt of another venue it is not."""
    resting = {**json.loads(trade(2, "s2")), "order_type": "limit", "price": 100, "timeout_ms": 600_000}
    tightloop.json("publish", "-", stdin=json.dumps(resting))
    eventually(lambda: any(_is_journalled(hop) for hop in tightloop.json("show", "s2-2")["hops"]), 30, "its intent")
    assert tightloop.json("halt", "--venue", "uniswap", "--cancel-working")["state"] == "done"
    assert tightloop.json("show", "s2-2")["status"] == "in flight"
    assert tightloop.json("halt", "--venue", "binance", "--cancel-working")["state"] == "done"
    eventually(lambda: tightloop.json("show", "s2-2")["status"] == "reconciled", 30, "the end of what rested")
    assert tightloop.json("show", "s2-2")["hops"][-1]["record"]["outcome"] == "cancelled"
    assert publish(tightloop, 3, key="s2", code=1)["error"]["code"] == "EIM-011"
    for venue in ("uniswap", "binance"):
        assert tightloop.json("resume", "--venue", venue, "--reason", "it answers again")["state"] == "done"
    assert publish(tightloop, 4, key="s2")["status"] == "reconciled"


def _is_journalled(hop: Any) -> bool:
    return (hop["topic"], hop["record"].get("event")) == ("execution_audit", "journalled")


def _groups(tightloop: CommandLine) -> None:
    """One with a missing leg is not sent; where that is wanted, it is shown waiting; whole, it runs."""
    legs = [
        {**json.loads(trade(number)), "group_index": index, "group_size": 2} for index, number in enumerate((10, 11))
    ]
    spot, short = ({**leg, "group_id": "basis"} for leg in legs)
    short |= {"market": "perp", "symbol": "BTC/USDT:USDT", "side": "sell", "scale_to_filled": True}
    (bad,) = tightloop.json("publish", "-", stdin=json.dumps(short), code=1)["bad"]
    assert (bad["code"], "group_index 0 is missing" in bad["message"]) == ("EIM-018", True)
    tightloop.json("publish", "-", "--partial-groups", stdin=json.dumps(short))
    (group,) = eventually(lambda: tightloop.json("status")["keys"][0]["groups"], 30, "the group")
    assert (group["group_id"], group["phase"], group["missing"]) == ("basis", "waiting", [0])
    assert "waits for group_index 0, of 2 legs" in tightloop.run("status").stdout
    shown = tightloop.json("show", short["instruction_id"])
    assert (shown["status"], shown["group"]["what"]) == ("waiting", "waits for group_index 0, of 2 legs")
    assert tightloop.json("cancel", "basis")["state"] == "done"
    assert tightloop.json("status")["keys"][0]["groups"] == []
    again = [
        json.dumps({**leg, "group_id": "again", "instruction_id": f"again-{leg['group_index']}"})
        for leg in (spot, short)
    ]
    results = tightloop.json("publish", "-", "--wait", "60", stdin="\n".join(again))["results"]
    assert [(one["status"], one["outcome"]) for one in results] == [("reconciled", "filled")] * 2


def _bury_and_retry(tightloop: CommandLine, bootstrap: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    producer.produce("instructions", b"garbage", b"s3", headers=[("who", b"another program")])
    assert producer.flush(10) == 0
    letters = eventually(lambda: tightloop.json("dead-letters", "list")["dead_letters"], 30, "a dead letter")
    (letter,) = letters
    assert (letter["code"], letter["key"], letter["topic"]) == ("TLC-001", "s3", "instructions")
    shown = tightloop.json("dead-letters", "show", letter["id"])
    assert shown["value"] == "Z2FyYmFnZQ=="
    assert tightloop.json("status", code=1)["keys"][2]["phase"] == "halted"

    retried = tightloop.json("dead-letters", "retry", letter["id"])
    assert [one["id"] for one in retried["retried"]] == [letter["id"]]
    garbage = [one for one in records_of(bootstrap, "instructions") if one.value == b"garbage"]
    assert len(garbage) == 2
    assert (garbage[0].key, garbage[0].partition, garbage[0].headers) == (
        garbage[1].key,
        garbage[1].partition,
        garbage[1].headers,
    )
    eventually(lambda: len(tightloop.json("dead-letters", "list")["dead_letters"]) == 2, 30, "the second dead letter")
    assert tightloop.json("resume", "s3", "--reason", "nothing was meant")["state"] == "done"
    assert publish(tightloop, 1, key="s3")["status"] == "reconciled"


def _adjust(tightloop: CommandLine) -> None:
    """Refused with another version than the current one; the venue still agrees with what is expected."""
    refused = tightloop.json(
        *("adjust", "s1", "--expected-version", "1", "--delta", "binance:BaseToken:BTC=1", "--reason", "a test"), code=1
    )
    assert (refused["state"], "PUH-013" in refused["message"]) == ("refused", True)
    assert tightloop.json("cancel", "s1-1", code=1)["state"] == "refused"
    misspelt = tightloop.run(
        *("adjust", "S1", "--expected-version", "0", "--delta", "binance:BaseToken:BTC=1", "--reason", "a test")
    )
    assert (misspelt.returncode, "did you mean 's1'?" in misspelt.stderr) == (2, True)


def _stop_one(tightloop: CommandLine) -> None:
    """A component that hangs is shown with its pid, killed, and runs again."""

    def reconciliation() -> Any:
        status = json.loads(tightloop.run("status", "--json").stdout)
        return next(one for one in status["components"] if one["component"] == "reconciliation")

    before = reconciliation()
    psutil.Process(before["pid"]).suspend()
    hung = reconciliation()
    assert (hung["health"], hung["pid"]) == ("hung", before["pid"])
    eventually(lambda: reconciliation()["restarts"] == 1, 60, "a restart of what hangs")
    eventually(lambda: reconciliation()["health"] == "ready", 30, "readiness after it")
    assert publish(tightloop, 5)["status"] == "reconciled"


def _kill_one(tightloop: CommandLine) -> None:
    """A component that is killed is running again, under the same name, and the key goes on."""

    def executor() -> Any:
        components = tightloop.json("status")["components"]
        return next(one for one in components if one["lane"] == "binance")

    before = executor()
    killed = psutil.Process(before["pid"])
    killed.kill()
    assert publish(tightloop, 4)["status"] == "reconciled"
    after = executor()
    assert after["pid"] != before["pid"]
    assert (after["replica"], after["restarts"], after["health"]) == (before["replica"], 1, "ready")


def test_down_ends_what_a_killed_supervisor_left(tightloop: CommandLine) -> None:
    up = tightloop.json("up", "--dir", "here")
    psutil.Process(up["pid"]).kill()
    assert any("run executor" in one for one in tightloop.left_running())
    tightloop.json("down", "--dir", "here")
    eventually(lambda: tightloop.left_running() == [], 30, "the end of everything")
