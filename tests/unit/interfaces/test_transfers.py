"""Transfers from Python: every kind, by the manager and by an interface of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tightloop import ExecutionInterfaceFactory, ExecutionInterfaceManager

D = Decimal
NOON = datetime(2024, 5, 12, 12, tzinfo=UTC)
ELSEWHERE = "0x" + "ab" * 20
GAS = "wallet:BaseToken:ETH"
LANES: dict[str, Any] = {"lanes": ["binance", "okx", "ethereum"]}
KINDS: dict[str, tuple[str, str, dict[str, Decimal]]] = {
    "wallet to exchange": ("wallet", "binance", {"wallet:BaseToken:USDT": D(-1000), "binance:BaseToken:USDT": D(1000)}),
    "exchange to wallet": ("binance", "wallet", {"binance:BaseToken:USDT": D(-1000), "wallet:BaseToken:USDT": D(998)}),
    "exchange to exchange": ("okx", "binance", {"okx:MarginBalance:USDT": D(-1002), "binance:BaseToken:USDT": D(1000)}),
    "spot to margin": (
        "binance:spot",
        "binance:perp",
        {"binance:BaseToken:USDT": D(-1000), "binance:MarginBalance:USDT": D(1000)},
    ),
    "margin to spot": (
        "binance:perp",
        "binance:spot",
        {"binance:MarginBalance:USDT": D(-1000), "binance:BaseToken:USDT": D(1000)},
    ),
    "wallet to an address": ("wallet", ELSEWHERE, {"wallet:BaseToken:USDT": D(-1000)}),
    "exchange to an address": ("binance", ELSEWHERE, {"binance:BaseToken:USDT": D(-1000)}),
}


def block(kind: str, **fields: Any) -> dict[str, Any]:
    source, destination, _ = KINDS[kind]
    moved = {"source": source, "destination": destination, "asset": "USDT", "amount": 1000}
    return {"type": "wallet_transfer", "venue": source.partition(":")[0], **moved, **fields}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_routed_to_its_end(kind: str) -> None:
    found = ExecutionInterfaceManager(LANES, None, "backtest").route_instruction(NOON, block(kind))
    assert (found["success"], found["outcome"], found["error"]) == (True, "filled", None)
    deltas = {key: amount for key, amount in found["execution_deltas"].items() if key != GAS and amount}
    assert deltas == KINDS[kind][2]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_executed_by_an_interface_of_its_own(kind: str) -> None:
    venue = KINDS[kind][0].partition(":")[0]
    interface = ExecutionInterfaceFactory.create_transfer_interface(venue, None, "backtest")
    found = interface.execute_transfer(block(kind), {"timestamp": NOON})
    assert (found["success"], found["outcome"]) == (True, "filled")
    deltas = {key: amount for key, amount in found["execution_deltas"].items() if key != GAS and amount}
    assert deltas == KINDS[kind][2]


def test_what_was_released_at_its_debit_arrives_while_later_calls_run() -> None:
    manager = ExecutionInterfaceManager(LANES, None, "backtest")
    before = manager.route_instruction(NOON, block("spot to margin"))
    assert before["success"]
    held = manager.get_positions(NOON)["wallet:BaseToken:USDT"]
    found = manager.route_instruction(NOON, block("exchange to wallet", release="on_debit"))
    assert found["execution_deltas"]["transit:instruction-2:USDT"] == 998
    manager.route_instruction(NOON.replace(hour=13), block("spot to margin"))
    assert manager.get_positions(NOON)["wallet:BaseToken:USDT"] == held + 998


def test_what_cannot_be_says_why_and_moves_nothing() -> None:
    found = ExecutionInterfaceManager(LANES, None, "backtest").route_instruction(
        NOON, block("exchange to wallet", network="etherium")
    )
    assert (found["success"], found["outcome"], found["error"]["code"]) == (False, "rejected", "EXI-013")
    assert found["execution_deltas"] == {}
