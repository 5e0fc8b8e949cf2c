"""The storm on live lanes, a short one (``python -m tests.chaos.live`` runs longer ones); and without a send rule it
fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.chaos import instruments, workload
from tests.chaos.harness import ZOMBIE_S
from tests.chaos.live import TIMING, LiveStorm, lanes_of, run
from tests.support.live_system import LiveSystem

from tightloop.assembly.config import Reconciliation

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]
VENUE = "binance"
Weakened = Callable[..., LiveSystem]


@pytest.fixture
def weakened(broker: Any, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weakened:
    """Makes a system of one lane without the send rules that it is given."""

    def make(rules: Sequence[str], *, executors: int) -> LiveSystem:
        return LiveSystem(
            broker.bootstrap,
            topic_prefix,
            tmp_path,
            monkeypatch.setenv,
            lanes=lanes_of(VENUE, 1),
            executors=executors,
            without=rules,
            timing=TIMING,
            reconciliation=Reconciliation(),
        )

    return make


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
def test_each_order_is_done_once_whatever_is_lost_and_however_often_executors_are_killed(
    venue: str, broker: Any, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transfers, too; at OKX in longer storms alone, as it takes a minute to know that a withdrawal did not leave."""
    storm = run(
        broker.bootstrap,
        topic_prefix,
        tmp_path,
        monkeypatch.setenv,
        venue=venue,
        orders=12,
        seed=3,
        lanes=2,
        kill_s=3.0,
        transfers=venue != "okx",
    )
    assert storm.happened["SIGKILL"] > 0
    assert sum(storm.happened[kind] for kind in ("lost_before", "lost_after", "down", "late_after")) > 0


@pytest.mark.parametrize("rule", [instruments.READ_BACK, instruments.SEND_WINDOW])
def test_without_a_send_rule_an_order_acts_twice_and_the_storm_fails(rule: str, weakened: Weakened) -> None:
    """Asking before an order is sent again after a lost answer; and the window at the last moment before it leaves."""
    with weakened([rule], executors=2) as system:
        storm = LiveStorm(system, orders=1, seed=1)
        storm.follow(60)
        _misfortune(rule, system)
        with pytest.raises(AssertionError, match="acted twice"):
            storm.follow(40)
            system.until(lambda: not any(one.is_stopped for one in system.executors), 30, "the zombie has woken")
            storm.watch_for(5.0)


def test_without_reading_back_a_movement_between_wallets_acts_twice_and_the_judge_says_so(weakened: Weakened) -> None:
    """It bears no id that the exchange could refuse the second time."""
    with weakened([instruments.READ_BACK], executors=1) as system:
        storm = LiveStorm(system, orders=1, seed=1)
        storm.follow(60)
        system.sandbox.control("POST", "/admin/faults", {"kind": "lost_after", "operations": ["transfer"], "count": 1})
        system.publish(storm.orders["s1"].between_wallets())
        system.until(lambda: len(_inside(system)) == 2, 60, "it has acted twice")
        with pytest.raises(AssertionError, match="transfers acted as"):
            storm.assert_each_moved_once()


def _inside(system: LiveSystem) -> list[Any]:
    """What was moved between the account's wallets."""
    return [one for one in system.sandbox.books()["transfers"] if one["destination"] is not None]


def _misfortune(rule: str, system: LiveSystem) -> None:
    """The one against which the rule stands."""
    if rule == instruments.READ_BACK:
        system.sandbox.control("POST", "/admin/faults", {"kind": "lost_after", "operations": ["order"], "count": 1})
    else:
        for process in system.executors:
            process.arm("before_check", "stop", seconds=ZOMBIE_S, strategy="s1")
    system.publish(workload.instruction("s1", "unlucky", **workload.market()))
    if rule == instruments.SEND_WINDOW:
        system.until(lambda: any(one.was_hit("before_check") for one in system.executors), 30, "one stops", 0.02)
        for process in system.executors:
            process.disarm()
