"""The position update handler: what an operator's ``adjust`` does."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.support.handler_context import HandlerDriver
from tests.support.lanes import position_updates
from tests.support.position_records import AUSDT, BTC, PERP, USDT, adjustment, delta, opening, report

from tightloop.errors import ExecutionError
from tightloop.records.types import ControlCommand, Position, PositionUpdate


@pytest.fixture
def driver() -> HandlerDriver:
    driver = HandlerDriver(position_updates())
    driver.feed("fills", opening(delta(USDT, 1000), delta(BTC, 1)))
    return driver


def answer(driver: HandlerDriver, command: ControlCommand) -> PositionUpdate:
    """Feed a command; it must be answered with exactly one final update of source ``adjustment``."""
    (emitted,) = driver.feed("control", command)
    update = emitted.record
    assert isinstance(update, PositionUpdate)
    assert (update.is_final, update.source, update.report_id, update.loop_kind) == (True, "adjustment", None, "verify")
    assert update.causation_id == command.command_id
    return update


def test_an_adjustment_decided_on_the_current_version_is_applied(driver: HandlerDriver) -> None:
    update = answer(driver, adjustment("c1", 1, delta(BTC, "-0.25", "whatever")))
    assert update.expected_positions == (Position(position_key=BTC, amount=Decimal("0.75")),)
    assert update.deltas == (delta(BTC, "-0.25", "adjustment"),)
    assert (update.position_version, update.previous_version, update.error) == (2, 1, None)
    assert (update.loop_no, update.lane, update.venue, update.account) == (1, "binance", "binance", "s1")


@pytest.mark.parametrize("version", [0, 2, 7])
def test_an_adjustment_decided_on_another_version_is_answered_without_deltas(
    driver: HandlerDriver, version: int
) -> None:
    update = answer(driver, adjustment("c1", version, delta(BTC, 1)))
    assert update.error is not None
    assert (update.error.code, update.deltas, update.expected_positions) == ("PUH-013", (), ())
    assert f"with this refusal it is {update.position_version}" in update.error.message
    assert update.position_version == 2
    assert driver.state[f"position|{BTC}"].amount == 1


@pytest.mark.parametrize(
    "command",
    [
        adjustment("c1", None, delta(BTC, 1)),
        adjustment("c1", 1),
        adjustment("c1", 1, delta("BTC", 1)),
        adjustment("c1", 1, delta("mtgox:BaseToken:BTC", 1)),
        adjustment("c1", 1, delta(BTC, "NaN")),
        adjustment("c1", 1, delta(BTC, -2)),
        adjustment("c1", 1, delta(BTC, "1e20")),
        adjustment("c1", 1, delta(BTC, 1), venue="mtgox"),
    ],
    ids=["no version", "no deltas", "key", "venue", "nan", "below zero", "above all", "command's venue"],
)
def test_an_invalid_adjustment_is_answered_without_deltas(driver: HandlerDriver, command: ControlCommand) -> None:
    update = answer(driver, command)
    assert update.error is not None
    assert (update.error.code, update.deltas) == ("PUH-012", ())
    assert (update.venue, update.account) == ("binance", "s1")
    assert driver.state[f"position|{BTC}"].amount == 1


def test_the_same_command_again_is_not_answered_again(driver: HandlerDriver) -> None:
    command = adjustment("c1", 1, delta(BTC, 1))
    answer(driver, command)
    assert driver.feed("control", command) == []
    assert driver.state[f"position|{BTC}"].amount == 2


def test_the_same_command_id_with_other_content_is_refused(driver: HandlerDriver) -> None:
    answer(driver, adjustment("c1", 1, delta(BTC, 1)))
    with pytest.raises(ExecutionError, match="other content") as raised:
        driver.feed("control", adjustment("c1", 2, delta(BTC, 1)))
    assert raised.value.code == "PUH-012"


def test_a_command_forgotten_is_refused_by_its_version(driver: HandlerDriver) -> None:
    first = adjustment("c0", 1, delta(BTC, 1))
    answer(driver, first)
    for number in range(1, 70):
        answer(driver, adjustment(f"c{number}", number + 1, delta(BTC, 0)))
    assert len(driver.state["commands"].command_ids) == 64
    update = answer(driver, first)
    assert update.error is not None
    assert update.error.code == "PUH-013"


def test_an_adjustment_names_the_account_to_verify(driver: HandlerDriver) -> None:
    by_delta = answer(driver, adjustment("c1", 1, delta(AUSDT, 5)))
    assert (by_delta.lane, by_delta.venue, by_delta.account) == ("ethereum", "aave", "s1")
    named = answer(driver, adjustment("c2", 2, delta("okx@sub:Perp:X/USDT:USDT", 5), venue="okx", account="sub"))
    assert (named.lane, named.venue, named.account) == ("okx", "okx", "sub")


def test_the_first_record_of_a_key_may_be_an_adjustment() -> None:
    driver = HandlerDriver(position_updates())
    update = answer(driver, adjustment("c1", 0, delta(PERP, -1)))
    assert (update.position_version, update.loop_no, update.account) == (1, 0, "s1")


@pytest.mark.parametrize("deltas", [(), (delta("transit:i1:USDT", 1),)])
def test_an_adjustment_of_which_no_account_is_known_is_refused(deltas: tuple[object, ...]) -> None:
    driver = HandlerDriver(position_updates())
    with pytest.raises(ExecutionError) as raised:
        driver.feed("control", replace(adjustment("c1", 0), deltas=deltas))
    assert raised.value.code == "PUH-012"
    assert driver.state == {}


def test_an_adjustment_for_more_than_one_key_is_refused(driver: HandlerDriver) -> None:
    with pytest.raises(ExecutionError) as raised:
        driver.feed("control", adjustment("c1", 1, delta(BTC, 1), scope="all", strategy_id=None))
    assert raised.value.code == "PUH-012"


@pytest.mark.parametrize("command", ["halt", "resume", "resolve", "cancel", "adopt"])
def test_other_commands_are_left_to_other_components(driver: HandlerDriver, command: str) -> None:
    assert driver.feed("control", replace(adjustment("c1", 1, delta(BTC, 1)), command=command)) == []
    assert "commands" not in driver.state


def test_reports_and_adjustments_share_one_gapless_version(driver: HandlerDriver) -> None:
    answer(driver, adjustment("c1", 1, delta(BTC, 1)))
    driver.feed("fills", report(2, 1, "final", delta(USDT, -1)))
    answer(driver, adjustment("c2", 3, delta(BTC, 1)))
    versions = [update.position_version for update in driver.records("position_updates")]
    assert versions == [1, 2, 3, 4]
