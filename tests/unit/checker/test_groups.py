"""Groups as the checker judges them: each way in which one may go wrong is found, and only that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.checker.sound import KEY, ORIGIN, ROUTED, Run

from tightloop.checker import Terms, violations

D = Decimal
STOPPED = {"code": "EIM-019", "message": "group g: leg 2 of 3 failed"}


def group_run(size: int = 2, **fields: Any) -> Run:
    """The two instructions of a sound run as the first legs of the group ``g``, published before either ran."""
    run = Run()
    for index, seen in enumerate(run.data.instructions):
        seen.value.update(
            group_id="g", group_index=index, group_size=size, scale_to_filled=None, on_failure=None, **fields
        )
        seen.value["cex_trade"]["amount"] = D(1)
        run.move("instructions", index, at_ms=int(ORIGIN.timestamp() * 1000))
    for seen in run.data.topics[ROUTED][1:]:
        leg = seen.value["instruction"]
        seen.value["instruction"] = {**leg, "cex_trade": dict(leg["cex_trade"])}
    for index, seen in enumerate(run.data.results):
        seen.value.update(group_id="g", group_index=index, group_size=size)
    return run


def third_leg(run: Run, **result: Any) -> Run:
    """A leg that was not dispatched, with its result."""
    first = run.data.instructions[0]
    run.again("instructions", instruction_id="i-4", group_index=2)
    run.move("instructions", at_ms=first.at_ms)
    nothing: dict[str, Any] = {"loop_no": None, "outcome": None, "filled_amount": None, "report_ids": []}
    nothing |= {"result_id": None, "position_version": None, "dispatched_at": None}
    run.again("instruction_results", instruction_id="i-4", group_index=2, **{**nothing, **result})
    return run


def kinds(run: Run) -> set[str]:
    return {one.kind for one in violations(run.data, Terms())}


def second_failed(run: Run) -> None:
    """As far as the group goes; that its books say otherwise is found by others."""
    run.data.results[1].value.update(outcome="cancelled", filled_amount=D(0))


def test_a_group_that_ran_as_one_is_sound() -> None:
    assert kinds(group_run()) == set()


def scaled(run: Run, sent: str) -> None:
    run.data.results[0].value.update(outcome="partially_filled", filled_amount=D("0.4"))
    run.data.instructions[1].value["scale_to_filled"] = True
    run.data.topics[ROUTED][2].value["instruction"]["cex_trade"]["amount"] = D(sent)


def interrupted(run: Run) -> None:
    """Loop 2 was between the legs: the first leg was loop 1."""
    run.data.topics[ROUTED][0].value.update(kind="execute", instruction=run.data.topics[ROUTED][1].value["instruction"])
    run.data.topics[ROUTED][1].value.update(kind="refresh", instruction=None)


def in_another_order(run: Run) -> None:
    legs = [run.data.topics[ROUTED][number].value for number in (1, 2)]
    legs[0]["instruction"], legs[1]["instruction"] = legs[1]["instruction"], legs[0]["instruction"]


BREAKS: dict[str, tuple[Callable[[Run], object], str]] = {
    "a leg is missing": (lambda run: run.drop("instructions"), "group-incomplete"),
    "a leg came later than the start": (
        lambda run: run.move("instructions", at_ms=int(run.now.timestamp() * 1000)),
        "group-incomplete",
    ),
    "another order": (in_another_order, "group-order"),
    "something else between": (interrupted, "group-interrupted"),
    "a leg after one that failed": (
        lambda run: run.data.results[0].value.update(outcome="cancelled", filled_amount=D(0)),
        "group-went-on",
    ),
    "a leg after one that halted": (lambda run: run.data.results[0].value.update(status="halted"), "group-went-on"),
    "a part, and the next does not scale": (
        lambda run: run.data.results[0].value.update(outcome="partially_filled", filled_amount=D("0.4")),
        "group-went-on",
    ),
    "scaled by too much": (lambda run: scaled(run, "0.400000000000000001"), "leg-misscaled"),
    "not scaled": (lambda run: scaled(run, "1"), "leg-misscaled"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_group_that_did_not_run_as_one_is_found(what: str) -> None:
    breaks, kind = BREAKS[what]
    run = group_run()
    breaks(run)
    assert kind in kinds(run)


def test_a_leg_scaled_to_the_first_is_right() -> None:
    run = group_run()
    scaled(run, "0.4")
    assert kinds(run).isdisjoint({"leg-misscaled", "group-went-on"})


def test_the_rest_of_a_group_whose_leg_failed_is_due_to_be_cancelled() -> None:
    run = third_leg(group_run(size=3), status="cancelled", error=STOPPED)
    assert "result-undue" in kinds(run)  # no leg failed
    second_failed(run)
    assert "result-undue" not in kinds(run)


@pytest.mark.parametrize("target", [{"group_id": "g", "instruction_id": None}, {"instruction_id": "i-2"}])
def test_the_rest_of_a_group_that_was_cancelled_is_due_to_be_cancelled(target: dict[str, Any]) -> None:
    run = third_leg(group_run(size=3), status="cancelled", error=None)
    assert "result-undue" in kinds(run)
    cancel = {"instruction_id": "c", "type": "cancel", "cex_trade": None, "group_index": None, "group_size": None}
    run.again("instructions", **cancel, group_id=None, cancel=target)
    assert "result-undue" not in kinds(run)


def test_a_group_expires_with_the_earliest_of_its_legs() -> None:
    run = third_leg(group_run(size=4), status="expired", error={"code": "EIM-018", "message": "group_index 3"})
    assert "result-undue" in kinds(run)
    run.data.instructions[0].value["expires_at"] = run.now
    assert "result-undue" not in kinds(run)


def test_a_halt_for_a_group_needs_a_leg_that_failed() -> None:
    run = group_run()
    halt = {"halt_id": "h", **STOPPED, "cause_id": "result-3", "since": run.now + timedelta(seconds=1)}
    run.change("loop_state", halts=[halt], strategy_id=KEY)
    assert "halt-unexplained" in kinds(run)
    second_failed(run)
    assert "halt-unexplained" not in kinds(run)
