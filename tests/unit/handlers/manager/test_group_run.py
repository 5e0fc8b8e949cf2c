"""Groups under way at the interface manager: what runs after what, what a failed leg ends, what a halt stops."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.support.handler_context import START
from tests.support.lanes import directory
from tests.unit.handlers.manager.desk import Desk, error, short
from tests.unit.handlers.manager.test_groups import LANES, desk, feed, legs, nothing_is_left

from tightloop.handlers.manager import dispatch, group_run
from tightloop.handlers.manager.handler import InterfaceManager
from tightloop.handlers.manager.settings import ManagerSettings
from tightloop.records.types import AccountRef, Action, Delta, Instruction
from tightloop.testing import builders

D = Decimal
SCALES = {"scale_to_filled": True}


def started(*fields: dict[str, Any], **settings: Any) -> Desk:
    """A group with its first leg in flight."""
    at = desk(**settings)
    feed(at, *legs(*fields))
    assert at.dispatched() == ["g0"]
    return at


def ends(at: Desk, *names: str) -> list[tuple[str, str | None, str | None]]:
    return [short(at.result(name)) for name in names]


def halt_text(at: Desk, code: str = "EIM-019") -> str:
    return next(one.message for one in at.head().halts if one.code == code)


# --- what a leg is dispatched with ------------------------------------------------------------------------------------


def test_a_later_leg_has_its_whole_life_from_its_dispatch() -> None:
    at = started({"expires_at": START + timedelta(seconds=60)}, {"expires_at": START + timedelta(seconds=90)})
    assert at.last_loop().not_after == START + timedelta(seconds=60)
    at.driver.advance(50)
    at.close(status="unavailable", outcome="filled")
    at.driver.advance(100)
    at.close(status="matched", outcome="none")
    assert at.dispatched()[-1] == "g1"
    assert at.last_loop().not_after == at.now + timedelta(seconds=90)
    assert at.head().slot.deadline_at > at.last_loop().not_after  # type: ignore[union-attr]


def test_a_leg_takes_the_fraction_that_the_first_leg_filled() -> None:
    expected = (Delta(position_key="bybit:Perp:BTC/USDT:USDT", amount=D(-3), source="trade"),)
    at = started({"amount": D(3)}, {"amount": D(1), **SCALES, "expected_deltas": expected})
    at.close(outcome="partially_filled", filled_amount=D(1))
    routed = at.last_loop().instruction
    assert routed is not None
    assert routed.cex_trade is not None
    assert routed.cex_trade.amount == D("0.333333333333333333")  # cut, not rounded
    assert at.head().slot.expected_deltas[0].amount == D(-1)  # type: ignore[union-attr]
    done = (Delta(position_key="bybit:Perp:BTC/USDT:USDT", amount=D("-0.999"), source="trade"),)
    at.close(outcome="filled", filled_amount=D("0.333"), deltas=done)
    assert ends(at, "g0", "g1") == [("reconciled", "partially_filled", None), ("reconciled", "filled", None)]
    nothing_is_left(at)


def test_a_first_leg_filled_whole_leaves_the_others_as_they_are() -> None:
    at = started({"amount": D(3)}, {"amount": D(1), **SCALES})
    at.close(filled_amount=D(3))
    assert at.last_loop().instruction.cex_trade.amount == D(1)  # type: ignore[union-attr]


def test_what_rounding_took_from_a_filled_first_leg_is_taken_from_the_others() -> None:
    at = started({"amount": D("0.12345678")}, {"amount": D("0.12345678"), **SCALES})
    at.close(filled_amount=D("0.12345"))
    assert at.last_loop().instruction.cex_trade.amount == D("0.12345")  # type: ignore[union-attr]


def test_actions_scale_by_their_amounts_and_least_outputs() -> None:
    at = desk()
    swap = builders.swap("USDT", "WETH", D(1000), min_amount_out=D("0.1"))
    rest = Action(protocol="aave", operation="supply", token_in="WETH", amount_rule="all")
    batch = builders.action("g1", START, swap, rest, **SCALES)
    sent = builders.transfer("g2", START, "USDT", D(30), **SCALES)
    first = builders.trade("g0", START, price=D(60000), amount=D(3))
    feed(at, *builders.group("g", first, batch, sent))
    at.close(kind="adopt")
    at.close(outcome="partially_filled", filled_amount=D(1))
    actions = at.last_loop().instruction.smart_contract_action.actions  # type: ignore[union-attr]
    assert (actions[0].amount, actions[0].min_amount_out) == (D("333.333333333333333333"), D("0.033333333333333334"))
    assert (actions[1].amount, actions[1].amount_rule) == (None, "all")
    at.close()
    assert at.last_loop().instruction.wallet_transfer.amount == D(10)  # type: ignore[union-attr]


def test_every_account_is_taken_over_before_the_first_leg() -> None:
    at = Desk(lanes=LANES)
    feed(at, *legs())
    assert at.dispatched() == ["adopt"]
    at.close(kind="adopt")
    assert at.dispatched() == ["adopt", "g0"]
    at.close()
    assert at.dispatched() == ["adopt", "g0", "g1"]


# --- failures ---------------------------------------------------------------------------------------------------------

FAILS: dict[str, dict[str, Any]] = {
    "rejected": {"outcome": "rejected", "filled_amount": D(0), "execution_error": error("EXI-006")},
    "cancelled by its timeout": {"outcome": "cancelled", "filled_amount": D(0)},
    "filled in part": {"outcome": "partially_filled", "filled_amount": D("0.4")},
    "rolled back": {"outcome": "rolled_back", "filled_amount": D(0), "execution_error": error("EXI-008")},
}


@pytest.mark.parametrize("how", FAILS)
@pytest.mark.parametrize("on_failure", ["halt", None, "cancel_rest"])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_after_a_leg_that_failed_none_runs(how: str, on_failure: Any, which: int) -> None:
    fields: list[dict[str, Any]] = [{}, {}, {}]
    fields[which] = {"on_failure": on_failure}
    at = started(*fields)
    for _ in range(which):
        at.close()
    at.close(**FAILS[how])
    at.driver.advance(5)
    names = ["g0", "g1", "g2"]
    assert at.dispatched() == names[: which + 1]
    outcome = FAILS[how]["outcome"]
    assert ends(at, *names[:which]) == [("reconciled", "filled", None)] * which
    assert short(at.result(names[which]))[:2] == ("reconciled", outcome)
    for name in names[which + 1 :]:
        assert short(at.result(name)) == ("cancelled", None, "EIM-019")
        assert f"leg {which + 1} of 3 (g{which}" in str(at.result(name).error)
    assert at.halts() == ([] if on_failure == "cancel_rest" else ["EIM-019"])
    nothing_is_left(at)


def test_the_halt_says_which_leg_failed_what_stays_and_what_was_not_executed() -> None:
    at = started({}, {}, {})
    at.close(filled_amount=D(1))
    at.close(**FAILS["filled in part"])
    assert halt_text(at) == (
        "group g: leg 2 of 3 (g1, sell BTC/USDT:USDT at bybit) ended partially_filled 0.4; done, and stays: buy "
        "BTC/USDT at binance (g0) filled 1, sell BTC/USDT:USDT at bybit (g1) partially_filled 0.4; not executed: sell "
        "BTC/USDT:USDT at bybit (g2)"
    )


def test_a_first_leg_that_fails_says_that_nothing_was_filled() -> None:
    at = started({}, {})
    at.close(**FAILS["rejected"])
    assert "nothing was filled; not executed: sell BTC/USDT:USDT at bybit (g1): EXI-006" in halt_text(at)


def test_what_left_and_came_back_is_not_said_to_stay() -> None:
    """A withdrawal that the exchange could not send: its reports told of the debit, and then of the credit."""
    at = started({}, {})
    at.close(outcome="rolled_back", filled_amount=D(1000), execution_error=error("EXI-001"))
    assert "ended rolled_back; nothing was filled; not executed" in halt_text(at)


def test_a_part_of_the_first_leg_fails_the_group_where_not_all_others_scale() -> None:
    at = started({}, SCALES, {})
    at.close(**FAILS["filled in part"])
    assert at.dispatched() == ["g0"]
    assert at.halts() == ["EIM-019"]


def test_a_first_leg_that_filled_nothing_fails_also_where_the_others_scale() -> None:
    at = started({}, SCALES)
    at.close(**FAILS["cancelled by its timeout"])
    assert at.dispatched() == ["g0"]
    assert at.halts() == ["EIM-019"]


def test_a_part_of_a_scaled_leg_fails_the_group() -> None:
    at = started({}, SCALES, SCALES)
    at.close(**FAILS["filled in part"])
    at.close(**FAILS["filled in part"])
    assert at.dispatched() == ["g0", "g1"]
    assert at.halts() == ["EIM-019"]


def test_a_scaled_leg_needs_a_first_leg_with_an_amount() -> None:
    at = desk()
    quote = {"price": None, "amount": None, "quote_amount": D(1000), "order_type": "market"}
    feed(at, *legs(quote, SCALES))
    assert ends(at, "g0", "g1") == [("refused", None, "EIM-018")] * 2
    assert "scale_to_filled needs a first leg that is a cex_trade with an amount, and g0 is not" in str(
        at.result("g0").error
    )
    nothing_is_left(at)


def test_a_first_leg_that_expired_before_it_was_submitted_expires_the_group() -> None:
    at = started({}, {})
    at.close(outcome="none", filled_amount=D(0), execution_error=error("EIM-010"))
    assert ends(at, "g0", "g1") == [("expired", "none", "EIM-010"), ("expired", None, "EIM-010")]
    assert at.halts() == []
    nothing_is_left(at)


def test_a_later_leg_that_expired_before_it_was_submitted_has_failed() -> None:
    at = started({}, {}, {})
    at.close()
    at.close(outcome="none", filled_amount=D(0), execution_error=error("EIM-010"))
    assert ends(at, "g1", "g2") == [("expired", "none", "EIM-010"), ("cancelled", None, "EIM-019")]
    assert at.halts() == ["EIM-019"]


@pytest.mark.parametrize("on_failure", ["halt", "cancel_rest"])
def test_a_mismatch_after_a_leg_ends_the_group_whatever_it_says(on_failure: Any) -> None:
    at = started({"on_failure": on_failure}, {})
    at.close(status="mismatched")
    assert at.dispatched() == ["g0", "verify"]
    at.close(status="mismatched", outcome="none")
    assert ends(at, "g0", "g1") == [("halted", "filled", "REC-002"), ("cancelled", None, "EIM-019")]
    assert at.halts() == (["REC-002"] if on_failure == "cancel_rest" else ["REC-002", "EIM-019"])
    assert "ended filled 1, its loop in a halt" in str(at.result("g1").error)
    nothing_is_left(at)


def test_a_mismatch_that_its_verify_settles_lets_the_group_go_on() -> None:
    at = started({}, {})
    at.close(status="mismatched")
    at.close(outcome="none")
    assert at.dispatched() == ["g0", "verify", "g1"]


@pytest.mark.parametrize("on_failure", ["halt", "cancel_rest"])
def test_a_leg_whose_outcome_is_unknown_ends_the_group(on_failure: Any) -> None:
    at = started({"on_failure": on_failure}, {})
    at.close(outcome="unknown", filled_amount=D(0), execution_error=error("EXI-005"))
    assert ends(at, "g0", "g1") == [("halted", "unknown", "EXI-005"), ("cancelled", None, "EIM-019")]
    assert at.halts() == (["EXI-005"] if on_failure == "cancel_rest" else ["EXI-005", "EIM-019"])
    assert "done, and stays: buy BTC/USDT at binance (g0) unknown" in str(at.result("g1").error)


def test_a_group_waits_while_its_positions_cannot_be_verified() -> None:
    at = started({}, {})
    at.close(status="timeout")
    at.driver.advance(5)
    at.close(status="unavailable", outcome="none")
    at.driver.advance(10)
    at.close(outcome="none")
    assert at.dispatched() == ["g0", "verify", "verify", "g1"]


def test_a_leg_that_stays_unverified_for_an_hour_ends_the_group() -> None:
    at = started({}, {})
    at.close(status="timeout")
    for _ in range(40):
        at.driver.advance(300)
        if at.head().slot is None:
            break
        at.close(status="unavailable", outcome="none")
    assert ends(at, "g0", "g1") == [("halted", "filled", "REC-003"), ("cancelled", None, "EIM-019")]


def test_a_leg_that_could_not_close_and_was_ended_by_a_resume_has_failed() -> None:
    at = started({}, {})
    at.dead_letter("fills")
    at.order("resume", expected_halt_ids=at.halt_ids())
    assert ends(at, "g0", "g1") == [("halted", "unknown", "EIM-012"), ("cancelled", None, "EIM-019")]
    at.close(outcome="none")
    at.close(outcome="none")
    assert at.halts() == ["EIM-019"]  # the resume did not name it


def test_a_later_leg_whose_account_was_taken_away_has_failed() -> None:
    at = started({}, {}, {})
    taken = {"s2": (AccountRef(lane="bybit", venue="bybit", account="s1"),)}
    at.manager.settings = ManagerSettings(directory=directory(LANES, taken))
    at.close()
    assert ends(at, "g1", "g2") == [("refused", None, "EIM-007"), ("cancelled", None, "EIM-019")]
    assert "done, and stays: buy BTC/USDT at binance (g0) filled 1" in halt_text(at)
    nothing_is_left(at)


def test_an_account_that_was_taken_away_before_the_start_refuses_the_group() -> None:
    at = desk()
    at.instruct("i1")
    feed(at, *legs())
    taken = {"s2": (AccountRef(lane="bybit", venue="bybit", account="s1"),)}
    at.manager.settings = ManagerSettings(directory=directory(LANES, taken))
    at.close()
    assert ends(at, "g0", "g1") == [("refused", None, "EIM-018")] * 2
    assert at.dispatched() == ["i1"]
    nothing_is_left(at)


@pytest.mark.interpreted
@pytest.mark.parametrize("which", [0, 1])
def test_a_leg_that_cannot_be_started_by_a_defect_of_ours_ends_the_group(
    which: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk()
    real = dispatch._start

    def broken(turn: Any, queued: Any, judged: Any) -> None:
        if queued.instruction.instruction_id == f"g{which}":
            raise RuntimeError("a defect")
        real(turn, queued, judged)

    monkeypatch.setattr(dispatch, "_start", broken)
    feed(at, *legs({}, {}, {}))
    if which == 0:
        assert ends(at, "g0", "g1", "g2") == [("refused", None, "EIM-018")] * 3
        assert at.halts() == []
    else:
        at.close()
        assert ends(at, "g1", "g2") == [("refused", None, "EIM-001"), ("cancelled", None, "EIM-019")]
        assert at.halts() == ["EIM-019"]
    nothing_is_left(at)


@pytest.mark.interpreted
def test_a_leg_that_cannot_be_scaled_by_a_defect_of_ours_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> None:
        raise ArithmeticError("a defect")

    monkeypatch.setattr(group_run.rules, "scaled", broken)
    at = started({}, SCALES)
    at.close()
    assert ends(at, "g0", "g1") == [("reconciled", "filled", None), ("refused", None, "EIM-001")]
    assert at.halts() == ["EIM-019"]
    nothing_is_left(at)


# --- nothing else between the legs ------------------------------------------------------------------------------------


def test_nothing_of_the_key_runs_between_the_legs() -> None:
    at = started({}, {}, refresh_s=60.0)
    at.instruct("i1")
    at.close(kind="verify", loop_no=0, source="adjustment", outcome="none")  # an adjustment asks for a verification
    at.close(loop=at.loops()[-1])
    assert at.dispatched() == ["g0", "g1"]
    at.close()
    assert at.dispatched() == ["g0", "g1", "verify"]
    at.close(outcome="none")
    assert at.dispatched() == ["g0", "g1", "verify", "i1"]


HALTS: dict[str, dict[str, Any]] = {
    "of the key": {},
    "of the venue of the next leg": {"scope": "venue", "venue": "bybit"},
    "of all": {"scope": "all"},
}


def resume(at: Desk, scope: dict[str, Any]) -> None:
    named = tuple(one.halt_id for one in at.shared()) if scope else at.halt_ids()
    at.order("resume", "c2", expected_halt_ids=named, **scope)


@pytest.mark.parametrize("what", HALTS)
def test_a_halt_between_legs_stops_the_next_until_a_resume(what: str) -> None:
    at = started({}, {"expires_at": START + timedelta(seconds=30)})
    at.order("halt", **HALTS[what])
    at.close()
    assert at.dispatched() == ["g0"]
    assert at.head().group_id == "g"
    at.driver.advance(3600)
    assert not at.results("g1")
    resume(at, HALTS[what])
    while at.dispatched()[-1] == "verify":
        at.close(outcome="none")
    assert at.dispatched()[0] == "g0"
    assert set(at.dispatched()[1:-1]) == {"verify"}
    assert at.dispatched()[-1] == "g1"
    at.close()
    assert at.halts() == []
    nothing_is_left(at)


def test_no_refresh_is_due_while_a_halt_stops_a_group() -> None:
    at = started({}, {}, refresh_s=60.0)
    at.order("halt", scope="venue", venue="bybit")
    at.close()
    due = at.driver.wake
    assert due is None or due > at.now + timedelta(seconds=60)


def test_a_halt_of_another_venue_stops_no_leg_and_nothing_else_overtakes_a_stopped_group() -> None:
    at = started({}, {}, refresh_s=60.0)
    at.order("halt", scope="venue", venue="bybit")
    at.close()
    at.instruct("i1")  # binance is not halted
    at.driver.advance(600)
    assert at.dispatched() == ["g0"]
    other = started({}, {})
    other.order("halt", scope="venue", venue="binance")
    other.close()
    assert other.dispatched() == ["g0", "g1"]


@pytest.mark.parametrize("what", HALTS)
def test_a_complete_group_that_is_queued_when_a_halt_comes_stays_until_it_expires(what: str) -> None:
    at = desk()
    at.instruct("i1")
    feed(at, *legs({}, {"expires_at": START + timedelta(seconds=30)}))
    at.order("halt", **HALTS[what])
    at.close()
    assert at.dispatched() == ["i1"]
    at.driver.advance(30)
    assert ends(at, "g0", "g1") == [("expired", None, "EIM-010")] * 2
    nothing_is_left(at)


@pytest.mark.parametrize("what", HALTS)
def test_a_complete_group_that_a_halt_holds_back_starts_after_the_resume(what: str) -> None:
    at = desk()
    at.instruct("i1")
    feed(at, *legs())
    at.order("halt", **HALTS[what])
    at.close()
    resume(at, HALTS[what])
    while at.dispatched()[-1] == "verify":
        at.close(outcome="none")
    at.close()
    assert [one for one in at.dispatched() if one != "verify"] == ["i1", "g0", "g1"]


def test_a_group_that_waits_for_a_leg_when_a_record_of_its_key_is_dead_stays_until_it_expires() -> None:
    at = desk()
    feed(at, legs({"expires_at": START + timedelta(seconds=30)}, {})[0])
    at.dead_letter("instructions")
    assert at.head().legs == 1
    at.driver.advance(30)
    assert ends(at, "g0") == [("expired", None, "EIM-018")]


@pytest.mark.parametrize("what", HALTS)
def test_a_leg_that_comes_under_a_halt_refuses_the_group_whole(what: str) -> None:
    at = desk()
    first, second = legs()
    feed(at, first)
    at.order("halt", **HALTS[what])
    feed(at, second)
    assert ends(at, "g0", "g1") == [("refused", None, "EIM-018"), ("refused", None, "EIM-011")]
    nothing_is_left(at)


# --- cancels ----------------------------------------------------------------------------------------------------------

TARGETS = ["the group", "its first leg", "its second leg"]


def cancel(at: Desk, by: str, target: str) -> None:
    name = {"the group": "g", "its first leg": "g0", "its second leg": "g1"}[target]
    if by == "an operator":
        at.order("cancel", "c9", target_id=name)
        return
    made: Instruction = builders.cancel("cancel", at.now, name)
    if target == "the group":
        made = builders.cancel_group("cancel", at.now, name)
    feed(at, made)


@pytest.mark.parametrize("by", ["its publisher", "an operator"])
@pytest.mark.parametrize("target", TARGETS)
class TestCancels:
    def test_a_queued_group_ends_at_once(self, by: str, target: str) -> None:
        at = desk()
        at.instruct("i1")
        feed(at, *legs())
        cancel(at, by, target)
        assert ends(at, "g0", "g1") == [("cancelled", None, None)] * 2
        assert by == "an operator" or short(at.result("cancel")) == ("reconciled", "none", None)
        at.close()
        assert at.dispatched() == ["i1"]
        nothing_is_left(at)

    def test_a_leg_in_flight_is_cancelled_by_its_executor_and_the_others_do_not_start(
        self, by: str, target: str
    ) -> None:
        at = started({}, {})
        cancel(at, by, target)
        assert [one.kind for one in at.loops()] == ["execute", "cancel"]
        assert ends(at, "g1") == [("cancelled", None, None)]
        assert not at.results("g0")
        assert not at.results("cancel")
        at.close(at.loops()[0], outcome="partially_filled", filled_amount=D("0.4"))
        assert ends(at, "g0") == [("reconciled", "partially_filled", None)]
        assert by == "an operator" or short(at.result("cancel")) == ("reconciled", "none", None)
        assert at.halts() == []
        nothing_is_left(at)

    def test_a_cancel_that_comes_too_late_for_the_first_leg_still_keeps_the_second(self, by: str, target: str) -> None:
        at = started({}, {})
        cancel(at, by, target)
        at.close(at.loops()[0], outcome="filled")
        assert [one.kind for one in at.loops()] == ["execute", "cancel"]
        assert at.loops("bybit") == []
        nothing_is_left(at)

    def test_a_group_that_a_halt_has_stopped_ends_at_once(self, by: str, target: str) -> None:
        at = started({}, {})
        at.order("halt")
        at.close()
        if target == "its first leg":
            return  # it is over, and no target any more
        cancel(at, by, target)
        assert ends(at, "g1") == [("cancelled", None, None)]
        nothing_is_left(at)
        resume(at, {})
        at.close(outcome="none")
        at.close(outcome="none")
        assert at.dispatched() == ["g0", "verify", "verify"]


def test_a_waiting_group_ends_at_once_and_legs_that_come_later_are_refused() -> None:
    at = desk()
    first, second = legs()
    feed(at, first, builders.cancel_group("cancel", at.now, "g"), second)
    assert ends(at, "g0", "g1") == [("cancelled", None, None), ("refused", None, "EIM-018")]
    assert "it is over: it was cancelled" in str(at.result("g1").error)


def test_a_cancel_of_a_group_that_is_not_there_is_refused() -> None:
    at = started({}, {})
    feed(at, builders.cancel_group("cancel", at.now, "other"))
    assert short(at.result("cancel")) == ("refused", None, "EIM-007")
    assert "group other is neither queued nor in flight" in str(at.result("cancel").error)


def test_a_cancel_of_the_last_leg_ends_the_group_without_a_halt() -> None:
    at = started({}, {})
    at.close()
    feed(at, builders.cancel("cancel", at.now, "g1", venue="bybit"))
    at.close(at.loops("bybit")[0], outcome="cancelled", filled_amount=D(0))
    assert ends(at, "g1", "cancel") == [("reconciled", "cancelled", None), ("reconciled", "none", None)]
    assert at.halts() == []
    nothing_is_left(at)


def test_a_halt_that_cancels_what_works_fails_the_leg() -> None:
    at = started({}, {})
    at.order("halt", cancel_working=True)
    at.close(at.loops()[0], outcome="cancelled", filled_amount=D(0))
    assert ends(at, "g0", "g1") == [("reconciled", "cancelled", None), ("cancelled", None, "EIM-019")]
    assert at.halts() == ["EIM-011", "EIM-019"]


def test_too_many_cancels_of_a_leg_are_refused_and_end_no_leg() -> None:
    at = started({}, {}, cancels_limit=0)
    feed(at, builders.cancel_group("cancel", at.now, "g"))
    assert short(at.result("cancel")) == ("refused", None, "EIM-015")
    at.close()
    assert at.dispatched() == ["g0", "g1"]


# --- a restart at each point ------------------------------------------------------------------------------------------


def _life(at: Desk, between: Any) -> None:
    """Legs out of order; a mismatch that is settled; an operator's halt and resume; a second leg that fails."""
    first, second, third = legs({"amount": D(2)}, SCALES, {**SCALES, "on_failure": "cancel_rest"})
    steps = [
        lambda: feed(at, third),
        lambda: feed(at, first),
        lambda: feed(at, second),
        lambda: at.close(status="mismatched", outcome="partially_filled", filled_amount=D(1)),
        lambda: at.order("halt"),
        lambda: at.close(outcome="none"),
        lambda: at.order("resume", "c2", expected_halt_ids=at.halt_ids()),
        lambda: at.close(outcome="none"),
        lambda: at.close(outcome="none"),
        lambda: at.close(filled_amount=D("0.5")),
        lambda: at.instruct("i1"),
        lambda: at.close(**FAILS["rejected"]),
        lambda: at.close(),
    ]
    for number, step in enumerate(steps):
        step()
        at.driver.advance(1)
        between(number)


def test_a_restart_between_any_two_events_changes_nothing() -> None:
    undisturbed = desk()
    _life(undisturbed, lambda number: None)
    assert undisturbed.dispatched() == ["g0", "verify", "verify", "verify", "g1", "g2", "i1"]
    for point in range(13):
        at = desk()

        def restart(number: int, at: Desk = at, point: int = point) -> None:
            if number == point:
                at.manager = InterfaceManager(at.manager.settings)
                at.driver.handler = at.manager
                at.driver.restart()

        _life(at, restart)
        assert at.driver.world.emitted == undisturbed.driver.world.emitted, f"restarted after event {point}"
        nothing_is_left(at)
