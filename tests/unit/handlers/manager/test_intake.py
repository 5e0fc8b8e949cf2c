"""What the manager does with an instruction that arrives: one result for each id, whatever comes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.handlers.manager.desk import D, Desk, again

from tightloop.handlers.api import Inbound
from tightloop.handlers.manager import dispatch
from tightloop.handlers.manager.settings import ManagerSettings
from tightloop.records import validate
from tightloop.records.errors import ExecutionError
from tightloop.records.types import AccountRef, Instruction
from tightloop.testing import builders

HOUR = 3600.0


def code_of(desk: Desk, instruction_id: str) -> tuple[str, str | None]:
    result = desk.result(instruction_id)
    return result.status, result.error.code if result.error else None


def test_a_free_key_dispatches_at_once() -> None:
    desk = Desk()
    made = desk.instruct()
    loop = desk.last_loop()
    assert (loop.kind, loop.instruction, loop.loop_no, loop.not_after) == (
        "execute",
        made,
        3,
        made.created_at + timedelta(hours=1),
    )


def test_one_is_in_flight_and_the_others_wait_in_their_order() -> None:
    desk = Desk()
    for name in ("i1", "i2", "i3"):
        desk.instruct(name)
    assert desk.dispatched() == ["i1"]
    desk.close()
    desk.close()
    assert desk.dispatched() == ["i1", "i2", "i3"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"venue": "binanse"}, "EIM-006"),
        ({"venue": "okx"}, "EIM-002"),
        ({"account": "another"}, "EIM-007"),
        ({"group_id": "g"}, "EIM-007"),
        ({"amount": D(-1)}, "EIM-007"),
        ({"reduce_only": True}, "EIM-007"),
    ],
)
def test_what_is_invalid_is_refused_with_a_result_and_halts_nothing(fields: dict[str, Any], code: str) -> None:
    desk = Desk()
    desk.instruct(**fields)
    assert code_of(desk, "i1") == ("refused", code)
    assert desk.halts() == []
    desk.instruct("i2")
    assert desk.dispatched() == ["i2"]


def test_the_account_of_its_own_name_is_not_a_strategys_where_it_was_given_to_another() -> None:
    given = AccountRef(lane="binance", venue="binance", account="s1")
    desk = Desk(fresh=True, accounts={"s2": (given,)})
    desk.instruct()
    assert code_of(desk, "i1") == ("refused", "EIM-007")
    desk.instruct("i2", account="s1")
    assert code_of(desk, "i2") == ("refused", "EIM-007")
    assert desk.dispatched() == []
    desk.instruct("theirs", strategy_id="s2")
    assert [(one.strategy_id, one.account) for one in desk.loops()] == [("s2", "s1")]
    desk.driver.feed("instructions", builders.action("i3", desk.now))
    assert [one.account for one in desk.loops("ethereum")] == ["s1"]  # another lane, another account


def test_an_unknown_type_is_refused() -> None:
    desk = Desk()
    desk.driver.feed("instructions", again(builders.trade("i1", desk.now), type="dance"))
    assert code_of(desk, "i1") == ("refused", "EIM-005")


def test_atomic_across_chains_is_refused() -> None:
    desk = Desk()
    step = builders.swap("USDT", "WETH", D(1))
    elsewhere = again(step, protocol="binance")
    desk.driver.feed("instructions", builders.action("i1", desk.now, step, elsewhere, atomic=True))
    assert code_of(desk, "i1") == ("refused", "EIM-008")


def test_a_creation_time_ahead_of_our_clock_is_refused() -> None:
    desk = Desk()
    desk.driver.feed("instructions", builders.trade("i1", desk.now + timedelta(seconds=6)))
    assert code_of(desk, "i1") == ("refused", "EIM-007")


@pytest.mark.parametrize(("left_s", "expected"), [(0, "expired"), (-1, "expired"), (1, None)])
def test_what_has_expired_is_expired_also_at_the_very_moment(left_s: int, expected: str | None) -> None:
    desk = Desk()
    desk.driver.feed(
        "instructions",
        builders.trade("i1", desk.now - timedelta(seconds=60), expires_at=desk.now + timedelta(seconds=left_s)),
    )
    assert [one.status for one in desk.results("i1")] == ([expected] if expected else [])


def test_too_large_an_instruction_is_refused() -> None:
    desk = Desk()
    made = builders.trade("i1", desk.now)
    inbound = Inbound("instructions", 0, 99, "s1", made, 2 * 1024 * 1024)
    desk.driver._event("s1", lambda context: desk.manager.on_record(context, inbound))
    assert code_of(desk, "i1") == ("refused", "EIM-007")


# --- the same id again ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["in flight", "queued", "done", "refused"])
def test_the_same_content_again_changes_nothing(when: str) -> None:
    desk = Desk()
    if when == "queued":
        desk.instruct("before")
    made = desk.instruct(**({"amount": D(-1)} if when == "refused" else {}))
    if when == "done":
        desk.close()
    before = list(desk.driver.world.emitted)
    desk.driver.world.now += timedelta(seconds=1)
    desk.driver.feed("instructions", again(made, trace_id="another", produced_at=desk.now))
    assert desk.driver.world.emitted == before


def test_other_content_under_the_same_id_goes_to_dead_letters_without_a_halt_or_a_result() -> None:
    desk = Desk()
    made = desk.instruct()
    with pytest.raises(ExecutionError) as raised:
        desk.driver.feed("instructions", again(made, metadata={"a": "b"}))
    assert (raised.value.code, raised.value.halts) == ("EIM-009", False)
    desk.close()
    assert desk.result().status == "reconciled"


def test_a_sequence_not_above_the_last_is_spent_for_ever() -> None:
    desk = Desk()
    desk.instruct("i5", sequence=5)
    desk.close()
    for name, sequence in (("i4", 4), ("other", 5)):
        with pytest.raises(ExecutionError) as raised:
            desk.instruct(name, sequence=sequence)
        assert (raised.value.code, raised.value.halts) == ("EIM-009", False)
    desk.instruct("i7", sequence=7)
    assert desk.dispatched() == ["i5", "i7"]


def test_without_a_sequence_what_is_too_old_to_be_remembered_is_not_taken_in() -> None:
    desk = Desk()
    far = desk.now + timedelta(days=1)
    desk.driver.feed("instructions", builders.trade("i1", desk.now - timedelta(hours=1, seconds=1), expires_at=far))
    assert code_of(desk, "i1") == ("refused", "EIM-007")
    with pytest.raises(ExecutionError) as raised:
        desk.driver.feed("instructions", builders.trade("i2", desk.now - timedelta(hours=2, seconds=1), expires_at=far))
    assert raised.value.code == "EIM-009"
    desk.driver.feed("instructions", builders.trade("i3", desk.now - timedelta(days=9), expires_at=far, sequence=1))
    assert desk.dispatched() == ["i3"]


def test_an_id_is_remembered_until_no_copy_of_it_can_be_taken_in_again() -> None:
    """Also one that was dated ahead of our clock, as far as is allowed."""
    desk = Desk()
    made = again(builders.trade("i1", desk.now + timedelta(seconds=4.9)), expires_at=desk.now + timedelta(days=1))
    desk.driver.feed("instructions", made)
    desk.close()
    desk.driver.world.now += timedelta(seconds=2 * HOUR + 4)
    desk.instruct("other")
    desk.driver.feed("instructions", made)
    assert len(desk.results("i1")) == 1
    desk.close()
    desk.driver.world.now += timedelta(seconds=10)
    desk.instruct("another")
    assert "seen|i1" not in desk.driver.state


def test_an_id_without_a_sequence_is_not_forgotten_because_others_have_one() -> None:
    desk = Desk(sequenced_seen_limit=3)
    plain = desk.instruct("plain")
    desk.close()
    for number in range(10):
        desk.instruct(f"n{number}", sequence=number)
        desk.close()
    desk.driver.feed("instructions", plain)
    assert len(desk.results("plain")) == 1
    assert len([name for name in desk.driver.state if name.startswith("seen|")]) <= 8


def test_the_memory_of_ids_is_bounded_whatever_is_published() -> None:
    desk = Desk(seen_limit=20, queue_limit=5)
    dead = 0
    for number in range(100):
        try:
            desk.instruct(f"n{number}")
        except ExecutionError as error:
            assert (error.code, error.halts) == ("EIM-015", False)
            dead += 1
    refused = sum(1 for one in desk.driver.records("instruction_results") if one.status == "refused")
    assert (refused, dead) == (33, 61)  # one in flight, five queued
    assert len([name for name in desk.driver.state if name.startswith("seen|")]) == 40
    assert desk.head().seen == 40


def test_a_full_queue_refuses_and_keeps_what_it_has() -> None:
    desk = Desk(queue_limit=2)
    for name in ("i1", "i2", "i3", "i4"):
        desk.instruct(name)
    assert code_of(desk, "i4") == ("refused", "EIM-015")
    desk.close()
    desk.close()
    assert desk.dispatched() == ["i1", "i2", "i3"]


def test_ids_that_are_queued_are_never_forgotten_and_keep_no_other() -> None:
    desk = Desk(sequenced_seen_limit=2)
    for number in range(5):
        desk.instruct(f"q{number}", sequence=number)
    for number in range(5, 20):
        desk.instruct(f"bad{number}", sequence=number, amount=D(-1))
    names = {name for name in desk.driver.state if name.startswith("seen|")}
    assert {f"seen|q{number}" for number in range(1, 5)} <= names
    assert len(names) <= 12


# --- the queue --------------------------------------------------------------------------------------------------------


def test_queued_instructions_expire_wherever_they_stand() -> None:
    desk = Desk()
    desk.instruct("i1")
    desk.instruct("i2")
    desk.instruct("i3", expires_at=desk.now + timedelta(seconds=10))
    desk.instruct("i4")
    desk.driver.advance(9)
    assert not desk.results("i3")
    desk.driver.advance(1)
    assert code_of(desk, "i3") == ("expired", "EIM-010")
    desk.close()
    desk.close()
    assert desk.dispatched() == ["i1", "i2", "i4"]


def test_what_is_queued_when_a_halt_comes_stays_until_it_expires() -> None:
    desk = Desk()
    desk.instruct("i1")
    desk.instruct("i2", expires_at=desk.now + timedelta(seconds=10))
    desk.instruct("i3")
    desk.order("halt")
    desk.close()
    assert desk.dispatched() == ["i1"]
    desk.driver.advance(11)
    assert code_of(desk, "i2") == ("expired", "EIM-010")
    assert not desk.results("i3")


def test_what_arrives_under_a_halt_is_refused() -> None:
    desk = Desk()
    desk.order("halt")
    desk.instruct()
    assert code_of(desk, "i1") == ("refused", "EIM-011")


def test_what_arrives_under_a_suspension_is_queued() -> None:
    desk = Desk()
    desk.instruct("i1")
    desk.close(status="unavailable")
    desk.instruct("i2")
    assert not desk.results("i2")
    assert desk.head().queued == 1


@pytest.mark.parametrize("queued", [True, False])
def test_one_that_cannot_be_started_is_refused_and_neither_its_key_nor_the_loop_before_it_notices(
    queued: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIM-001: what frees the slot tells of another's loop, and must not be undone."""
    desk = Desk()
    whole = dispatch.expected.bound_of

    def fail(instruction: Instruction) -> Any:
        if instruction.instruction_id == "odd":
            raise OverflowError("a defect")
        return whole(instruction)

    monkeypatch.setattr(dispatch.expected, "bound_of", fail)
    if queued:
        desk.instruct("i1")
    desk.instruct("odd")
    desk.instruct("i2")
    desk.close()
    assert code_of(desk, "odd") == ("refused", "EIM-001")
    assert "OverflowError: a defect" in str(desk.result("odd").error)
    if queued:
        desk.close()
    assert [desk.result(name).status for name in (["i1"] if queued else []) + ["i2"]] == ["reconciled"] * (1 + queued)
    assert [one.loop_no for one in desk.loops()] == [3, 4][: 1 + queued]
    assert (desk.halts(), desk.head().slot, desk.head().queued) == ([], None, 0)


def test_one_that_cannot_be_judged_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()

    def fail(instruction: Instruction) -> Any:
        raise OverflowError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(validate, "expires_at", fail)
        desk.instruct("odd")
    assert code_of(desk, "odd") == ("refused", "EIM-001")
    desk.instruct("i2")
    assert desk.dispatched() == ["i2"]


def test_what_is_queued_for_an_account_that_the_configuration_took_away_is_refused() -> None:
    ours, theirs = (AccountRef(lane="binance", venue="binance", account=name) for name in ("s1", "other"))
    desk = Desk()
    desk.instruct("i1")
    desk.instruct("i2")
    desk.instruct("i3", expires_at=desk.now + timedelta(seconds=10))
    desk.manager.settings = ManagerSettings(lanes=("binance",), accounts={"s2": (ours,)})
    desk.close()
    assert code_of(desk, "i2") == code_of(desk, "i3") == ("refused", "EIM-007")
    desk.manager.settings = ManagerSettings(lanes=("binance",), accounts={"s1": (theirs,)})
    desk.instruct("i4")
    assert desk.last_loop().account == "other"


# --- cancels ----------------------------------------------------------------------------------------------------------


def stop(desk: Desk, target: str, name: str = "stop", **fields: Any) -> None:
    desk.driver.feed("instructions", builders.cancel(name, desk.now, target, **fields))


def test_a_queued_target_is_cancelled_at_once_also_under_a_halt() -> None:
    desk = Desk()
    desk.instruct("i1")
    desk.instruct("i2")
    desk.order("halt")
    stop(desk, "i2")
    assert desk.result("i2").status == "cancelled"
    assert (desk.result("stop").status, desk.result("stop").outcome) == ("reconciled", "none")
    desk.close()
    assert desk.dispatched() == ["i1"]


def test_a_target_in_flight_is_cancelled_by_its_executor_also_under_a_halt() -> None:
    desk = Desk()
    desk.instruct("i1")
    desk.order("halt")
    stop(desk, "i1")
    sent = desk.loops()[-1]
    assert (sent.kind, sent.target_loop_no, sent.loop_no, sent.instruction) == ("cancel", 3, 3, None)
    assert not desk.results("stop")
    desk.close(outcome="cancelled")
    assert (desk.result("i1").status, desk.result("i1").outcome) == ("reconciled", "cancelled")
    assert (desk.result("stop").status, desk.result("stop").outcome) == ("reconciled", "none")


@pytest.mark.parametrize("target", ["nobody", "first"])
def test_a_cancel_without_a_target_is_refused(target: str) -> None:
    desk = Desk()
    stop(desk, target)
    assert code_of(desk, "stop") == ("refused", "EIM-007")


def test_a_cancel_that_has_expired_does_nothing() -> None:
    desk = Desk()
    desk.instruct("i1")
    desk.driver.world.now += timedelta(seconds=10)
    decided = builders.cancel("stop", desk.now - timedelta(seconds=5), "i1")
    desk.driver.feed("instructions", again(decided, expires_at=desk.now - timedelta(seconds=1)))
    assert code_of(desk, "stop") == ("expired", "EIM-010")
    assert [one.kind for one in desk.loops()] == ["execute"]


def test_cancels_that_wait_for_one_loop_are_bounded() -> None:
    desk = Desk(cancels_limit=2)
    desk.instruct("i1")
    for number in range(3):
        stop(desk, "i1", f"stop{number}")
    assert code_of(desk, "stop2") == ("refused", "EIM-015")
    desk.close(outcome="cancelled")
    assert [desk.result(f"stop{number}").status for number in range(2)] == ["reconciled", "reconciled"]
