"""Transfers through every component in one process: Binance's adapter against ``tightloop sandbox binance``."""

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
OUTSIDE = "0x" + "ab" * 20
USDT, MARGIN = "binance:BaseToken:USDT", "binance:MarginBalance:USDT"


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BinanceSandbox]:
    (tmp_path / "exchange").mkdir()
    found = BinanceSandbox(tmp_path / "exchange", account=KEY)
    key = found.control("POST", "/admin/keys", account=KEY, withdraw="true")[0]
    for name, value in found.variables.items():
        given = value if "READONLY" in name else key["secret" if name.endswith("_SECRET") else "key"]
        monkeypatch.setenv(name, given)
    yield found
    found.close()


@pytest.fixture
def manager(sandbox: BinanceSandbox, tmp_path: Path) -> Iterator[ExecutionInterfaceManager]:
    """Its account is adopted, as the first instruction asks for."""
    lane = {"simulated": False, "endpoint": sandbox.address, "withdraws_to": [OUTSIDE]}
    config = {
        "lanes": {"binance": lane},
        "accounts": {KEY: {"strategy": KEY, "lane": "binance"}},
        "limits": {"strategies": {KEY: {"destinations": [OUTSIDE, "binance:perp", "binance:spot"]}}},
    }
    found = ExecutionInterfaceManager(config, None, "live", journal=tmp_path / "desk.journal")
    try:
        with pytest.raises(ExecutionError, match=r"EIM-014.*version 1"):
            found.route_instruction(datetime.now(UTC), moved("i1", "binance:spot", "binance:perp"))
        found.adopt(1, reason="it is the sandbox's")
        yield found
    finally:
        found.close()


def moved(name: str, source: str, destination: str, amount: str = "500") -> dict[str, Any]:
    what = {"source": source, "destination": destination, "asset": "USDT", "amount": amount}
    return {"type": "wallet_transfer", "venue": "binance", "instruction_id": name, "strategy_id": KEY, **what}


def test_money_moves_to_the_futures_and_back_and_out_and_everything_is_reconciled(
    sandbox: BinanceSandbox, manager: ExecutionInterfaceManager
) -> None:
    there = manager.route_instruction(datetime.now(UTC), moved("i2", "binance:spot", "binance:perp"))
    assert (there["status"], there["outcome"]) == ("reconciled", "filled"), there
    assert there["execution_deltas"] == {USDT: Decimal(-500), MARGIN: Decimal(500)}
    back = manager.route_instruction(datetime.now(UTC), moved("i3", "binance:perp", "binance:spot", "200"))
    assert (back["status"], back["execution_deltas"]) == ("reconciled", {MARGIN: Decimal(-200), USDT: Decimal(200)})
    sandbox.control("POST", "/admin/faults", {"kind": "lost_after", "count": 1, "operations": ["transfer"]})
    out = manager.route_instruction(datetime.now(UTC), moved("i4", "binance:spot", OUTSIDE, "1000"))
    assert (out["status"], out["outcome"]) == ("reconciled", "filled"), out
    assert (out["execution_deltas"], out["fees"]) == ({USDT: Decimal(-1000)}, {USDT: Decimal(2)})
    assert [one["amount"] for one in sandbox.books()["transfers"]] == ["500", "200", "1000"], "each once"


def test_a_withdrawal_that_the_exchange_could_not_send_is_rolled_back(
    sandbox: BinanceSandbox, manager: ExecutionInterfaceManager
) -> None:
    sandbox.control("POST", "/admin/faults", {"kind": "withdrawal_fails", "count": 1})
    out = manager.route_instruction(datetime.now(UTC), moved("i2", "binance:spot", OUTSIDE, "1000"))
    assert (out["status"], out["outcome"], out["execution_deltas"]) == ("reconciled", "rolled_back", {}), out
