"""The classes in one's own process trade live: Binance's adapter against ``tightloop sandbox binance``, no broker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.binance_sandbox import BinanceSandbox

from tightloop import ExecutionError, ExecutionInterfaceManager

KEY = "strategy"
PERP = "BTC/USDT:USDT"
SHORT = {"market": "perp", "symbol": PERP, "side": "sell"}


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BinanceSandbox]:
    (tmp_path / "exchange").mkdir()
    found = BinanceSandbox(tmp_path / "exchange", account=KEY)
    for name, value in found.variables.items():
        monkeypatch.setenv(name, value)
    yield found
    found.close()


def opened(sandbox: BinanceSandbox, folder: Path) -> ExecutionInterfaceManager:
    config = {
        "lanes": {"binance": {"simulated": False, "endpoint": sandbox.address}},
        "accounts": {KEY: {"strategy": KEY, "lane": "binance"}},
    }
    return ExecutionInterfaceManager(config, None, "live", journal=folder / "desk.journal")


def buy(name: str, **fields: Any) -> dict[str, Any]:
    order = {"type": "cex_trade", "venue": "binance", "symbol": "BTC/USDT", "side": "buy", "amount": "0.1"}
    return {**order, "instruction_id": name, "strategy_id": KEY, **fields}


@pytest.fixture
def manager(sandbox: BinanceSandbox, tmp_path: Path) -> Iterator[ExecutionInterfaceManager]:
    """Its account is adopted, as the first order asks for."""
    found = opened(sandbox, tmp_path)
    try:
        with pytest.raises(ExecutionError, match=r"EIM-014.*version 1"):
            found.route_instruction(datetime.now(UTC), buy("i1"))
        found.adopt(1, reason="it is the sandbox's")
        yield found
    finally:
        found.close()


def test_a_manager_in_process_trades_on_binance_once_its_account_is_adopted(
    sandbox: BinanceSandbox, manager: ExecutionInterfaceManager
) -> None:
    spot = manager.route_instruction(datetime.now(UTC), buy("i2"))
    perpetual = manager.route_instruction(datetime.now(UTC), buy("i3", **SHORT))
    assert [one["outcome"] for one in (spot, perpetual)] == ["filled", "filled"], (spot, perpetual)
    assert spot["execution_deltas"]["binance:BaseToken:BTC"] == Decimal("0.0999")
    assert perpetual["execution_deltas"]["binance:Perp:BTC/USDT:USDT"] == Decimal("-0.1")
    done = [one["client_order_id"] for one in sandbox.books()["orders"]]
    assert len(done) == len(set(done)) == 2


def test_a_basis_trade_opens_and_closes_as_groups_and_a_leg_that_fails_halts_the_key(
    sandbox: BinanceSandbox, manager: ExecutionInterfaceManager
) -> None:
    legs = [buy("open-1"), buy("open-2", **SHORT, scale_to_filled=True)]
    opening = manager.route_group(datetime.now(UTC), legs)
    assert opening["success"], opening
    assert opening["execution_deltas"]["binance:Perp:BTC/USDT:USDT"] == Decimal("-0.1")
    legs = [buy("close-1", market="perp", symbol=PERP, reduce_only=True), buy("close-2", side="sell", amount="0.0999")]
    closing = manager.route_group(datetime.now(UTC), legs)
    assert closing["success"], closing
    held = {key: Decimal(amount) for key, amount in sandbox.books()["balances"].items()}
    assert (held.get("binance:Perp:BTC/USDT:USDT"), held["binance:BaseToken:BTC"]) == (None, 10)
    sandbox.control("POST", "/admin/faults", {"kind": "reject", "count": 1, "skip": 1, "operations": ["order"]})
    failing = manager.route_group(datetime.now(UTC), [buy("fail-1"), buy("fail-2", **SHORT)])
    assert not failing["success"]
    assert [leg["outcome"] for leg in failing["legs"]] == ["filled", "rejected"], failing
    after = manager.route_instruction(datetime.now(UTC), buy("after"))
    assert (after["success"], after["error"]["code"]) == (False, "EIM-011"), "the key waits for an operator"
