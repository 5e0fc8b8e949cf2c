"""The factory and its interfaces: what they execute, and what they refuse before anything is built."""

from __future__ import annotations

import doctest
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from tests.support.secret_watch import SECRET

from tightloop import (
    CEXExecutionInterface,
    DEXExecutionInterface,
    ExecutionError,
    ExecutionInterfaceFactory,
    ExecutionInterfaceManager,
    OnChainExecutionInterface,
    TransferExecutionInterface,
)
from tightloop.interfaces import interface
from tightloop.venues import credentials, registry

MARKET = {"timestamp": datetime(2024, 5, 12, tzinfo=UTC), "BTC/USDT": 60_000, "ETH/USDT": 3_000}
BINANCE = registry.known().venues.find("binance")
KEYS = dict.fromkeys(BINANCE.credentials, SECRET)


def test_the_docstrings_examples_run_as_they_stand() -> None:
    assert doctest.testmod(interface).failed == 0 and doctest.testmod(interface).attempted > 3


@pytest.mark.parametrize(("venue", "bought"), [("binance", "0.0999"), ("bybit", "0.0999"), ("okx", "0.09985")])
def test_every_exchange_trades_at_its_own_fee(venue: str, bought: str) -> None:
    made = ExecutionInterfaceFactory.create_cex_interface(venue)
    order = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.1"}
    first, second = made.execute_trade(order, MARKET), made.execute_trade({**order, "side": "sell"}, MARKET)
    assert [one["outcome"] for one in (first, second)] == ["filled", "filled"]
    assert first["execution_deltas"][f"{venue}:BaseToken:BTC"] == D(bought)


def test_a_dex_swaps_and_a_chain_acts_in_one_transaction() -> None:
    swap = {"token_in": "USDC", "token_out": "WETH", "amount": 3_000}
    found = ExecutionInterfaceFactory.create_dex_interface("uniswap").execute_trade(swap, MARKET)
    assert D("0.99") < found["execution_deltas"]["wallet:BaseToken:WETH"] <= 1
    onchain = ExecutionInterfaceFactory.create_onchain_interface("aave")
    supply = {"operation": "supply", "token_in": "USDC", "amount": 100}
    supplied = onchain.execute_action(supply, MARKET)["execution_deltas"]
    assert (supplied["wallet:BaseToken:USDC"], supplied["aave:aToken:USDC"]) == (-100, 100)


def test_a_wallet_transfers() -> None:
    made = ExecutionInterfaceFactory.create_transfer_interface("alchemy")
    assert made.venue == "wallet"
    moved = {"source": "wallet", "destination": "0x" + "ab" * 20, "asset": "USDC", "amount": 5}
    assert made.execute_transfer(moved, MARKET)["execution_deltas"]["wallet:BaseToken:USDC"] == -5


def test_all_interfaces_of_a_configuration_share_their_venues() -> None:
    every = ExecutionInterfaceFactory.create_all_interfaces({"lanes": ["okx", "ethereum"]})
    assert {kind: sorted(of) for kind, of in every.items()} == {
        "cex": ["okx"],
        "dex": ["curve", "uniswap"] if "swap" in registry.known().venues.find("curve").operations else ["uniswap"],
        "onchain": ["aave", "curve", "morpho", "uniswap", "wallet"],
        "transfer": ["okx", "wallet"],
    }
    swapped = every["dex"]["uniswap"].execute_trade({"token_in": "USDC", "token_out": "WETH", "amount": 3_000}, MARKET)
    weth = swapped["execution_deltas"]["wallet:BaseToken:WETH"]
    more = {"operation": "swap", "protocol": "uniswap", "token_in": "WETH", "token_out": "USDC", "amount": 100 + weth}
    assert every["onchain"]["wallet"].execute_action(more, MARKET)["success"], "the wallet holds what was swapped"


def test_a_managers_interfaces_are_its_own_loops() -> None:
    manager = ExecutionInterfaceManager({"initial_positions": {"binance:BaseToken:USDT": 700}}, None, "backtest")
    binance = manager.cex_execution_interfaces["binance"]
    order = {"type": "cex_trade", "venue": "binance", "symbol": "BTC/USDT", "side": "buy", "amount": 0.01}
    assert binance.execute_trade(order, MARKET)["success"]
    assert manager.route_instruction(MARKET["timestamp"], order)["error"]["code"] == "EXI-006"


REFUSED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "a misspelt venue": (lambda: CEXExecutionInterface("binanse"), "EIF-002", "binance"),
    "a wallet is no exchange": (lambda: CEXExecutionInterface("wallet"), "EIF-002", "wallet"),
    "an exchange is no protocol": (lambda: OnChainExecutionInterface("okx"), "EIF-002", "okx"),
    "a protocol transfers nothing": (lambda: TransferExecutionInterface("aave"), "EIF-002", "aave"),
    "a lender swaps nothing": (lambda: DEXExecutionInterface("aave"), "EIF-007", "swap"),
    "an unknown mode": (lambda: CEXExecutionInterface("binance", None, "paper"), "EIF-005", "paper"),
    "live without credentials": (
        lambda: CEXExecutionInterface("binance", None, "live"),
        "EIF-003",
        "BASIS_DEV__CEX__BINANCE_SPOT_API_KEY",
    ),
    "a part of the credentials": (
        lambda: CEXExecutionInterface("binance", {"CEX__BINANCE_SPOT_API_KEY": SECRET}, "live"),
        "EIF-003",
        "BASIS_DEV__CEX__BINANCE_SPOT_SECRET",
    ),
    "a credential that is none": (lambda: CEXExecutionInterface("binance", {**KEYS, "PIN": "1"}), "EIF-003", "PIN"),
    "a placeholder": (
        lambda: CEXExecutionInterface("binance", {**KEYS, "CEX__BINANCE_SPOT_SECRET": "your_secret_here"}),
        "EIF-006",
        "BASIS_DEV__CEX__BINANCE_SPOT_SECRET",
    ),
    "an unknown environment": (
        lambda: CEXExecutionInterface("binance", KEYS, environment="test"),
        "EIF-004",
        "test",
    ),
    "another environment's credentials": (
        lambda: CEXExecutionInterface("binance", credentials.checked(BINANCE, "prod", KEYS), environment="dev"),
        "EIF-008",
        "prod",
    ),
    "live where there is no adapter": (lambda: OnChainExecutionInterface("aave", {}, "live"), "EIF-007", "live"),
    "live without a journal": (lambda: CEXExecutionInterface("binance", KEYS, "live"), "EIF-013", "journal"),
    "an endpoint of another environment": (
        lambda: CEXExecutionInterface("binance", KEYS, "live", endpoint="https://api.binance.com"),
        "EIF-008",
        "api.binance.com",
    ),
    "another venue's instruction": (
        lambda: CEXExecutionInterface("binance").execute_trade(
            {"venue": "okx", "symbol": "BTC/USDT", "side": "buy", "amount": 1}, MARKET
        ),
        "EIF-002",
        "okx",
    ),
    "another type": (
        lambda: CEXExecutionInterface("binance").execute(
            {"type": "wallet_transfer", "source": "a", "destination": "b", "asset": "USDT", "amount": 1}, MARKET
        ),
        "EIF-007",
        "wallet_transfer",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_with_its_code_and_without_a_secret(name: str) -> None:
    build, code, says = REFUSED[name]
    with pytest.raises(ExecutionError) as refused:
        build()
    assert refused.value.code == code and says in refused.value.message
    assert SECRET not in f"{refused.value!r} {refused.value} {refused.value.context}"


def test_credentials_come_from_variables_or_files_and_are_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    names = BINANCE.variables("staging")
    variables = dict.fromkeys(names[1:], SECRET) | {f"{names[0]}_FILE": str(file)}
    found = credentials.from_environment(BINANCE, "staging", variables)
    assert {found.reveal(name) for name in BINANCE.credentials} == {SECRET}
    shown = (repr(found), str(found), str(found.model_dump()), found.model_dump_json())
    assert not any(SECRET in one for one in shown)
    with pytest.raises(TypeError):
        pickle.dumps(found)
    with pytest.raises(ExecutionError) as missing:
        credentials.from_environment(BINANCE, "staging", {f"{names[0]}_FILE": str(tmp_path / "nowhere")})
    assert missing.value.code == "EIF-003" and "nowhere" in missing.value.message


@pytest.mark.parametrize("text", ["", "  ", "your_api_key", "YOUR-SECRET", "0x...", "<key>", "changeme", "xxx", "..."])
def test_templates_are_no_credentials(text: str) -> None:
    with pytest.raises(ExecutionError) as refused:
        credentials.checked(BINANCE, "dev", {**KEYS, BINANCE.credentials[0]: text})
    assert refused.value.code == "EIF-006"
