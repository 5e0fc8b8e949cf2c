"""Transfers through Kafka and the venues' server: executors killed between journal, debit, arrival and report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.chaos import workload
from tests.chaos.harness import System
from tests.chaos.settled import settled, travelling

pytestmark = pytest.mark.timeout(240)
KEY = "key-0"
WAYS = {"wallet to exchange": ("wallet", "binance:spot"), "exchange to wallet": ("binance", "wallet")}


@pytest.fixture(scope="module")
def system(broker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One for all cases: both lanes, one replica of each component, both accounts adopted."""
    folder = tmp_path_factory.mktemp("transfers")
    lanes = ("binance", "ethereum")
    with System(broker.bootstrap, f"{folder.name}.", folder, partitions=1, replicas={}, lanes=lanes).warmed_up(
        workload.instruction(KEY, "first", **workload.market())
    ) as running:
        running.publish(workload.instruction(KEY, "second", **workload.swap()))
        running.until_results(60)
        yield running


@pytest.fixture(autouse=True)
def no_faults(system: System) -> Iterator[None]:
    yield
    system.venue("DELETE", "/faults")


def assert_sound(system: System) -> None:
    system.until(lambda: settled(system.watch), 60, "every loop has ended and all has arrived")
    verdict = system.watch.judge()
    assert verdict.passed, f"{verdict}\n{system.describe()}"


@pytest.mark.parametrize("release", ["on_arrival", "on_debit"])
@pytest.mark.parametrize("way", WAYS)
def test_killed_between_debit_and_arrival_the_money_moves_once(system: System, way: str, release: str) -> None:
    source, destination = WAYS[way]
    system.fault("arrives_late", account=KEY, delay_s=4.0)
    name = f"{way}-{release}".replace(" ", "-")
    moved = workload.transfer("USDT", "100", source, destination, release)
    system.publish(workload.instruction(KEY, name, **moved))
    system.until(lambda: travelling(system.watch.look()), 30, "the debit")
    for process in system.executors:
        process.kill()
    system.until_results(60)
    assert_sound(system)
    requests = system.venue("GET", "/requests")["requests"]
    acted = [one for one in requests if one["instruction_id"] == name and one["result"] == "acted"]
    assert len(acted) == 1


@pytest.mark.parametrize("point", ["before_submit", "after_journal", "after_check", "after_answer"])
@pytest.mark.parametrize("way", WAYS)
def test_killed_around_its_journal_and_its_call_the_money_moves_once(system: System, way: str, point: str) -> None:
    source, destination = WAYS[way]
    (process,) = system.replicas_of("ethereum" if source == "wallet" else "binance")
    process.arm(point, "kill")
    name = f"{way}-{point}".replace(" ", "-")
    system.publish(workload.instruction(KEY, name, **workload.transfer("USDT", "100", source, destination)))
    system.until_results(90)
    assert process.was_hit(point), f"the executor was never at {point}"
    assert_sound(system)
