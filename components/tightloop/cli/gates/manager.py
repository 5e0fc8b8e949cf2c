"""Gates of the interface manager: routing, credentials, atomic chains, error codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tightloop.cli.gates.gate import GateFailed, expect, hold, only, refused, refused_with_result, section
from tightloop.errors import ExecutionError
from tightloop.interfaces.manager import ExecutionInterfaceManager
from tightloop.testing import LoopDriver, builders

SECTION = "interface manager"
GATES, gate = section(SECTION)
NOON = datetime(2024, 5, 12, 12, tzinfo=UTC)
PRICES = {"BTC/USDT": Decimal(60_000), "ETH/USDT": Decimal(3_000)}
LANES = ["binance", "bybit", "okx", "ethereum"]
BUY = {"type": "cex_trade", "venue": "binance", "symbol": "BTC/USDT", "side": "buy", "amount": "0.1"}
SWAP = {"operation": "swap", "token_in": "USDC", "token_out": "WETH", "amount": "300"}
BY_PROTOCOL: dict[str, dict[str, Any]] = {
    "uniswap": SWAP,
    "curve": {"operation": "swap", "token_in": "USDC", "token_out": "USDT", "amount": "300"},
    "aave": {"operation": "supply", "token_in": "WETH", "amount": "1"},
    "morpho": {
        "operation": "supply_collateral",
        "token_in": "WBTC",
        "amount": "0.1",
        "parameters": {"market": "WBTC/USDC"},
    },
}


class Prices:
    """A data provider whose prices stand still."""

    def get_market_data(self, timestamp: datetime) -> dict[str, Decimal]:
        return PRICES


def manager(**config: Any) -> ExecutionInterfaceManager:
    return ExecutionInterfaceManager({"lanes": LANES, **config}, Prices(), "backtest")


def on_chain(protocol: str, **more: Any) -> dict[str, Any]:
    return {"type": "smart_contract_action", "venue": protocol, **BY_PROTOCOL[protocol], **more}


def transfer(destination: str, **more: Any) -> dict[str, Any]:
    moved = {"type": "wallet_transfer", "venue": "wallet", "source": "wallet", "asset": "ETH", "amount": "0.5"}
    return {**moved, "destination": destination, **more}


def filled(found: dict[str, Any]) -> dict[str, Any]:
    expect(f"success of {found['instruction_id']} ({found['error']})", found["success"], True)
    expect(f"status of {found['instruction_id']}", found["status"], "reconciled")
    return found


@gate
def every_instruction_type_is_routed() -> str:
    routing = manager()
    filled(routing.route_instruction(NOON, BUY))
    filled(routing.route_instruction(NOON, on_chain("aave")))
    filled(routing.route_instruction(NOON, transfer("0x" + "ab" * 20)))
    cancel = {"type": "cancel", "venue": "binance", "target": "nothing-of-that-name"}
    expect("a cancel without target", routing.route_instruction(NOON, cancel)["status"], "refused")
    expect("routed and failed", (routing.instructions_routed, routing.instructions_failed), (4, 1))
    return "cex_trade, smart_contract_action, wallet_transfer, cancel"


@gate
def an_unknown_type_is_refused_by_name() -> str:
    refused("EIM-005", lambda: manager().route_instruction(NOON, {**BUY, "type": "cex_trad"}), "cex_trad")
    return "EIM-005"


@gate
def every_venue_gets_its_own() -> str:
    routing = manager()
    for venue in ("binance", "bybit", "okx"):
        found = filled(routing.route_instruction(NOON, {**BUY, "venue": venue}))
        expect("whose positions changed", {key.partition(":")[0] for key in found["execution_deltas"]}, {venue})
    for protocol in BY_PROTOCOL:
        found = filled(routing.route_instruction(NOON, on_chain(protocol)))
        venues = {key.partition(":")[0] for key in found["execution_deltas"]}
        hold(f"{protocol} changes the wallet and itself alone: {venues}", venues <= {"wallet", protocol})
    provider = filled(routing.route_instruction(NOON, transfer("0x" + "ab" * 20, venue="alchemy")))
    hold("alchemy is the wallet", "wallet:BaseToken:ETH" in provider["execution_deltas"])
    return f"3 exchanges, {len(BY_PROTOCOL)} protocols, the wallet by both names"


@gate
def an_unknown_venue_is_refused_with_the_nearest_one() -> str:
    refused_with_result("EIM-006", manager().route_instruction(NOON, {**BUY, "venue": "binnance"}), "'binance'")
    return "EIM-006"


@gate
def backtest_needs_no_credentials_and_live_does() -> str:
    filled(ExecutionInterfaceManager({}, Prices(), "backtest").route_instruction(NOON, BUY))
    try:
        ExecutionInterfaceManager({}, Prices(), "live")
    except ExecutionError as error:
        hold(f"an error of the factory: {error}", error.code in ("EIF-003", "EIF-007", "EIF-013"))
        return f"live without any: {error.code}"
    raise GateFailed("live was built without credentials")


def _loan(borrowed: str) -> dict[str, Any]:
    """Ether is bought and lent, and ``borrowed`` USDT are owed against it: all of it, or none."""
    actions = [
        {**SWAP, "protocol": "uniswap"},
        {"protocol": "aave", "operation": "supply", "token_in": "WETH", "amount": "previous_output"},
        {"protocol": "aave", "operation": "borrow", "token_out": "USDT", "amount": borrowed},
    ]
    return {"type": "smart_contract_action", "venue": "aave", "atomic": True, "actions": actions}


@gate
def an_atomic_chain_does_all_of_it() -> str:
    found = filled(manager().route_instruction(NOON, _loan("50")))
    hold("it lends", found["execution_deltas"]["aave:aToken:WETH"] > 0)
    hold("it owes", abs(found["execution_deltas"]["aave:debtToken:USDT"]) == Decimal(50))
    expect("transactions", len({one["tx_hash"] for one in found["fills"]}), 1)
    return "three actions over two protocols, one transaction"


@gate
def an_atomic_chain_does_nothing_where_a_step_cannot_work() -> str:
    found = manager().route_instruction(NOON, _loan("50000000"))
    expect("success", found["success"], False)
    moved = {key for key, amount in found["execution_deltas"].items() if amount} - {"wallet:BaseToken:ETH"}
    expect("positions that moved, beside gas", moved, set())
    hold(f"the step is named: {found['error']}", "aave.borrow" in found["error"]["message"])
    return str(found["error"]["code"])


@gate
def a_group_runs_whole_or_stops_at_what_failed() -> str:
    spot = {**BUY, "amount": "0.5"}
    short = {**BUY, "symbol": "BTC/USDT:USDT", "side": "sell", "amount": "0.5", "scale_to_filled": True}
    routing = manager()
    basis = routing.route_group(NOON, [spot, short])
    expect(f"success ({basis['error']})", basis["success"], True)
    expect("the short leg", basis["execution_deltas"]["binance:Perp:BTC/USDT:USDT"], Decimal("-0.5"))
    failing: list[dict[str, Any]] = [{**BUY, "side": "sell", "amount": "50", "on_failure": "cancel_rest"}, short]
    stopped = routing.route_group(NOON + timedelta(hours=1), failing)
    expect("success of one whose first leg is refused", stopped["success"], False)
    only("what it changed", stopped["execution_deltas"], {})
    refused("EIM-007", lambda: routing.route_group(NOON, [spot]), "group_size")
    return "spot and perpetual; EIM-007 for a leg alone"


@gate
def a_limit_refuses_before_anything_is_sent() -> str:
    limited = manager(limits={"default": {"order_notional": "5000"}})
    found = limited.route_instruction(NOON, BUY)
    refused_with_result("EIM-013", found, "5000")
    only("what changed", found["execution_deltas"], {})
    filled(limited.route_instruction(NOON, {**BUY, "amount": "0.05"}))
    return str(found["error"]["message"])


@gate
def a_block_that_is_none_is_refused_and_says_why() -> str:
    routing = manager()
    at = NOON
    refused("EIM-007", lambda: routing.route_instruction(at, {**BUY, "amuont": 1}), "did you mean 'amount'")
    refused("EIM-007", lambda: routing.route_instruction(at, {**BUY, "amount": float("nan")}), "nan")
    refused_with_result("EIM-007", routing.route_instruction(at, {**BUY, "amount": "-1"}), "above zero")
    filled(routing.route_instruction(at, {**BUY, "instruction_id": "once"}))
    again = {**BUY, "instruction_id": "once", "amount": "0.2"}
    refused("EIM-009", lambda: routing.route_instruction(at, again))
    return "EIM-007, EIM-009"


@gate
def an_expired_instruction_and_a_halted_key_are_refused_with_a_result() -> str:
    loop = LoopDriver()
    loop.feed(builders.trade("late", loop.now - timedelta(hours=2)))
    expect("code", _code(loop, "late"), "EIM-010")
    loop.feed(builders.halt("c1", loop.now))
    loop.feed(builders.trade("halted", loop.now))
    expect("code", _code(loop, "halted"), "EIM-011")
    return "EIM-010, EIM-011"


def _code(loop: LoopDriver, instruction_id: str) -> str | None:
    error = loop.result(instruction_id).error
    return error.code if error else None
