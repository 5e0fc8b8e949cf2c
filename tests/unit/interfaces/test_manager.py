"""``ExecutionInterfaceManager``: what a notebook gets back, and what it is refused."""

from __future__ import annotations

import doctest
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from tightloop import ExecutionError, ExecutionInterfaceManager
from tightloop.interfaces import manager as module

START = datetime(2024, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BUY: dict[str, Any] = {"type": "cex_trade", "venue": "binance", "symbol": "BTC/USDT", "side": "buy", "amount": 0.01}
SWAP: dict[str, Any] = {
    "type": "smart_contract_action",
    "venue": "uniswap",
    "operation": "swap",
    "token_in": "USDC",
    "token_out": "WETH",
    "amount": 100,
}


class Rising:
    """BTC is 60,000 at the start and 100 more each hour; ETH is a twentieth of it."""

    def __init__(self) -> None:
        self.asked: list[datetime] = []

    def next_after(self, timestamp: datetime) -> datetime:
        return START + HOUR * ((timestamp - START) // HOUR + 1)

    def get_market_data(self, timestamp: datetime) -> Mapping[str, Any]:
        self.asked.append(timestamp)
        price = 60_000.0 + 100 * ((timestamp - START) // HOUR)
        return {"BTC/USDT": price, "ETH/USDT": {"bid": price / 20 - 1, "ask": price / 20 + 1}}


def manager(**config: Any) -> ExecutionInterfaceManager:
    return ExecutionInterfaceManager(config, Rising(), "backtest")


def test_the_docstrings_example_runs_as_it_stands() -> None:
    assert doctest.testmod(module).failed == 0 and doctest.testmod(module).attempted > 3


def test_a_trade_is_executed_applied_and_reconciled() -> None:
    found = manager().route_instruction(START, BUY)
    assert (found["success"], found["status"], found["outcome"]) == (True, "reconciled", "filled")
    assert found["execution_deltas"] == {
        "binance:BaseToken:BTC": D("0.00999"),
        "binance:BaseToken:USDT": D("-600.06"),
    }
    assert found["fees"] == {"binance:BaseToken:BTC": D("0.00001")}
    (fill,) = found["fills"]
    assert (fill["price"], fill["amount"], fill["time"]) == (D("60006"), D("0.01"), START)
    assert found["error"] is None


def test_the_price_is_the_one_known_at_the_instructions_time() -> None:
    routed = manager()
    prices = [routed.route_instruction(START + hours * HOUR, BUY)["fills"][0]["price"] for hours in (0, 1, 5)]
    assert [price // 100 for price in prices] == [600, 601, 605]


def test_what_is_carried_counts_where_nobody_provides_prices() -> None:
    routed = ExecutionInterfaceManager({}, None, "backtest")
    assert routed.route_instruction(START, {**BUY, "reference_price": 50_000})["fills"][0]["price"] == D("50005")
    missing = routed.route_instruction(START, {**BUY, "symbol": "ETH/USDT"})
    assert (missing["success"], missing["error"]["code"]) == (False, "EXI-007")
    assert "ETH/USDT" in missing["error"]["message"]


def test_what_rests_fills_when_its_price_comes_and_the_clock_stands_there() -> None:
    routed = manager()
    routed.route_instruction(START, {**BUY, "amount": 1})
    life = {"time_in_force": "GTC", "expires_at": START + 12 * HOUR}
    found = routed.route_instruction(START, {**BUY, "side": "sell", "amount": 0.5, "price": 60_300, **life})
    assert (found["outcome"], found["fills"][0]["time"]) == ("filled", START + 3 * HOUR)
    assert routed.route_instruction(START + HOUR, BUY)["status"] == "expired", "decided while the sale still worked"
    assert routed.route_instruction(START + 4 * HOUR, BUY)["success"]


def test_a_chain_action_is_executed_with_its_gas() -> None:
    found = manager().route_instruction(START, SWAP)
    assert (found["success"], found["venue"]) == (True, "uniswap")
    assert found["execution_deltas"]["wallet:BaseToken:USDC"] == -100
    assert D("0.033") < found["execution_deltas"]["wallet:BaseToken:WETH"] < D("0.034")
    assert found["fills"][0]["tx_hash"].startswith("0x")


def test_initial_positions_are_all_that_is_held() -> None:
    routed = manager(initial_positions={"binance:BaseToken:USDT": 700})
    assert routed.route_instruction(START, BUY)["success"]
    broke = routed.route_instruction(START, BUY)
    assert (broke["outcome"], broke["error"]["code"]) == ("rejected", "EXI-006")
    assert routed.route_instruction(START, SWAP)["error"]["code"] == "EXI-006"
    assert (routed.instructions_routed, routed.instructions_failed) == (3, 2)
    assert [one["instruction_id"] for one in routed.routing_history] == [f"instruction-{n}" for n in (1, 2, 3)]


def test_slippage_is_as_configured() -> None:
    assert manager(slippage_bps=10).route_instruction(START, BUY)["fills"][0]["price"] == D("60060")


def test_the_same_id_again_changes_nothing_and_with_other_content_is_refused() -> None:
    routed = manager()
    first = routed.route_instruction(START, {**BUY, "instruction_id": "a"})
    again = routed.route_instruction(START, {**BUY, "instruction_id": "a"})
    assert again == first
    with pytest.raises(ExecutionError) as refused:
        routed.route_instruction(START, {**BUY, "instruction_id": "a", "amount": 0.02})
    assert refused.value.code == "EIM-009"


def test_strategies_have_accounts_of_their_own() -> None:
    routed = manager(initial_positions={"binance:BaseToken:USDT": 700})
    assert routed.route_instruction(START, {**BUY, "strategy_id": "one"})["success"]
    assert routed.route_instruction(START, {**BUY, "strategy_id": "two"})["success"]


BAD: dict[str, tuple[dict[str, Any], Any, str]] = {
    "an unknown type": ({**BUY, "type": "trade"}, START, "EIM-005"),
    "a misspelt field": ({**BUY, "amonut": 1}, START, "EIM-007"),
    "not a number": ({**BUY, "amount": float("nan")}, START, "EIM-007"),
    "no time zone": (BUY, datetime(2024, 5, 12), "EIM-007"),  # noqa: DTZ001  that is it
    "no time": (BUY, 12, "EIM-007"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_instruction_is_an_error_at_once(name: str) -> None:
    block, at, code = BAD[name]
    routed = manager()
    with pytest.raises(ValueError) as refused:
        routed.route_instruction(at, block)
    assert isinstance(refused.value, ExecutionError) and refused.value.code == code
    assert routed.routing_history == [] and routed.current_instruction is None


@pytest.mark.parametrize(
    ("config", "mode", "code", "says"),
    [
        ({"initial_positons": {}}, "backtest", "EIF-010", "initial_positions"),
        ({"timing": {"evidense": 3}}, "backtest", "EIF-010", "evidence"),
        ({}, "paper", "EIF-005", "paper"),
        ({}, "live", "EIF-013", "journal"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_by_name(
    config: dict[str, Any], mode: str, code: str, says: str
) -> None:
    with pytest.raises(ExecutionError) as refused:
        ExecutionInterfaceManager(config, None, mode)
    assert refused.value.code == code and says in refused.value.message


def test_an_opening_position_of_nobodys_account_is_refused() -> None:
    with pytest.raises(ExecutionError) as refused:
        manager(initial_positions={"bybit:BaseToken:USDT": 1}).route_instruction(START, BUY)
    assert refused.value.code == "EIF-010" and "bybit" in refused.value.message
