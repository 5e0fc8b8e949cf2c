"""Groups at the interface manager before they start: what waits, is refused whole, expires (docs/groups.md)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.handler_context import START
from tests.unit.handlers.manager.desk import Desk, short

from tightloop.errors import ExecutionError
from tightloop.handlers.manager import groups
from tightloop.records.types import Instruction
from tightloop.testing import builders

D = Decimal
LANES = ("binance", "bybit", "ethereum")


def desk(**settings: Any) -> Desk:
    """Its accounts on binance and bybit are adopted."""
    made = Desk(lanes=LANES, **settings)
    made.instruct("second", venue="bybit")
    made.close(kind="adopt")
    made.close()
    made.driver.world.emitted.clear()
    return made


def legs(*fields: dict[str, Any], group_id: str = "g", venue: str = "bybit") -> list[Instruction]:
    """Spot on binance, then perpetuals; all good for an hour. ``fields``: of each leg, two by default."""
    fields = fields or ({}, {})
    made = []
    for index, one in enumerate(fields):
        which = {} if index == 0 else {"market": "perp", "symbol": "BTC/USDT:USDT", "side": "sell", "venue": venue}
        made.append(builders.trade(f"{group_id}{index}", START, **{"price": D(60000), "amount": D(1), **which, **one}))
    return list(builders.group(group_id, *made))


def feed(at: Desk, *instructions: Instruction) -> None:
    for one in instructions:
        at.driver.feed("instructions", one, key=one.strategy_id)


def nothing_is_left(at: Desk, key: str = "s1") -> None:
    """No leg and no group waits or is under way."""
    left = [name for name in at.driver.world.state[key] if name.partition("|")[0] in ("group", "leg", "queue")]
    head = at.head(key)
    assert (left, head.legs, head.queued, head.group_id) == ([], 0, 0, None)


def test_legs_wait_for_each_other_and_run_one_after_another() -> None:
    at = desk()
    first, second = legs()
    feed(at, second)
    assert at.dispatched() == []
    feed(at, first)
    assert at.dispatched() == ["g0"]
    at.close()
    assert at.dispatched() == ["g0", "g1"]
    at.close()
    assert [short(at.result(name)) for name in ("g0", "g1")] == [("reconciled", "filled", None)] * 2
    assert {one.group_id for one in at.driver.records("instruction_results")} == {"g"}
    nothing_is_left(at)
    assert at.halts() == []


def test_what_waits_for_a_missing_leg_holds_up_nobody() -> None:
    at = desk()
    feed(at, legs()[0])
    at.instruct("i1")
    at.close()
    assert at.dispatched() == ["i1"]


def test_a_group_whose_leg_never_comes_expires_whole_and_names_the_index() -> None:
    at = desk()
    first, _, third = legs({}, {}, {"expires_at": START + timedelta(seconds=10)})
    feed(at, first, third)
    at.driver.advance(9)
    assert not at.results("g0")
    at.driver.advance(1)
    for name in ("g0", "g2"):
        assert short(at.result(name)) == ("expired", None, "EIM-018")
        assert "group_index 1 never came, of 3 legs" in str(at.result(name).error)
    nothing_is_left(at)


def test_a_leg_that_comes_after_its_group_ended_is_refused() -> None:
    at = desk()
    first, second = legs({"expires_at": START + timedelta(seconds=10)}, {})
    feed(at, first)
    at.driver.advance(10)
    feed(at, second)
    assert short(at.result("g1")) == ("refused", None, "EIM-018")
    assert "it is over: it expired" in str(at.result("g1").error)
    nothing_is_left(at)


def test_a_group_that_is_complete_and_queued_expires_with_its_earliest_leg() -> None:
    at = desk()
    at.instruct("i1")
    feed(at, *legs({}, {"expires_at": START + timedelta(seconds=10)}))
    at.driver.advance(10)
    assert [short(at.result(name)) for name in ("g0", "g1")] == [("expired", None, "EIM-010")] * 2
    at.close()
    assert at.dispatched() == ["i1"]
    nothing_is_left(at)


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "an index that is there": (
        {"group_index": 0, "instruction_id": "other"},
        "EIM-018",
        "group_index 0 is there twice",
    ),
    "another size": ({"group_size": 3}, "EIM-018", "says group_size 3, and the legs before it say 2"),
    "an index beyond": ({"group_index": 2}, "EIM-007", "group_index: 2 is not from 0 to 1"),
    "an unknown venue": ({"venue": "mtgox"}, "EIM-006", "mtgox"),
    "an account of another": ({"account": "s2"}, "EIM-007", "account 's2'"),
    "a lane that is not there": ({"venue": "okx"}, "EIM-002", "okx"),
    "a time that is over": ({"created_at": START - timedelta(hours=2)}, "EIM-010", "expired"),
    "a sequence that was used": ({"sequence": 5}, "EIM-007", "sequence: 5 is not above"),
}


@pytest.mark.parametrize(
    ("what", "comes"),
    [(what, "second") for what in CONTRADICTIONS]
    + [(what, "first") for what, (_, code, _) in CONTRADICTIONS.items() if code != "EIM-018"],
)
def test_one_leg_that_is_wrong_refuses_the_group_whole(what: str, comes: str) -> None:
    fields, code, text = CONTRADICTIONS[what]
    at = desk()
    at.instruct("numbered", sequence=5)
    at.close()
    good, other = legs()
    wrong = replace(other, **fields)
    feed(at, *((good, wrong) if comes == "second" else (wrong, good)))
    assert short(at.result(wrong.instruction_id))[2] == code
    assert text in str(at.result(wrong.instruction_id).error)
    assert short(at.result("g0")) == ("refused", None, "EIM-018")
    assert f"{wrong.instruction_id}) was refused: {code}" in str(at.result("g0").error)
    nothing_is_left(at)
    assert (at.dispatched(), at.halts()) == (["numbered"], [])
    at.instruct("i1")
    assert at.dispatched() == ["numbered", "i1"]


def test_a_leg_of_a_group_that_was_refused_is_refused_whenever_it_comes() -> None:
    at = desk()
    first, second, third = legs({}, {"amount": D(-1)}, {})
    feed(at, first, second)
    at.driver.advance(60)
    feed(at, third)
    assert short(at.result("g2")) == ("refused", None, "EIM-018")
    assert "its leg 1 (g1) was refused: EIM-007" in str(at.result("g2").error)
    nothing_is_left(at)


def test_legs_have_numbers_of_their_own_that_rise_in_the_order_of_publishing() -> None:
    at = desk()
    first, second = legs({"sequence": 8}, {"sequence": 7})
    feed(at, second, first)
    assert at.dispatched() == ["g0"]
    at.instruct("i1", sequence=8)
    assert short(at.result("i1")) == ("refused", None, "EIM-007")


def test_the_same_leg_again_changes_nothing_and_with_other_content_it_is_dead_lettered() -> None:
    at = desk()
    first, second = legs()
    feed(at, first, first)
    with pytest.raises(ExecutionError, match="EIM-009"):
        feed(at, replace(first, metadata={"other": "content"}))
    feed(at, second)
    assert at.dispatched() == ["g0"]


def test_the_memory_of_groups_that_are_over_is_bounded() -> None:
    at = desk()
    for number in range(groups.REMEMBERED + 5):
        feed(at, *legs({"amount": D(-1)}, {}, group_id=f"g{number}-"))
    kept = [name for name in at.driver.state if name.startswith("ended_group|")]
    assert len(kept) == groups.REMEMBERED
    nothing_is_left(at)


def test_only_so_many_groups_wait_and_legs_count_as_queued() -> None:
    at = desk(groups_limit=2, queue_limit=3)
    for name in ("a", "b", "c"):
        feed(at, legs(group_id=name)[0])
    assert short(at.result("c0")) == ("refused", None, "EIM-015")
    at.instruct("i1")
    at.instruct("i2")
    at.instruct("i3")
    assert short(at.result("i3")) == ("refused", None, "EIM-015")
