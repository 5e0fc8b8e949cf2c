"""Operators' commands: halts are a set and survive everything, a resume names what it clears and verifies first."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.handlers.manager.desk import D, Desk, error

from tightloop.errors import ExecutionError
from tightloop.records.types import Action
from tightloop.testing import builders


def refused(desk: Desk, name: Any, **fields: Any) -> str:
    with pytest.raises(ExecutionError) as raised:
        desk.order(name, **fields)
    assert (raised.value.code, raised.value.halts) == ("EIM-016", False)
    return raised.value.message


def halt(desk: Desk, command_id: str = "h1", **fields: Any) -> None:
    desk.order("halt", command_id, **fields)


# --- halts of a key ---------------------------------------------------------------------------------------------------


def test_a_key_holds_a_set_of_halts_and_goes_on_when_the_last_is_cleared() -> None:
    desk = Desk()
    halt(desk, "h1")
    halt(desk, "h2")
    first, second = desk.halt_ids()
    desk.order("resume", "r1", expected_halt_ids=(first,))
    desk.close()
    assert desk.halt_ids() == (second,)
    desk.instruct()
    assert desk.result().status == "refused"
    desk.order("resume", "r2", expected_halt_ids=(second,))
    desk.close()
    desk.instruct("i2")
    assert desk.dispatched()[-1] == "i2"


def test_the_same_command_again_changes_nothing() -> None:
    desk = Desk()
    halt(desk, "h1")
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids(), accept_unverified=True)
    halt(desk, "h1")
    assert desk.halts() == []


def test_halts_survive_a_restart() -> None:
    desk = Desk()
    halt(desk)
    desk.driver.restart(after=10_000)
    desk.instruct()
    assert desk.result().status == "refused"


def test_a_halt_lets_the_loop_in_flight_end() -> None:
    desk = Desk()
    desk.instruct()
    halt(desk)
    desk.close()
    assert desk.result().status == "reconciled"


def test_a_halt_that_cancels_what_works_reaches_the_executor() -> None:
    desk = Desk()
    desk.instruct()
    halt(desk, cancel_working=True)
    assert (desk.loops()[-1].kind, desk.loops()[-1].target_loop_no) == ("cancel", 3)


def test_the_operators_cancel_goes_the_same_way() -> None:
    desk = Desk()
    desk.instruct("i1")
    desk.instruct("i2")
    desk.order("cancel", "c1", target_id="i2")
    assert desk.result("i2").status == "cancelled"
    desk.order("cancel", "c2", target_id="i1")
    assert desk.loops()[-1].kind == "cancel"
    assert "nobody" in refused(desk, "cancel", command_id="c3", target_id="nobody")
    refused(desk, "cancel", command_id="c4")


# --- resume -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [(), ("no such halt",)])
def test_a_resume_that_does_not_name_halts_that_stand_is_refused(named: tuple[str, ...]) -> None:
    desk = Desk()
    halt(desk)
    refused(desk, "resume", expected_halt_ids=named)
    refused(desk, "resume", expected_halt_ids=(*desk.halt_ids(), "another"))
    assert len(desk.halts()) == 1


def test_a_resume_frees_only_on_matched() -> None:
    desk = Desk()
    halt(desk)
    named = desk.halt_ids()
    desk.order("resume", "r1", expected_halt_ids=named)
    assert desk.last_loop().kind == "verify"
    desk.close(status="mismatched")
    assert set(named) < set(desk.halt_ids())
    desk.order("resume", "r2", expected_halt_ids=desk.halt_ids())
    desk.close()
    assert desk.halts() == []


def test_a_resume_of_several_accounts_frees_only_when_all_matched() -> None:
    desk = Desk()
    desk.driver.feed("instructions", builders.action("i1", desk.now))
    desk.close(kind="adopt")
    desk.close()
    halt(desk)
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids())
    desk.close()
    assert desk.halts() == ["EIM-011"]
    desk.close()
    assert desk.halts() == []


def test_an_unverified_resume_is_explicit() -> None:
    desk = Desk()
    halt(desk)
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids(), accept_unverified=True)
    assert desk.halts() == []
    assert desk.dispatched() == []


def unreadable(desk: Desk) -> None:
    """The key is halted, and what a resume asked to verify can't be read."""
    halt(desk)
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids())
    desk.close(status="unavailable")


def test_an_unverified_resume_gives_up_the_verification_of_a_venue_that_cannot_be_read() -> None:
    desk = Desk()
    unreadable(desk)
    desk.order("resume", "r2", expected_halt_ids=desk.halt_ids(), accept_unverified=True)
    desk.instruct()
    assert desk.dispatched() == ["verify", "i1"]
    desk.close()
    desk.driver.advance(3600)
    assert desk.halts() == []


def test_an_unverified_resume_waits_for_the_verification_under_way_and_not_for_another() -> None:
    desk = Desk()
    halt(desk)
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids())
    desk.order("resume", "r2", expected_halt_ids=desk.halt_ids(), accept_unverified=True)
    desk.instruct()
    assert desk.dispatched() == ["verify"]
    desk.close(status="unavailable")
    assert desk.dispatched() == ["verify", "i1"]


def test_what_an_unverified_resume_waits_for_halts_the_key_when_it_differs() -> None:
    desk = Desk()
    halt(desk)
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids())
    desk.order("resume", "r2", expected_halt_ids=desk.halt_ids(), accept_unverified=True)
    desk.instruct()
    desk.close(status="mismatched")
    assert desk.halts() == ["REC-002"]
    assert desk.dispatched() == ["verify"]


def test_an_unverified_resume_of_one_halt_leaves_the_verification_for_another() -> None:
    desk = Desk()
    unreadable(desk)
    (first,) = desk.halt_ids()
    halt(desk, "h2")
    desk.order("resume", "r2", expected_halt_ids=tuple(set(desk.halt_ids()) - {first}), accept_unverified=True)
    assert desk.halt_ids() == (first,)
    desk.driver.advance(10)
    desk.close()
    assert desk.halts() == []


def test_an_instruction_whose_positions_cannot_be_read_is_not_ended_by_an_unverified_resume() -> None:
    desk = Desk()
    desk.instruct()
    desk.close(status="unavailable")
    halt(desk)
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids(), accept_unverified=True)
    assert not desk.results("i1")
    desk.driver.advance(10)
    desk.close()
    assert desk.result().status == "reconciled"


def test_an_adoption_that_was_not_verified_is_not_accepted_by_a_resume() -> None:
    """On a live lane an operator has still to look at what was taken over."""
    desk = Desk(fresh=True)
    desk.instruct()
    desk.close(kind="adopt", status="unavailable")
    halt(desk)
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids(), accept_unverified=True)
    assert desk.dispatched() == ["adopt"]


def test_a_resume_while_a_loop_is_in_flight_waits_for_its_end() -> None:
    desk = Desk()
    desk.instruct()
    halt(desk)
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids())
    assert desk.dispatched() == ["i1"]
    desk.close()
    assert desk.dispatched() == ["i1", "verify"]
    desk.close()
    assert desk.halts() == []


def test_a_resume_of_a_suspended_key_verifies_at_once() -> None:
    desk = Desk()
    desk.instruct()
    desk.close(status="unavailable")
    halt(desk)
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids())
    desk.driver.advance(0)
    assert desk.last_loop().kind == "verify"
    desk.close()
    assert desk.result().status == "reconciled"
    desk.close()
    assert desk.halts() == []


def test_a_loop_that_can_no_longer_close_is_ended_by_the_resume_and_its_late_result_resolves_it() -> None:
    desk = Desk()
    desk.instruct()
    loop = desk.last_loop()
    desk.dead_letter("fills")
    assert desk.halts() == ["PUH-007"]
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids())
    assert (desk.result().status, desk.result().outcome) == ("halted", "unknown")
    assert desk.last_loop().kind == "verify"
    desk.close()
    assert desk.halts() == []
    desk.close(loop, outcome="filled")
    assert [(one.outcome, bool(one.resolves)) for one in desk.results("i1")] == [("unknown", False), ("filled", True)]


def test_an_overdue_loop_is_ended_by_the_resume_likewise() -> None:
    desk = Desk()
    desk.instruct()
    desk.driver.advance(3600 + 150)
    assert desk.halts() == ["EIM-012"]
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids())
    assert (desk.result().status, desk.result().outcome) == ("halted", "unknown")


@pytest.mark.parametrize("unverified", [True, False])
def test_the_executor_is_told_of_a_loop_that_a_resume_ends(unverified: bool) -> None:
    """It may hold the instruction still: with the slot free it must not submit it."""
    desk = Desk()
    desk.instruct()
    loop_no = desk.last_loop().loop_no
    desk.dead_letter("fills")
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids(), accept_unverified=unverified)
    told = desk.loops()[1:]
    assert (told[0].kind, told[0].target_loop_no) == ("cancel", loop_no)
    assert [one.kind for one in told[1:]] == ([] if unverified else ["verify"])


def test_a_loop_that_still_can_close_is_not_ended_by_a_resume() -> None:
    desk = Desk()
    desk.instruct()
    desk.dead_letter("instructions", "TLC-003", component="another")
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids())
    assert not desk.results("i1")


# --- a venue, or all --------------------------------------------------------------------------------------------------


def test_a_halt_of_all_stops_keys_that_appear_later_too() -> None:
    desk = Desk()
    halt(desk, scope="all")
    desk.instruct("i1")
    desk.instruct("i2", strategy_id="s2")
    assert [desk.result(name).status for name in ("i1", "i2")] == ["refused", "refused"]


def test_a_halt_of_a_venue_stops_that_venue_alone() -> None:
    desk = Desk()
    halt(desk, scope="venue", venue="binance")
    desk.instruct("i1")
    assert desk.result("i1").status == "refused"
    desk.driver.feed("instructions", builders.action("i2", desk.now))
    assert desk.last_loop().kind == "adopt"


def test_an_alias_of_a_venue_is_the_venue() -> None:
    desk = Desk()
    halt(desk, scope="venue", venue="alchemy")
    desk.driver.feed("instructions", builders.transfer("i1", desk.now, "USDT", D(1)))
    assert desk.result("i1").status == "refused"


@pytest.mark.parametrize("queued_before", [True, False])
def test_a_halt_of_a_venue_stops_chains_with_a_step_there_whatever_venue_they_name(queued_before: bool) -> None:
    desk = Desk(fresh=True)
    steps = (builders.swap("USDT", "WETH", D(1000)), Action(protocol="aave", operation="supply", token_in="WETH"))
    lend = builders.action("i2", desk.now, steps[0], replace(steps[1], amount_rule="previous_output"))
    if queued_before:
        desk.driver.feed("instructions", lend)
    halt(desk, scope="venue", venue="aave")
    if queued_before:
        desk.close(kind="adopt")
        assert desk.dispatched() == ["adopt"]
    else:
        desk.driver.feed("instructions", lend)
        error = desk.result("i2").error
        assert error is not None and error.code == "EIM-011"


@pytest.mark.parametrize("fields", [{"venue": None}, {"venue": "nowhere"}])
def test_a_halt_of_no_known_venue_is_refused(fields: dict[str, Any]) -> None:
    refused(Desk(), "halt", scope="venue", **fields)


@pytest.mark.parametrize("name", ["cancel", "adopt", "adjust", "resolve"])
def test_other_commands_are_for_one_key_only(name: str) -> None:
    refused(Desk(), name, scope="all")


def test_a_resume_of_all_verifies_each_key_and_frees_it_when_it_matched() -> None:
    desk = Desk()
    desk.instruct("q1")
    desk.instruct("q2")
    halt(desk, scope="all")
    desk.close()
    named = tuple(one.halt_id for one in desk.shared())
    desk.order("resume", "r1", scope="all", expected_halt_ids=named)
    assert desk.shared() == ()
    assert desk.halt_ids() == named
    assert desk.dispatched() == ["q1", "verify"]
    desk.close()
    assert desk.halts() == []
    assert desk.dispatched() == ["q1", "verify", "q2"]


def test_a_resume_of_a_venue_verifies_only_the_accounts_there() -> None:
    desk = Desk()
    halt(desk, scope="venue", venue="aave")
    desk.order(
        "resume", "r1", scope="venue", venue="aave", expected_halt_ids=tuple(one.halt_id for one in desk.shared())
    )
    assert desk.halts() == []
    assert desk.dispatched() == []


def test_a_resume_of_all_must_name_every_halt_it_means() -> None:
    desk = Desk()
    halt(desk, scope="all")
    standing = tuple(one.halt_id for one in desk.shared())
    refused(desk, "resume", scope="all")
    refused(desk, "resume", scope="all", expected_halt_ids=(*standing, "another"))
    assert len(desk.shared()) == 1


def test_the_same_command_for_all_again_changes_nothing() -> None:
    desk = Desk()
    halt(desk, scope="all")
    named = tuple(one.halt_id for one in desk.shared())
    desk.order("resume", "r1", scope="all", expected_halt_ids=named, accept_unverified=True)
    halt(desk, scope="all")
    assert desk.shared() == ()


def test_a_halt_of_a_venue_that_cancels_reaches_the_loops_there() -> None:
    desk = Desk()
    desk.instruct()
    halt(desk, "h1", scope="venue", venue="okx", cancel_working=True)
    assert desk.loops()[-1].kind == "execute"
    halt(desk, "h2", scope="venue", venue="binance", cancel_working=True)
    assert desk.loops()[-1].kind == "cancel"


def test_keys_are_not_refreshed_while_all_is_halted() -> None:
    desk = Desk(refresh_s=60)
    halt(desk, scope="all")
    desk.driver.advance(600)
    assert "refresh" not in desk.dispatched()


# --- dead letters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["fills", "position_updates", "instructions.binance", "instructions", "control"])
def test_another_components_dead_letter_halts_its_key_once(topic: str) -> None:
    desk = Desk()
    desk.dead_letter(topic)
    desk.dead_letter(topic)
    assert desk.halts() == ["PUH-007"]


def test_a_dead_letter_without_a_halt_halts_nothing() -> None:
    desk = Desk()
    desk.dead_letter("instructions", "TLC-006", halts=False)
    assert desk.halts() == []


def test_the_adopt_command_must_name_the_version_that_waits() -> None:
    refused(Desk(), "adopt", expected_position_version=7)


def test_a_result_with_a_status_that_is_none_is_a_defect_and_not_a_match() -> None:
    desk = Desk()
    desk.instruct()
    odd = replace(desk.result_of(desk.last_loop()), status="UNKNOWN", error=error("REC-001"))
    with pytest.raises(ValueError, match="status"):
        desk.driver.feed("reconciliation_results", odd)
    assert desk.head().slot is not None
