"""``route_group``: a basis trade in a notebook, opened, closed, and failing; a leg given alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from tightloop import CEXExecutionInterface, ExecutionError, ExecutionInterfaceManager

START = datetime(2024, 5, 12, tzinfo=UTC)
SPOT: dict[str, Any] = {
    "type": "cex_trade",
    "venue": "binance",
    "symbol": "BTC/USDT",
    "side": "buy",
    "amount": 0.5,
    "reference_price": 60_000,
}
SHORT: dict[str, Any] = {**SPOT, "symbol": "BTC/USDT:USDT", "side": "sell"}
TOO_MUCH: dict[str, Any] = {**SHORT, "amount": 1_000_000}


def manager(*lanes: str, **config: Any) -> ExecutionInterfaceManager:
    return ExecutionInterfaceManager({"lanes": list(lanes or ("binance",)), **config}, None, "backtest")


@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_a_basis_trade_is_opened_and_closed(venue: str) -> None:
    made = manager("binance", "bybit")
    opened = made.route_group(START, [SPOT, {**SHORT, "venue": venue}])
    assert (opened["success"], opened["error"], opened["group_id"]) == (True, None, "group-1")
    assert opened["execution_deltas"][f"{venue}:Perp:BTC/USDT:USDT"] == D("-0.5")
    assert [leg["outcome"] for leg in opened["legs"]] == ["filled", "filled"]
    closing = [{**SPOT, "side": "sell", "amount": 0.4995}, {**SHORT, "venue": venue, "side": "buy"}]
    closed = made.route_group(START + timedelta(hours=1), closing)
    assert closed["success"]
    assert made.get_positions(START).get(f"{venue}:Perp:BTC/USDT:USDT", 0) == 0
    assert [one["instruction_id"] for one in made.routing_history] == [f"instruction-{n}" for n in (1, 2, 3, 4)]
    assert (made.instructions_routed, made.instructions_failed) == (4, 0)


def test_a_second_leg_that_fails_halts_the_strategy_and_the_error_says_what_stays() -> None:
    made = manager()
    found = made.route_group(START, [SPOT, TOO_MUCH])
    assert (found["success"], found["error"]["code"]) == (False, "EIM-019")
    assert "done, and stays: buy BTC/USDT at binance (instruction-1) filled 0.5" in found["error"]["message"]
    refused = made.route_instruction(START + timedelta(hours=1), SPOT)
    assert (refused["status"], refused["error"]["code"]) == ("refused", "EIM-011")


def test_with_cancel_rest_the_legs_after_it_are_cancelled_and_the_strategy_goes_on() -> None:
    made = manager()
    found = made.route_group(START, [SPOT, {**TOO_MUCH, "on_failure": "cancel_rest"}, SHORT])
    assert [leg["status"] for leg in found["legs"]] == ["reconciled", "reconciled", "cancelled"]
    assert found["error"]["code"] == "EIM-019"
    assert made.route_instruction(START + timedelta(hours=1), SPOT)["success"]


def test_a_leg_that_is_wrong_refuses_all() -> None:
    made = manager()
    found = made.route_group(START, [SPOT, {**SHORT, "amount": -1}])
    assert [leg["status"] for leg in found["legs"]] == ["refused", "refused"]
    assert {leg["error"]["code"] for leg in found["legs"]} == {"EIM-018", "EIM-007"}
    assert not found["execution_deltas"]
    assert made.route_group(START, [SPOT, SHORT])["success"]


WRONG: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "one leg": ([SPOT], "EIM-007", "group_size: 1 is not from 2 to 16"),
    "no leg": ([], "EIM-018", "no legs"),
    "two strategies": ([SPOT, {**SHORT, "strategy_id": "s2"}], "EIM-018", "of one strategy and one group"),
    "an index twice": ([SPOT, {**SHORT, "group_index": 0}], "EIM-018", "group_index 0 is there twice"),
    "a first leg that scales": ([{**SPOT, "scale_to_filled": True}, SHORT], "EIM-007", "the first leg has none before"),
    "an unknown field": ([SPOT, {**SHORT, "on_failur": "halt"}], "EIM-007", "did you mean 'on_failure'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_blocks_that_are_no_group_are_refused_before_anything(what: str) -> None:
    blocks, code, text = WRONG[what]
    made = manager()
    with pytest.raises(ExecutionError) as caught:
        made.route_group(START, blocks)
    assert (caught.value.code, text in caught.value.message) == (code, True)
    assert made.routing_history == []


def test_a_leg_given_alone_is_refused_with_the_way_to_give_it() -> None:
    leg = {**SPOT, "group_id": "basis", "group_index": 0, "group_size": 2}
    for call in (
        lambda: manager().route_instruction(START, leg),
        lambda: CEXExecutionInterface("binance").execute_trade(leg, {"timestamp": START}),
    ):
        with pytest.raises(ExecutionError, match="EIM-018") as caught:
            call()
        assert "route_group" in caught.value.remedy
