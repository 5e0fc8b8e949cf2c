"""Execution cases of groups through the whole loop, at each exchange: spot and perpetual as the legs of one.

Every component runs, on the exchange by its own rules; in the end what is expected is what its books hold.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tightloop.assembly.config import Config
from tightloop.records.types import Instruction
from tightloop.testing import LoopDriver, cancel_group, group, trade
from tightloop.venues.sim.commands import Drift
from tightloop.venues.sim.settings import SimSettings

from .conftest import exchange_settings
from .test_loops import Loop

D = Decimal
Ended = tuple[str, str | None, Decimal | None, str | None]
BTC, PERP = "BTC/USDT", "BTC/USDT:USDT"


class Desk(Loop):
    """A loop whose legs are told of by what they came to."""

    def legs(self, *fields: dict[str, Any], group_id: str = "g") -> list[Instruction]:
        """Spot first, then perpetuals sold, each of half a BTC unless it says otherwise."""
        made = []
        for index, one in enumerate(fields):
            which = {} if index == 0 else {"market": "perp", "symbol": PERP, "side": "sell"}
            whole = {"venue": self.venue, "amount": D("0.5"), **which, **one}
            made.append(trade(f"{group_id}{index}", self.driver.now, **whole))
        return list(group(group_id, *made))

    def run(self, *fields: dict[str, Any], seconds: float = 0.0, group_id: str = "g") -> None:
        for leg in self.legs(*fields, group_id=group_id):
            self.driver.feed(leg, run=False)
        self.driver.run()
        self.driver.advance(seconds)

    def outcomes(self, *names: str) -> list[Ended]:
        """Of the legs, once the books agree with what is expected."""
        held = {key: amount for key, amount in self.driver.held(self.venue).items() if amount}
        assert self.driver.expected() == held
        return [self._outcome(name) for name in names]

    def _outcome(self, name: str) -> Ended:
        one = self.driver.result(name)
        return one.status, one.outcome, one.filled_amount, one.error.code if one.error else None

    def short(self) -> Decimal:
        return self.driver.held(self.venue).get(f"{self.venue}:Perp:{PERP}", D(0))

    def halts(self) -> list[str]:
        return [one.code for one in self.driver.halts()]

    def acted(self) -> list[str]:
        """The instructions of the groups that the exchange acted on, in its order."""
        requests = self.driver.sandbox.requests.read(0, 1000)
        return [one.instruction_id for one in requests if one.result == "acted" and one.instruction_id != "first"]


@pytest.fixture
def desk(loop_venue: str) -> Desk:
    return Desk(loop_venue)


FILLED = ("reconciled", "filled", D("0.5"), None)
REST = ("cancelled", None, None, "EIM-019")
SCALES = {"scale_to_filled": True}
TOO_MUCH = {"amount": D(100_000)}


def in_part(desk: Desk) -> dict[str, Any]:
    """Of three ETH one is there at this price; the rest of the order is cancelled."""
    return {"symbol": "ETH/USDT", "price": desk.price, "amount": D(3), "time_in_force": "IOC"}


def test_300_a_basis_trade_is_opened_and_closed(desk: Desk) -> None:
    desk.run({}, SCALES)
    assert desk.outcomes("g0", "g1") == [FILLED, FILLED]
    assert desk.short() == D("-0.5")
    desk.run({"side": "sell"}, {"side": "buy", "reduce_only": True}, group_id="back")
    assert desk.outcomes("back0", "back1") == [FILLED, FILLED]
    assert (desk.short(), desk.halts()) == (D(0), [])
    assert desk.acted() == ["g0", "g1", "back0", "back1"]


def test_301_a_second_leg_that_is_rejected_halts_the_key_and_the_first_stays(desk: Desk) -> None:
    desk.run({}, TOO_MUCH)
    first, second = desk.outcomes("g0", "g1")
    assert (first, second[:2], desk.halts()) == (FILLED, ("reconciled", "rejected"), ["EIM-019"])
    (halt,) = desk.driver.halts()
    assert f"done, and stays: buy {BTC} at {desk.venue} (g0) filled 0.5" in halt.message


def test_302_where_the_rest_is_cancelled_the_key_goes_on(desk: Desk) -> None:
    desk.run({}, {**TOO_MUCH, "on_failure": "cancel_rest"}, {})
    assert desk.outcomes("g0", "g2") == [FILLED, REST]
    desk.trade("next", amount=D("0.1"))
    assert desk.ended("next")[:2] == ("reconciled", "filled")


def test_303_a_leg_takes_the_part_that_the_first_filled(desk: Desk) -> None:
    desk.run(in_part(desk), {**SCALES, "amount": D("1.5")})
    assert [one[:3] for one in desk.outcomes("g0", "g1")] == [
        ("reconciled", "partially_filled", D(1)),
        ("reconciled", "filled", D("0.5")),
    ]
    assert (desk.short(), desk.halts()) == (D("-0.5"), [])


def test_304_a_part_fails_the_group_where_the_next_does_not_scale(desk: Desk) -> None:
    desk.run(in_part(desk), {})
    first, second = desk.outcomes("g0", "g1")
    assert (first[:3], second) == (("reconciled", "partially_filled", D(1)), REST)
    assert (desk.short(), desk.halts()) == (D(0), ["EIM-019"])


def test_305_a_first_leg_that_fills_nothing_ends_the_group_and_nothing_is_done(desk: Desk) -> None:
    desk.run({"price": D(20_000), "timeout_ms": 5_000}, SCALES, seconds=10)
    first, second = desk.outcomes("g0", "g1")
    assert (first[:2], second, desk.halts()) == (("reconciled", "cancelled"), REST, ["EIM-019"])
    assert "nothing was filled" in desk.driver.halts()[0].message


def test_306_a_part_below_the_least_order_is_rejected(desk: Desk) -> None:
    desk.run(in_part(desk), {**SCALES, "amount": D("0.0001")})
    first, second = desk.outcomes("g0", "g1")
    assert (first[2], second) == (D(1), ("reconciled", "rejected", D(0), "EXI-007"))
    assert desk.halts() == ["EIM-019"]


def test_307_a_later_leg_that_is_filled_in_part_has_failed(desk: Desk) -> None:
    desk.run({}, {**in_part(desk), "market": "spot", "side": "buy"}, {})
    second, third = desk.outcomes("g1", "g2")
    assert (second[:3], third, desk.halts()) == (("reconciled", "partially_filled", D(1)), REST, ["EIM-019"])


def test_308_a_group_with_a_missing_leg_expires_and_nothing_is_submitted(desk: Desk) -> None:
    first, _ = desk.legs({"price": D(60_000)}, {})
    desk.driver.feed(first)
    desk.driver.advance(3601)
    assert desk.outcomes("g0") == [("expired", None, None, "EIM-018")]
    assert (desk.acted(), desk.halts()) == ([], [])


def test_309_a_group_cancelled_while_its_first_leg_rests_keeps_what_filled(desk: Desk) -> None:
    desk.run({"price": D(20_000)}, SCALES)
    desk.filled_by_others(D("0.2"))
    desk.driver.feed(cancel_group("stop", desk.driver.now, "g", venue=desk.venue))
    first, second = desk.outcomes("g0", "g1")
    assert (first[:3], second) == (("reconciled", "partially_filled", D("0.2")), ("cancelled", None, None, None))
    assert (desk.driver.result("stop").status, desk.short(), desk.halts()) == ("reconciled", D(0), [])


@pytest.mark.parametrize("fault", ["lost_after", "lost_before"])
def test_310_a_leg_whose_answer_is_lost_is_found_and_the_next_follows(desk: Desk, fault: str) -> None:
    desk.driver.fault(fault, count=2, operations=("order",))
    desk.run({}, {}, seconds=30)
    assert desk.outcomes("g0", "g1") == [FILLED, FILLED]
    assert sorted(set(desk.acted())) == desk.acted() == ["g0", "g1"]


def test_311_a_leg_of_unknown_outcome_ends_the_group(desk: Desk) -> None:
    desk.driver.fault("lost_after", count=1, operations=("order",))
    desk.driver.fault("lost_before", operations=("find",))
    desk.run({}, {}, seconds=200)
    assert desk.driver.result("g0").status == "halted"
    assert desk.driver.result("g0").outcome == "unknown"
    second = desk.driver.result("g1")
    assert second.error is not None
    assert (second.status, second.error.code) == ("cancelled", "EIM-019")
    assert {"EXI-005", "EIM-019"} <= set(desk.halts())
    assert desk.acted() == ["g0"]


def test_312_books_that_drift_under_a_leg_end_the_group(desk: Desk) -> None:
    desk.act(Drift(account="s1", position_key=f"{desk.venue}:BaseToken:BTC", amount=D("-0.5")))
    desk.run({}, {}, seconds=120)
    assert [desk.driver.result(name).status for name in ("g0", "g1")] == ["halted", "cancelled"]
    assert (desk.halts(), desk.acted()) == (["REC-002", "EIM-019"], ["g0"])


@pytest.mark.parametrize("component", ["interface-manager", "executor", "position-update-handler", "reconciliation"])
@pytest.mark.parametrize("calls", ["lost", "performed"])
def test_313_a_component_killed_at_any_point_of_a_group_changes_nothing(
    loop_venue: str, component: str, calls: Any
) -> None:
    name = f"executor-{loop_venue}" if component == "executor" else component
    for steps in range(0, 30, 3):
        desk = Desk(loop_venue)
        for leg in desk.legs({}, SCALES):
            desk.driver.feed(leg, run=False)
        desk.driver.run(steps)
        desk.driver.restart(name, calls=calls)
        desk.driver.advance(30)
        assert desk.outcomes("g0", "g1") == [FILLED, FILLED], f"killed after {steps} transactions"
        assert (desk.acted(), desk.halts()) == (["g0", "g1"], [])


def test_314_the_legs_may_be_at_two_exchanges(loop_venue: str) -> None:
    other = "okx" if loop_venue != "okx" else "binance"
    made = [replace(exchange_settings(venue), slippage_bps=D(0)) for venue in (loop_venue, other)]
    driver = LoopDriver(
        Config.model_validate({"lanes": [loop_venue, other]}), sim=SimSettings(exchanges=tuple(made), chains=())
    )
    spot = trade("spot", driver.now, venue=loop_venue, amount=D("0.5"))
    short = trade("short", driver.now, venue=other, market="perp", symbol=PERP, side="sell", amount=D("0.5"), **SCALES)
    for leg in group("basis", spot, short):
        driver.feed(leg)
    assert [driver.result(name).outcome for name in ("spot", "short")] == ["filled", "filled"]
    held = {key: amount for venue in (loop_venue, other) for key, amount in driver.held(venue).items() if amount}
    assert driver.expected() == held
    assert held[f"{other}:Perp:{PERP}"] == D("-0.5")
