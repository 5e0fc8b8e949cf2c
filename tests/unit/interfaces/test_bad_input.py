"""What a user can get wrong, one thing a row: its code, what is said of it, and that nothing is traded or sent for it.

Each row goes through the Python API and through ``tightloop publish``. What only the lane or the venue can know (an
operation, a token, an account) is refused there, with a result, and passes ``publish``.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.cli.commands.running import run

from tightloop import ExecutionError, ExecutionInterfaceFactory, ExecutionInterfaceManager, ReconciliationComponent
from tightloop.venues import registry
from tightloop.venues.credentials import checked

NOON = datetime(2024, 5, 12, 12, tzinfo=UTC)
Block = dict[str, Any]
BUY: Block = {
    "instruction_id": "i1",
    "strategy_id": "s1",
    "type": "cex_trade",
    "venue": "binance",
    "symbol": "BTC/USDT",
    "side": "buy",
    "amount": "0.1",
    "reference_price": "60000",
}
SWAP: Block = {
    "instruction_id": "i1",
    "strategy_id": "s1",
    "type": "smart_contract_action",
    "venue": "uniswap",
    "operation": "swap",
    "token_in": "USDC",
    "token_out": "WETH",
    "amount": "300",
}
MOVE: Block = {
    "instruction_id": "i1",
    "strategy_id": "s1",
    "type": "wallet_transfer",
    "venue": "wallet",
    "source": "wallet",
    "destination": "binance:spot",
    "asset": "ETH",
    "amount": "0.5",
}
STEPS = [
    {"protocol": "uniswap", "operation": "swap", "token_in": "USDC", "token_out": "WETH", "amount": 300},
    {"protocol": "aave", "operation": "supply", "token_in": "WETH", "amount": "previous_output"},
]
CHAIN: Block = {"instruction_id": "i1", "strategy_id": "s1", "type": "smart_contract_action", "venue": "aave"}


def chain(third: Block) -> Block:
    return {**CHAIN, "atomic": True, "actions": [*STEPS, third]}


# block, code, what is said; wrong before it is sent
AT_ONCE: dict[str, tuple[Block, str, str]] = {
    "a misspelt venue": ({**BUY, "venue": "binnance"}, "EIM-006", "did you mean 'binance'?"),
    "a misspelt protocol": ({**SWAP, "protocol": "unsiwap"}, "EIM-006", "did you mean 'uniswap'?"),
    "a misspelt type": ({**BUY, "type": "cex_trad"}, "EIM-005", "cex_trade"),
    "a misspelt key": ({**BUY, "amuont": "1"}, "EIM-007", "did you mean 'amount'?"),
    "a misspelt key within": ({**BUY, "cex_trade": {"amuont": "1"}}, "EIM-007", "did you mean 'amount'?"),
    "a misspelt side": ({**BUY, "side": "bye"}, "EIM-007", "did you mean 'buy'?"),
    "a misspelt order type": ({**BUY, "order_type": "markte"}, "EIM-007", "did you mean 'market'?"),
    "a misspelt rule": ({**SWAP, "amount": "al"}, "EIM-007", "amount"),
    "a misspelt destination": ({**MOVE, "destination": "binanse:spot"}, "EIM-007", "did you mean 'binance'?"),
    "a symbol without a slash": ({**BUY, "symbol": "BTCUSDT"}, "EIM-007", "like BTC/USDT, not 'BTCUSDT'"),
    "no symbol": ({name: value for name, value in BUY.items() if name != "symbol"}, "EIM-007", "symbol"),
    "not a number": ({**BUY, "amount": math.nan}, "EIM-007", "not a number that can be traded"),
    "not a number, as text": ({**BUY, "amount": "NaN"}, "EIM-007", "not a number that can be traded"),
    "no number within": ({**SWAP, "min_amount_out": "sNaN"}, "EIM-007", "actions[0].min_amount_out"),
    "an infinite amount": ({**BUY, "amount": math.inf}, "EIM-007", "not a number that can be traded"),
    "a negative amount": ({**BUY, "amount": "-1"}, "EIM-007", "must be above zero, not -1"),
    "nothing": ({**BUY, "amount": 0}, "EIM-007", "must be above zero"),
    "words for an amount": ({**BUY, "amount": "lots"}, "EIM-007", "cex_trade.amount"),
    "a float that is not exact": ({**BUY, "amount": 1.5e-18}, "TLC-009", "more than 18 places"),
    "a naive time": ({**BUY, "created_at": "2024-05-12T12:00:00"}, "EIM-007", "names no time zone"),
    "a leg that is missing": (
        {**BUY, "group_id": "g", "group_index": 0, "group_size": 2},
        "EIM-018",
        "group_index 1 is missing",
    ),
}
# block, code, what is said; only the lane or the venue can know
LATER: dict[str, tuple[Block, str, str]] = {
    "a misspelt operation": ({**SWAP, "operation": "swpa"}, "EIM-007", "did you mean 'swap'?"),
    "a misspelt token": ({**SWAP, "token_in": "USDCC"}, "EXI-007", "did you mean 'USDC'?"),
    "a misspelt symbol": ({**BUY, "symbol": "BTC/USTD"}, "EXI-007", "did you mean 'BTC/USDC' or 'BTC/USDT'?"),
    "a misspelt asset": ({**MOVE, "asset": "ETHH"}, "EXI-013", "did you mean 'ETH'?"),
    "a misspelt parameter": ({**SWAP, "parameters": {"fees": "3000"}}, "EXI-007", "did you mean fee?"),
    "another strategy's account": ({**BUY, "account": "desk"}, "EIM-007", "'desk'"),
    "a chain whose third step is misspelt": (
        chain({"protocol": "aave", "operation": "burrow", "token_out": "USDT", "amount": 1}),
        "EIM-007",
        "actions[2].operation: aave has no 'burrow': did you mean 'borrow'?",
    ),
    "a chain whose third step cannot work": (
        chain({"protocol": "aave", "operation": "borrow", "token_out": "USDT", "amount": 9_000_000}),
        "EXI-006",
        "action 2 (aave.borrow)",
    ),
}


class Prices:
    def get_market_data(self, timestamp: datetime) -> Block:
        return {"BTC/USDT": 60_000, "ETH/USDT": 3_000}


def manager() -> ExecutionInterfaceManager:
    accounts = {"desk": {"strategy": "other", "lane": "binance"}}
    return ExecutionInterfaceManager({"accounts": accounts}, Prices(), "backtest")


def answered(routing: ExecutionInterfaceManager, block: Block) -> tuple[str, str, str]:
    """Code, message and remedy, whether it is raised or in a result."""
    try:
        found = routing.route_instruction(NOON, block)
    except ExecutionError as error:
        return error.code, error.message, error.remedy
    assert not found["success"]
    assert not found["execution_deltas"]
    error = ExecutionError(found["error"]["code"], found["error"]["message"])
    return error.code, error.message, error.remedy


@pytest.mark.parametrize("what", [*AT_ONCE, *LATER])
def test_the_python_api_refuses_it_and_nothing_moves(what: str) -> None:
    block, code, says = {**AT_ONCE, **LATER}[what]
    routing = manager()
    if what == "a leg that is missing":
        with pytest.raises(ExecutionError) as refused:
            routing.route_group(NOON, [block])
        found = refused.value.code, refused.value.message, refused.value.remedy
    else:
        found = answered(routing, block)
    assert found[0] == code
    assert says in found[1]
    assert found[2]
    assert routing.route_instruction(NOON, {**BUY, "instruction_id": "i2"})["success"]  # and nothing is stuck


@pytest.mark.parametrize("what", AT_ONCE)
def test_publish_refuses_the_line_and_says_what_to_do(what: str) -> None:
    block, code, says = AT_ONCE[what]
    good = {**BUY, "instruction_id": "good"}
    lines = f"{json.dumps(good)}\n{json.dumps(block)}"
    done = run("publish", "-", "--json", "--bootstrap", "127.0.0.1:1", stdin=lines)
    found = json.loads(done.stdout)
    assert (done.exit_code, found["published"]) == (1, [])
    (bad,) = found["bad"]
    assert (bad["line"], bad["code"]) == (2, code)
    assert says in bad["message"]
    assert bad["remedy"]
    assert f"what to do: {bad['remedy']}" in done.stderr


@pytest.mark.parametrize("what", LATER)
def test_publish_lets_pass_what_only_the_venue_can_know(what: str) -> None:
    done = run("publish", "-", "--dry-run", "--json", stdin=json.dumps(LATER[what][0]))
    assert json.loads(done.stdout) == {"published": [], "bad": [], "valid": 1}


CONFIGURED: dict[str, tuple[Block, str, str]] = {
    "a misspelt key": ({"recociliation": {}}, "EIF-010", "did you mean 'reconciliation'?"),
    "a misspelt key within": ({"timing": {"evidense": 60}}, "EIF-010", "did you mean 'evidence'?"),
    "a misspelt lane": ({"lanes": ["binnance"]}, "EIF-010", "binance"),
    "a negative time": ({"timing": {"evidence": -1}}, "EIF-010", "timing.evidence"),
    "a tolerance that is no number": ({"reconciliation": {"default_dust": "NaN"}}, "EIF-010", "reconciliation"),
}


@pytest.mark.parametrize("what", CONFIGURED)
def test_a_wrong_configuration_is_refused_before_anything_is_built(what: str) -> None:
    config, code, says = CONFIGURED[what]
    for build in (
        lambda: ExecutionInterfaceManager(config, None, "backtest"),
        lambda: ReconciliationComponent(config, None, "backtest"),
        lambda: ExecutionInterfaceFactory.create_all_interfaces(config),
    ):
        with pytest.raises(ExecutionError) as refused:
            build()
        assert refused.value.code == code
        assert says in refused.value.message
        assert refused.value.remedy


def test_credentials_of_another_environment_are_refused_without_being_shown() -> None:
    binance = registry.known().venues.find("binance")
    of_dev = checked(binance, "dev", dict.fromkeys(binance.credentials, "s3cr3t-9f2c"))
    with pytest.raises(ExecutionError) as refused:
        ExecutionInterfaceFactory.create_cex_interface("binance", of_dev, "live", environment="prod")
    assert refused.value.code == "EIF-008"
    assert "dev" in refused.value.message
    assert "s3cr3t" not in str(refused.value) + refused.value.remedy


def test_a_naive_timestamp_of_the_call_is_refused() -> None:
    with pytest.raises(ExecutionError, match=r"EIM-007.*names no time zone"):
        manager().route_instruction(NOON.replace(tzinfo=None), BUY)


def test_what_is_no_mapping_is_no_instruction() -> None:
    with pytest.raises(ExecutionError, match="not NoneType") as caught:
        manager().route_instruction(NOON, None)  # type: ignore[arg-type]
    assert caught.value.code == "EIM-007"


def test_the_clock_does_not_go_back() -> None:
    routing = manager()
    assert routing.route_instruction(NOON, BUY)["success"]
    late = routing.route_instruction(NOON - timedelta(days=1), {**BUY, "instruction_id": "i2"})
    assert (late["status"], late["error"]["code"]) == ("expired", "EIM-010")
