"""The bench runs and says something sane. How fast it all is, is no matter of a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

import pytest

from tightloop.bench import live, main, speed, table
from tightloop.bench.rounds import Measured, Rounds, measured


class Broker(Protocol):
    @property
    def bootstrap(self) -> str: ...


def test_a_round_is_counted_from_one_sight_of_a_key_to_its_next_while_measured() -> None:
    rounds = Rounds()
    rounds.seen(b"a", 1.0)
    rounds.seen(b"a", 2.0)  # before it is measured
    rounds.begin()
    rounds.seen(b"a", 2.5)
    rounds.seen(b"b", 3.0)  # a key seen for the first time has made no round
    rounds.seen(b"a", 3.5)
    found = rounds.end()
    assert (found.rounds, found.p50_ms, found.p99_ms) == (2, 1000.0, 1000.0)


def test_nothing_measured_gives_zeros() -> None:
    found = measured([], 2.0)
    assert (found.rounds, found.per_second, found.p50_ms) == (0, 0.0, 0.0)


def test_each_loop_is_compared_with_the_ring_just_before_it() -> None:
    """The machine was half as fast in the second round."""
    runs = [
        speed.Run(
            what=what,
            keys=64,
            measured=Measured(rounds=1, seconds=1.0, per_second=rate, p50_ms=time, p99_ms=time),
            cpu={},
        )
        for what, rate, time in (("ring", 2000, 30), ("loop", 800, 90), ("ring", 1000, 60), ("loop", 400, 180))
    ]
    found = speed.summary(64, runs)
    assert (found.rate_ratio, found.p50_ratio) == (0.4, 3.0)
    assert speed.summary(64, []).rate_ratio == 0.0


def test_an_unknown_part_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no part speeed"):
        main.main(only=["speeed"])


def test_codec_costs_come_without_a_broker(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(only=["codec"], json=True) == 0
    costs = json.loads(capsys.readouterr().out)["codecs"]
    assert {"Instruction", "ExecutionReport"} <= {one["record"] for one in costs}
    assert all(one["encode_us"] > 0 and one["decode_us"] > 0 and one["size_bytes"] > 5 for one in costs)


def test_the_loop_in_process_comes_beside_a_plain_one_without_a_broker(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(only=["inprocess"], keys=[1, 3], seconds=0.5, json=True) == 0
    found = json.loads(capsys.readouterr().out)["inprocess"]
    assert [one["keys"] for one in found] == [1, 3]
    for one in found:
        assert 0 < one["loops_per_second"] < one["plain_per_second"]
        assert 0 < one["routed_per_second"] < one["plain_per_second"]
        assert one["kept_bytes_per_loop"] >= one["plain_kept_bytes_per_loop"] > 0


def test_ring_and_loop_at_one_key_for_two_seconds(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    assert _bench(broker.bootstrap) == 0
    (found,) = json.loads(capsys.readouterr().out)["speeds"]
    assert found["keys"] == 1
    assert found["ring_per_second"] > 1 and found["loop_per_second"] > 1
    assert 0 < found["ring_p50_ms"] <= found["ring_p99_ms"]
    assert 0 < found["loop_p50_ms"] <= found["loop_p99_ms"]
    assert found["answer_p50_ms"] > 0
    assert found["cpu"]["executor-binance"] > 0


def _bench(bootstrap: str) -> int:
    return main.main(bootstrap=bootstrap, seconds=2.0, keys=[1], json=True, only=["speed"], rounds=1, warm_s=0.0)


def test_a_live_lanes_executor_is_measured_against_the_sandbox(
    broker: Broker, topic_prefix: str, tmp_path: Path
) -> None:
    found = live.measure(broker.bootstrap, topic_prefix, tmp_path, orders=4)
    assert found.orders == 4
    assert 0 < found.hop_p50_ms < found.way_p50_ms
    assert found.at_once == live.AT_ONCE
    assert found.at_once_s > live.HELD_S
    assert 20 < found.at_once_mb < table.LIVE_MB
    assert 20 < found.resident_mb < table.LIVE_MB
