"""Whose turn it is: nothing starts before what came first, too late, or because another loop has ended."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.handlers.manager.desk import Desk

from tightloop.testing import builders


def test_what_comes_in_does_not_overtake_what_waits_for_a_halted_venue() -> None:
    desk = Desk()
    desk.driver.feed("instructions", builders.action("on-chain", desk.now))
    desk.close(kind="adopt")
    desk.close()
    desk.instruct("i1")
    waiting = builders.action("i2", desk.now)
    desk.driver.feed("instructions", waiting)
    desk.order("halt", "h1", scope="venue", venue=waiting.venue)
    desk.close()
    desk.instruct("i3")
    assert desk.dispatched()[-1] == "i1"
    halts = tuple(one.halt_id for one in desk.shared())
    desk.order("resume", "r1", scope="venue", venue=waiting.venue, expected_halt_ids=halts, accept_unverified=True)
    desk.close()
    assert desk.dispatched()[-2:] == ["i2", "i3"]


def test_a_slot_that_is_freed_at_the_moment_of_expiry_is_not_given_to_what_expires() -> None:
    desk = Desk()
    desk.instruct("i1")
    desk.instruct("i2", expires_at=desk.now + timedelta(seconds=10))
    desk.driver.world.now += timedelta(seconds=10)  # its wake-up comes after the result
    desk.close()
    assert desk.dispatched() == ["i1"]
    assert desk.result("i2").status == "expired"


def test_the_late_result_of_a_loop_that_a_resume_ended_does_not_end_the_one_in_flight() -> None:
    desk = Desk()
    desk.instruct("i1")
    ended = desk.last_loop()
    desk.dead_letter("fills")
    desk.order("resume", "r1", expected_halt_ids=desk.halt_ids())
    desk.close()
    desk.instruct("i2")
    desk.close(ended)
    assert not desk.results("i2")
    assert desk.head().slot is not None
    desk.close()
    assert desk.result("i2").status == "reconciled"
