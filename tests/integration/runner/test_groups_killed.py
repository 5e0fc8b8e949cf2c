"""The interface manager dies while a group waits, and between its legs: no leg is lost, repeated, or out of place."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.chaos import workload
from tests.chaos.harness import System
from tests.chaos.settled import settled
from tests.integration.runner.conftest import MakeSystem

from tightloop.records.types import Instruction
from tightloop.testing import group

pytestmark = pytest.mark.timeout(240)
KEY, PERP = "key-0", "BTC/USDT:USDT"
STOPPED_S, WITHIN_S = 60.0, 30.0


def legs(name: str, *payloads: dict[str, Any]) -> list[Instruction]:
    made = [workload.instruction(KEY, f"{name}-{index}", **one) for index, one in enumerate(payloads)]
    return list(group(name, *(replace(one, on_failure="cancel_rest") for one in made)))


def basis(name: str) -> list[Instruction]:
    return legs(name, workload.market("buy", "0.1"), workload.market("sell", "0.1", PERP))


def dispatched(system: System) -> list[str]:
    every = (seen.value["instruction"] for seen in system.watch.look().loops)
    return [one["instruction_id"] for one in every if one is not None]


def with_the_first_leg_in_flight(system: System, made: list[Instruction], strike: Any) -> None:
    """``strike`` the manager while the executor holds the first leg, so that it dies before, or with, the next."""
    (executor,) = system.replicas_of("binance")
    (manager,) = system.replicas_of("interface-manager")
    executor.stop_for(STOPPED_S)
    system.publish(*made)
    first = made[0].instruction_id
    system.until(lambda: first in dispatched(system), WITHIN_S, f"{first} is dispatched")
    strike(manager)
    executor.wake()
    system.until_results(WITHIN_S)


def assert_ended(system: System, statuses: dict[str, tuple[str, str | None]]) -> None:
    system.until(lambda: settled(system.watch), WITHIN_S, "every loop has ended")
    verdict = system.watch.judge()
    assert verdict.passed, f"{verdict}\n{system.describe()}"
    ended = {seen.value["instruction_id"]: seen.value for seen in system.watch.data.results}
    assert {name: (ended[name]["status"], ended[name]["outcome"]) for name in statuses} == statuses


def test_a_group_outlives_the_managers_death_before_during_and_after_the_transaction_between_its_legs(
    make_system: MakeSystem,
) -> None:
    with make_system() as system:
        (manager,) = system.replicas_of("interface-manager")
        first, second = basis("waits")
        system.publish(second)
        system.until(lambda: _waits(system, "waits"), WITHIN_S, "the leg waits")
        manager.kill()
        system.publish(first)
        system.until_results(WITHIN_S)
        with_the_first_leg_in_flight(system, basis("killed"), lambda process: process.kill())
        for point in ("in_transaction", "after_transaction"):
            with_the_first_leg_in_flight(system, basis(point), lambda process, at=point: process.arm(at, "kill"))
            assert manager.was_hit(point), f"it was never at {point}"
        names = [
            f"{name}-{index}" for name in ("waits", "killed", "in_transaction", "after_transaction") for index in (0, 1)
        ]
        assert_ended(system, dict.fromkeys(names, ("reconciled", "filled")))
        assert [one for one in dispatched(system) if one in names] == names


@pytest.mark.parametrize("point", ["in_transaction", "after_transaction"])
def test_a_leg_that_failed_ends_its_group_once_whenever_the_manager_dies(make_system: MakeSystem, point: str) -> None:
    with make_system() as system:
        too_little = workload.market("sell", "0.0000001", PERP)  # below the lot: the exchange refuses it
        made = legs("fails", too_little, workload.market("buy", "0.1"), workload.market("sell", "0.1", PERP))
        with_the_first_leg_in_flight(system, made, lambda process: process.arm(point, "kill"))
        (manager,) = system.replicas_of("interface-manager")
        assert manager.was_hit(point), f"it was never at {point}"
        system.publish(workload.instruction(KEY, "next", **workload.market()))
        system.until_results(WITHIN_S)
        statuses = {
            "fails-0": ("reconciled", "rejected"),
            "fails-1": ("cancelled", None),
            "fails-2": ("cancelled", None),
            "next": ("reconciled", "filled"),
        }
        assert_ended(system, statuses)
        assert dispatched(system)[-2:] == ["fails-0", "next"]


def _waits(system: System, group_id: str) -> bool:
    there = system.watch.look().of("loop_state", "InstructionGroup")
    return any(seen.value["group_id"] == group_id for seen in there)
