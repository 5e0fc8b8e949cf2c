"""Gates of reconciliation: what matches, what does not, and that a mismatch stops the strategy."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from tightloop.cli.gates.gate import expect, hold, only, refused, section
from tightloop.cli.gates.manager import NOON
from tightloop.interfaces.reconciliation import ReconciliationComponent
from tightloop.testing import LoopDriver, builders
from tightloop.venues.sim.commands import Drift

SECTION = "reconciliation"
GATES, gate = section(SECTION)
BTC = "binance:BaseToken:BTC"


class Held:
    """A provider of positions that stand still."""

    def __init__(self, positions: dict[str, Any]) -> None:
        self._positions = positions

    def get_positions(self, timestamp: datetime) -> dict[str, Any]:
        return self._positions


def component(held: dict[str, Any] | None = None) -> ReconciliationComponent:
    return ReconciliationComponent({}, None if held is None else Held(held), "backtest")


@gate
def what_is_equal_matches_within_the_tolerance_and_no_further() -> str:
    verify = component().verify_position
    for expected, actual, wanted in (
        ({"BTC": "1"}, {"BTC": "1"}, True),
        ({"BTC": "1"}, {"BTC": "1.01"}, True),
        ({"BTC": "1"}, {"BTC": "1.0100001"}, False),
        ({"BTC": "1"}, {"BTC": "0.98"}, False),
    ):
        expect(f"{expected} and {actual}", verify(expected, actual), wanted)
    return "0.01 by default"


@gate
def a_position_that_nobody_expected_fails_in_both_directions() -> str:
    verify = component().verify_position
    expect("held and not expected", verify({"BTC": 1}, {"BTC": 1, "ETH": 5}), False)
    expect("expected and not held", verify({"BTC": 1, "ETH": 5}, {"BTC": 1}), False)
    found = component({BTC: "1", "binance:BaseToken:DOGE": "7"}).reconcile_position(NOON, {BTC: "1"})
    expect("verified", found["verified"], False)
    only("the difference", found["differences"], {"binance:BaseToken:DOGE": "7"})
    return "missing and surplus"


@gate
def deltas_are_applied_exactly_once() -> str:
    reconciling = component({BTC: "3"})
    expect("after 1", reconciling.reconcile_position(NOON, {BTC: "1"})["verified"], False)
    found = reconciling.reconcile_position(NOON, {BTC: "2"})
    only("expected", found["expected_position"], {BTC: "3"})
    expect("verified", found["verified"], True)
    counted = (reconciling.reconciliation_successes, reconciling.reconciliation_failures)
    expect("successes and failures", counted, (1, 1))
    expect("history", len(reconciling.reconciliation_history), 2)
    return "1, then 2, makes 3"


@gate
def what_is_no_number_is_an_error_and_never_equal() -> str:
    verify = component().verify_position
    for wrong in ("NaN", float("inf"), float("nan")):
        refused("REC-001", lambda wrong=wrong: verify({"BTC": wrong}, {"BTC": wrong}))  # type: ignore[misc]
        refused("REC-011", lambda wrong=wrong: verify({"BTC": 1}, {"BTC": 1}, wrong))  # type: ignore[misc]
    refused("REC-011", lambda: verify({"BTC": 1}, {"BTC": 1}, -1))
    return "REC-001, REC-011"


@gate
def positions_that_cannot_be_read_are_an_error() -> str:
    refused("REC-005", lambda: component().reconcile_position(NOON, {BTC: 1}))
    return "REC-005"


@gate
def a_mismatch_halts_its_key_and_no_other_until_it_is_resumed() -> str:
    loop = LoopDriver()
    for key in ("s1", "s2"):
        loop.feed(builders.trade(f"{key}-1", loop.now, strategy_id=key))
    loop.sandbox.act("binance", Drift(account="s1", position_key=BTC, amount=Decimal("0.5")), loop.now)
    loop.feed(builders.trade("s1-2", loop.now))
    loop.advance(120)
    expect("the drifted key's result", loop.result("s1-2").status, "halted")
    expect("its halts", [halt.code for halt in loop.halts("s1")], ["REC-002"])
    loop.feed(builders.trade("s2-2", loop.now, strategy_id="s2"))
    expect("the other key's result", loop.result("s2-2").status, "reconciled")
    loop.sandbox.act("binance", Drift(account="s1", position_key=BTC, amount=Decimal("-0.5")), loop.now)
    loop.feed(builders.resume("c1", loop.now, *(halt.halt_id for halt in loop.halts("s1"))))
    loop.advance(60)
    hold("it is free once its positions match", not loop.halts("s1"))
    loop.feed(builders.trade("s1-3", loop.now))
    expect("and goes on", loop.result("s1-3").status, "reconciled")
    return "REC-002, resumed"


@gate
def every_position_of_the_account_is_compared() -> str:
    loop = LoopDriver()
    loop.feed(builders.trade("i1", loop.now))
    results = [one for one in loop.records("reconciliation_results") if one.instruction_id == "i1"]
    expect("results", len(results), 1)
    held = {key for key, amount in loop.held("binance").items() if amount}
    compared = {check.position_key for check in results[0].checks}
    hold(f"not compared: {sorted(held - compared)}", held <= compared)
    return f"{len(held)} positions"
