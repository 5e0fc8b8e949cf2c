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


def test_a_manager_in_process_trades_on_binance_once_its_account_is_adopted(
    sandbox: BinanceSandbox, tmp_path: Path
) -> None:
    manager = opened(sandbox, tmp_path)
    try:
        with pytest.raises(ExecutionError, match=r"EIM-014.*version 1"):
            manager.route_instruction(datetime.now(UTC), buy("i1"))
        manager.adopt(1, reason="it is the sandbox's")
        spot = manager.route_instruction(datetime.now(UTC), buy("i2"))
        perpetual = manager.route_instruction(
            datetime.now(UTC), buy("i3", market="perp", symbol="BTC/USDT:USDT", side="sell")
        )
        assert [one["outcome"] for one in (spot, perpetual)] == ["filled", "filled"], (spot, perpetual)
        assert spot["execution_deltas"]["binance:BaseToken:BTC"] == Decimal("0.0999")
        assert perpetual["execution_deltas"]["binance:Perp:BTC/USDT:USDT"] == Decimal("-0.1")
    finally:
        manager.close()
    done = [one["client_order_id"] for one in sandbox.books()["orders"]]
    assert len(done) == len(set(done)) == 2
