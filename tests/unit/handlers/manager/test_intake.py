"""What the manager does with an instruction that arrives: one result for each id, whatever comes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.support.lanes import ARBITRUM, SECOND_BINANCE, directory
from tests.unit.handlers.manager.desk import D, Desk, again, short

from tightloop.domain import validate
from tightloop.errors import ExecutionError
from tightloop.handlers.api import Inbound
from tightloop.handlers.manager import dispatch
from tightloop.handlers.manager.settings import ManagerSettings
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
def test_an_invalid_instruction_is_refused_with_a_result_and_halts_nothing(fields: dict[str, Any], code: str) -> None:
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


def test_another_created_at_is_other_content_and_the_letter_says_so() -> None:
    desk = Desk()
    made = desk.instruct()
    with pytest.raises(ExecutionError, match="created_at counts") as raised:
        desk.driver.feed("instructions", again(made, created_at=made.created_at + timedelta(seconds=1)))
    assert raised.value.code == "EIM-009"


def test_other_content_under_the_same_id_goes_to_dead_letters_without_a_halt_or_a_result() -> None:
    desk = Desk()
    made = desk.instruct()
    with pytest.raises(ExecutionError) as raised:
        desk.driver.feed("instructions", again(made, metadata={"a": "b"}))
    assert (raised.value.code, raised.value.halts) == ("EIM-009", False)
    desk.close()
    assert desk.result().status == "reconciled"


def spent(desk: Desk, made: Instruction) -> None:
    with pytest.raises(ExecutionError) as raised:
        desk.driver.feed("instructions", made)
    assert (raised.value.code, raised.value.halts) == ("EIM-009", False)


def test_a_sequence_not_above_the_last_is_refused_and_spent_once_its_ids_are_forgotten() -> None:
    """Until then it is known that the id never had a result."""
    desk = Desk(sequenced_seen_limit=3)
    first = desk.instruct("i5", sequence=5)
    desk.close()
    late = [desk.instruct(name, sequence=number) for name, number in (("i4", 4), ("other", 5))]
    assert code_of(desk, "i4") == code_of(desk, "other") == ("refused", "EIM-007")
    for number in range(7, 20):
        desk.instruct(f"i{number}", sequence=number)
        desk.close()
    for made in (first, *late, again(late[0], instruction_id="never seen")):
        spent(desk, made)
    assert len(desk.results("i4")) == 1
    assert desk.dispatched() == ["i5", *(f"i{number}" for number in range(7, 20))]


def test_without_a_sequence_what_is_too_old_is_refused_and_spent_once_ids_of_its_age_are_forgotten() -> None:
    desk = Desk()
    far = desk.now + timedelta(days=1)
    old = [builders.trade(f"old{hours}", desk.now - timedelta(hours=hours), expires_at=far) for hours in (2, 200)]
    for made in old:
        desk.driver.feed("instructions", made)
        desk.driver.feed("instructions", made)
        assert code_of(desk, made.instruction_id) == ("refused", "EIM-007")
    desk.driver.world.now += timedelta(seconds=2 * HOUR + 6)
    desk.instruct("later")
    desk.close()
    desk.instruct("and later")
    for made in (*old, again(old[1], instruction_id="never seen")):
        spent(desk, made)
    numbered = builders.trade("numbered", desk.now - timedelta(days=9), expires_at=far, sequence=1)
    desk.driver.feed("instructions", numbered)
    desk.close()
    assert desk.dispatched()[-1] == "numbered"


@pytest.mark.parametrize("sequence", [None, 7])
@pytest.mark.parametrize("ahead_s", [6, 2.5 * HOUR, 100 * HOUR])
def test_what_was_refused_for_its_date_is_never_executed_when_that_date_has_come(
    ahead_s: float, sequence: int | None
) -> None:
    desk = Desk()
    date = desk.now + timedelta(seconds=ahead_s)
    made = builders.trade("i1", date, expires_at=date + timedelta(days=20), sequence=sequence)
    desk.driver.feed("instructions", made)
    assert code_of(desk, "i1") == ("refused", "EIM-007")
    for step in range(int(ahead_s / HOUR) * 4 + 20):  # until it could not be taken in any more, and long after
        desk.driver.world.now += timedelta(seconds=HOUR / 4)
        for number in range(3):
            desk.instruct(f"other{step}-{number}")
            desk.close()
        try:
            desk.driver.feed("instructions", made)
        except ExecutionError as error:
            assert error.code == "EIM-009"
    assert len(desk.results("i1")) == 1
    assert "i1" not in desk.dispatched()


def test_ids_without_a_sequence_are_forgotten_although_one_before_them_is_dated_far_ahead() -> None:
    desk = Desk()
    desk.driver.feed("instructions", builders.trade("i1", desk.now + timedelta(days=1000)))
    for number in range(40):
        desk.driver.world.now += timedelta(seconds=HOUR / 4)
        desk.instruct(f"n{number}")
        desk.close()
    assert "seen|i1" in desk.driver.state
    assert desk.head().seen == len([name for name in desk.driver.state if name.startswith("seen|")]) <= 12
    assert desk.head().seen_ahead == 1


@pytest.mark.parametrize("number", [5, 6, 2**53 - 1, 2**53, 2**62])
def test_a_number_of_what_was_refused_as_impossible_blocks_nothing_after_it(number: int) -> None:
    desk = Desk()
    desk.instruct("i4", sequence=4)
    desk.close()
    bad = desk.instruct("bad", sequence=number, amount=D(-1))
    assert code_of(desk, "bad") == ("refused", "EIM-007")
    desk.instruct("mended", sequence=5)
    desk.close()
    desk.instruct("next", sequence=6)
    desk.close()
    assert [desk.result(name).status for name in ("mended", "next")] == ["reconciled", "reconciled"]
    desk.driver.feed("instructions", bad)
    assert len(desk.results("bad")) == 1


def test_what_was_refused_with_a_number_above_all_others_gets_no_second_result_when_others_are_forgotten() -> None:
    desk = Desk(sequenced_seen_limit=3)
    bad = [desk.instruct(f"bad{number}", sequence=number, amount=D(-1)) for number in (50, 2**53)]
    for number in range(100):
        desk.instruct(f"n{number}", sequence=number)
        if desk.head().slot:
            desk.close()
        for made in bad:
            try:
                desk.driver.feed("instructions", made)
            except ExecutionError as error:
                assert error.code == "EIM-009"
    assert all(len(desk.results(made.instruction_id)) == 1 for made in bad)
    assert [short(desk.result(f"n{number}"))[0] for number in (49, 50, 51, 99)] == ["reconciled"] * 4
    assert "seen|bad50" not in desk.driver.state
    assert "seen|bad9007199254740992" in desk.driver.state
    assert desk.head().seen_ahead == 1


@pytest.mark.parametrize(
    ("prepare", "fields", "code"),
    [
        (lambda desk: desk.order("halt"), {}, "EIM-011"),
        (lambda desk: None, {"expires_at": True}, "EIM-010"),
    ],
)
def test_what_only_came_at_the_wrong_time_has_used_its_number(prepare: Any, fields: dict[str, Any], code: str) -> None:
    desk = Desk()
    prepare(desk)
    made = builders.trade("i1", desk.now - timedelta(seconds=60), sequence=5, price=D(1))
    if fields:
        made = again(made, expires_at=desk.now - timedelta(seconds=1))
    desk.driver.feed("instructions", made)
    assert code_of(desk, "i1")[1] == code
    desk.instruct("i2", sequence=5)
    assert code_of(desk, "i2") == ("refused", "EIM-007")


@pytest.mark.parametrize("numbered", [True, False])
def test_ids_refused_ahead_of_all_others_are_bounded_and_the_key_goes_on(numbered: bool) -> None:
    """EIM-015: beyond the bound they have no result at all, and so may have it later."""
    desk = Desk(ahead_limit=5)
    later = desk.now + timedelta(hours=2.5)
    fields = [{"sequence": 100 + number, "amount": D(-1)} if numbered else {} for number in range(8)]
    made = [builders.trade(f"i{number}", later, **one) for number, one in enumerate(fields)]
    for one in made[:5]:
        desk.driver.feed("instructions", one)
    for one in made[5:]:
        with pytest.raises(ExecutionError) as raised:
            desk.driver.feed("instructions", one)
        assert (raised.value.code, raised.value.halts) == ("EIM-015", False)
    desk.instruct("good", **({"sequence": 1} if numbered else {}))
    desk.close()
    assert desk.result("good").status == "reconciled"
    assert (desk.head().seen, desk.head().seen_ahead) == (7, 5)  # with `first` and `good`


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
        late = desk.now - timedelta(hours=2)
        desk.driver.feed("instructions", builders.trade(f"late{number}", late, sequence=number))
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
def test_an_instruction_that_cannot_be_started_is_refused_without_harm_to_its_key_or_the_loop_before_it(
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


@pytest.mark.interpreted
def test_an_instruction_whose_check_fails_by_a_defect_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
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
    desk.manager.settings = ManagerSettings(directory=directory(["binance"], {"s2": (ours,)}))
    desk.close()
    assert code_of(desk, "i2") == code_of(desk, "i3") == ("refused", "EIM-007")
    desk.manager.settings = ManagerSettings(directory=directory(["binance"], {"s1": (theirs,)}))
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


# --- several lanes of a venue -----------------------------------------------------------------------------------------


def test_an_instruction_goes_to_the_lane_that_its_chain_or_account_says() -> None:
    desk = Desk(fresh=True, lanes=["binance", SECOND_BINANCE, "ethereum", ARBITRUM])
    desk.driver.feed("instructions", builders.action("i1", desk.now, chain_id=42161))
    (loop,) = desk.loops("arbitrum")
    assert (loop.kind, loop.venue, loop.account) == ("adopt", "wallet", "s1.arbitrum")
    desk.instruct("i2", strategy_id="s2", account="s2.binance-2")
    assert [(one.venue, one.account) for one in desk.loops("binance-2")] == [("binance", "s2.binance-2")]
    desk.instruct("i3", strategy_id="s3")
    assert code_of(desk, "i3") == ("refused", "EIM-007")
    assert "s3 on binance, s3.binance-2 on binance-2" in desk.result("i3").error.message  # type: ignore[union-attr]


def test_a_cancel_needs_no_lane() -> None:
    desk = Desk(fresh=True, lanes=["binance", SECOND_BINANCE])
    desk.instruct("i1", account="s1")
    desk.driver.feed("instructions", builders.cancel("c1", desk.now, "i1"))
    assert code_of(desk, "c1") == ("reconciled", None)
    assert code_of(desk, "i1") == ("cancelled", None)


def test_what_a_lane_does_not_offer_is_refused_before_it_is_dispatched() -> None:
    desk = Desk(fresh=True, lanes=[ARBITRUM])
    odd = again(builders.swap("USDT", "WETH", D(1)), protocol="morpho", operation="supply")
    desk.driver.feed("instructions", builders.action("i1", desk.now, odd, chain_id=42161, atomic=True))
    assert code_of(desk, "i1") == ("refused", "EIM-008")
    assert desk.dispatched() == []
